"""What the parts of the register share: reading a ticket, holding it, and writing down an event.

Every change holds the ticket's row until its commit and appends an event in the same transaction;
a public event also notes who is to be told (`ticket_news`), so that telling survives a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import Standing, State, Ticket, TicketChanged, TicketUnknown
from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

tickets, events = schema.tickets, schema.ticket_events
followers, news = schema.ticket_followers, schema.ticket_news


class Rules(Protocol):
    """Routing and targets; `bot.civic.desks.Desks` is the real one."""

    def desk_for(self, service: str, area_code: str | None) -> str: ...
    def due_on(self, service: str, at: datetime) -> date | None: ...
    def today(self, at: datetime) -> date: ...


class NoRules:
    """No routing and no targets: the desk that the request names, and no date."""

    def desk_for(self, service: str, area_code: str | None) -> str:
        return ""

    def due_on(self, service: str, at: datetime) -> date | None:
        return None

    def today(self, at: datetime) -> date:
        return at.date()


class TicketRows:
    """The base of the register's parts."""

    def __init__(self, database: Database, clock: Clock, rules: Rules | None = None) -> None:
        self.database = database
        self.clock = clock
        self.rules: Rules = rules or NoRules()

    def today(self) -> date:
        """The date where the city is."""
        return self.rules.today(self.clock())

    def _one(self, c: Connection, where: Any) -> Ticket | None:
        row = c.execute(sa.select(tickets).where(where)).one_or_none()
        return ticket_of(row) if row is not None else None

    def _held(self, c: Connection, ref: str, version: int | None = None) -> Ticket:
        """The ticket, its row ours until the commit. Raises TicketUnknown or TicketChanged."""
        row = c.execute(
            sa.select(tickets).where(tickets.c.reference == ref).with_for_update()
        ).one_or_none()
        if row is None:
            raise TicketUnknown(ref)
        if version is not None and row.version != version:
            raise TicketChanged("utter_ticket_changed", reference=ref)
        return ticket_of(row)

    def _change(self, c: Connection, ticket: Ticket, **values: object) -> Ticket:
        """Write new values; the version counts up, so that a stale reader is noticed."""
        c.execute(
            tickets.update()
            .where(tickets.c.id == ticket.id)
            .values(changed_at=self.clock(), version=tickets.c.version + 1, **values)
        )
        changed = self._one(c, tickets.c.id == ticket.id)
        assert changed is not None
        return changed

    def _event(
        self,
        c: Connection,
        ticket_id: int,
        kind: str,
        state: State | None,
        public: bool,
        text: str,
        by: str,
        facts: Mapping[str, Any] | None = None,
        conversation: str | None = None,
    ) -> int:
        done = c.execute(
            events.insert().values(
                ticket_id=ticket_id,
                kind=kind,
                state=state.value if state else None,
                public=public,
                text=text,
                by=by,
                happened_at=self.clock(),
                conversation_id=conversation,
                facts=dict(facts) if facts else None,
            )
        )
        return int(done.inserted_primary_key[0])

    def _spread(
        self, c: Connection, ticket_id: int, event: int, but: str | None = None
    ) -> list[str]:
        """Note who is to be told of a public event: all who follow now, `but` who caused it."""
        told = [
            str(row.conversation_id)
            for row in c.execute(
                sa.select(followers.c.conversation_id)
                .where(followers.c.ticket_id == ticket_id)
                .order_by(followers.c.conversation_id)
            )
            if row.conversation_id != but
        ]
        for conversation in told:
            c.execute(news.insert().values(event_id=event, conversation_id=conversation))
        return told


def ticket_of(row: Any) -> Ticket:
    """A ticket from a row of its table."""
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
        place_known=bool(row.place_known),
        lat=row.lat,
        lon=row.lon,
        street=row.street,
        source=row.source,
        due_on=row.due_on,
        planned_for=row.planned_for,
        passed_to=row.passed_to,
        duplicate_of=row.duplicate_of,
        reopened_count=row.reopened_count,
        version=row.version,
    )


def standing_of(ticket: Ticket) -> Standing:
    """A ticket's row in the terms of its history."""
    return Standing(
        state=ticket.state,
        desk=ticket.desk,
        due_on=ticket.due_on.isoformat() if ticket.due_on else None,
        planned_for=ticket.planned_for.isoformat() if ticket.planned_for else None,
        passed_to=ticket.passed_to,
        duplicate_of=ticket.duplicate_of,
        reopened_count=ticket.reopened_count,
    )


def columns_of(standing: Standing) -> dict[str, Any]:
    """The columns that a standing fills."""
    return {
        "state": standing.state.value,
        "due_on": date.fromisoformat(standing.due_on) if standing.due_on else None,
        "planned_for": date.fromisoformat(standing.planned_for) if standing.planned_for else None,
        "passed_to": standing.passed_to,
        "duplicate_of": standing.duplicate_of,
        "reopened_count": standing.reopened_count,
    }
