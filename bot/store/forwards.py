"""Tickets that go on to another organisation: one row a ticket, so that none is sent twice.

A send is claimed before it begins. A process that dies while it sends leaves a row in `sending`
whose time runs out; it is unclear then, and never sent again blindly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import State, Ticket
from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock
from bot.store.tickets.rows import ticket_of

_forwards, _tickets = schema.forwards, schema.tickets
LEASE = timedelta(minutes=5)


class IdTaken(Exception):
    """Another ticket went there under this id: one of the two answers was wrong."""


@dataclass(frozen=True)
class Forward:
    """A ticket's way to another organisation."""

    ticket: Ticket
    endpoint: str
    state: str
    token: str | None
    remote_id: str | None
    remote_status: str
    remote_notes: str
    code: str
    attempts: int
    created_at: datetime
    sent_at: datetime | None


class Forwards:
    """See the module. Blocking: the loop calls it on threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    def enlist(self, services: Mapping[str, str]) -> int:
        """Make a pending row for each new ticket of these services (endpoint by service)."""

        def work(c: Connection) -> int:
            none_yet = ~sa.exists().where(_forwards.c.ticket_id == _tickets.c.id)
            new = c.execute(
                sa.select(_tickets.c.id, _tickets.c.service)
                .where(
                    _tickets.c.service.in_(list(services)),
                    _tickets.c.state == State.RECEIVED.value,
                    none_yet,
                )
                .limit(200)
            ).all()
            for row in new:
                c.execute(
                    self.database.insert_or_ignore(_forwards).values(
                        ticket_id=row.id,
                        endpoint=services[row.service],
                        state="pending",
                        created_at=self.clock(),
                    )
                )
            return len(new)

        return self.database.write_now(work) if services else 0

    def claim(self, state: str, hold: timedelta = LEASE) -> Forward | None:
        """The next row in this state that is due, held for a while; one to send is `sending`."""

        def work(c: Connection) -> Forward | None:
            now = self.clock()
            due = sa.or_(_forwards.c.not_before.is_(None), _forwards.c.not_before <= now)
            found = c.execute(
                sa.select(_forwards)
                .where(_forwards.c.state == state, due)
                .order_by(_forwards.c.not_before, _forwards.c.created_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if found is None:
                return None
            values: dict[str, Any] = {"not_before": now + hold}
            if state == "pending":
                values |= {
                    "state": "sending", "sent_at": now, "attempts": found.attempts + 1, "code": ""
                }  # fmt: skip
            mine = _forwards.c.ticket_id == found.ticket_id
            c.execute(_forwards.update().where(mine, _forwards.c.state == state).values(**values))
            return self._one(c, mine)

        return self.database.write_now(work)

    def settle(
        self, ticket_id: int, state: str, after: timedelta | None = None, **values: Any
    ) -> None:
        """Write what became of it; `after` says when it is looked at again.

        Raises IdTaken when another ticket has that id at this endpoint.
        """
        values["not_before"] = self.clock() + after if after else None
        if "code" in values:
            values["code"] = str(values["code"])[:80]
        mine = _forwards.c.ticket_id == ticket_id
        update = _forwards.update().where(mine).values(state=state, **values)
        try:
            self.database.write_now(lambda c: c.execute(update))
        except sa.exc.IntegrityError:
            raise IdTaken from None

    def expire(self) -> int:
        """Sends that nobody finished are unclear now; returns how many."""
        late = sa.and_(_forwards.c.state == "sending", _forwards.c.not_before <= self.clock())
        update = _forwards.update().where(late)
        update = update.values(state="unclear", code="interrupted", not_before=None)
        return int(self.database.write_now(lambda c: c.execute(update).rowcount))

    def of_ticket(self, reference: str) -> Forward | None:
        """The way of one ticket."""
        return self.database.read_now(lambda c: self._one(c, _tickets.c.reference == reference))

    def troubled(self, limit: int = 100) -> list[Forward]:
        """What wants a look of staff, oldest first: failed, unclear, or pending after a failure."""
        again = sa.and_(_forwards.c.state == "pending", _forwards.c.attempts > 0)
        trouble = sa.or_(_forwards.c.state.in_(("failed", "unclear")), again)
        query = self._query().where(trouble).order_by(_forwards.c.created_at).limit(limit)
        return self.database.read_now(lambda c: [_forward(row) for row in c.execute(query)])

    def counts(self) -> dict[tuple[str, str], int]:
        """How many rows by endpoint and state: for the page on operations."""
        columns = (_forwards.c.endpoint, _forwards.c.state)
        query = sa.select(*columns, sa.func.count()).group_by(*columns)
        return self.database.read_now(lambda c: {(e, s): int(n) for e, s, n in c.execute(query)})

    def decide(self, reference: str, decision: str, remote_id: str = "") -> bool:
        """A clerk's word on one that is unclear or failed: sent (with its id there), again, drop.

        False when there is no such row. Raises IdTaken when another ticket has that id there.
        """
        state = {"sent": "sent", "again": "pending", "drop": "closed"}[decision]
        values: dict[str, Any] = {"state": state, "not_before": None, "code": f"clerk: {decision}"}
        if decision == "sent":
            values["remote_id"] = remote_id

        def work(c: Connection) -> bool:
            ticket = sa.select(_tickets.c.id).where(_tickets.c.reference == reference)
            mine = _forwards.c.ticket_id == ticket.scalar_subquery()
            open_ones = _forwards.c.state.in_(("unclear", "failed"))
            return bool(
                c.execute(_forwards.update().where(mine, open_ones).values(values)).rowcount
            )

        try:
            return self.database.write_now(work)
        except sa.exc.IntegrityError:
            raise IdTaken from None

    @staticmethod
    def _query() -> Any:
        return sa.select(
            _tickets,
            *(column.label(f"forward_{column.name}") for column in _forwards.c),
        ).join(_tickets, _tickets.c.id == _forwards.c.ticket_id)

    def _one(self, c: Connection, where: Any) -> Forward | None:
        row = c.execute(self._query().where(where)).one_or_none()
        return _forward(row) if row is not None else None


def _forward(row: Any) -> Forward:
    return Forward(
        ticket=ticket_of(row),
        endpoint=row.forward_endpoint,
        state=row.forward_state,
        token=row.forward_token,
        remote_id=row.forward_remote_id,
        remote_status=row.forward_remote_status,
        remote_notes=row.forward_remote_notes,
        code=row.forward_code,
        attempts=row.forward_attempts,
        created_at=row.forward_created_at,
        sent_at=row.forward_sent_at,
    )
