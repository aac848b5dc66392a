"""The finder over what the register holds now, also after an import into a running server.

An import changes the register's version in the transaction that changes its rows. Here the version
is looked at when someone asks, at most every two seconds, and a new finder is built when it is
another (about half a second for the demo city). A turn that began with the old one ends with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from bot.places.finder import PlaceFinder

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0


class LiveFinder:
    """Call it to get the finder; the same object comes back while nothing has changed."""

    def __init__(
        self,
        version: Callable[[], str],
        build: Callable[[], PlaceFinder],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version, self._build, self._seconds = version, build, seconds
        self._lock = threading.Lock()
        self._finder: PlaceFinder | None = None
        self._known = ""
        self._looked = 0.0

    def __call__(self) -> PlaceFinder:
        with self._lock:
            now = self._seconds()
            if self._finder is None or now - self._looked >= LOOK_SECONDS:
                self._looked = now
                version = self._version()
                if self._finder is None or version != self._known:
                    # Read before the rows: a load in between is then noticed the next time.
                    self._finder, self._known = self._build(), version
                    log.info("places: %d areas", len(self._finder.areas))
            return self._finder
