"""The city's profile (`data/city.yml`): name, telephone, address and opening hours of its desk.

Every phrase and answer may use these as `{city}`, `{desk_phone}`, `{desk_email}`, `{desk_address}`
and `{opening_hours}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
from ruamel.yaml import YAML

from bot.civic.catalogue import in_language
from bot.civic.opening import OpeningHours

TABLES = frozenset({"desk_hours"})
"""Parts of the profile that are no words for phrases."""


@dataclass(frozen=True)
class Profile:
    """Values by name; those that differ by language are tables of languages."""

    data: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Profile:
        return cls(YAML(typ="safe").load((folder / "city.yml").read_text("utf-8")))

    @property
    def sample(self) -> bool:
        """True as long as the profile is the invented one of the demo city."""
        return bool(self.data.get("sample"))

    @property
    def country(self) -> str:
        """The country whose public holidays and telephone numbers are meant (ISO 3166)."""
        hours = self.data.get("desk_hours") or {}
        return str((hours.get("closed") or {}).get("country") or "NL")

    def values(self, language: str) -> dict[str, str]:
        """What phrases may name, in one language."""
        found = {}
        for key, value in self.data.items():
            if key in TABLES:
                continue
            if isinstance(value, Mapping):
                found[key] = in_language(value, language)
            elif isinstance(value, str):
                found["city" if key == "name" else key] = value
        return found

    def opening(self, zone: ZoneInfo) -> OpeningHours:
        """The desk's hours with the public holidays of its country; without any, always closed.

        Raises HoursUnreadable with the day when the table cannot be understood.
        """
        data = self.data.get("desk_hours") or {}
        closed = data.get("closed") or {}
        days = {
            day if isinstance(day, date) else date.fromisoformat(str(day))
            for day in closed.get("dates") or ()
        }
        country = closed.get("country")
        public = (
            holidays.country_holidays(country, subdiv=closed.get("subdivision") or None)
            if country
            else {}
        )
        return OpeningHours.of(data, zone, lambda day: day in days or day in public)
