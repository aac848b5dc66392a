"""In doubt, with the trained model: candidates are offered, and what is chosen becomes an example."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bot import topics
from bot.assembly import Road
from bot.settings import ROOT
from bot.store import schema
from tests.talking import Citizen, clear_the_streets

UNCLEAR = "the bill"


async def examples(road: Road, citizen: Citizen) -> list[Any]:
    """The labelled examples of this citizen's conversation."""
    table = schema.labelled_examples
    query = sa.select(table).where(table.c.conversation_id == citizen.conversation)
    return await road.database.read(lambda c: list(c.execute(query)))


async def in_doubt(road: Road) -> Citizen:
    await clear_the_streets(road)
    citizen = await Citizen.arrive(road, "en")
    heard = await citizen.say(UNCLEAR)
    assert "Did you mean one of these" in heard, heard
    assert 2 <= len(citizen.choices) <= 4, citizen.choices
    assert citizen.choices[-1] == "Something else"
    return citizen


@pytest.mark.asyncio(loop_scope="session")
async def test_a_chosen_candidate_answers_at_once_and_is_recorded_once(road: Road) -> None:
    citizen = await in_doubt(road)
    label = citizen.choices[0]
    heard = await citizen.choose(label)
    (row,) = await examples(road, citizen)
    answers = topics.load_answers(ROOT / "data").values()
    chosen = next(answer for answer in answers if answer.topic == row.topic)
    assert chosen.name("en") == label
    assert chosen.texts["en"][:40] in heard
    assert row.text == UNCLEAR
    assert (row.language, row.state) == ("en", "new")
    assert {"intent": row.intent, "topic": row.topic} in row.offered
    await citizen.say("hello")
    assert len(await examples(road, citizen)) == 1


@pytest.mark.asyncio(loop_scope="session")
async def test_a_replayed_turn_tells_of_the_same_example(road: Road) -> None:
    from rasa.shared.core.events import BotUttered, UserUttered
    from rasa.shared.core.trackers import DialogueStateTracker

    from bot.brain.reading import answer_of
    from bot.messages import ConversationId, Turn

    told = {"text": "x", "language": "en", "intent": "none", "topic": None, "offered": []}
    tracker = DialogueStateTracker.from_events(
        "c",
        [
            UserUttered("Something else", message_id="inbox-1"),
            BotUttered("", {"custom": {"signal": {"labelled": told}}}),
            BotUttered("Please say it in other words."),
        ],
    )
    turn = Turn(ConversationId("c"), "inbox-1", "Something else")
    first, again = (answer_of(tracker, turn, replayed) for replayed in (False, True))
    assert first.labelled == again.labelled
    assert first.labelled is not None
    assert first.labelled.intent == "none"
    assert len(first.replies) == 1


@pytest.mark.asyncio(loop_scope="session")
async def test_something_else_is_recorded_as_none(road: Road) -> None:
    citizen = await in_doubt(road)
    heard = await citizen.choose("Something else")
    assert "other words" in heard
    (row,) = await examples(road, citizen)
    assert (row.intent, row.topic) == ("none", None)


@pytest.mark.asyncio(loop_scope="session")
async def test_saying_it_in_other_words_is_no_label(road: Road) -> None:
    citizen = await in_doubt(road)
    await citizen.say("graffiti on the wall at Zonnelaan 40")
    assert await examples(road, citizen) == []


@pytest.mark.asyncio(loop_scope="session")
async def test_forget_me_takes_the_examples_along(road: Road) -> None:
    citizen = await in_doubt(road)
    await citizen.choose(citizen.choices[0])
    assert len(await examples(road, citizen)) == 1
    await citizen.say("forget me")
    await citizen.choose("Yes, delete")
    assert await examples(road, citizen) == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("language", ["en", "nl", "de", "da"])
async def test_two_misses_in_a_row_offer_a_person(road: Road, language: str) -> None:
    citizen = await Citizen.arrive(road, language)
    words = "qwrtz plmk vbnx jhgf"
    await citizen.say(words)
    heard = await citizen.say(words + " dsfk")
    assert road.phrasebook.text("utter_offer_person", language) in heard, heard
    assert road.phrasebook.text("utter_label_person", language) in citizen.choices
