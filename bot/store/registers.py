"""The register of tickets: rows that a citizen's confirmation makes once, and their history.

Blocking on purpose: actions and commands call it from threads of their own. Every change of a
ticket appends an event in the same transaction; events are never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import NewTicket, State, Ticket, check_move, reference
from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_tickets, _events, _counters = schema.tickets, schema.ticket_events, schema.counters


class TicketUnknown(KeyError):
    """No ticket has this reference."""


class TicketRegister:
    """Tickets by reference."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    def open(self, new: NewTicket) -> Ticket:
        """Make the ticket, or give back the one that this request key made before."""
        return self.database.write_now(lambda c: self._open(c, new))

    def _open(self, c: Connection, new: NewTicket) -> Ticket:
        now = self.clock()
        counter = self._counter(c, now.year)
        known = self._one(c, _tickets.c.request_key == new.request_key)
        if known is not None:
            return known
        row = {k: v for k, v in new.__dict__.items() if k != "conversation"}
        made = c.execute(
            self.database.insert_or_ignore(_tickets).values(
                **row,
                reference=reference(now.year, self._next_number(c, counter)),
                conversation_id=new.conversation,
                state=State.RECEIVED.value,
                created_at=now,
                changed_at=now,
            )
        )
        ticket = self._one(c, _tickets.c.request_key == new.request_key)
        assert ticket is not None
        if made.rowcount:
            self._event(c, ticket.id, "opened", State.RECEIVED, True, "", "citizen")
        return ticket

    def _counter(self, c: Connection, year: int) -> str:
        """The year's counter, held until the commit: tickets are opened one after the other, so a
        request that came twice at once finds the first ticket, and numbers have no gaps."""
        name = f"tickets-{year}"
        c.execute(self.database.insert_or_ignore(_counters).values(name=name, value=0))
        c.execute(sa.select(_counters).where(_counters.c.name == name).with_for_update())
        return name

    @staticmethod
    def _next_number(c: Connection, counter: str) -> int:
        mine = _counters.c.name == counter
        c.execute(_counters.update().where(mine).values(value=_counters.c.value + 1))
        return int(c.execute(sa.select(_counters.c.value).where(mine)).scalar_one())

    def _one(self, c: Connection, where: Any) -> Ticket | None:
        row = c.execute(sa.select(_tickets).where(where)).one_or_none()
        return _ticket(row) if row is not None else None

    def _event(
        self,
        c: Connection,
        ticket_id: int,
        kind: str,
        state: State | None,
        public: bool,
        text: str,
        by: str,
    ) -> int:
        done = c.execute(
            _events.insert().values(
                ticket_id=ticket_id,
                kind=kind,
                state=state.value if state else None,
                public=public,
                text=text,
                by=by,
                happened_at=self.clock(),
            )
        )
        return int(done.inserted_primary_key[0])

    def find(self, ref: str) -> Ticket | None:
        """The ticket with this reference."""
        return self.database.read_now(lambda c: self._one(c, _tickets.c.reference == ref))

    def of_conversation(self, conversation: str) -> list[Ticket]:
        """A citizen's own tickets, newest first."""
        return self.database.read_now(
            lambda c: [
                _ticket(row)
                for row in c.execute(
                    sa.select(_tickets)
                    .where(_tickets.c.conversation_id == conversation)
                    .order_by(_tickets.c.id.desc())
                )
            ]
        )

    def newest(self, states: Sequence[str] = (), limit: int = 100) -> list[Ticket]:
        """Tickets, newest first, of the given states or of all."""

        def work(c: Connection) -> list[Ticket]:
            query = sa.select(_tickets).order_by(_tickets.c.id.desc()).limit(limit)
            if states:
                query = query.where(_tickets.c.state.in_(list(states)))
            return [_ticket(row) for row in c.execute(query)]

        return self.database.read_now(work)

    def history(self, ref: str) -> list[dict[str, Any]]:
        """The events of a ticket, oldest first."""
        return self.database.read_now(
            lambda c: [
                dict(row._mapping)
                for row in c.execute(
                    sa.select(_events)
                    .join(_tickets, _tickets.c.id == _events.c.ticket_id)
                    .where(_tickets.c.reference == ref)
                    .order_by(_events.c.id)
                )
            ]
        )

    def move(self, ref: str, state: State, by: str, text: str = "") -> tuple[Ticket, int]:
        """Change the state as the table allows; returns the ticket and the event's id.

        Raises TicketUnknown, or MoveRefused when the table has no such move.
        """

        def work(c: Connection) -> tuple[Ticket, int]:
            row = c.execute(
                sa.select(_tickets).where(_tickets.c.reference == ref).with_for_update()
            ).one_or_none()
            if row is None:
                raise TicketUnknown(ref)
            check_move(State(row.state), state, text)
            c.execute(
                _tickets.update()
                .where(_tickets.c.id == row.id)
                .values(state=state.value, changed_at=self.clock())
            )
            event = self._event(c, row.id, "moved", state, True, text, by)
            ticket = self._one(c, _tickets.c.id == row.id)
            assert ticket is not None
            return ticket, event

        return self.database.write_now(work)

    def note(self, ref: str, text: str, by: str) -> None:
        """Add an internal note."""

        def work(c: Connection) -> None:
            row = c.execute(
                sa.select(_tickets.c.id).where(_tickets.c.reference == ref)
            ).one_or_none()
            if row is None:
                raise TicketUnknown(ref)
            self._event(c, row.id, "note", None, False, text, by)

        self.database.write_now(work)


def _ticket(row: Any) -> Ticket:
    return Ticket(
        id=row.id,
        reference=row.reference,
        service=row.service,
        desk=row.desk,
        state=State(row.state),
        place=row.place,
        area_code=row.area_code,
        conversation=row.conversation_id,
        language=row.language,
        created_at=row.created_at,
        changed_at=row.changed_at,
        details=row.details,
        contact=row.contact,
    )
