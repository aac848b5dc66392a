"""How much a session may send and an address may open, in sliding windows of a minute."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

WINDOW = 60.0
MAX_KEYS = 10_000
"""Windows remembered at once; the longest idle is forgotten first."""


class RateLimit:
    """At most `per_minute` events a key in any minute; 0 switches it off."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self.now = now
        self._events: OrderedDict[str, deque[float]] = OrderedDict()

    def hit(self, key: str) -> float:
        """Count an event; returns 0, or the seconds to wait when there were too many."""
        if not self.per_minute:
            return 0.0
        now = self.now()
        events = self._events.setdefault(key, deque())
        self._events.move_to_end(key)
        while len(self._events) > MAX_KEYS:
            self._events.popitem(last=False)
        while events and events[0] <= now - WINDOW:
            events.popleft()
        if len(events) >= self.per_minute:
            return events[0] + WINDOW - now
        events.append(now)
        return 0.0
