"""A counter on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.console.office import Office
from bot.store.engine import Database
from tests.conftest import FakeClock
from tests.console.desk import Counter, office_of


@pytest.fixture
def office(database: Database, clock: FakeClock) -> Office:
    return office_of(database, clock)


@pytest_asyncio.fixture
async def counter(office: Office) -> AsyncIterator[Counter]:
    made = Counter(office)
    await made.open()
    yield made
    await made.close()
