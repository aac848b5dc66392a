"""Reports near by: which are looked for, what others may see of them, and how they are called."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from actions.twins import twin_choices, twins_of
from bot.civic.reporting import PLACE, SERVICE
from bot.civic.tickets import Nearby, State
from bot.phrases import Phrasebook
from bot.settings import ROOT
from bot.topics import load_catalogue

NOW = datetime(2026, 3, 4, 12, tzinfo=timezone.utc)  # a Wednesday
LANGUAGES = ("en", "nl", "de", "da")
BOOK = Phrasebook.load(ROOT / "data" / "phrases", LANGUAGES)


def city(found: list[Nearby] | None = None) -> Any:
    """A city whose register remembers what it was asked for."""
    asked: list[tuple[Any, ...]] = []

    def near(*given: Any) -> list[Nearby]:
        asked.append(given)
        return found or []

    return SimpleNamespace(
        catalogue=load_catalogue(ROOT / "data"),
        tickets=SimpleNamespace(near=near),
        areas=SimpleNamespace(area=lambda code: SimpleNamespace(name="Selwerd") if code else None),
        text=BOOK.text,
        zone=ZoneInfo("Europe/Amsterdam"),
        today=NOW.date,
        asked=asked,
    )


def nearby(days: int = 1, followers: int = 1, place: str = "Oosterstraat 12", n: int = 1) -> Nearby:
    return Nearby(
        reference=f"LW-2026-{n:05}",
        service="street-light",
        state=State.RECEIVED,
        place=place,
        street="Oosterstraat",
        area_code="BU1",
        created_at=NOW - timedelta(days=days),
        followers=followers,
        metres=None,
    )


def slots(service: str = "street-light", **place: Any) -> dict[str, Any]:
    return {SERVICE: service, PLACE: {"text": "x", "known": True, **place}}


def test_an_exact_place_is_looked_for_by_its_position_and_the_services_radius() -> None:
    here = city()
    twins_of(slots(street="Oosterstraat", lat=53.2, lon=6.5, exact=True), here, "c1")
    assert here.asked == [("street-light", 53.2, 6.5, "Oosterstraat", 20.0, 3, "c1")]


def test_the_middle_of_a_street_is_no_position() -> None:
    here = city()
    twins_of(slots(street="Oosterstraat", lat=53.2, lon=6.5), here, "c1")
    assert here.asked[0][1:4] == (None, None, "Oosterstraat")


@pytest.mark.parametrize(
    "given",
    [
        slots(),  # words only
        slots("missed-bin", street="Oosterstraat"),  # one household's own
        slots("no-such-service", street="Oosterstraat"),
        {SERVICE: "street-light", PLACE: None},
        {},
    ],
)
def test_nothing_is_looked_for_where_nothing_can_be_the_same(given: dict[str, Any]) -> None:
    here = city([nearby()])
    assert twins_of(given, here, "c1") == []
    assert here.asked == []


@pytest.mark.parametrize(
    ("language", "since", "followed"),
    [
        ("en", "Since Tuesday: Oosterstraat 12", "Since Tuesday: Oosterstraat 12 (3 follow)"),
        ("nl", "Sinds dinsdag: Oosterstraat 12", "Sinds dinsdag: Oosterstraat 12 (3 volgen)"),
        ("de", "Seit Dienstag: Oosterstraat 12", "Seit Dienstag: Oosterstraat 12 (3 folgen)"),
        ("da", "Siden tirsdag: Oosterstraat 12", "Siden tirsdag: Oosterstraat 12 (3 følger)"),
    ],
)
def test_a_report_near_by_is_told_by_day_place_and_followers(
    language: str, since: str, followed: str
) -> None:
    made = twin_choices([nearby(), nearby(followers=3, n=2)], city(), language)
    assert [label for label, _ in made] == [since, followed]
    assert made[1][1] == '/inform{"twin": "LW-2026-00002"}'


def test_older_days_are_dates_and_today_is_today() -> None:
    labels = [label for label, _ in twin_choices([nearby(30), nearby(0)], city(), "de")]
    assert labels == ["Seit 2. Februar: Oosterstraat 12", "Seit heute: Oosterstraat 12"]


def test_a_place_in_somebodys_own_words_shows_as_its_street_or_area() -> None:
    hidden = nearby(place="")
    assert twin_choices([hidden], city(), "en")[0][0] == "Since Tuesday: Oosterstraat"
    nowhere = Nearby(**{**hidden.__dict__, "street": ""})
    assert twin_choices([nowhere], city(), "en")[0][0] == "Since Tuesday: Selwerd"


def test_labels_that_would_be_the_same_are_told_apart_by_reference() -> None:
    labels = [label for label, _ in twin_choices([nearby(), nearby(n=2)], city(), "en")]
    assert len(set(labels)) == 2
    assert "LW-2026-00002" in labels[1]
