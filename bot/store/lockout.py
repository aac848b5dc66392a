"""Lock-out with backoff: who fails often has to wait, longer each time.

Kept by key, `name:...` and `address:...` alike, whether the name exists or not; so waiting tells
nobody which accounts there are. A lock ends by itself; failures are forgotten after a quiet day.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_failures = schema.sign_in_failures
FREE = {"name": 5, "address": 20, "code": 5}
"""Failures before the first wait, by the kind of key. An office may share one address."""
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)


def wait_after(kind: str, failures: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    over = failures - FREE[kind]
    if over < 0:
        return timedelta()
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(over, 20)))


class Lockout:
    """Failures on one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    async def locked(self, *keys: str) -> bool:
        """Whether any of these keys has to wait."""

        def work(c: Connection) -> bool:
            return (
                c.execute(
                    sa.select(_failures.c.key).where(
                        _failures.c.key.in_([k[:200] for k in keys]),
                        _failures.c.locked_until > self.clock(),
                    )
                ).first()
                is not None
            )

        return await self.database.read(work)

    async def failed(self, *keys: str) -> None:
        """Count a failure of each key."""

        def work(c: Connection) -> None:
            now = self.clock()
            c.execute(_failures.delete().where(_failures.c.failed_at < now - FORGOTTEN_AFTER))
            for key in sorted({k[:200] for k in keys}):
                self._count(c, key, now)

        await self.database.write(work)

    def _count(self, c: Connection, key: str, now: datetime) -> None:
        insert: Any = self.database.insert_or_ignore(_failures)
        c.execute(insert.values(key=key, failures=0, failed_at=now))
        c.execute(
            _failures.update()
            .where(_failures.c.key == key)
            .values(failures=_failures.c.failures + 1, failed_at=now)
        )
        count = c.execute(
            sa.select(_failures.c.failures).where(_failures.c.key == key)
        ).scalar_one()
        wait = wait_after(key.partition(":")[0], int(count))
        if wait:
            c.execute(
                _failures.update().where(_failures.c.key == key).values(locked_until=now + wait)
            )

    async def forgive(self, key: str) -> None:
        """Forget the failures of a key."""
        await self.database.write(
            lambda c: c.execute(_failures.delete().where(_failures.c.key == key[:200]))
        )
