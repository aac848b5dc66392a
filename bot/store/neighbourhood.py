"""Read-only looks into the registers for those who ask about where they live, and drawings.

Counts of open reports carry no text, no place finer than the area, and nobody's name. A drawing is
the specification of a picture by the name in its address; the oldest go when there are too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import CLOSED, State
from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_tickets, _drawings = schema.tickets, schema.drawings
OPEN = tuple(state.value for state in State if state not in CLOSED)
"""States of a report that somebody still has to do something about."""
MOST_DRAWINGS = 20_000


def open_reports(database: Database, area_codes: Iterable[str]) -> dict[str, int]:
    """How many open reports of each service there are in these areas."""
    query = (
        sa.select(_tickets.c.service, sa.func.count())
        .where(_tickets.c.area_code.in_(sorted(area_codes)), _tickets.c.state.in_(OPEN))
        .group_by(_tickets.c.service)
    )
    return database.read_now(lambda c: {service: int(n) for service, n in c.execute(query)})


class Drawings:
    """Specifications of pictures by name."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    def keep(self, name: str, spec: Mapping[str, Any]) -> None:
        """Keep it under its name; one that is there stays."""

        def work(c: Connection) -> None:
            known = c.execute(sa.select(_drawings.c.name).where(_drawings.c.name == name)).first()
            if known is not None:
                return
            c.execute(
                self.database.insert_or_ignore(_drawings).values(
                    name=name, spec=dict(spec), created_at=self.clock()
                )
            )
            count = c.execute(sa.select(sa.func.count()).select_from(_drawings)).scalar_one()
            if count > MOST_DRAWINGS:
                oldest = (
                    sa.select(_drawings.c.name)
                    .order_by(_drawings.c.created_at)
                    .limit(count - MOST_DRAWINGS)
                )
                c.execute(_drawings.delete().where(_drawings.c.name.in_(oldest)))

        self.database.write_now(work)

    async def find(self, name: str) -> dict[str, Any] | None:
        """The specification of this name; None when there is none."""
        query = sa.select(_drawings.c.spec).where(_drawings.c.name == name)
        return await self.database.read(lambda c: c.execute(query).scalar_one_or_none())
