"""Quiet hours: nobody's telephone rings at night because the city has news.

Only what the bot says of its own accord waits, and only on channels that ring; an answer to a
citizen who writes at night comes at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

RINGING = frozenset({"sms"})
"""Channels whose messages ring; the other apps know the citizen's own quiet hours."""
_SPAN = re.compile(r"^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$")


@dataclass(frozen=True)
class QuietHours:
    """From `begin` to `end` where the city is; over midnight when `end` is the earlier."""

    begin: time
    end: time
    zone: ZoneInfo

    @classmethod
    def of(cls, text: str, zone: ZoneInfo) -> QuietHours | None:
        """`21:00-08:00`; nothing for an empty text. Raises ValueError."""
        if not text.strip():
            return None
        match = _SPAN.match(text)
        if match is None:
            raise ValueError("quiet hours are written like 21:00-08:00")
        begin = time(int(match[1]), int(match[2]))
        end = time(int(match[3]), int(match[4]))
        if begin == end:
            raise ValueError("quiet hours cannot last all day")
        return cls(begin, end, zone)

    def until(self, now: datetime) -> datetime | None:
        """When the quiet ends that reigns at `now`; None when there is none."""
        local = now.astimezone(self.zone)
        clock = local.time()
        over_midnight = self.end < self.begin
        quiet = (
            clock >= self.begin or clock < self.end
            if over_midnight
            else self.begin <= clock < self.end
        )
        if not quiet:
            return None
        later = over_midnight and clock >= self.begin
        day = local.date() + timedelta(days=1 if later else 0)
        # Combined with the zone: right on the nights when the clocks change.
        return datetime.combine(day, self.end, self.zone)


def rest_until(quiet: QuietHours | None, channel: str, now: datetime) -> datetime | None:
    """When a notice on this channel may leave; None for at once."""
    return quiet.until(now) if quiet is not None and channel in RINGING else None
