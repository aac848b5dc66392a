"""A message that ends one process after the other is put aside, and what comes after it goes on.

The workers here "die" by never finishing: their claim stays and its lease runs out. The last test
kills real processes with the real model.
"""

from __future__ import annotations

import asyncio

import pytest

from bot.messages import Answer, Reply
from bot.store import schema
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.operations import Operations
from bot.turns import MOST_INTERRUPTED
from tests.conftest import FakeClock
from tests.road.rooms import LEASE, Rooms, Scripted, phrasebook, rows

APOLOGY = phrasebook().reply("utter_apology", "en").text


@pytest.fixture
def rooms(journal: Journal) -> Rooms:
    return Rooms(journal)


async def die(rooms: Rooms, clock: FakeClock) -> None:
    """A worker claims and is never heard of again."""
    claim = await rooms.journal.claim_turn("dead", LEASE)
    assert claim is not None
    clock.advance(seconds=61)


async def test_after_three_deaths_it_is_put_aside_with_an_apology_and_a_flag(
    rooms: Rooms, database: Database, clock: FakeClock
) -> None:
    accepted = await rooms.hear("deadly")
    other = await rooms.hear("harmless", address="+31600000002")
    later = await rooms.hear("and then?")
    for _ in range(MOST_INTERRUPTED):
        await die(rooms, clock)
    assert rows(database, schema.inbox)[0].interrupted == 2, "the third death is found by a claim"
    brain = rooms.brain
    await rooms.answer()
    assert [turn.text for turn in brain.turns] == ["and then?", "harmless"] or [
        turn.text for turn in brain.turns
    ] == ["harmless", "and then?"]  # type: ignore[attr-defined]
    assert await rooms.bot_texts(accepted) == [
        phrasebook().reply("utter_disclosure", "en").text,
        APOLOGY,
        "you said and then?",
    ]
    assert (await rooms.bot_texts(other))[-1] == "you said harmless"
    assert later.conversation == accepted.conversation
    first = rows(database, schema.turns)[0]
    assert (first.inbox_id, first.outcome) == (accepted.inbox_id, "failed")
    (failed,) = await Operations(database, clock).failed()
    assert (failed["id"], failed["interrupted"]) == (accepted.conversation, 3)


@pytest.mark.parametrize("deaths", range(1, MOST_INTERRUPTED))
async def test_fewer_deaths_cost_the_citizen_nothing(
    rooms: Rooms, database: Database, clock: FakeClock, deaths: int
) -> None:
    accepted = await rooms.hear("hello")
    for _ in range(deaths):
        await die(rooms, clock)
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-1] == "you said hello"
    assert (await rooms.row(accepted))["flag_reason"] is None


async def test_a_restart_of_the_embedded_process_counts_as_well(
    rooms: Rooms, journal: Journal, database: Database
) -> None:
    accepted = await rooms.hear("deadly")
    for _ in range(MOST_INTERRUPTED):
        await journal.claim_turn("dead", LEASE)
        await journal.release_all()  # as the next process does at its start
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-1] == APOLOGY


async def test_failures_that_are_caught_are_no_deaths(
    rooms: Rooms, database: Database, clock: FakeClock
) -> None:
    rooms.ask(Scripted(RuntimeError(), RuntimeError(), Answer((Reply("late"),), language="en")))
    accepted = await rooms.hear("hello")
    for _ in range(3):
        await rooms.answer()
        clock.advance(seconds=30)
    assert (await rooms.bot_texts(accepted))[-1] == "late"
    assert rows(database, schema.inbox)[0].interrupted == 0


async def test_a_server_that_is_stopped_in_the_middle_has_not_died(
    rooms: Rooms, database: Database
) -> None:
    class Slow:
        def __init__(self) -> None:
            self.asked = asyncio.Event()

        async def answer(self, turn: object) -> Answer:
            self.asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    accepted = await rooms.hear("hello")
    for _ in range(MOST_INTERRUPTED + 1):
        slow = Slow()
        rooms.ask(slow)
        work = asyncio.create_task(rooms.turns.step("a"))
        await slow.asked.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    (kept,) = rows(database, schema.inbox)
    assert (kept.state, kept.interrupted, kept.attempts) == ("waiting", 0, 0)
    rooms.ask(Scripted(Answer((Reply("at last"),), language="en")))
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-1] == "at last"


async def test_while_a_person_holds_the_conversation_the_bot_stays_silent(
    rooms: Rooms, journal: Journal, database: Database, clock: FakeClock
) -> None:
    accepted = await rooms.hear("deadly")
    await journal.set_owner(accepted.conversation, "noor")
    for _ in range(MOST_INTERRUPTED):
        await die(rooms, clock)
    await rooms.answer()
    assert await rooms.bot_texts(accepted) == []
    assert rows(database, schema.turns)[0].outcome == "held"


async def test_staff_have_it_tried_again_and_the_apology_stays(
    rooms: Rooms, database: Database, clock: FakeClock
) -> None:
    accepted = await rooms.hear("deadly")
    for _ in range(MOST_INTERRUPTED):
        await die(rooms, clock)
    await rooms.answer()
    await rooms.send()
    desk = Operations(database, clock)
    assert await desk.try_again(accepted.conversation)
    assert not await desk.try_again(accepted.conversation), "once"
    assert await desk.failed() == []
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-2:] == [APOLOGY, "you said deadly"]
    (turn,) = rows(database, schema.turns)
    assert (turn.inbox_id, turn.outcome) == (accepted.inbox_id, "answered")
    assert await rooms.send() == 1


async def test_what_was_forgotten_cannot_be_tried_again(
    rooms: Rooms, database: Database, clock: FakeClock
) -> None:
    rooms.ask(Scripted(Answer((), language="en")))
    accepted = await rooms.hear("hello")
    await rooms.answer()
    database.write_now(
        lambda c: c.execute(schema.inbox.update().values(body={"erased": True}, fingerprint=""))
    )
    desk = Operations(database, clock)
    assert not await desk.try_again(accepted.conversation)
    assert (await rooms.row(accepted))["flag_reason"] == "failed", "the flag stays for a person"
