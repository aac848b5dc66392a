"""The demo city in a database and a finder over it, made once for all tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.assembly import finder_of, utc_now
from bot.places.finder import PlaceFinder
from bot.settings import ROOT
from bot.store import migrate
from bot.store.city import CityRegister
from bot.store.engine import Database
from bot.store.loading import seed

DEMO = ROOT / "data" / "areas"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityRegister]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('demo') / 'city.db'}")
    migrate.upgrade(database)
    register = CityRegister(database)
    seed(database, DEMO, utc_now)
    yield register
    database.close()


@pytest.fixture(scope="session")
def finder(demo: CityRegister) -> PlaceFinder:
    return finder_of(demo)


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """An empty database of the quick kind: these tests are about files."""
    made = Database(f"sqlite:///{tmp_path / 'quick.db'}")
    migrate.upgrade(made)
    yield made
    made.close()
