"""A city's own files: loaded as a whole, loaded again without doubling, tried without changing."""

from __future__ import annotations

import csv
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.assembly import finder_of
from bot.places.imports.faults import FileRefused
from bot.places.imports.reading import Options, files_in, no_bar, read
from bot.settings import ROOT
from bot.store import schema
from bot.store.city import CityRegister
from bot.store.engine import Database
from bot.store.loading import Result, load
from tests.conftest import FakeClock
from tests.places.cities import (
    calendar,
    collection,
    event,
    neighbourhood,
    square,
    write,
    write_city,
)
from tests.places.conftest import DEMO


def load_files(
    database: Database, clock: FakeClock, *paths: Path, dry_run: bool = False, fresh: bool = False,
    **options: Any,
) -> Result:  # fmt: skip
    files = [file for path in paths for file in files_in(path)]
    batch = read(files, Options(**options), no_bar, clock().date())
    try:
        return load(database, batch, clock, dry_run, fresh)
    finally:
        batch.close()


def counts(result: Result) -> dict[str, tuple[int, int, int, int]]:
    return {c.kind: (c.new, c.changed, c.same, c.removed) for c in result.changes}


def everything(database: Database) -> dict[str, list[Any]]:
    kinds = ("areas", "outlines", "streets", "facilities", "officials", "collections", "lamp_posts")
    tables = [schema.metadata.tables[kind] for kind in kinds]
    return database.read_now(
        lambda c: {t.name: c.execute(sa.select(t).order_by(*t.primary_key)).all() for t in tables}
    )


def test_a_folder_is_loaded_with_outlines_figures_and_the_city_as_a_sum(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    write_city(tmp_path / "city")
    result = load_files(database, clock, tmp_path / "city")
    assert counts(result)["areas"] == (6, 0, 0, 0)
    register = CityRegister(database)
    area = register.area("BU99990001")
    assert area is not None
    assert (area.name, area.kind, area.parent, area.year) == (
        "Buurt 1",
        "neighbourhood",
        "WK999900",
        2024,
    )
    assert area.figures["inhabitants"] == 1001
    assert area.figure("land_ha") is None  # -99999999: not published
    assert area.source == "CBS / Kadaster, Wijk- en Buurtkaart 2024"
    city = register.area("GM9999")
    assert city is not None
    assert (city.name, city.figure("inhabitants")) == ("Voorbeeldstad", 5000)
    assert "sum of the published figures of the districts" in city.source
    finder = finder_of(register)
    hit = finder.area_at(52.005, 5.015)
    assert hit is not None
    assert (hit.area.code, hit.exact, hit.metres) == ("BU99990001", True, 0.0)
    assert finder.area_at(53.0, 5.0) is None
    outline = finder.outline("BU99990001")
    assert outline is not None
    assert not outline.approximate
    assert {a.code for a in finder.neighbours("BU99990001")} == {"BU99990000", "BU99990002"}
    assert finder.streets_named("Lange Laan")[0].area_codes == ("BU99990001", "BU99990002")
    assert finder.nearest_facility("library", 52.0, 5.0)[0][0].name == "Stadsbibliotheek"


def test_origin_and_marital_status_are_nowhere_in_the_database(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    write_city(tmp_path / "city")
    load_files(database, clock, tmp_path / "city")
    held = repr(everything(database))
    assert "1001" in held
    for secret in ("P_GEHUWD", "MAROKKO", "WEST_AL", "gehuwd", ": 41", ": 42", ": 43"):
        assert secret not in held


def test_loading_again_changes_nothing_and_doubles_nothing(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    write_city(tmp_path / "city")
    load_files(database, clock, tmp_path / "city")
    before, version = everything(database), CityRegister(database).version()
    again = load_files(database, clock, tmp_path / "city")
    assert all(change.nothing for change in again.changes)
    assert everything(database) == before
    assert CityRegister(database).version() == version


def test_the_demo_city_loads_twice_into_the_same_rows(database: Database, clock: FakeClock) -> None:
    first = load_files(database, clock, DEMO)
    assert counts(first)["areas"] == (124, 0, 0, 0)
    assert counts(first)["streets"] == (1603, 0, 0, 0)
    assert counts(first)["collections"] == (432, 0, 0, 0)
    before = everything(database)
    assert all(change.nothing for change in load_files(database, clock, DEMO).changes)
    assert everything(database) == before


def test_a_dry_run_tells_the_same_and_changes_nothing(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    write_city(tmp_path / "city")
    tried = load_files(database, clock, tmp_path / "city", dry_run=True)
    assert all(not rows for rows in everything(database).values())
    assert counts(tried) == counts(load_files(database, clock, tmp_path / "city"))


def test_a_changed_file_updates_adds_and_removes(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    write_city(tmp_path / "city", count=4)
    load_files(database, clock, tmp_path / "city")
    version = CityRegister(database).version()
    features = [neighbourhood(0, AANT_INW=7), neighbourhood(1), neighbourhood(2), neighbourhood(5)]
    file = write(tmp_path, "buurten_2024.geojson", collection(features))
    result = load_files(database, clock, file)
    assert counts(result)["areas"] == (1, 1, 3, 1)  # the city, a better sum, is left as it was
    register = CityRegister(database)
    assert register.area("BU99990003") is None
    changed = register.area("BU99990000")
    assert changed is not None
    assert changed.figure("inhabitants") == 7
    assert set(register.outlines()) == {"WK999900", *(f"BU9999000{n}" for n in (0, 1, 2, 5))}
    assert register.version() != version


def test_what_hung_on_a_removed_area_goes_with_it_and_that_is_told(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    write_city(tmp_path / "city", count=4)
    write(tmp_path / "city", "officials.csv", "area_code,role,name\nBU99990002,desk,Loket\n")
    load_files(database, clock, tmp_path / "city")
    rest = [neighbourhood(n) for n in (0, 1, 3)]
    result = load_files(database, clock, write(tmp_path, "buurten_2024.geojson", collection(rest)))
    register = CityRegister(database)
    assert register.officials("BU99990002") == []
    assert register.streets("Lange Laan")[0].area_codes == ("BU99990001",)
    assert "1 officials of areas that are no more were removed" in result.notes
    assert any("streets lost an area" in note for note in result.notes)


def test_fresh_forgets_the_demo_city(database: Database, clock: FakeClock, tmp_path: Path) -> None:
    load_files(database, clock, DEMO)
    write_city(tmp_path / "city")
    load_files(database, clock, tmp_path / "city", fresh=True)
    register = CityRegister(database)
    assert len(register.areas()) == 6
    assert {s.name for s in register.streets()} == {"Hoofdstraat", "Lange Laan"}
    assert register.lamp_posts() == []


def test_own_facilities_replace_only_their_kind_of_samples(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    load_files(database, clock, DEMO)
    file = write(tmp_path, "facilities.csv", "kind,name,lat,lon\nlibrary,Forum,53.2188,6.5700\n")
    load_files(database, clock, file)
    found = CityRegister(database).facilities()
    assert [f.name for f in found if f.kind == "library"] == ["Forum"]
    assert all(f.sample for f in found if f.kind == "playground")
    assert any(f.kind == "playground" for f in found)


def test_facilities_come_from_geojson_points_too(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    point = {
        "type": "Feature",
        "properties": {
            "kind": "public_toilet",
            "name": "Markt",
            "website": "https://city.example/wc",
        },
        "geometry": {"type": "Point", "coordinates": [233883.0, 582065.0]},
    }
    members = {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}}}
    load_files(database, clock, write(tmp_path, "toilets.geojson", collection([point], **members)))
    toilet = CityRegister(database).facilities()[0]
    assert (toilet.kind, toilet.url) == ("public_toilet", "https://city.example/wc")
    # The Martinitoren stands near (233,883, 582,065) in the Dutch grid.
    assert toilet.lat == pytest.approx(53.2193, abs=0.001)
    assert toilet.lon == pytest.approx(6.5680, abs=0.001)


def test_the_dutch_grid_is_turned_into_degrees(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    ring = [
        [233000, 581000],
        [234000, 581000],
        [234000, 582000],
        [233000, 582000],
        [233000, 581000],
    ]
    feature = neighbourhood(0, geometry={"coordinates": [ring]})
    file = write(tmp_path, "buurten_2024.geojson", collection([feature]))
    load_files(database, clock, file, crs="EPSG:28992")
    area = CityRegister(database).area("BU99990000")
    assert area is not None
    assert area.lat == pytest.approx(53.2142, abs=0.001)
    assert area.lon == pytest.approx(6.5623, abs=0.001)


def test_another_country_comes_with_a_mapping(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    feature = {
        "type": "Feature",
        "properties": {
            "STADTTEIL_NR": "101", "STADTTEIL": "Hafen", "EINWOHNER": "1.234".replace(".", ""),
            "FLAECHE_QM": 2500000, "ANTEIL_65": "x",
        },
        "geometry": {"type": "Polygon", "coordinates": [square(0, 0)]},
    }  # fmt: skip
    write(tmp_path, "stadtteile.geojson", collection([feature]))
    write(tmp_path, "stadtteile.mapping.yml", (
        "level: neighbourhood\n"
        "columns: {code: STADTTEIL_NR, name: STADTTEIL}\n"
        "figures:\n  inhabitants: EINWOHNER\n  age_65_up_pct: ANTEIL_65\n"
        "  area_ha: {column: FLAECHE_QM, times: 0.0001}\n"
        "constants: {year: 2023, source: 'Statistikamt, Stadtteile {year}', prefix: 'HH-'}\n"
        "not_published: [x]\n"
    ))  # fmt: skip
    load_files(database, clock, tmp_path / "stadtteile.geojson")
    area = CityRegister(database).area("HH-101")
    assert area is not None
    assert area.figures == {"inhabitants": 1234, "area_ha": 250}
    assert (area.year, area.source) == (2023, "Statistikamt, Stadtteile 2023")


def test_only_one_municipality_is_taken_from_a_countrys_file(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    features = [neighbourhood(0), neighbourhood(1, GM_CODE="GM0001"), neighbourhood(2, WATER="JA")]
    file = write(tmp_path, "buurten_2024.geojson", collection(features))
    result = load_files(database, clock, file, only="GM9999")
    assert {a.code for a in CityRegister(database).areas()} == {"GM9999", "BU99990000"}
    assert any("water" in note for note in result.notes)


def test_a_calendar_in_icalendar_becomes_rhythms_moves_and_single_days(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    write_city(tmp_path / "city")
    load_files(database, clock, tmp_path / "city")
    text = calendar(
        event(
            "UID:1", "SUMMARY:Restafval", "X-AREA-CODE:BU99990000", "DTSTART;VALUE=DATE:20260302",
            "RRULE:FREQ=WEEKLY;INTERVAL=2", "EXDATE;VALUE=DATE:20260330",
        ),
        event(
            "UID:1", "SUMMARY:Restafval", "RECURRENCE-ID;VALUE=DATE:20260427",
            "DTSTART;VALUE=DATE:20260425",
        ),
        event("UID:2", "SUMMARY:Papiermüll", "LOCATION:BU99990000", "DTSTART;VALUE=DATE:20260310"),
    )  # fmt: skip
    file = write(tmp_path, "calendar.ics", text)
    for _ in range(2):
        load_files(database, clock, file)
    register = CityRegister(database)
    plan, shifts = register.collections("BU99990000"), register.shifts("BU99990000")
    assert [(c.waste, c.first_date.isoformat(), c.every_weeks) for c in plan] == [
        ("residual", "2026-03-02", 2)
    ]
    from datetime import date

    from bot.civic.waste import pickups

    found = [
        (p.waste, p.on.isoformat())
        for p in pickups(plan, shifts, date(2026, 3, 1), date(2026, 5, 1))
    ]
    assert found == [
        ("residual", "2026-03-02"), ("paper", "2026-03-10"), ("residual", "2026-03-16"),
        ("residual", "2026-04-13"), ("residual", "2026-04-25"),
    ]  # fmt: skip


def test_every_area_has_the_figures_of_the_source(database: Database, clock: FakeClock) -> None:
    load_files(database, clock, DEMO)
    _compare_with_source(CityRegister(database))


@pytest.mark.skipif(
    "LIKEWISE_TEST_AREAS" not in os.environ, reason="only with the CBS files (LIKEWISE_TEST_AREAS)"
)
def test_the_cbs_files_give_the_figures_of_the_source(database: Database, clock: FakeClock) -> None:
    folder = Path(os.environ["LIKEWISE_TEST_AREAS"])
    names = ("groningen_wijken_2017.geojson", "groningen_buurten_2017.geojson")
    load_files(database, clock, *(folder / name for name in names))
    _compare_with_source(CityRegister(database))


def _compare_with_source(register: CityRegister) -> None:
    with (ROOT / "tests/data/areas_expected.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    kinds = [register.area(row["code"]).kind for row in rows]  # type: ignore[union-attr]
    assert sorted(kinds) == ["city"] + ["district"] * 15 + ["neighbourhood"] * 108
    figures = [name for name in rows[0] if name not in ("code", "name")]
    assert len(figures) >= 5
    for row in rows:
        area = register.area(row["code"])
        assert area is not None
        assert (area.name, area.year) == (row["name"], 2017)
        for figure in figures:
            expected = float(row[figure]) if row[figure] else None
            assert area.figure(figure) == expected, (row["name"], figure)


def test_expected_figures_and_demo_tables_come_from_the_same_files() -> None:
    sources = json.loads((DEMO / "SOURCES.json").read_text("utf-8"))
    lines = (ROOT / "tests/data/areas_expected.sha256").read_text("utf-8").splitlines()
    recorded = {name: digest for digest, name in (line.split() for line in lines)}
    assert len(recorded) == 2
    assert {name: sources[name]["sha256"] for name in recorded} == recorded


def test_a_load_is_all_or_nothing_across_files(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    write_city(tmp_path / "city")
    write(tmp_path / "city", "officials.csv", "area_code,role,name\nNOWHERE,desk,Loket\n")
    with pytest.raises(FileRefused, match=r"officials\.csv:2: there is no area 'NOWHERE'"):
        load_files(database, clock, tmp_path / "city")
    assert all(not rows for rows in everything(database).values())


def test_two_loads_at_once_double_nothing(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    write_city(tmp_path / "city", count=30)
    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(load_files, database, clock, tmp_path / "city") for _ in range(4)]
        changes = [counts(one.result())["areas"] for one in done]
    assert sorted(changes) == [(0, 0, 32, 0)] * 3 + [(32, 0, 0, 0)]
    assert len(CityRegister(database).areas()) == 32
    assert len(CityRegister(database).streets()) == 2


@pytest.mark.parametrize("camel", [False, True])
def test_the_long_column_names_of_later_cbs_files_are_read(
    database: Database, clock: FakeClock, tmp_path: Path, camel: bool
) -> None:
    long = {
        "buurtcode": "BU00010000", "buurtnaam": "Haven", "wijkcode": "WK000100",
        "gemeentecode": "GM0001", "gemeentenaam": "Stad", "aantal_inwoners": 120,
        "percentage_personen_65_jaar_en_ouder": 21, "oppervlakte_totaal_in_ha": 33,
        "aantal_huishoudens": -99997, "meest_voorkomende_postcode": "4321", "percentage_gehuwd": 40,
    }  # fmt: skip
    if camel:
        long = {re.sub(r"_(\w)", lambda m: m[1].upper(), key): value for key, value in long.items()}
    feature = {**neighbourhood(0), "properties": long}
    load_files(
        database, clock, write(tmp_path, "buurten.geojson", collection([feature])), year=2023
    )
    area = CityRegister(database).area("BU00010000")
    assert area is not None
    assert area.figures == {"inhabitants": 120, "age_65_up_pct": 21, "area_ha": 33}
    assert (area.postcode, area.parent, area.year) == ("4321", "WK000100", 2023)
