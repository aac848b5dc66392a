"""News that is still to be told, and targets that passed in silence.

A public change notes in its own transaction whom to tell; whoever tells takes a note, queues the
notice, and only then strikes the note out. A crash in between tells again under the same key, and
the outbox knows that key already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import OPEN, State, Ticket
from bot.store.tickets.rows import TicketRows, events, news, ticket_of, tickets

MAX_ATTEMPTS = 8
_OPEN = sorted(state.value for state in OPEN)


@dataclass(frozen=True)
class News:
    """One public event for one conversation. `facts` are those of the event, not of today."""

    event: int
    kind: str
    state: State | None
    text: str
    facts: dict[str, Any]
    ticket: Ticket
    conversation: str

    @property
    def key(self) -> str:
        """Unique per event and conversation: the outbox keeps it once."""
        return f"ticket-event-{self.event}-{self.conversation}"


class NewsDesk(TicketRows):
    def untold(self, limit: int = 100) -> list[News]:
        """Notes that wait, oldest event first."""

        def work(c: Connection) -> list[News]:
            rows = c.execute(
                sa.select(news.c.conversation_id.label("told"), events, tickets.c.reference)
                .join(events, events.c.id == news.c.event_id)
                .join(tickets, tickets.c.id == events.c.ticket_id)
                .where(news.c.attempts < MAX_ATTEMPTS)
                .order_by(news.c.event_id, news.c.conversation_id)
                .limit(limit)
            ).all()
            found = []
            for row in rows:
                ticket = self._one(c, tickets.c.id == row.ticket_id)
                assert ticket is not None
                found.append(
                    News(
                        event=row.id,
                        kind=row.kind,
                        state=State(row.state) if row.state else None,
                        text=row.text,
                        facts=dict(row.facts or {}),
                        ticket=ticket,
                        conversation=row.told,
                    )
                )
            return found

        return self.database.read_now(work)

    def told(self, item: News) -> None:
        """Strike out a note whose notice is queued."""
        self._note(item, lambda where: news.delete().where(*where))

    def failed(self, item: News) -> None:
        """Count an attempt; after MAX_ATTEMPTS the note rests until someone looks."""
        self._note(
            item, lambda where: news.update().where(*where).values(attempts=news.c.attempts + 1)
        )

    def _note(self, item: News, statement: Any) -> None:
        where = (news.c.event_id == item.event, news.c.conversation_id == item.conversation)
        self.database.write_now(lambda c: c.execute(statement(where)))

    def given_up(self) -> int:
        """How many notes failed too often."""
        query = sa.select(sa.func.count()).select_from(news).where(news.c.attempts >= MAX_ATTEMPTS)
        return self.database.read_now(lambda c: int(c.execute(query).scalar_one()))

    def watch(self, limit: int = 200) -> list[tuple[Ticket, int]]:
        """Mark open tickets whose target has passed, each target once; returns them with the
        public event that tells so. Interrupted anywhere, the next call marks the rest."""
        today = self.today()
        late = (
            tickets.c.state.in_(_OPEN),
            tickets.c.due_on < today,
            sa.or_(
                tickets.c.overdue_told_for.is_(None),
                tickets.c.overdue_told_for != tickets.c.due_on,
            ),
        )
        due = self.database.read_now(
            lambda c: [
                row.id
                for row in c.execute(
                    sa.select(tickets.c.id).where(*late).order_by(tickets.c.id).limit(limit)
                )
            ]
        )
        marked = []
        for ticket_id in due:
            done = self.database.write_now(self._marking(ticket_id, late))
            marked += [done] if done else []
        return marked

    def _marking(
        self, ticket_id: int, late: tuple[Any, ...]
    ) -> Callable[[Connection], tuple[Ticket, int] | None]:
        return lambda c: self._mark(c, ticket_id, late)

    def _mark(
        self, c: Connection, ticket_id: int, late: tuple[Any, ...]
    ) -> tuple[Ticket, int] | None:
        row = c.execute(
            sa.select(tickets).where(tickets.c.id == ticket_id, *late).with_for_update()
        ).one_or_none()
        if row is None:
            return None
        ticket = ticket_of(row)
        promised = ticket.planned_for and ticket.planned_for >= self.today()
        c.execute(
            tickets.update().where(tickets.c.id == ticket_id).values(overdue_told_for=row.due_on)
        )
        facts = {"due_on": row.due_on.isoformat()}
        # A planned date to come was told already: the desk sees that the target passed, the
        # citizen is not told the same twice.
        event = self._event(c, ticket_id, "overdue", None, not promised, "", "watchdog", facts)
        if not promised:
            self._spread(c, ticket_id, event)
        return ticket, event
