"""Redelivery through the rooms: a message that comes again, also at once, has its effects once."""

from __future__ import annotations

import asyncio

import pytest

from bot.channel import ContentConflict
from bot.messages import Answer, Place, Reply
from bot.store import schema
from bot.store.engine import Database
from bot.store.journal import Journal
from tests.conftest import FakeClock
from tests.road.rooms import Broken, Echo, Rooms, Scripted, count, rows


@pytest.fixture
def rooms(journal: Journal) -> Rooms:
    return Rooms(journal)


async def test_ten_deliveries_one_after_the_other_make_one_row_and_one_turn(
    rooms: Rooms, database: Database
) -> None:
    for n in range(10):
        accepted = await rooms.hear("hello", external="7:42")
        assert accepted.duplicate == (n > 0)
        await rooms.answer()
        await rooms.send()
    assert count(database, schema.inbox) == count(database, schema.turns) == 1
    assert [text for _, text in rooms.sms.sent][1:] == ["you said hello"]
    assert len(rooms.brain.turns) == 1  # type: ignore[attr-defined]


async def test_ten_deliveries_at_once_with_workers_running_make_one_row_and_one_turn(
    rooms: Rooms, database: Database
) -> None:
    async def deliver() -> None:
        await rooms.hear("hello", external="7:42")

    deliveries = (deliver() for _ in range(10))
    await asyncio.gather(*deliveries, rooms.answer("a"), rooms.answer("b"), rooms.send())
    await rooms.answer("a")
    await rooms.send()
    assert count(database, schema.inbox) == count(database, schema.turns) == 1
    assert [text for _, text in rooms.sms.sent][1:] == ["you said hello"]


async def test_the_same_id_with_other_words_is_refused_before_and_after_the_turn(
    rooms: Rooms, database: Database
) -> None:
    await rooms.hear("hello", external="7:42")
    for _ in range(2):
        with pytest.raises(ContentConflict):
            await rooms.hear("goodbye", external="7:42")
        await rooms.answer()
    assert [t.text for t in rooms.brain.turns] == ["hello"]  # type: ignore[attr-defined]
    assert [r.body for r in rows(database, schema.inbox)] == [{"text": "hello"}]


async def test_two_messages_sent_together_are_answered_in_the_order_of_their_commits(
    rooms: Rooms,
) -> None:
    for round_ in range(5):
        brain = Echo()
        rooms.ask(brain)
        both = await asyncio.gather(
            rooms.hear("first", external=f"{round_}a"), rooms.hear("second", external=f"{round_}b")
        )
        await asyncio.gather(rooms.answer("a"), rooms.answer("b"), rooms.answer("c"))
        await rooms.answer("a")
        order = sorted(zip(both, ("first", "second")), key=lambda pair: pair[0].inbox_id)
        assert [t.text for t in brain.turns] == [text for _, text in order]
        entries = [e for e in await rooms.entries(both[0]) if e.sender == "bot"][-2:]
        assert [e.body["text"] for e in entries] == [f"you said {text}" for _, text in order]


async def test_a_redelivery_while_the_turn_is_tried_again_changes_nothing(
    rooms: Rooms, clock: FakeClock, database: Database
) -> None:
    rooms.ask(Broken(RuntimeError()))
    await rooms.hear("hello", external="7:42")
    await rooms.answer()
    assert (await rooms.hear("hello", external="7:42")).duplicate
    assert await rooms.answer() == 0, "a redelivery is no reason to hurry"
    rooms.ask(Scripted(Answer((Reply("at last"),), language="en")))
    clock.advance(seconds=1)
    assert await rooms.answer() == 1
    assert count(database, schema.turns) == 1


async def test_a_choice_and_a_place_delivered_twice_count_once(
    rooms: Rooms, database: Database
) -> None:
    for _ in range(2):
        await rooms.hear(place=Place(53.2, 6.5), external="p")
        await rooms.hear(choice="1.1", external="c")
        await rooms.answer()
    assert count(database, schema.inbox) == count(database, schema.turns) == 2
