"""A neighbourhood is remembered after a yes, and forgotten on request or with everything else."""

from __future__ import annotations

from bot.store.engine import Database
from bot.store.erasure import erase
from bot.store.journal import Journal
from bot.store.loading import seed
from bot.store.remembered import RememberedAreas
from tests.conftest import FakeClock
from tests.places.conftest import DEMO
from tests.road.rooms import said


async def test_an_area_is_remembered_replaced_and_forgotten(
    database: Database, journal: Journal, clock: FakeClock
) -> None:
    seed(database, DEMO, clock)
    conversation = (await journal.accept(said("hello"))).conversation
    remembered = RememberedAreas(database, clock)
    assert remembered.of(conversation) is None
    remembered.remember(conversation, "BU00140300")
    remembered.remember(conversation, "BU00140000")
    assert remembered.of(conversation) == "BU00140000"
    assert remembered.forget(conversation)
    assert not remembered.forget(conversation)
    assert remembered.of(conversation) is None


async def test_forget_me_takes_the_remembered_area_away(
    database: Database, journal: Journal, clock: FakeClock
) -> None:
    seed(database, DEMO, clock)
    conversation = (await journal.accept(said("hello"))).conversation
    remembered = RememberedAreas(database, clock)
    remembered.remember(conversation, "BU00140300")
    database.write_now(lambda c: erase(c, conversation))
    assert remembered.of(conversation) is None


async def test_an_area_that_is_no_more_is_not_remembered(
    database: Database, journal: Journal, clock: FakeClock
) -> None:
    conversation = (await journal.accept(said("hello"))).conversation
    remembered = RememberedAreas(database, clock)
    remembered.remember(conversation, "GONE")
    assert remembered.of(conversation) is None
