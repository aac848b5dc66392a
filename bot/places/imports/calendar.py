"""A collection calendar in iCalendar (RFC 5545) becomes rhythms and single days.

A weekly rule without an end is a rhythm, with its left-out and moved days as exceptions. Every
other event becomes the days it falls on, from a year ago to two years ahead. An event tells its
waste by its summary or category, and its area by `X-AREA-CODE`, its location, or the `--area` of
the command.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events

from bot.choices import fold
from bot.places.imports.faults import Faults, FileRefused
from bot.places.imports.spool import Spool

LARGEST = 32 << 20
MOST_DAYS = 1000
"""Days that one event may stand for; more is a mistake, or meant to do harm."""
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WORDS = {
    "residual": ("residual", "general waste", "refuse", "rest", "grijs", "grau", "hausmull"),
    "organic": ("organic", "food", "garden", "gft", "groente", "bio", "mad", "green bin"),
    "paper": ("paper", "papier", "pap", "karton", "oud papier"),
    "plastic": ("plastic", "pmd", "pbd", "packaging", "verpackung", "gelb", "wertstoff", "plast"),
}
"""How a word of the summary begins, folded, for each kind of waste in our four languages."""


class Calendar:
    """Reads one calendar; `area` is the code for events that name none."""

    def __init__(self, name: str, faults: Faults, area: str, today: date) -> None:
        self.name, self.faults, self.area = name, faults, area
        self.span = (today - timedelta(days=366), today + timedelta(days=731))

    def read(self, text: str, collections: Spool, exceptions: Spool) -> int:
        """Put rhythms and days into the spools; the number of events."""
        if len(text) > LARGEST:
            raise FileRefused(f"{self.name}: a calendar of more than {LARGEST >> 20} MB")
        try:
            calendar = icalendar.Calendar.from_ical(text)
            events = list(calendar.walk("VEVENT"))
        except (ValueError, IndexError, KeyError, AttributeError, RecursionError) as error:
            raise FileRefused(f"{self.name}: no iCalendar: {str(error)[:120]}") from None
        lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip() == "BEGIN:VEVENT"]
        if not events:
            self.faults.add(self.name, "there is no event in it")
        groups: dict[str, list[tuple[Any, str]]] = defaultdict(list)
        for number, event in enumerate(events):
            where = f"{self.name}:{lines[number] if number < len(lines) else 0}"
            if event.errors:
                name, reason = event.errors[0][0] or "a line", str(event.errors[0][1])[:80]
                self.faults.add(where, f"{name} of an event cannot be read: {reason}")
                continue
            groups[str(event.get("UID") or f"event {number}")].append((event, where))
        for group in groups.values():
            self._group(group, collections, exceptions)
        return len(events)

    def _group(self, group: list[tuple[Any, str]], collections: Spool, exceptions: Spool) -> None:
        """An event with the days of it that were changed."""
        first = [pair for pair in group if "RECURRENCE-ID" not in pair[0]]
        changed = [event for event, _ in group if "RECURRENCE-ID" in event]
        if not first:
            self.faults.add(group[0][1], "a changed day of an event that is not in the file")
            return
        for event, where in first:
            area, waste = self._area(event), self._waste(event)
            start = _day(event.get("DTSTART"))
            if not area or not waste or start is None:
                what = "area code (X-AREA-CODE, LOCATION or --area)" if not area else "start date"
                said = str(event.get("SUMMARY") or "")[:60]
                what = what if waste else f"kind of waste in {said!r}"
                self.faults.add(where, f"an event has no {what}")
                continue
            for spool in (collections, exceptions):
                spool.scopes.add(area)
            rule = _rule(event.get("RRULE"))
            weeks = _every_weeks(rule)
            key = (area, waste)
            if weeks and key not in collections.keys:
                row = {"area_code": area, "waste": waste, "first_date": start.isoformat()}
                collections.add(key, row | {"every_weeks": weeks, "sample": False}, area, where)
                for planned, on in _differences(event, changed):
                    self._exception(exceptions, area, waste, planned, on, where)
            else:
                for day in self._days(event, changed, rule, where):
                    self._exception(exceptions, area, waste, None, day, where)

    def _days(
        self, event: Any, changed: list[Any], rule: dict[str, Any], where: str
    ) -> Iterator[date]:
        often = str(rule.get("FREQ", "")).upper()
        if rule and (often not in FREQUENCIES or rule.keys() & {"BYHOUR", "BYMINUTE", "BYSECOND"}):
            self.faults.add(where, f"an event repeats {often} within a day; waste does not")
            return
        alone = icalendar.Calendar()
        for one in (event, *changed):
            alone.add_component(one)
        try:
            found = recurring_ical_events.of(alone).between(*self.span)
            days = {day for one in found if (day := _day(one.get("DTSTART"))) is not None}
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            self.faults.add(where, f"the days of an event cannot be read: {str(error)[:80]}")
            return
        if len(days) > MOST_DAYS:
            self.faults.add(where, f"an event on more than {MOST_DAYS} days")
            return
        yield from sorted(days)

    def _exception(
        self,
        spool: Spool,
        area: str,
        waste: str,
        planned: date | None,
        on: date | None,
        where: str,
    ) -> None:
        said = (planned.isoformat() if planned else "", on.isoformat() if on else "")
        row = {"area_code": area, "waste": waste, "reason": "", "sample": False}
        row |= {"planned_on": said[0] or None, "collected_on": said[1] or None}
        spool.add((area, waste, *said), row, area, where)

    def _area(self, event: Any) -> str:
        return str(event.get("X-AREA-CODE") or event.get("LOCATION") or self.area).strip()[:20]

    @staticmethod
    def _waste(event: Any) -> str:
        said = fold(f"{event.get('SUMMARY') or ''} {_categories(event)}")
        for waste, words in WORDS.items():
            if any(re.search(rf"\b{word}", said) for word in words):
                return waste
        return ""


def _categories(event: Any) -> str:
    found = event.get("CATEGORIES")
    listed = found if isinstance(found, list) else [found] if found else []
    return " ".join(str(name) for one in listed for name in getattr(one, "cats", [one]))


def _day(value: Any) -> date | None:
    found = getattr(value, "dt", None)
    if isinstance(found, datetime):
        return found.date()
    return found if isinstance(found, date) else None


def _rule(value: Any) -> dict[str, Any]:
    """A rule with each of its parts as one value; a list of rules is none that we know."""
    if value is None or isinstance(value, list):
        return {}
    return {
        str(k).upper(): v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in value.items()
    }


def _every_weeks(rule: dict[str, Any]) -> int:
    """The weeks between two days of a weekly rule without an end; 0 for any other rule."""
    if str(rule.get("FREQ", "")).upper() != "WEEKLY" or rule.keys() & {"UNTIL", "COUNT"}:
        return 0
    if isinstance(rule.get("BYDAY"), list):
        return 0  # several days a week: no single rhythm
    weeks = rule.get("INTERVAL", 1)
    return weeks if isinstance(weeks, int) and 1 <= weeks <= 52 else 0


def _differences(event: Any, changed: Iterable[Any]) -> Iterator[tuple[date | None, date | None]]:
    """(planned, collected) for every day that was moved, left out or added."""
    for one in changed:
        planned, on = _day(one.get("RECURRENCE-ID")), _day(one.get("DTSTART"))
        cancelled = str(one.get("STATUS") or "").upper() == "CANCELLED"
        if planned:
            yield planned, None if cancelled else on
    for name, added in (("EXDATE", False), ("RDATE", True)):
        found = event.get(name)
        for part in found if isinstance(found, list) else [found] if found else []:
            for value in getattr(part, "dts", ()):
                if (day := _day(value)) is not None:
                    yield (None, day) if added else (day, None)
