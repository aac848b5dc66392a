"""Quiet hours: when news by SMS waits, until when, also on the nights when the clocks change."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.quiet import QuietHours, rest_until

ZONE = ZoneInfo("Europe/Amsterdam")
NIGHT = QuietHours.of("21:00-08:00", ZONE)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-02T20:59:59+01:00", None),
        ("2026-03-02T21:00:00+01:00", "2026-03-03T08:00:00+01:00"),
        ("2026-03-03T00:00:00+01:00", "2026-03-03T08:00:00+01:00"),
        ("2026-03-03T07:59:59+01:00", "2026-03-03T08:00:00+01:00"),
        ("2026-03-03T08:00:00+01:00", None),
        ("2026-03-28T23:00:00+01:00", "2026-03-29T08:00:00+02:00"),  # summer time begins
        ("2026-10-24T23:00:00+02:00", "2026-10-25T08:00:00+01:00"),  # and ends
        ("2026-12-31T22:00:00+00:00", "2027-01-01T08:00:00+01:00"),
    ],
)
def test_news_by_sms_waits_for_the_morning(now: str, until: str | None) -> None:
    assert rest_until(NIGHT, "sms", at(now)) == (at(until) if until else None)


def test_other_channels_and_no_quiet_hours_wait_for_nothing() -> None:
    midnight = at("2026-03-03T00:00:00+01:00")
    assert rest_until(NIGHT, "telegram", midnight) is None
    assert rest_until(NIGHT, "web", midnight) is None
    assert QuietHours.of("", ZONE) is None
    assert rest_until(None, "sms", midnight) is None


def test_hours_within_a_day_work_too() -> None:
    noon = QuietHours.of("12:00-14:30", ZONE)
    assert rest_until(noon, "sms", at("2026-03-02T13:00:00+01:00")) == at(
        "2026-03-02T14:30:00+01:00"
    )
    assert rest_until(noon, "sms", at("2026-03-02T23:00:00+01:00")) is None


@pytest.mark.parametrize("wrong", ["21-8", "21:00", "25:00-08:00", "21:00-21:00", "9pm-8am", "-"])
def test_hours_that_cannot_be_read_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        QuietHours.of(wrong, ZONE)
