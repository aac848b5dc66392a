"""The audit log: who read and did what, when, and from which session.

There is a way to add and a way to read. There is none to change or to delete, and the database
refuses both (see `bot.store.triggers`). An entry names conversations and tickets by their ids and
never repeats what a citizen said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_audit = schema.audit


@dataclass(frozen=True)
class Deed:
    """One line of the audit log."""

    id: int
    happened_at: datetime
    staff_id: int | None
    staff_name: str
    session: str
    address: str
    action: str
    conversation_id: str | None
    subject: str
    detail: Mapping[str, Any] | None


class AuditLog:
    """Deeds on one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    async def add(
        self,
        action: str,
        *,
        staff_id: int | None = None,
        staff_name: str = "",
        session: str = "",
        address: str = "",
        conversation: str | None = None,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a deed down; returns after the commit."""
        await self.database.write(
            lambda c: c.execute(
                _audit.insert().values(
                    happened_at=self.clock(),
                    staff_id=staff_id,
                    staff_name=staff_name[:60],
                    session=session[:12],
                    address=address[:60],
                    action=action,
                    conversation_id=conversation,
                    subject=subject[:120],
                    detail=dict(detail) if detail else None,
                )
            )
        )

    async def newest(
        self,
        *,
        before: int | None = None,
        staff_name: str = "",
        action: str = "",
        conversation: str = "",
        limit: int = 50,
    ) -> list[Deed]:
        """Deeds, newest first, that fit every given filter; `before` is the last id seen."""

        def work(c: Connection) -> list[Deed]:
            query = sa.select(_audit).order_by(_audit.c.id.desc()).limit(limit)
            if before is not None:
                query = query.where(_audit.c.id < before)
            if staff_name:
                query = query.where(_audit.c.staff_name == staff_name)
            if action:
                query = query.where(_audit.c.action == action)
            if conversation:
                query = query.where(_audit.c.conversation_id == conversation)
            return [Deed(**row._mapping) for row in c.execute(query)]

        return await self.database.read(work)

    async def actions(self) -> list[str]:
        """Every kind of deed that was ever done."""
        return await self.database.read(
            lambda c: list(
                c.execute(sa.select(_audit.c.action).distinct().order_by(_audit.c.action)).scalars()
            )
        )
