"""Dates as people say them, in the languages of the bot."""

from __future__ import annotations

from datetime import date

from babel.dates import format_date

PATTERNS = {"de": "EEEE, d. MMMM", "da": "EEEE d. MMMM"}


def spoken_date(day: date, language: str) -> str:
    """A date with its weekday: "Tuesday 24 November"."""
    return str(format_date(day, PATTERNS.get(language, "EEEE d MMMM"), locale=language))
