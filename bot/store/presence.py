"""Who is at the desk now, how long people wait, and what has waited too long.

An agent who said that they are available is seen again by each open page; who was not seen for a
while is away. The
usual wait is the median of recent claims, and unknown when there are too few.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.rows import Queries
from bot.store.wishes import open_of

_handovers, _presence = schema.handovers, schema.desk_presence
SEEN_WITHIN = timedelta(minutes=5)
RECENT = timedelta(days=14)
SAMPLES, FEWEST = 20, 3
"""So many newest claims make the usual wait; with fewer than `FEWEST` it is unknown."""


class Presence(Queries):
    async def seen(self, agent: str) -> None:
        """An agent is at the desk now."""

        def work(c: Connection) -> None:
            now = self.clock()
            done = c.execute(
                _presence.update().where(_presence.c.agent == agent).values(seen_at=now)
            )
            if not done.rowcount:
                c.execute(
                    self.database.insert_or_ignore(_presence).values(agent=agent, seen_at=now)
                )

        await self.database.write(work)

    async def still_here(self, agent: str) -> bool:
        """Keep an agent at the desk who is there; False for one who is not."""

        def work(c: Connection) -> bool:
            since = self.clock() - SEEN_WITHIN
            done = c.execute(
                _presence.update()
                .where(_presence.c.agent == agent, _presence.c.seen_at > since)
                .values(seen_at=self.clock())
            )
            return bool(done.rowcount)

        return await self.database.write(work)

    async def left(self, agent: str) -> None:
        """An agent has gone."""
        await self.database.write(
            lambda c: c.execute(_presence.delete().where(_presence.c.agent == agent))
        )

    async def online(self) -> list[str]:
        """Agents who are at the desk now, by name."""
        return await self.database.read(lambda c: self.online_in(c))

    def online_in(self, c: Connection) -> list[str]:
        since = self.clock() - SEEN_WITHIN
        query = sa.select(_presence.c.agent).where(_presence.c.seen_at > since)
        return list(c.execute(query.order_by(_presence.c.agent)).scalars())

    def line_of(self, c: Connection, conversation: str) -> tuple[str, int]:
        """State of the own request ("" without one), and its place in the line or the next one."""
        own = open_of(c, conversation)
        before = [_handovers.c.state == "waiting"]
        if own is not None and own.state == "waiting":
            earlier = sa.and_(
                _handovers.c.waiting_since == own.waiting_since, _handovers.c.id < own.id
            )
            before.append(sa.or_(_handovers.c.waiting_since < own.waiting_since, earlier))
        ahead = c.execute(sa.select(sa.func.count()).select_from(_handovers).where(*before))
        return (own.state if own is not None else ""), int(ahead.scalar_one()) + 1

    def usual_wait(self, c: Connection) -> int | None:
        """Minutes that people waited lately, rounded up; None when too few were claimed."""
        events = schema.handover_events
        later = (
            sa.exists()
            .where(events.c.handover_id == _handovers.c.id, events.c.kind.in_(("left", "late")))
            .correlate(_handovers)
        )  # a question that was answered the next day says nothing of the wait in the chat
        rows = c.execute(
            sa.select(_handovers.c.waiting_since, _handovers.c.claimed_at)
            .where(
                _handovers.c.claimed_at > self.clock() - RECENT,
                _handovers.c.reason != "taken",
                ~later,
            )
            .order_by(_handovers.c.claimed_at.desc())
            .limit(SAMPLES)
        ).all()
        if len(rows) < FEWEST:
            return None
        waited = [(row.claimed_at - row.waiting_since).total_seconds() for row in rows]
        return max(1, math.ceil(float(median(waited)) / 60))

    async def overdue(
        self, agent_silent: datetime, citizen_silent: datetime, unclaimed: datetime
    ) -> list[dict[str, Any]]:
        """Requests that waited since before these times, with `due` naming for whom.

        Once nobody is there any more (`unclaimed` in the future), every waiting one is overdue.
        """
        h = _handovers.c
        table = schema.conversations
        kinds = {
            "agent": sa.and_(h.state == "claimed", h.unanswered_since < agent_silent),
            "citizen": sa.and_(
                h.state == "claimed", h.unanswered_since.is_(None), h.last_agent_at < citizen_silent
            ),
            "nobody": sa.and_(h.state == "waiting", h.waiting_since < unclaimed),
        }
        due = sa.case(*[(condition, kind) for kind, condition in kinds.items()], else_="")
        query = (
            sa.select(
                _handovers, table.c.channel, table.c.language.label("spoken"), due.label("due")
            )
            .join(table, table.c.id == h.conversation_id)
            .where(sa.or_(*kinds.values()))
            .order_by(h.id)
            .limit(100)
        )
        return await self.database.read(lambda c: [dict(r._mapping) for r in c.execute(query)])
