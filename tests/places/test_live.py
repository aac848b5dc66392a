"""An import into a running server is seen by the finder, without a restart."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.assembly import finder_of
from bot.places.live import LiveFinder
from bot.store.city import CityRegister
from bot.store.engine import Database
from bot.store.loading import load_folder
from tests.conftest import FakeClock
from tests.places.conftest import DEMO


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_load_is_seen_at_the_next_look_and_not_before(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    for file in ("areas.csv", "streets.csv", "collection.csv"):
        shutil.copy(DEMO / file, tmp_path / file)
    register = CityRegister(database)
    load_folder(database, tmp_path, clock)
    seconds = Seconds()
    live = LiveFinder(register.version, lambda: finder_of(register), seconds)
    first = live()
    assert first.streets_named("Nieuwe Proefstraat") == []
    with (tmp_path / "streets.csv").open("a", encoding="utf-8") as file:
        file.write("Nieuwe Proefstraat,Groningen,BU00140000,53.22,6.56,4\n")
    load_folder(database, tmp_path, clock)
    assert live() is first
    seconds.now += 2.0
    assert [s.name for s in live().streets_named("Nieuwe Proefstraat")] == ["Nieuwe Proefstraat"]
    again = live()
    seconds.now += 60.0
    assert live() is again  # nothing changed: nothing is built again


def test_the_names_of_a_later_load_are_heard_in_what_citizens_write(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    from bot.places.gazetteer import Gazetteer

    for file in ("areas.csv", "collection.csv"):
        shutil.copy(DEMO / file, tmp_path / file)
    (tmp_path / "streets.csv").write_text(
        "name,town,area_codes,lat,lon,lamps\nRathausgasse,Beispielstadt,,,,\n", "utf-8"
    )
    register = CityRegister(database)
    load_folder(database, tmp_path, clock)
    found = Gazetteer(finder_of(register).names).find("Die Lampe in der Rathausgase 4 ist kaputt")
    assert [m.name.name for m in found] == ["Rathausgasse"]
