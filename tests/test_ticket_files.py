"""Import and export of tickets: harmless cells, nothing personal by default, all or nothing."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import topics
from bot.civic.tickets import NewTicket, State, replay
from bot.settings import ROOT
from bot.store.engine import Database
from bot.store.registers import TicketFilter, TicketRegister
from bot.store.tickets.rows import standing_of
from bot.tickets.files import FORMULA, as_written, every, harmless, write_csv, write_geojson
from bot.tickets.importing import Importer, ImportRefused
from tests.conftest import FakeClock

CATALOGUE = topics.load_catalogue(ROOT / "data")


@pytest.fixture
def register(database: Database, clock: FakeClock) -> TicketRegister:
    return TicketRegister(database, clock)


@pytest.fixture
def importer(register: TicketRegister) -> Importer:
    return Importer(register, CATALOGUE, {"roads", "lighting"}, {"BU1"}, ("en", "nl"))


def open_one(register: TicketRegister, key: str = "k", **values: Any) -> str:
    new = NewTicket(
        key, None, "pothole", "roads", "nl", "Vismarkt", True, "Jansen zegt: diep", "+31611112222",
        area_code="BU1", lat=53.2, lon=6.5,
    )  # fmt: skip
    return register.open(NewTicket(**{**new.__dict__, **values})).reference


def csv_of(register: TicketRegister, personal: bool = False) -> str:
    out = io.StringIO(newline="")
    write_csv(every(register, TicketFilter()), out, personal)
    return out.getvalue()


def test_nothing_personal_leaves_unless_asked_for(register: TicketRegister) -> None:
    open_one(register)
    open_one(register, "k2", place="bij Jansen voor de deur", place_known=False, lat=None, lon=None)
    out = io.StringIO()
    write_geojson(every(register, TicketFilter()), out, False)
    for text in (csv_of(register), out.getvalue()):
        assert "Vismarkt" in text
        assert "Jansen" not in text
        assert "+316" not in text
    assert "Jansen zegt" in csv_of(register, personal=True)
    assert "'+31611112222" in csv_of(register, personal=True)


@pytest.mark.parametrize("cell", ['=HYPERLINK("http://x")', "+1", "-2", "@x", "\tx", "\r\n=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(
    register: TicketRegister, cell: str
) -> None:
    open_one(register, place=cell, details=cell)
    (row,) = csv.DictReader(io.StringIO(csv_of(register, personal=True), newline=""))
    assert row["place"] == row["details"] == f"'{cell}"
    assert not row["place"].startswith(FORMULA)


@given(st.text())
def test_what_was_made_harmless_is_read_back_as_it_was(text: str) -> None:
    assert not str(harmless(text)).startswith(FORMULA)
    if not text.startswith("'"):
        assert as_written(harmless(text)) == text


def test_geojson_is_a_collection_of_points_in_the_right_order(register: TicketRegister) -> None:
    ref = open_one(register, place='a "quoted" </script> place')
    open_one(register, "k2", lat=None, lon=None)
    out = io.StringIO()
    assert write_geojson(every(register, TicketFilter()), out, False) == 2
    first, second = json.loads(out.getvalue())["features"]
    assert first["id"] == ref
    assert first["geometry"] == {"type": "Point", "coordinates": [6.5, 53.2]}
    assert second["geometry"] is None


def test_an_empty_export_is_still_a_file(register: TicketRegister) -> None:
    out = io.StringIO()
    assert write_geojson([], out, False) == 0
    assert json.loads(out.getvalue())["features"] == []
    assert csv_of(register).startswith("reference,service")


def test_more_than_a_page_is_exported_each_once(
    register: TicketRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tickets.files.AT_ONCE", 3)
    refs = [open_one(register, f"k{n}") for n in range(8)]
    assert [t.reference for t in every(register, TicketFilter())] == refs


HEADER = "external_id,service,place,lat,lon,state,text,planned_for,created_at,area_code\r\n"
GOOD = (
    "\ufeff" + HEADER
    + "A1,pothole,Vismarkt,53.2,6.5,,,,2026-02-27T10:00:00+01:00,BU1\r\n"
    + 'A2,street-light,"Zonnelaan, 4",,,planned,,2026-04-01,,\r\n'
    + "A3,litter,'=Plein,,,cannot_fix,too deep,,,\r\n"
)  # fmt: skip


def test_a_file_is_imported_once_however_often(
    importer: Importer, register: TicketRegister, tmp_path: Path
) -> None:
    path = tmp_path / "old.csv"
    path.write_text(GOOD, "utf-8", newline="")
    assert importer.load(path) == (3, 0)
    assert importer.load(path) == (0, 3)
    one, two, three = every(register, TicketFilter())
    assert one.created_at == datetime(2026, 2, 27, 9, 0, tzinfo=timezone.utc)
    assert (one.state, one.area_code, one.source) == (State.RECEIVED, "BU1", "import")
    assert (two.state, two.place) == (State.PLANNED, "Zonnelaan, 4")
    assert (three.state, three.place) == (State.CANNOT_FIX, "=Plein")
    for ticket in (one, two, three):
        assert replay(register.story(ticket.reference)) == standing_of(ticket)
    path.write_text(GOOD + "A4,litter,Plein,,,,,,,\r\n", "utf-8", newline="")
    assert importer.load(path) == (1, 3)


def test_geojson_is_imported_too(
    importer: Importer, register: TicketRegister, tmp_path: Path
) -> None:
    path = tmp_path / "old.geojson"
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [6.5, 53.2]},
        "properties": {"external_id": 7, "service": "pothole", "place": "Vismarkt", "contact": None},
    }  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    assert importer.load(path) == (1, 0)
    (ticket,) = every(register, TicketFilter())
    assert (ticket.lat, ticket.lon, ticket.contact) == (53.2, 6.5, None)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("A4,pothole,,,,,,,,", "line 5: place is missing"),
        (",pothole,X,,,,,,,", "external_id is missing"),
        ("A4,no-such,X,,,,,,,", "no service"),
        ("A4,pothole,X,53.2,,,,,,", "belong together"),
        ("A4,pothole,X,953.2,6,,,,,", "within ±90"),
        ("A4,pothole,X,nan,6,,,,,", "within ±90"),
        ("A4,pothole,X,north,6,,,,,", "degrees"),
        ("A4,pothole,X,,,gone,,,,", "no state"),
        ("A4,pothole,X,,,planned,,,,", "needs planned_for"),
        ("A4,pothole,X,,,cannot_fix,,,,", "needs text"),
        ("A4,pothole,X,,,reopened,,,,", "can begin with"),
        ("A4,pothole,X,,,duplicate,,,,", "merge it afterwards"),
        ("A4,pothole,X,,,planned,,soon,,", "soon"),
        ("A4,pothole,X,,,,,,yesterday,", "created_at"),
        ("A4,pothole,X,,,,,,2026-01-01T10:00:00,", "offset"),
        ("A4,pothole,X,,,,,,,BU9", "no area"),
        ("A1,pothole,X,,,,,,,", "same as in line 2"),
        ("A4,pothole", "as many cells"),
        ("A4,pothole,X,,,,,,,,,,", "as many cells"),
        ('A4,pothole,"X,,,,,,,', "line"),
        (f"A4,pothole,{'x' * 501},,,,,,,", "longer than 500"),
    ],
)
def test_one_faulty_line_is_named_and_nothing_is_imported(
    importer: Importer, register: TicketRegister, tmp_path: Path, line: str, fault: str
) -> None:
    path = tmp_path / "old.csv"
    path.write_text(GOOD + line + "\r\n", "utf-8", newline="")
    with pytest.raises(ImportRefused) as refused:
        importer.load(path)
    assert fault in str(refused.value)
    assert list(every(register, TicketFilter())) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "é".encode("latin-1")),
        ("a.csv", b"external_id,secret\r\nA,B\r\n"),
        ("a.csv", HEADER.encode() + b"A4,pothole,\x00,,,,,,,\r\n"),
        ("a.csv", HEADER.encode() + b"A4,pothole," + b"x" * 200_000 + b",,,,,,,\r\n"),
        ("a.geojson", b"[" * 100_000),
        ("a.geojson", b'{"type": "FeatureCollection", "features": 7}'),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [7]}'),
        ("a.json", b'{"type": "FeatureCollection", "features": [{"properties": {"a": NaN}}]}'),
        ("a.json", b'{"type": "FeatureCollection", "features": [{"properties": {"a": []}}]}'),
        (
            "a.json",
            b'{"type": "FeatureCollection", "features": [{"properties": {}, '
            b'"geometry": {"type": "Polygon", "coordinates": []}}]}',
        ),
    ],
)
def test_hostile_files_are_refused_in_words(
    importer: Importer, register: TicketRegister, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImportRefused):
        importer.load(path)
    assert list(every(register, TicketFilter())) == []


def test_a_file_that_is_too_large_is_not_even_read(
    importer: Importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tickets.importing.MAX_BYTES", 10)
    path = tmp_path / "a.csv"
    path.write_text(GOOD, "utf-8")
    with pytest.raises(ImportRefused, match="larger"):
        importer.load(path)
