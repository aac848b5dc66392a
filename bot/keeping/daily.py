"""Work that is done once a day at a set time where the city is."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

_TIME = re.compile(r"^\s*(\d{1,2}):(\d{2})\s*$")


def time_of_day(text: str) -> time | None:
    """`03:30`; nothing for an empty text. Raises ValueError."""
    if not text.strip():
        return None
    match = _TIME.match(text)
    if match is None:
        raise ValueError("a time of day is written like 03:30")
    return time(int(match[1]), int(match[2]))


def last_due(at: time, now: datetime, zone: ZoneInfo) -> datetime:
    """The latest moment, not after `now`, at which the clocks of the city showed `at`."""
    today = datetime.combine(now.astimezone(zone).date(), at, zone)
    # Combined with the zone anew: right on the nights when the clocks change.
    yesterday = datetime.combine(today.date() - timedelta(days=1), at, zone)
    return today if today <= now else yesterday
