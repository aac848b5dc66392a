"""Opening tickets: once a request key, under dense numbers, routed and with a target."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import NewTicket, State, Ticket, after_move, check_move, reference
from bot.store import schema
from bot.store.tickets.rows import TicketRows, columns_of, followers, standing_of, tickets

_counters = schema.counters


class Opening(TicketRows):
    def open(self, new: NewTicket) -> Ticket:
        """Make the ticket, or give back the one that this request key made before.

        The desk comes from the rules for service and area, else from the request; the target from
        the service. The reporter is the first to follow it.
        """
        return self.database.write_now(lambda c: self.open_within(c, new))

    def open_within(
        self, c: Connection, new: NewTicket, opened_at: datetime | None = None
    ) -> Ticket:
        """The same inside the caller's transaction, as of `opened_at`."""
        now = opened_at or self.clock()
        counter = self._counter(c, now.year)
        known = self._one(c, tickets.c.request_key == new.request_key)
        if known is not None:
            return known
        row = {k: v for k, v in new.__dict__.items() if k != "conversation"}
        row["desk"] = self.rules.desk_for(new.service, new.area_code) or new.desk
        due_on = self.rules.due_on(new.service, now)
        made = c.execute(
            self.database.insert_or_ignore(tickets).values(
                **row,
                reference=reference(now.year, self._next_number(c, counter)),
                conversation_id=new.conversation,
                state=State.RECEIVED.value,
                due_on=due_on,
                created_at=now,
                changed_at=now,
            )
        )
        ticket = self._one(c, tickets.c.request_key == new.request_key)
        assert ticket is not None
        if made.rowcount:
            facts = {"desk": ticket.desk, "due_on": due_on.isoformat() if due_on else None}
            self._event(
                c, ticket.id, "opened", State.RECEIVED, True, "", _opener(new), facts,
                new.conversation,
            )  # fmt: skip
            if new.conversation:
                c.execute(
                    followers.insert().values(
                        ticket_id=ticket.id,
                        conversation_id=new.conversation,
                        language=new.language,
                        since_at=now,
                    )
                )
        return ticket

    def hold_counter(self, c: Connection, at: datetime) -> None:
        """Make whoever opens a ticket in this year wait until the caller's commit."""
        self._counter(c, at.year)

    def import_within(
        self,
        c: Connection,
        new: NewTicket,
        opened_at: datetime | None,
        state: State,
        text: str,
        facts: Mapping[str, str],
        by: str,
    ) -> bool:
        """Open a ticket from elsewhere in the state that it has there; False when it is known
        already. The history says by its two events how it came."""
        known = sa.select(tickets.c.id).where(tickets.c.request_key == new.request_key)
        if c.execute(known).first() is not None:
            return False
        ticket = self.open_within(c, new, opened_at)
        if state is not State.RECEIVED:
            check_move(ticket.state, state, text, facts)
            now = after_move(standing_of(ticket), state, facts)
            self._change(c, ticket, **columns_of(now))
            self._event(c, ticket.id, "moved", state, True, text, by, facts)
        return True

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


def _opener(new: NewTicket) -> str:
    return "citizen" if new.source in ("chat", "open311") else new.source
