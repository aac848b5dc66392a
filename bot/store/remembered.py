"""The neighbourhood that a citizen agreed to have remembered: one a conversation, and forgettable.

Only with the citizen's yes; "forget it" and "forget me" (see `erasure`) take it away. An area that
a later import no longer has is not remembered either.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_remembered = schema.remembered_areas


class RememberedAreas:
    """Area codes by conversation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    def remember(self, conversation: str, area_code: str) -> None:
        """Keep this area for the conversation, in place of an earlier one."""

        def work(c: Connection) -> None:
            c.execute(_remembered.delete().where(_remembered.c.conversation_id == conversation))
            row = {"conversation_id": conversation, "area_code": area_code}
            c.execute(_remembered.insert().values(**row, agreed_at=self.clock()))

        self.database.write_now(work)

    def of(self, conversation: str) -> str | None:
        """The area's code, or None when nothing is remembered or the area is no more."""
        areas = schema.areas
        query = (
            sa.select(_remembered.c.area_code)
            .join(areas, areas.c.code == _remembered.c.area_code)
            .where(_remembered.c.conversation_id == conversation)
        )
        code = self.database.read_now(lambda c: c.execute(query).scalar_one_or_none())
        return str(code) if code is not None else None

    def forget(self, conversation: str) -> bool:
        """Forget it; True when there was something to forget."""
        gone = _remembered.delete().where(_remembered.c.conversation_id == conversation)
        return bool(self.database.write_now(lambda c: c.execute(gone).rowcount))
