"""The chat contract (`docs/chat-api.md`), row by row, over real HTTP: messages and events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot import staff
from bot.bell import reader, typing
from bot.messages import Reply
from connectors.web import connector
from tests.web.house import Client, Event, House, Open, parse_events

pytestmark = pytest.mark.asyncio(loop_scope="session")


# GET /chat/messages ------------------------------------------------------------------------------


async def test_reading_before_anything_was_said(client: Client) -> None:
    assert await client.read() == ([], 0)
    assert await client.read(7) == ([], 7)


async def test_reading_goes_on_after_a_cursor(client: Client) -> None:
    for text in ("one", "twice", "three"):
        await client.tell(text=text)
    everything, last = await client.read()
    assert [m["cursor"] for m in everything] == sorted({m["cursor"] for m in everything})
    for n, message in enumerate(everything):
        rest, end = await client.read(message["cursor"])
        assert rest == everything[n + 1 :]
        assert end == last
    assert await client.read(last) == ([], last)
    assert await client.read(10**14) == ([], 10**14)


async def test_long_history_comes_in_pages(client: Client) -> None:
    road = client.house.road
    lines = [Reply(f"line {n}") for n in range(450)]
    outgoing = road.turns.render(road.web.name, lines, "en")
    await road.journal.say(await client.conversation(), outgoing)
    after, texts, pages = 0, [], 0
    while True:
        messages, following = await client.read(after)
        if not messages:
            assert following == after
            break
        assert following == messages[-1]["cursor"]
        texts += [m["text"] for m in messages]
        after, pages = following, pages + 1
    assert texts == [reply.text for reply in lines]
    assert pages > 1
    async with client.events() as events:
        seen = []
        async for event in events:
            if event.message:
                seen.append(event.message["text"])
            if len(seen) == len(texts):
                break
    assert seen == texts


async def test_nobody_sees_another_conversation(house: House) -> None:
    one, two = await house.arrive(), await house.arrive()
    await one.tell(id="id-of-one", text="secret of one")
    await two.tell(id="id-of-two", text="secret of two")
    for mine, other in ((one, "two"), (two, "one")):
        async with mine.events() as events:
            streamed = []
            async for event in events:
                streamed.append(event.data)
                if event.message and event.message["final"]:
                    break
        seen = json.dumps(await mine.read()) + "".join(streamed)
        assert f"of {other}" not in seen
        assert f"of-{other}" not in seen
        assert await two.conversation() not in seen
        assert await one.conversation() not in seen


async def test_a_persons_reply_comes_from_an_agent(client: Client) -> None:
    road = client.house.road
    await client.tell(text="hello")
    _, last = await client.read()
    row = await road.journal.conversation(await client.conversation())
    assert row is not None
    async with client.events(last) as events:
        await anext_event(events)  # the greeting: the stream is open
        await staff.say_to(road.journal, road.connectors, row, Reply("This is Anna."))
        message = await anext_message(events)
    assert message["from"] == "agent"
    assert message["text"] == "This is Anna."
    assert message["in_reply_to"] is None
    assert message["final"] is True


async def test_history_outlives_a_restart(opened: Open) -> None:
    async with opened() as house:
        client = await house.arrive()
        question = (await client.tell(text="colours"))[-1]
        before = await client.read()
    async with opened() as house:
        client.house = house
        assert await client.read() == before
        said = await client.tell(id="after", choice=question["choices"][0]["id"])
        assert said[-1]["text"] == "Payload /red"
        again, _, _ = await client.post({"id": "m1", "text": "colours"})
        assert again == 202
        assert (await client.post({"id": "m1", "text": "colours"}))[1]["duplicate"] is True


# GET /chat/events --------------------------------------------------------------------------------


async def anext_event(events: AsyncIterator[Event]) -> Event:
    async for event in events:
        return event
    raise AssertionError("the stream ended")


async def anext_message(events: AsyncIterator[Event]) -> dict[str, Any]:
    async for event in events:
        if event.message:
            return event.message
    raise AssertionError("the stream ended")


async def test_stream_brings_the_same_objects_as_reading(client: Client) -> None:
    await client.tell(text="colours")
    messages, _ = await client.read()
    async with client.events() as events:
        for message in messages:
            event = await anext_event(events)
            while event.comment:
                event = await anext_event(events)
            assert event.name == "message"
            assert event.message == message
            assert event.number == str(message["cursor"])


async def test_stream_resumes_after_the_last_event_id(client: Client) -> None:
    for text in ("one", "two", "three"):
        await client.tell(text=text)
    messages, _ = await client.read()
    for n in range(len(messages) - 1):
        async with client.events(after=messages[n]["cursor"]) as events:
            assert await anext_message(events) == messages[n + 1]


async def test_stream_may_begin_after_a_cursor_in_the_address(client: Client) -> None:
    await client.tell(text="one")
    messages, _ = await client.read()
    address = f"{client.house.base}/chat/events?after={messages[-2]['cursor']}"
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.house.http.get(address, headers=headers) as stream:
        assert await anext_message(parse_events(stream)) == messages[-1]


async def test_typing_is_told_while_an_answer_is_made(client: Client) -> None:
    await client.tell(text="hello")
    _, last = await client.read()
    async with client.events(last) as events:
        await anext_event(events)
        await client.post({"id": "slow", "text": "wait for it"})
        names = []
        async for event in events:
            names.append((event.name, (event.message or {}).get("from")))
            if event.name == "typing":
                assert json.loads(event.data) == {}
                assert event.number == ""
                client.house.parrot.go_on.set()
            if event.message and event.message["final"]:
                break
    assert names == [("message", "citizen"), ("typing", None), ("message", "bot")]


async def test_typing_is_told_even_when_a_message_rings_with_it(client: Client) -> None:
    conversation = await client.conversation()
    async with client.events() as events:
        await anext_event(events)
        await client.read()  # by now the stream waits for news
        client.house.road.bell.ring(reader(conversation))
        client.house.road.bell.ring(typing(conversation))
        assert (await anext_event(events)).name == "typing"


async def test_many_messages_come_in_order_on_every_stream(client: Client) -> None:
    async def follow() -> list[dict[str, Any]]:
        seen = []
        async with client.events() as events:
            async for event in events:
                if event.message:
                    seen.append(event.message)
                    if event.message["final"] and event.message["in_reply_to"] == "n29":
                        return seen
        raise AssertionError("the stream ended")

    async def talk() -> None:
        for n in range(30):
            await client.post({"id": f"n{n}", "text": f"twice {n}"})

    one, two, _ = await asyncio.gather(follow(), follow(), talk())
    assert one == two
    cursors = [m["cursor"] for m in one]
    assert cursors == sorted(set(cursors))
    answered = [m["in_reply_to"] for m in one if m["final"]]
    assert answered == [f"n{n}" for n in range(30)]
    own = [m["in_reply_to"] for m in one if m["from"] == "citizen"]
    assert own == answered
    assert (await client.read())[0] == one


async def test_quiet_stream_shows_that_it_is_alive(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "KEEP_ALIVE_SECONDS", 0.01)
    async with client.events() as events:
        comments = [(await anext_event(events)).comment for _ in range(4)]
    assert all(comments)


async def test_readers_who_left_are_forgotten(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "KEEP_ALIVE_SECONDS", 0.01)
    waiting = client.house.road.bell._waiting
    conversation = await client.conversation()
    for _ in range(3):
        async with client.events() as events:
            await anext_event(events)
    assert any(conversation in name for name in waiting)
    for _ in range(200):
        await client.read()
    assert not any(conversation in name for name in waiting)


async def test_streams_end_when_the_road_stops(opened: Open) -> None:
    async with opened() as house:
        client = await house.arrive()
        async with client.events() as events:
            await anext_event(events)
            stopping = asyncio.create_task(house.road.stop())
            rest = [event async for event in events]  # ends, or runs into PATIENCE
            await stopping
        assert not any(event.name for event in rest)
