"""The purge: what was kept long enough goes, in small steps between which turns are answered.

One process at a time does it, by a lease in `marks`; a process that dies leaves the lease to run
out, and the next one goes on where it stood, because what is due is asked anew. The mark `purge`
says when it was last done, and what went.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.keeping.daily import last_due
from bot.photos.room import delete_erased
from bot.photos.store import PhotoStore
from bot.store.engine import Database
from bot.store.photo_queue import PhotoQueue
from bot.store.retention import Retention, Step
from bot.store.rows import Clock

log = logging.getLogger(__name__)
LOOK_EVERY_SECONDS = 60.0
RENEW_EVERY = timedelta(minutes=1)
PAUSE_SECONDS = 0.05
"""Between two steps: on SQLite there is one writer, and whoever waits for it comes first."""


class PurgeRuns(Exception):
    """Another process is purging now."""


@dataclass(frozen=True)
class Limits:
    """How long is kept; None: for ever."""

    talks: timedelta | None
    tickets: timedelta | None

    @classmethod
    def of_days(cls, talks: int, tickets: int) -> Limits:
        """From days, where 0 stands for ever."""
        return cls(*(timedelta(days=days) if days else None for days in (talks, tickets)))


@dataclass(frozen=True)
class Purged:
    """What went: conversations that lost words, those of them removed whole, tickets, photos."""

    conversations: int = 0
    removed: int = 0
    reports: int = 0
    photos: int = 0

    def told(self) -> str:
        """As the mark keeps it, for the page on operations to put into words."""
        return json.dumps(self.__dict__)


class Purge:
    """See the module."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        store: PhotoStore,
        limits: Limits,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.database = database
        self.clock = clock
        self.retention = Retention(database, clock)
        self.photos = PhotoQueue(database, clock)
        self.store = store
        self.limits = limits
        self.pause = pause
        self._renewed = clock()
        self.name = f"{os.uname().nodename[:20]}-{os.getpid()}-{secrets.token_hex(4)}"

    async def run(self, at: time, zone: ZoneInfo) -> None:
        """Purge once a day, until cancelled. What was missed while nothing ran is made up for;
        a city that has never purged is given until the next time of day."""
        started = self.clock()
        while True:
            try:
                await self.run_when_due(at, zone, started)
            except PurgeRuns:
                pass
            except Exception:
                log.exception("the purge stumbled; it goes on later")
            await self.pause(LOOK_EVERY_SECONDS)

    async def run_when_due(self, at: time, zone: ZoneInfo, started: datetime) -> Purged | None:
        """Purge if the day's purge is still to be done; None when it is not."""
        due = last_due(at, self.clock(), zone)
        last = await self.retention.last_purge()
        if (last or started) >= due:
            return None
        return await self.once(since=due)

    async def due(self) -> Purged:
        """What a purge would take now; changes nothing."""
        found = await self.retention.due(*self._before())
        return Purged(conversations=found["conversations"], reports=found["reports"])

    async def once(self, since: datetime | None = None) -> Purged:
        """Purge all that is due. Raises PurgeRuns when another process is at it, or (with
        `since`) has been since then."""
        if not await self.retention.take_lease(self.name, since):
            raise PurgeRuns
        self._renewed = self.clock()
        talks, tickets = self._before()
        # Tickets first: a conversation that only waited for one goes at once.
        reports, _ = await self._steps(self.retention.purge_tickets, tickets, 0)
        emptied, removed = await self._steps(self.retention.purge_talks, talks, "")
        await self.retention.purge_small(talks)
        photos = await self._delete_photos()
        await self._tidy(bool(emptied))
        purged = Purged(emptied, removed, reports, photos)
        await self.retention.end(self.name, purged.told())
        log.info("purged: %s", purged.told())
        return purged

    def _before(self) -> tuple[datetime | None, datetime | None]:
        now = self.clock()
        talks, tickets = self.limits.talks, self.limits.tickets
        return (now - talks if talks else None, now - tickets if tickets else None)

    async def _steps(
        self,
        step: Callable[[datetime, Any], Awaitable[Step]],
        before: datetime | None,
        after: Any,
    ) -> tuple[int, int]:
        """Step until there are no more rows; how many went, and how many of them whole."""
        done = removed = 0
        while before is not None and after is not None:
            await self._renew()
            made = await step(before, after)
            done, removed, after = done + made.done, removed + made.removed, made.after
            await self.pause(PAUSE_SECONDS)
        return done, removed

    async def _renew(self) -> None:
        """Hold on to the lease, now and then. Raises PurgeRuns when we slept longer than it."""
        if self.clock() - self._renewed < RENEW_EVERY:
            return
        if not await self.retention.take_lease(self.name):
            raise PurgeRuns
        self._renewed = self.clock()

    async def _delete_photos(self) -> int:
        """The files of erased photos; what cannot be deleted now, the photo room tries again."""
        done = 0
        while deleted := await delete_erased(self.photos, self.store):
            done += deleted
            await self.pause(PAUSE_SECONDS)
        return done

    async def _tidy(self, words_went: bool) -> None:
        """Erased words leave the full-text index and SQLite's files, too."""
        more = words_went and await self.retention.tidy_step(first=True)
        while more:
            await self.pause(PAUSE_SECONDS)
            more = await self.retention.tidy_step(first=False)
        await self.database.empty_journal()
