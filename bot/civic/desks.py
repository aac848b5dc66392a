"""Who handles a ticket and by when: desks, their areas, and targets in working days.

A city's desks are data (`data/desks.yml`). The calendar of working days is named here as a
protocol; the real one knows the public holidays of the city's country.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.civic.catalogue import Catalogue, Words


class WorkingDays(Protocol):
    """The calendar of days on which the city works."""

    def is_working(self, day: date) -> bool:
        """Does the city work on this day?"""
        ...

    def add(self, day: date, days: int) -> date:
        """The working day that comes `days` working days after `day`; 0 gives `day` itself when
        the city works on it, else the next working day."""
        ...


@dataclass(frozen=True)
class Desk:
    """A group of staff. An empty `areas` means the whole city; the more exact desk wins."""

    code: str
    names: Words
    hours: Words = field(default_factory=dict)
    email: str = ""
    services: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()


class WorkingWeek:
    """The calendar made of one question: does the city work on a day?"""

    LONGEST_REST = 60
    """A city that works on none of so many days in a row works on every day instead."""

    def __init__(self, works: Callable[[date], bool]) -> None:
        self.works = works

    def is_working(self, day: date) -> bool:
        return self.works(day)

    def add(self, day: date, days: int) -> date:
        for _ in range(days):
            day = self._next(day + timedelta(days=1))
        return self._next(day)

    def _next(self, day: date) -> date:
        for ahead in range(self.LONGEST_REST):
            if self.works(day + timedelta(days=ahead)):
                return day + timedelta(days=ahead)
        return day


ParentOf = Callable[[str], "str | None"]


class Desks:
    """Routing and targets, as the register of tickets asks for them."""

    def __init__(
        self,
        catalogue: Catalogue,
        desks: Sequence[Desk],
        calendar: WorkingDays,
        zone: ZoneInfo,
        parent_of: ParentOf = lambda code: None,
    ) -> None:
        """`parent_of` gives the area that an area lies in, so that a desk may name a district."""
        self.catalogue = catalogue
        self.desks: Mapping[str, Desk] = {desk.code: desk for desk in desks}
        self.calendar = calendar
        self.zone = zone
        self.parent_of = parent_of

    def desk_for(self, service: str, area_code: str | None) -> str:
        """The desk of a service in an area; the service's own desk where no area is named."""
        around = self._around(area_code)
        known = self.catalogue.get(service)
        default = known.desk if known else ""
        best: tuple[int, str] | None = None
        for desk in self.desks.values():
            if not desk.areas or (service not in desk.services and desk.code != default):
                continue
            nearest = min((around.index(a) for a in desk.areas if a in around), default=None)
            if nearest is not None and (best is None or nearest < best[0]):
                best = (nearest, desk.code)
        if best:
            return best[1]
        named = (d.code for d in self.desks.values() if service in d.services and not d.areas)
        return next(named, default)

    def _around(self, area_code: str | None) -> list[str]:
        """The area and what it lies in, nearest first."""
        found: list[str] = []
        while area_code and area_code not in found:
            found.append(area_code)
            area_code = self.parent_of(area_code)
        return found

    def due_on(self, service: str, at: datetime) -> date | None:
        """The last day of the service's target, counted from the city's date at `at`."""
        known = self.catalogue.get(service)
        if known is None:
            return None
        return self.calendar.add(self.today(at), known.target_days)

    def today(self, at: datetime) -> date:
        """The date where the city is."""
        return at.astimezone(self.zone).date()
