"""An import into a running server is seen by the finder, without a restart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.assembly import Road, finder_of, utc_now
from bot.places.live import LiveFinder
from bot.store.city import CityRegister
from bot.store.engine import Database
from bot.store.loading import seed
from tests.conftest import FakeClock
from tests.places.cities import write_city
from tests.places.conftest import DEMO
from tests.places.test_importing import load_files


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
    seed(database, tmp_path, clock)
    seconds = Seconds()
    live = LiveFinder(register.version, lambda: finder_of(register), seconds)
    first = live()
    assert first.streets_named("Nieuwe Proefstraat") == []
    with (tmp_path / "streets.csv").open("a", encoding="utf-8") as file:
        file.write("Nieuwe Proefstraat,Groningen,BU00140000,53.22,6.56,4\n")
    seed(database, tmp_path, clock)
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
    seed(database, tmp_path, clock)
    found = Gazetteer(finder_of(register).names).find("Die Lampe in der Rathausgase 4 ist kaputt")
    assert [m.name.name for m in found] == ["Rathausgasse"]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_street_loaded_into_a_running_server_is_understood_without_training(
    road: Road, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "de lamp in de Gloednieuwestraat 7 is kapot"

    async def streets() -> list[str]:
        monkeypatch.setattr(road.finder, "_looked", float("-inf"))  # two seconds have passed
        found = await road.brain.parse(said)  # type: ignore[attr-defined]
        return [e["value"] for e in found["entities"] if e["entity"] == "street"]

    assert await streets() == []
    text = (DEMO / "streets.csv").read_text("utf-8")
    own, file = tmp_path / "own", tmp_path / "streets.csv"
    file.write_text(text + "Gloednieuwestraat,Groningen,BU00140000,53.22,6.56,4\n", "utf-8")
    shutil.copytree(DEMO, own)
    shutil.copy(file, own / "streets.csv")
    seed(road.database, own, utc_now)
    try:
        assert await streets() == ["Gloednieuwestraat"]
    finally:
        seed(road.database, DEMO, utc_now)
    assert await streets() == []


def test_the_demo_city_is_loaded_once_and_never_over_a_citys_own(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    assert seed(database, DEMO, clock) is not None
    assert seed(database, DEMO, clock) is None
    write_city(tmp_path / "city")
    load_files(database, clock, tmp_path / "city", fresh=True)
    assert seed(database, DEMO, clock) is None
    assert len(CityRegister(database).areas()) == 6
