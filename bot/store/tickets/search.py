"""Finding tickets: by reference, by filters that combine, page by page under new rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import OPEN, Event, State, Ticket
from bot.store.tickets.rows import TicketRows, events, ticket_of, tickets

Sort = Literal["newest", "oldest", "due"]
LONGEST_TEXT = 100
_OPEN = sorted(state.value for state in OPEN)


@dataclass(frozen=True)
class TicketFilter:
    """What to look for; empty parts let everything through.

    `text` is looked for in reference, place, details and service, whatever its case. `overdue`
    means open past its target on the city's date. Times are of the opening, `until` excluded.
    """

    states: Sequence[str] = ()
    desks: Sequence[str] = ()
    services: Sequence[str] = ()
    areas: Sequence[str] = ()
    text: str = ""
    overdue: bool = False
    only_open: bool = False
    since: datetime | None = None
    until: datetime | None = None
    changed_since: datetime | None = None


@dataclass(frozen=True)
class Page:
    """Tickets in order, how many there are in all, and where the next page begins."""

    tickets: tuple[Ticket, ...]
    total: int
    after: str | None


class Search(TicketRows):
    def find(self, ref: str) -> Ticket | None:
        """The ticket with this reference."""
        return self.database.read_now(lambda c: self._one(c, tickets.c.reference == ref))

    def of_conversation(self, conversation: str) -> list[Ticket]:
        """A citizen's own tickets, newest first."""
        query = (
            sa.select(tickets)
            .where(tickets.c.conversation_id == conversation)
            .order_by(tickets.c.id.desc())
        )
        return self.database.read_now(lambda c: [ticket_of(row) for row in c.execute(query)])

    def newest(self, states: Sequence[str] = (), limit: int = 100) -> list[Ticket]:
        """Tickets, newest first, of the given states or of all."""
        return list(self.search(TicketFilter(states=states), limit=limit).tickets)

    def search(
        self,
        wanted: TicketFilter,
        sort: Sort = "newest",
        after: str | None = None,
        limit: int = 50,
    ) -> Page:
        """One page. `after` is the `after` of the page before; new tickets shift no page.

        Raises ValueError when `after` was not made here.
        """

        def work(c: Connection) -> Page:
            where = self._where(wanted)
            total = c.execute(
                sa.select(sa.func.count()).select_from(tickets).where(*where)
            ).scalar_one()
            query = sa.select(tickets).where(*where)
            if after:
                query = query.where(_beyond(sort, after))
            rows = c.execute(query.order_by(*_order(sort)).limit(limit + 1)).all()
            page = tuple(ticket_of(row) for row in rows[:limit])
            return Page(page, int(total), _mark(sort, page[-1]) if len(rows) > limit else None)

        return self.database.read_now(work)

    def count_by_state(self, wanted: TicketFilter | None = None) -> dict[State, int]:
        """How many tickets stand in each state, under the filter."""
        where = self._where(wanted or TicketFilter())
        query = sa.select(tickets.c.state, sa.func.count()).where(*where).group_by(tickets.c.state)
        counted = self.database.read_now(lambda c: {r[0]: int(r[1]) for r in c.execute(query)})
        return {state: counted.get(state.value, 0) for state in State}

    def _where(self, wanted: TicketFilter) -> list[Any]:
        t, found = tickets.c, []
        for column, values in (
            (t.state, wanted.states),
            (t.desk, wanted.desks),
            (t.service, wanted.services),
            (t.area_code, wanted.areas),
        ):
            if values:
                found.append(column.in_(list(values)))
        if wanted.overdue:
            found += [t.due_on < self.today(), t.state.in_(_OPEN)]
        if wanted.only_open:
            found.append(t.state.in_(_OPEN))
        if wanted.since:
            found.append(t.created_at >= wanted.since)
        if wanted.until:
            found.append(t.created_at < wanted.until)
        if wanted.changed_since:
            found.append(t.changed_at >= wanted.changed_since)
        for word in wanted.text[:LONGEST_TEXT].replace("\x00", " ").lower().split():
            columns = (t.reference, t.place, t.details, t.service)
            found.append(
                sa.or_(*(sa.func.lower(col).contains(word, autoescape=True) for col in columns))
            )
        return found

    def history(self, ref: str) -> list[dict[str, Any]]:
        """The events of a ticket as rows of their table, oldest first."""
        query = (
            sa.select(events)
            .join(tickets, tickets.c.id == events.c.ticket_id)
            .where(tickets.c.reference == ref)
            .order_by(events.c.id)
        )
        return self.database.read_now(lambda c: [dict(row._mapping) for row in c.execute(query)])

    def story(self, ref: str) -> list[Event]:
        """The same for `replay`."""
        return [
            Event(row["kind"], State(row["state"]) if row["state"] else None, row["facts"] or {})
            for row in self.history(ref)
        ]


_LAST = date(9999, 12, 31)


def _due() -> Any:
    """The target, those without one last; a plain text compares alike in both databases."""
    return sa.func.coalesce(tickets.c.due_on, sa.literal(_LAST, sa.Date))


def _order(sort: Sort) -> list[Any]:
    if sort == "due":
        return [_due(), tickets.c.id]
    return [tickets.c.id if sort == "oldest" else tickets.c.id.desc()]


def _mark(sort: Sort, last: Ticket) -> str:
    return f"{(last.due_on or _LAST).isoformat()}.{last.id}" if sort == "due" else str(last.id)


def _beyond(sort: Sort, after: str) -> Any:
    day, _, number = after.rpartition(".")
    last = int(number)
    if abs(last) > 2**62:
        raise ValueError("no such place in a list")
    if sort != "due":
        return tickets.c.id > last if sort == "oldest" else tickets.c.id < last
    due = sa.literal(date.fromisoformat(day), sa.Date)
    return sa.or_(_due() > due, sa.and_(_due() == due, tickets.c.id > last))
