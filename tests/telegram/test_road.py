"""Telegram on the whole road: intake, turns and dispatch, with a simulated Telegram at both ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import sqlalchemy as sa

from bot.assembly import Road
from bot.messages import Choice, Reply, Turn
from bot.store import schema
from bot.store.engine import Database
from connectors.telegram.connector import SECRET_HEADER
from tests.serving import served
from tests.telegram import payloads as p
from tests.telegram.conftest import SECRET, Echo, Make, Start, Telegram, until

CITIZEN = 71


def said(telegram: Telegram, chat: int = CITIZEN) -> list[str]:
    """What the bot said in a chat, but for the sentence that it is a bot."""
    texts = [one["text"] for one in telegram.world.sent if one["chat"] == chat]
    return [text for text in texts if "automatic assistant" not in text]


async def rows(road: Road, table: sa.Table) -> list[dict[str, Any]]:
    return await road.database.read(
        lambda c: [dict(row._mapping) for row in c.execute(sa.select(table).order_by(table.c.id))]
    )


async def settled(road: Road) -> list[str]:
    """The states of all sends, once none is under way."""
    deadline = asyncio.get_running_loop().time() + 10
    while True:
        states = [row["state"] for row in await rows(road, schema.outbox)]
        if states and not {"queued", "sending"} & set(states):
            return states
        assert asyncio.get_running_loop().time() < deadline, states
        await asyncio.sleep(0.02)


async def test_an_update_delivered_100_times_from_10_connections_makes_one_turn(
    telegram: Telegram, connect: Make, start_road: Start, database: Database
) -> None:
    telegram.world.chat(CITIZEN)
    brain = Echo()
    road = await start_road(connect(mode="webhook"), brain, database)
    body = json.dumps(p.TEXT).encode()

    async def ten_times(url: str) -> list[int]:
        statuses = []
        async with aiohttp.ClientSession(headers={SECRET_HEADER: SECRET}) as session:
            for _ in range(10):
                async with session.post(url, data=body) as answer:
                    statuses.append(answer.status)
        return statuses

    async with served(road.application()) as url:
        answers = await asyncio.gather(*(ten_times(f"{url}/telegram/webhook") for _ in range(10)))
    assert {status for some in answers for status in some} == {200}
    assert await settled(road) == ["sent", "sent"]
    assert [turn.text for turn in brain.turns] == ["Er ligt afval op straat"]
    assert len(await rows(road, schema.inbox)) == len(await rows(road, schema.turns)) == 1
    assert said(telegram) == ["You said: Er ligt afval op straat"]


async def test_redelivered_and_shuffled_updates_are_answered_once_each(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN)
    telegram.world.faults.change({"redeliver": 4, "shuffle": True})
    brain = Echo()
    road = await start_road(connect(mode="webhook"), brain)
    async with served(road.application()) as url:
        hook = {"url": f"{url}/telegram/webhook", "secret": SECRET}
        telegram.world.webhook |= hook
        for number in range(5):
            await telegram.citizen(CITIZEN, text=f"message {number}")
        await until(lambda: len(said(telegram)) == 5 and not telegram.world.pending)
    assert sorted(said(telegram)) == [f"You said: message {number}" for number in range(5)]
    assert len(brain.turns) == 5


async def test_a_webhook_that_fails_gets_its_update_again(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN)
    road = await start_road(connect(mode="webhook"), Echo())
    accept, failures = road.intake.accept, [OSError("disk full")] * 2

    async def failing(message: Any) -> Any:
        if failures:
            raise failures.pop()
        return await accept(message)

    road.intake.accept = failing  # type: ignore[method-assign]
    async with served(road.application()) as url:
        telegram.world.webhook |= {"url": f"{url}/telegram/webhook", "secret": SECRET}
        await telegram.citizen(CITIZEN, text="hello")
        await until(lambda: said(telegram))
    assert said(telegram) == ["You said: hello"]
    assert "503" in telegram.world.webhook["error"]


async def test_a_throttled_reply_goes_out_later_and_once(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN)
    telegram.world.faults.change({"throttle": 1, "retry_after": 1})
    road = await start_road(connect(), Echo())
    await telegram.citizen(CITIZEN, text="hello")
    await until(lambda: said(telegram))
    assert set(await settled(road)) == {"sent"}
    assert said(telegram) == ["You said: hello"]


async def test_a_citizen_who_blocked_the_bot_gets_nothing_until_they_write_again(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN).blocked = True
    road = await start_road(connect(), Echo())
    await telegram.citizen(CITIZEN, text="bye")
    assert set(await settled(road)) == {"refused"}
    (conversation,) = await rows(road, schema.conversations)
    assert conversation["blocked_at"] is not None
    telegram.world.chats[CITIZEN].blocked = False
    await telegram.citizen(CITIZEN, text="back again")
    await until(lambda: said(telegram))
    (conversation,) = await rows(road, schema.conversations)
    assert conversation["blocked_at"] is None
    assert said(telegram) == ["You said: back again"]


async def test_a_group_that_moved_gets_its_reply_under_the_new_id(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(-100)
    telegram.world.chat(-200)
    road = await start_road(connect(), Echo())
    telegram.world.chats[-100].migrate_to = -200
    await telegram.citizen(-100, text="@likewise_demo_bot hello")
    await until(lambda: said(telegram, -200))
    assert set(await settled(road)) == {"sent"}
    (conversation,) = await rows(road, schema.conversations)
    assert conversation["address"] == "-200"


async def test_a_send_without_an_answer_is_unclear_and_not_sent_again(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN)
    telegram.world.faults.hang = 1
    road = await start_road(connect(), Echo())
    await telegram.citizen(CITIZEN, text="hello")
    assert await settled(road) == ["unclear", "sent"]
    await road.dispatch.recover()
    assert not await road.dispatch.step()
    assert len(telegram.world.sent) == 2, "the disclosure once, the answer once"


async def test_after_an_outage_everything_goes_out_in_order_and_once(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN)
    brain = Echo()
    road = await start_road(connect(), brain)
    for number in range(3):
        await telegram.citizen(CITIZEN, text=f"question {number}")
    await until(lambda: len(brain.turns) == 3)
    telegram.world.faults.change({"down": True, "status": 503})
    await telegram.citizen(CITIZEN, text="question 3")
    telegram.world.faults.down = False
    assert set(await settled(road)) == {"sent"}
    await until(lambda: len(said(telegram)) == 4)
    assert said(telegram) == [f"You said: question {number}" for number in range(4)]


async def test_an_edit_before_its_turn_replaces_and_afterwards_corrects(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN)
    gate = asyncio.Event()

    class Slow(Echo):
        async def answer(self, turn: Turn) -> Any:
            await gate.wait()
            return await super().answer(turn)

    brain = Slow()
    await start_road(connect(), brain)
    await telegram.citizen(CITIZEN, text="wait")
    await telegram.citizen(CITIZEN, text="the lamp is brokn")
    await telegram.citizen(CITIZEN, edit={"id": 2, "text": "the lamp is broken"})
    await until(lambda: not telegram.world.pending)
    gate.set()
    await until(lambda: len(said(telegram)) == 2)
    await telegram.citizen(CITIZEN, edit={"id": 2, "text": "the lamp is gone"})
    await until(lambda: len(said(telegram)) == 3)
    assert [(turn.text, turn.correction) for turn in brain.turns] == [
        ("wait", False),
        ("the lamp is broken", False),
        ("the lamp is gone", True),
    ]


async def test_a_button_means_what_was_offered_and_an_old_one_says_so(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN)
    offers = (Choice("", "Yes", "/affirm"), Choice("", "No", "/deny"))
    brain = Echo(reply=lambda turn: Reply(f"You said: {turn.text}", offers))
    await start_road(connect(), brain)
    await telegram.citizen(CITIZEN, text="shall I?")
    await until(lambda: said(telegram))
    first = telegram.world.sent[-1]
    yes = first["buttons"][0][0]["callback_data"]
    await telegram.citizen(CITIZEN, press={"id": first["id"], "data": yes})
    await until(lambda: len(said(telegram)) == 2)
    assert (brain.turns[-1].text, brain.turns[-1].payload) == ("Yes", "/affirm")
    assert not telegram.world.pressed, "the button was answered"
    await telegram.citizen(CITIZEN, press={"id": first["id"], "data": yes})
    await until(lambda: len(said(telegram)) == 4)
    assert said(telegram)[2] == "That button no longer works. Please answer the last question."
    assert len(brain.turns) == 2
    assert "/affirm" not in json.dumps(telegram.world.sent)


async def test_what_cannot_be_read_gets_a_kind_sentence(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN)
    brain = Echo()
    await start_road(connect(), brain)
    await telegram.citizen(CITIZEN, odd="voice")
    await until(lambda: said(telegram))
    assert said(telegram)[0].startswith("I can only read text")
    assert brain.turns == []


async def test_the_first_reply_speaks_the_language_of_the_app(
    telegram: Telegram, connect: Make, start_road: Start
) -> None:
    telegram.world.chat(CITIZEN, language="nl-BE")
    brain = Echo()
    await start_road(connect(), brain)
    await telegram.citizen(CITIZEN, odd="sticker")
    await until(lambda: len(telegram.world.sent) == 2)
    assert telegram.world.sent[0]["text"].startswith("U praat met de automatische assistent")
    await telegram.citizen(CITIZEN, text="/start")
    await until(lambda: brain.turns)
    assert (brain.turns[0].language, brain.turns[0].payload) == ("nl", "/greet")
