"""When waste is collected: a first date with a rhythm in weeks, and the days that differ.

A shift moves a planned collection to another day (a public holiday), cancels it, or adds a day that
no rhythm knows. A city without a rhythm can have nothing but added days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WASTES = ("residual", "organic", "paper", "plastic")
"""The kinds of waste that we have words for (`utter_waste_name_...` in the phrases)."""


@dataclass(frozen=True)
class Collection:
    """One kind of waste in one area; `sample` marks a calendar that is not the city's own."""

    area_code: str
    waste: str
    first_date: date
    every_weeks: int
    sample: bool

    def next_date(self, today: date) -> date:
        """The first planned collection on or after `today`, whatever the shifts say."""
        if today <= self.first_date:
            return self.first_date
        period = timedelta(weeks=self.every_weeks)
        passed = -((self.first_date - today) // period)
        return self.first_date + passed * period


@dataclass(frozen=True)
class Shift:
    """Both dates: moved. Only `planned_on`: cancelled. Only `collected_on`: an extra day."""

    area_code: str
    waste: str
    planned_on: date | None
    collected_on: date | None
    reason: str = ""
    sample: bool = False


@dataclass(frozen=True)
class Pickup:
    """A day on which waste is collected. `planned_on` is the usual day when this one was moved."""

    on: date
    waste: str
    area_code: str
    sample: bool
    planned_on: date | None = None
    reason: str = ""


SHIFT_REACH = timedelta(days=21)
"""No collection moves farther than this: how far around a span its planned days are looked at."""


def pickups(
    plan: Iterable[Collection], shifts: Sequence[Shift], start: date, until: date
) -> list[Pickup]:
    """Every collection from `start` to `until`, both included, soonest first, each day once."""
    moved = {(s.area_code, s.waste, s.planned_on): s for s in shifts if s.planned_on}
    extra = [s for s in shifts if s.planned_on is None and s.collected_on]
    found: dict[tuple[date, str, str], Pickup] = {}
    for collection in plan:
        day = collection.next_date(start - SHIFT_REACH)
        while day <= until + SHIFT_REACH:
            shift = moved.get((collection.area_code, collection.waste, day))
            on = shift.collected_on if shift else day
            if on and start <= on <= until:
                key = (on, collection.waste, collection.area_code)
                usual, why = (day, shift.reason) if shift and on != day else (None, "")
                found[key] = Pickup(
                    on, collection.waste, collection.area_code, collection.sample, usual, why
                )
            day += timedelta(weeks=collection.every_weeks)
    for one in extra:
        on = one.collected_on
        if on and start <= on <= until:
            key = (on, one.waste, one.area_code)
            found.setdefault(
                key, Pickup(on, one.waste, one.area_code, one.sample, None, one.reason)
            )
    return sorted(found.values(), key=lambda p: (p.on, p.waste, p.area_code))


def next_pickups(
    plan: Iterable[Collection], shifts: Sequence[Shift], today: date, days: int = 92
) -> list[Pickup]:
    """The next collection of every kind within `days`, soonest first."""
    first: dict[tuple[str, str], Pickup] = {}
    for pickup in pickups(plan, shifts, today, today + timedelta(days=days)):
        first.setdefault((pickup.area_code, pickup.waste), pickup)
    return list(first.values())


def upcoming(plan: Iterable[Collection], today: date) -> list[tuple[date, Collection]]:
    """The next date of every kind, soonest first; `next_pickups` knows of shifts as well."""
    return sorted(
        ((c.next_date(today), c) for c in plan), key=lambda pair: (pair[0], pair[1].waste)
    )
