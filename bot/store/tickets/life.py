"""What happens to a ticket after it was opened: moves, merging, routing, targets, notes.

Each change is one transaction that holds the ticket's row, so two people who act at once act one
after the other: the second either finds a move that the table still has, or is refused and told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.errors import CivicError
from bot.civic.tickets import (
    MoveRefused,
    State,
    Ticket,
    TicketUnknown,
    after_move,
    check_move,
)
from bot.store.tickets.rows import TicketRows, columns_of, followers, standing_of, tickets


@dataclass(frozen=True)
class Done:
    """What became of one ticket of many: changed with its event, or refused with a reason."""

    reference: str
    ticket: Ticket | None = None
    event: int | None = None
    refusal: str = ""


class Life(TicketRows):
    def move(
        self,
        ref: str,
        state: State,
        by: str,
        text: str = "",
        *,
        planned_for: date | None = None,
        passed_to: str = "",
        duplicate_of: str | None = None,
        version: int | None = None,
        conversation: str | None = None,
    ) -> tuple[Ticket, int]:
        """Change the state as the table allows; returns the ticket and the event's id.

        `planned` needs `planned_for`, `passed_on` needs `passed_to`, `duplicate` needs
        `duplicate_of` (the followers go to that ticket), `cannot_fix` and `not_ours` need a text.
        Everybody who follows is told, except `conversation`, which caused it. With `version`, a
        ticket that changed since is left alone.

        Raises TicketUnknown, MoveRefused when the table has no such move, TicketChanged.
        """
        facts = {
            "planned_for": planned_for.isoformat() if planned_for else None,
            "passed_to": passed_to.strip()[:200] or None,
            "duplicate_of": duplicate_of,
        }
        facts = {k: v for k, v in facts.items() if v}

        def work(c: Connection) -> tuple[Ticket, int]:
            target = self._hold_both(c, ref, duplicate_of) if duplicate_of else None
            ticket = self._held(c, ref, version)
            check_move(ticket.state, state, text, facts)
            return self._move(c, ticket, state, by, text, facts, conversation, target)

        return self.database.write_now(work)

    def merge(self, ref: str, into: str, by: str, text: str = "") -> tuple[Ticket, int]:
        """Close a ticket as a duplicate of another: its followers follow that one now, both
        histories stay, and the reporter is told where it goes on."""
        return self.move(ref, State.DUPLICATE, by, text, duplicate_of=into)

    def withdraw(self, ref: str, conversation: str) -> tuple[Ticket, int]:
        """The reporter takes the report back; others who follow it are told.

        Raises TicketUnknown for anybody else's ticket, just as for one that does not exist.
        """

        def work(c: Connection) -> tuple[Ticket, int]:
            ticket = self._held(c, ref)
            if ticket.conversation != conversation:
                raise TicketUnknown(ref)
            check_move(ticket.state, State.WITHDRAWN)
            return self._move(c, ticket, State.WITHDRAWN, "citizen", "", {}, conversation, None)

        return self.database.write_now(work)

    def reopen(self, ref: str, conversation: str, reason: str) -> tuple[Ticket, int]:
        """Someone who follows the ticket says that it is not fixed, and why.

        Raises TicketUnknown when the conversation does not follow it, MoveRefused when it is not
        closed.
        """

        def work(c: Connection) -> tuple[Ticket, int]:
            ticket = self._held(c, ref)
            follows = sa.select(followers.c.ticket_id).where(
                followers.c.ticket_id == ticket.id, followers.c.conversation_id == conversation
            )
            if c.execute(follows).first() is None:
                raise TicketUnknown(ref)
            check_move(ticket.state, State.REOPENED)
            words = reason.strip()[:1000]
            return self._move(c, ticket, State.REOPENED, "citizen", words, {}, conversation, None)

        return self.database.write_now(work)

    def _move(
        self,
        c: Connection,
        ticket: Ticket,
        state: State,
        by: str,
        text: str,
        facts: dict[str, Any],
        conversation: str | None,
        target: Ticket | None,
    ) -> tuple[Ticket, int]:
        if state is State.REOPENED:
            due_on = self.rules.due_on(ticket.service, self.clock())
            facts = {**facts, **({"due_on": due_on.isoformat()} if due_on else {})}
        now = after_move(standing_of(ticket), state, facts)
        moved = self._change(c, ticket, **columns_of(now))
        event = self._event(c, ticket.id, "moved", state, True, text, by, facts, conversation)
        self._spread(c, ticket.id, event, conversation)
        if target is not None:
            self._hand_over(c, ticket, target, by)
        return moved, event

    def _hold_both(self, c: Connection, ref: str, into: str) -> Ticket:
        """Hold two tickets, the older first, so that two who merge at once never wait in a ring."""
        held = {r: self._held(c, r) for r in self._oldest_first(c, ref, into)}
        if into not in held:
            raise TicketUnknown(into)
        target = held[into]
        if ref == into or target.state in (State.DUPLICATE, State.WITHDRAWN):
            raise MoveRefused("utter_ticket_merge_refused", reference=ref, into=into)
        return target

    @staticmethod
    def _oldest_first(c: Connection, *refs: str) -> list[str]:
        query = sa.select(tickets.c.reference).where(tickets.c.reference.in_(refs))
        return [str(row.reference) for row in c.execute(query.order_by(tickets.c.id))]

    def _hand_over(self, c: Connection, ticket: Ticket, target: Ticket, by: str) -> None:
        """Followers of the one follow the other now."""
        mine = followers.c.ticket_id == ticket.id
        for row in c.execute(sa.select(followers).where(mine)).all():
            c.execute(
                self.database.insert_or_ignore(followers).values(
                    ticket_id=target.id,
                    conversation_id=row.conversation_id,
                    language=row.language,
                    since_at=self.clock(),
                )
            )
        # The reporter goes on following this one too, in case it was merged by mistake.
        others = followers.c.conversation_id != ticket.conversation
        c.execute(followers.delete().where(mine, others))
        self._event(c, target.id, "merged", None, False, "", by, {"duplicate": ticket.reference})
        self._change(c, target)

    def route(self, ref: str, desk: str, by: str, version: int | None = None) -> tuple[Ticket, int]:
        """Hand the ticket to another desk; citizens are not told, the history is."""

        def work(c: Connection) -> tuple[Ticket, int]:
            ticket = self._held(c, ref, version)
            facts = {"desk": desk, "was": ticket.desk}
            event = self._event(c, ticket.id, "routed", None, False, "", by, facts)
            return self._change(c, ticket, desk=desk), event

        return self.database.write_now(work)

    def set_due(
        self, ref: str, due_on: date | None, by: str, version: int | None = None
    ) -> tuple[Ticket, int]:
        """Set or take away the target date; a new date is watched anew."""

        def work(c: Connection) -> tuple[Ticket, int]:
            ticket = self._held(c, ref, version)
            facts = {
                "due_on": due_on.isoformat() if due_on else None,
                "was": ticket.due_on.isoformat() if ticket.due_on else None,
            }
            event = self._event(c, ticket.id, "due", None, False, "", by, facts)
            return self._change(c, ticket, due_on=due_on), event

        return self.database.write_now(work)

    def note(self, ref: str, text: str, by: str, public: bool = False) -> int:
        """Add a note; a public one is told to everybody who follows. Returns the event's id."""

        def work(c: Connection) -> int:
            ticket = self._held(c, ref)
            event = self._event(c, ticket.id, "note", None, public, text, by)
            if public:
                self._spread(c, ticket.id, event)
                self._change(c, ticket)
            return event

        return self.database.write_now(work)

    def bulk(self, refs: Sequence[str], change: Callable[[str], tuple[Ticket, int]]) -> list[Done]:
        """Apply `change` to many, each in a transaction of its own: one that is refused stops no
        other. E.g. `register.bulk(refs, lambda ref: register.route(ref, "roads", by="Kim"))`."""
        done = []
        for ref in dict.fromkeys(refs):
            try:
                ticket, event = change(ref)
            except CivicError as error:
                done.append(Done(ref, refusal=error.phrase))
            else:
                done.append(Done(ref, ticket, event))
        return done
