"""When waste is collected: next dates from a first date and a rhythm in weeks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Collection:
    """One kind of waste in one area; `sample` marks a calendar that is not the city's own."""

    area_code: str
    waste: str
    first_date: date
    every_weeks: int
    sample: bool

    def next_date(self, today: date) -> date:
        """The first collection on or after `today`."""
        if today <= self.first_date:
            return self.first_date
        period = timedelta(weeks=self.every_weeks)
        passed = -((self.first_date - today) // period)
        return self.first_date + passed * period


def upcoming(plan: Iterable[Collection], today: date) -> list[tuple[date, Collection]]:
    """The next date of every kind, soonest first."""
    return sorted(
        ((c.next_date(today), c) for c in plan), key=lambda pair: (pair[0], pair[1].waste)
    )
