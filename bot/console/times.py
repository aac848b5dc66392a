"""How the console writes times: in the city's zone and the reader's language."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta

from bot.store.rows import Clock

LOCALES = {"en": "en_GB", "nl": "nl_NL"}


class Times:
    """Filters for templates; each takes an aware time and the language."""

    def __init__(self, zone: ZoneInfo, clock: Clock) -> None:
        self.zone = zone
        self.clock = clock

    def day(self, at: datetime | None, language: str) -> str:
        """`2 Mar 2026`"""
        if at is None:
            return ""
        return str(format_date(at.astimezone(self.zone), "d MMM y", locale=LOCALES[language]))

    def hour(self, at: datetime | None, language: str) -> str:
        """`09:05`"""
        if at is None:
            return ""
        return str(format_time(at.astimezone(self.zone), "HH:mm", locale=LOCALES[language]))

    def moment(self, at: datetime | None, language: str) -> str:
        """`2 Mar 2026, 09:05`"""
        if at is None:
            return ""
        local = at.astimezone(self.zone)
        return str(format_datetime(local, "d MMM y, HH:mm", locale=LOCALES[language]))

    def ago(self, at: datetime | None, language: str) -> str:
        """`3 hours ago`"""
        if at is None:
            return ""
        return str(
            format_timedelta(at - self.clock(), add_direction=True, locale=LOCALES[language])
        )
