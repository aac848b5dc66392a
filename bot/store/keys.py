"""Secrets that the road makes for itself and keeps, one a name, the same for every process."""

from __future__ import annotations

import secrets
from datetime import datetime, timezone

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.engine import Database

_marks = schema.marks


def own_key(database: Database, name: str) -> bytes:
    """32 random bytes, made when asked for the first time; blocks the calling thread."""

    def work(c: Connection) -> bytes:
        now = datetime.now(timezone.utc)
        c.execute(
            database.insert_or_ignore(_marks).values(
                name=f"key-{name}", value=secrets.token_hex(32), set_at=now
            )
        )
        found = sa.select(_marks.c.value).where(_marks.c.name == f"key-{name}")
        return bytes.fromhex(c.execute(found).scalar_one())

    return database.write_now(work)
