"""Desks and targets: who gets a report, and by when, over weekends and public holidays."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import topics
from bot.civic.desks import Desk, Desks, WorkingWeek
from bot.settings import ROOT
from bot.tickets.desks import DesksUnreadable, desks_of, load_desks

CITY = ROOT / "data"
CATALOGUE = topics.load_catalogue(CITY)
ZONE = ZoneInfo("Europe/Amsterdam")
PARENTS = {"BU00140001": "WK001400", "BU00140101": "WK001401", "WK001400": "GM0014"}
DESKS = desks_of(CITY, CATALOGUE, ZONE, PARENTS.get)


def test_every_service_of_the_catalogue_has_a_desk_that_the_city_knows() -> None:
    codes = {desk.code for desk in load_desks(CITY)}
    for service in CATALOGUE.services.values():
        assert DESKS.desk_for(service.code, None) in codes, service.code


def test_desks_name_services_and_languages_that_exist() -> None:
    for desk in load_desks(CITY):
        assert set(desk.services) <= set(CATALOGUE.services)
        assert set(desk.names) == set(desk.hours) == {"en", "nl", "de", "da"}


@pytest.mark.parametrize(
    ("service", "area", "desk"),
    [
        ("litter", "BU00140001", "cleaning-centre"),
        ("litter", "WK001400", "cleaning-centre"),
        ("litter", "BU00140101", "cleaning"),
        ("litter", None, "cleaning"),
        ("pothole", "BU00140001", "roads"),
        ("no-such-service", "BU00140001", ""),
    ],
)
def test_reports_go_to_the_desk_of_service_and_area(
    service: str, area: str | None, desk: str
) -> None:
    assert DESKS.desk_for(service, area) == desk


def test_the_nearest_desk_wins_and_a_ring_of_areas_ends() -> None:
    desks = [
        Desk("city", {}, services=("litter",), areas=("GM0014",)),
        Desk("street", {}, services=("litter",), areas=("BU1",)),
    ]
    ring = {"BU1": "WK1", "WK1": "GM0014", "GM0014": "BU1"}
    made = Desks(CATALOGUE, desks, WorkingWeek(lambda day: True), ZONE, ring.get)
    assert made.desk_for("litter", "BU1") == "street"
    assert made.desk_for("litter", "WK1") == "city"


@pytest.mark.parametrize(
    ("opened", "days", "due"),
    [
        ("2026-03-02", 1, "2026-03-03"),
        ("2026-03-06", 1, "2026-03-09"),  # over a weekend
        ("2026-04-02", 1, "2026-04-07"),  # Good Friday to Easter Monday
        ("2026-04-24", 1, "2026-04-28"),  # King's Day
        ("2026-12-24", 2, "2026-12-29"),  # Christmas Day and the day after it
        ("2026-03-07", 0, "2026-03-09"),  # a Saturday: the next working day
        ("2026-03-02", 0, "2026-03-02"),
    ],
)
def test_targets_count_working_days(opened: str, days: int, due: str) -> None:
    assert DESKS.calendar.add(date.fromisoformat(opened), days) == date.fromisoformat(due)


def test_the_target_counts_from_the_date_where_the_city_is() -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=timezone.utc)  # the third in Groningen
    assert DESKS.due_on("pothole", late) == date(2026, 3, 10)
    assert DESKS.due_on("no-such-service", late) is None


def test_a_city_that_never_works_does_not_hang() -> None:
    calendar = WorkingWeek(lambda day: False)
    assert calendar.add(date(2026, 3, 2), 3) == date(2026, 3, 5)


@pytest.mark.parametrize(
    "text",
    [
        "desks: [{names: {en: X}}]",
        "desks: [{code: a}]",
        "desks: [{code: a, names: {en: A}, areas: BU1}]",
        "desks: [{code: a, names: {en: A}}, {code: a, names: {en: A}}]",
        "desks: [",
    ],
)
def test_a_faulty_file_is_refused_with_its_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "desks.yml").write_text(text, "utf-8")
    with pytest.raises(DesksUnreadable, match=r"desks\.yml"):
        load_desks(tmp_path)
    assert load_desks(tmp_path / "elsewhere") == []
