"""When the desk is there: hours a weekday, days on which it stays closed, and what a citizen who
asks for a person may expect.

Pure rules. Whether a day is a public holiday is asked of whoever makes the hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Span = tuple[time, time]
_SPAN = re.compile(r"^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$")
LOOK_AHEAD_DAYS = 31


class HoursUnreadable(ValueError):
    """The hours of the profile cannot be understood; the sentence names the day."""


def spans_of(day: str, listed: Sequence[str]) -> tuple[Span, ...]:
    """`["09:00-12:30", "13:00-17:00"]` as times. Raises HoursUnreadable."""
    spans: list[Span] = []
    for words in listed:
        match = _SPAN.match(str(words).strip())
        try:
            assert match is not None
            begin = time(int(match[1]), int(match[2]))
            end = time.max if match[3] == "24" else time(int(match[3]), int(match[4]))
        except (AssertionError, ValueError):
            raise HoursUnreadable(f"{day}: {words!r} is not hours such as 09:00-17:00") from None
        if end <= begin or (spans and begin < spans[-1][1]):
            raise HoursUnreadable(f"{day}: {words!r} ends before it begins or overlaps")
        spans.append((begin, end))
    return tuple(spans)


@dataclass(frozen=True)
class OpeningHours:
    """Hours by weekday (0 is Monday), where the city is; `closed` says which days are closed."""

    week: Mapping[int, tuple[Span, ...]]
    zone: ZoneInfo
    closed: Callable[[date], bool] = lambda day: False

    @classmethod
    def of(
        cls, data: Mapping[str, Any], zone: ZoneInfo, closed: Callable[[date], bool]
    ) -> OpeningHours:
        """Hours from the profile's table of weekdays; a missing day is closed."""
        week = {n: spans_of(name, data.get(name) or ()) for n, name in enumerate(WEEKDAYS)}
        return cls(week, zone, closed)

    def spans(self, day: date) -> tuple[Span, ...]:
        """The hours of one date."""
        return () if self.closed(day) else self.week.get(day.weekday(), ())

    def is_open(self, at: datetime) -> bool:
        """Is the desk open at this (aware) time?"""
        local = at.astimezone(self.zone)
        return any(begin <= local.time() < end for begin, end in self.spans(local.date()))

    def next_opening(self, after: datetime) -> datetime | None:
        """When it opens next; None when it does not within a month."""
        local = after.astimezone(self.zone)
        for ahead in range(LOOK_AHEAD_DAYS + 1):
            day = local.date() + timedelta(days=ahead)
            for begin, _ in self.spans(day):
                opens = datetime.combine(day, begin, self.zone)
                if opens > local:
                    return opens
        return None


@dataclass(frozen=True)
class Outlook:
    """What somebody who asks for a person may expect now.

    `state` is that of the own request ("" without one), `position` the place in the line that it
    has or would have, `wait_minutes` the usual wait, None when there is too little to go by.
    """

    open: bool
    staffed: bool
    opens_at: datetime | None
    state: str = ""
    position: int = 1
    wait_minutes: int | None = None

    @property
    def reachable(self) -> bool:
        """Is somebody there who can take a conversation?"""
        return self.open and self.staffed
