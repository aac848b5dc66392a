"""The chat contract (`docs/chat-api.md`), row by row, over real HTTP: what is sent."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from tests.web.house import KEYS, TEXTS, Client, House, Open

pytestmark = pytest.mark.asyncio(loop_scope="session")


# 202, duplicates and 409 -------------------------------------------------------------------------


async def test_accepted_message_is_answered_and_read_back(client: Client) -> None:
    said = await client.tell(text="hello")
    messages, last = await client.read()
    assert [m["from"] for m in messages] == ["citizen", "bot", "bot"]
    assert messages[1:] == said
    assert messages[0]["text"] == "hello"
    assert messages[2]["text"] == "You said: hello"
    assert last == messages[-1]["cursor"]


async def test_every_message_has_exactly_the_fields_of_the_contract(client: Client) -> None:
    for text in ("colours", "where", "show", "twice"):
        await client.tell(text=text)
    await client.tell(place={"lat": 53.2, "lon": 6.5})
    messages, _ = await client.read()
    for message in messages:
        assert set(message) == KEYS
        assert type(message["cursor"]) is int
        assert message["from"] in ("bot", "citizen", "agent")
        assert isinstance(message["in_reply_to"], str)
        assert type(message["final"]) is bool
        assert message["at"].endswith("Z")
        assert datetime.fromisoformat(message["at"].replace("Z", "+00:00"))
        assert isinstance(message["text"], str)
        assert all(set(choice) == {"id", "label"} for choice in message["choices"])
        assert message["image"] is None or set(message["image"]) == {"url", "alt"}
        assert message["link"] is None or set(message["link"]) == {"url", "label"}
        assert message["ask"] in ("place", "photo", None)
    by_text = {m["text"]: m for m in messages}
    assert [c["label"] for c in by_text["Which colour?"]["choices"]] == ["Red", "Green"]
    assert by_text["Where?"]["ask"] == "place"
    assert by_text["Look."]["image"] == {"url": "/static/map.png", "alt": "A map"}
    assert by_text["Look."]["link"]["label"] == "The map"
    assert "/red" not in json.dumps(messages)
    assert by_text["At 53.2 6.5"]["final"]


async def test_only_the_last_reply_of_a_turn_is_final(client: Client) -> None:
    await client.tell(text="hello")  # after this the first reply is not the disclosure any more
    said = await client.tell(text="twice")
    assert [(m["text"], m["final"]) for m in said] == [("One.", False), ("Two.", True)]
    own = [m for m in (await client.read())[0] if m["from"] == "citizen"]
    assert not any(m["final"] for m in own)


async def test_same_id_and_content_again_is_a_duplicate(client: Client) -> None:
    for content in ({"text": "hello"}, {"choice": "9.9"}, {"place": {"lat": 1, "lon": 2.0}}):
        body = {"id": f"same-{next(iter(content))}", **content}
        assert (await client.post(body))[1] == {"id": body["id"], "duplicate": False}
        for _ in range(2):
            assert (await client.post(body))[:2] == (202, {"id": body["id"], "duplicate": True})


async def test_ten_copies_at_once_make_one_message_and_one_answer(client: Client) -> None:
    body = {"id": "same", "text": "hello"}
    answers = await asyncio.gather(*(client.post(body) for _ in range(10)))
    assert [status for status, _, _ in answers] == [202] * 10
    assert sorted(a["duplicate"] for _, a, _ in answers) == [False] + [True] * 9
    await client.answer("same")
    messages, _ = await client.read()
    assert [m["text"] for m in messages if m["from"] == "citizen"] == ["hello"]
    assert [m["text"] for m in messages if m["final"]] == ["You said: hello"]


@pytest.mark.parametrize(
    "other", [{"text": "something else"}, {"choice": "1.1"}, {"place": {"lat": 1, "lon": 2}}]
)
async def test_same_id_with_other_content_is_a_conflict(
    client: Client, other: dict[str, Any]
) -> None:
    await client.tell(id="same", text="hello")
    before = await client.read()
    await client.refused(409, "conflict", {"id": "same", **other})
    assert await client.read() == before


async def test_same_id_in_another_conversation_is_another_message(house: House) -> None:
    one, two = await house.arrive(), await house.arrive()
    await one.tell(id="same", text="from one")
    said = await two.tell(id="same", text="from two")
    assert said[-1]["text"] == "You said: from two"


async def test_what_could_not_be_kept_is_answered_503(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened() as house:
        client = await house.arrive()

        async def fails(inbound: object) -> None:
            raise OSError("disk full")

        accept, house.road.web._accept = house.road.web._accept, fails
        headers = await client.refused(503, "unavailable", {"id": "1", "text": "hello"})
        assert int(headers["Retry-After"]) >= 1
        house.road.web._accept = accept
        assert await client.tell(id="1", text="hello")


# Choices -----------------------------------------------------------------------------------------


async def test_offered_choice_means_its_payload_and_shows_its_label(client: Client) -> None:
    question = (await client.tell(text="colours"))[-1]
    said = await client.tell(choice=question["choices"][1]["id"])
    assert [m["text"] for m in said] == ["Payload /green"]
    own = [m for m in (await client.read())[0] if m["from"] == "citizen"]
    assert own[-1]["text"] == "Green"


@pytest.mark.parametrize(
    "unknown", ["9999.1", "Green", "/green", "'; DROP TABLE inbox; --", "\x00"]
)
async def test_unknown_choice_repeats_the_open_question(client: Client, unknown: str) -> None:
    question = (await client.tell(text="colours"))[-1]
    said = await client.tell(choice=unknown)
    assert len(said) == 2
    assert said[0]["text"] == "That button no longer works. Please answer the last question."
    assert said[1]["text"] == question["text"]
    assert said[1]["choices"] == question["choices"]
    assert (await client.tell(choice=question["choices"][0]["id"]))[-1]["text"] == "Payload /red"


async def test_stale_choice_repeats_the_question_that_is_open_now(client: Client) -> None:
    old = (await client.tell(text="colours"))[-1]
    new = (await client.tell(text="colours"))[-1]
    assert old["choices"][0]["id"] != new["choices"][0]["id"]
    said = await client.tell(choice=old["choices"][0]["id"])
    assert said[-1]["choices"] == new["choices"]
    own = [m for m in (await client.read())[0] if m["from"] == "citizen"]
    assert own[-1]["text"] == "…"  # never empty: that would look like a position


async def test_unknown_choice_as_the_very_first_message(client: Client) -> None:
    said = await client.tell(choice="1.1")
    assert said[-1]["text"].startswith("That button no longer works")


async def test_choice_of_another_conversation_is_unknown(house: House) -> None:
    one, two = await house.arrive(), await house.arrive()
    question = (await one.tell(text="colours"))[-1]
    said = await two.tell(choice=question["choices"][0]["id"])
    assert "Payload" not in said[-1]["text"]
    assert not any(turn.payload for turn in house.parrot.turns[-1:])


# Text as it comes --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_text_comes_back_as_it_was_sent(client: Client, text: str) -> None:
    said = await client.tell(text=text)
    assert said[-1]["text"] == f"You said: {text.strip()}"
    messages, _ = await client.read()
    assert messages[0]["text"] == text.strip()
    turn = client.house.parrot.turns[-1]
    assert (turn.text, turn.payload) == (text.strip(), "")


async def test_control_characters_are_taken_out(client: Client) -> None:
    said = await client.tell(text="\x00he\x07l\x1b[31mlo\r\nyou\x9b2J\x7f ")
    assert said[-1]["text"] == "You said: hel[31mlo\nyou2J"
