"""What has been kept long enough: old talks lose their words, finished tickets their people.

Each step is one small transaction that looks at some rows and erases a few of them, so that no turn
waits for long and a crash loses nothing but the step. What is due is asked anew each time, under
the row's lock. Conversations that staff marked "keep" are left alone, and their tickets too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import CLOSED
from bot.store import erasure, log_filling, schema
from bot.store.marks import set_mark
from bot.store.rows import Queries

_talks, _inbox, _outbox = schema.conversations, schema.inbox, schema.outbox
_tickets, _marks = schema.tickets, schema.marks
LOOKED_AT = 1000
"""Rows that a step looks at."""
ERASED_AT_ONCE = 5
"""Rows that a step erases at most: about as long as a turn takes."""
LEASE = "purge lease"
LEASED = timedelta(minutes=10)


@dataclass(frozen=True)
class Step:
    """How many went, and where the next step begins; `after` is None at the end."""

    done: int
    after: Any
    removed: int = 0


class Retention(Queries):
    """See the module."""

    # Conversations -------------------------------------------------------------------------------

    async def purge_talks(self, before: datetime, after: str) -> Step:
        """Erase some conversations whose last message is older than `before`."""

        def erase(c: Connection, conversation: str) -> bool:
            return self._purge_talk(c, conversation, before)

        return await self._step(_talks, self._due_talks(before), after, erase)

    def _purge_talk(self, c: Connection, conversation: str, before: datetime) -> bool:
        erasure.erase_words(c, conversation, before)
        if c.execute(sa.select(self._tied(conversation))).scalar_one():
            return False
        erasure.remove(c, conversation)
        return True

    def _due_talks(self, before: datetime) -> Any:
        """Ids of conversations that are old, and have words or nothing to stay for."""
        t, i, o, log = _talks.c, _inbox.c, _outbox.c, schema.talks.c
        mine = o.conversation_id == t.id
        said = sa.or_(o.notice_key.is_(None), o.inbox_id.is_not(None))
        words = sa.or_(
            sa.exists().where(i.conversation_id == t.id),
            sa.exists().where(mine, o.created_at < before),
            sa.exists().where(schema.talk_notes.c.conversation_id == t.id),
        )
        return sa.select(t.id).where(
            sa.func.coalesce(t.last_inbound_at, t.created_at) < before,
            sa.or_(t.lease_until.is_(None), t.lease_until < self.clock()),
            ~sa.exists().where(log.conversation_id == t.id, log.keep.is_(True)),
            ~sa.exists().where(i.conversation_id == t.id, i.state.in_(("waiting", "claimed"))),
            # An answer, or an agent's word, makes a conversation younger; the city's own news do
            # not, but what is still to be sent stays until it is.
            ~sa.exists().where(mine, said, o.created_at >= before),
            ~sa.exists().where(mine, o.state.in_(("queued", "sending"))),
            sa.or_(words, ~self._tied(t.id)),
        )

    @staticmethod
    def _tied(conversation: Any) -> Any:
        """Does the citizen still wait for something, or is something left to show them?"""
        tables = (
            schema.tickets,
            schema.ticket_followers,
            schema.ticket_news,
            schema.area_subscriptions,
            schema.outbox,
        )
        return sa.or_(*(sa.exists().where(t.c.conversation_id == conversation) for t in tables))

    # Tickets -------------------------------------------------------------------------------------

    async def purge_tickets(self, before: datetime, after: int) -> Step:
        """Take the people from some tickets that were finished before `before`."""

        def release(c: Connection, ticket: int) -> bool:
            erasure.release_ticket(c, ticket)
            return False

        return await self._step(_tickets, self._due_tickets(before), after, release)

    @staticmethod
    def _due_tickets(before: datetime) -> Any:
        t, log = _tickets.c, schema.talks.c
        events, photos = schema.ticket_events.c, schema.photos.c
        people = sa.or_(
            t.contact.is_not(None),
            t.conversation_id.is_not(None),
            sa.exists().where(schema.ticket_followers.c.ticket_id == t.id),
            sa.exists().where(schema.follow_requests.c.ticket_id == t.id),
            sa.exists().where(events.ticket_id == t.id, events.conversation_id.is_not(None)),
            sa.exists().where(photos.ticket_id == t.id),
        )
        kept = sa.exists().where(log.conversation_id == t.conversation_id, log.keep.is_(True))
        finished = t.state.in_([state.value for state in CLOSED])
        return sa.select(t.id).where(finished, t.changed_at < before, people, ~kept)

    # One step ------------------------------------------------------------------------------------

    async def _step(
        self, table: sa.Table, due: Any, after: Any, erase: Callable[[Connection, Any], bool]
    ) -> Step:
        """`erase` some of the `due` rows after `after`; it says whether a row went whole."""
        key = table.c.id

        def work(c: Connection) -> Step:
            last = self._window(c, key, after)
            if last is None:
                return Step(0, None)
            found = due.where(key > after, key <= last).order_by(key).limit(ERASED_AT_ONCE)
            ids = list(c.execute(found.with_for_update(of=table, skip_locked=True)).scalars())
            removed = sum(erase(c, one) for one in ids)
            return Step(len(ids), ids[-1] if len(ids) == ERASED_AT_ONCE else last, removed)

        return await self.database.write(work)

    @staticmethod
    def _window(c: Connection, key: Any, after: Any) -> Any:
        """The key of the last row that a step looks at; None when there are no more."""
        some = sa.select(key).where(key > after).order_by(key).limit(LOOKED_AT).subquery()
        return c.execute(sa.select(sa.func.max(some.c[0]))).scalar()

    # What would go, the rest, and whose turn it is -----------------------------------------------

    async def due(self, talks: datetime | None, tickets: datetime | None) -> dict[str, int]:
        """How many conversations and tickets a purge would take now."""

        def count(c: Connection, query: Any) -> int:
            rows = sa.select(sa.func.count()).select_from(query.subquery())
            return int(c.execute(rows).scalar_one())

        def work(c: Connection) -> dict[str, int]:
            return {
                "conversations": count(c, self._due_talks(talks)) if talks else 0,
                "reports": count(c, self._due_tickets(tickets)) if tickets else 0,
            }

        return await self.database.read(work)

    async def purge_small(self, before: datetime | None) -> None:
        """Sessions that have ended, and delivery reports as old as the messages they told of."""
        sessions, reports = schema.web_sessions, schema.reports

        def work(c: Connection) -> None:
            c.execute(sessions.delete().where(sessions.c.expires_at < self.clock()))
            if before is not None:
                c.execute(reports.delete().where(reports.c.reported_at < before))

        await self.database.write(work)

    async def tidy_step(self, first: bool) -> bool:
        """Squeeze erased words out of the full-text index; False when that is done."""
        return await self.database.write(lambda c: log_filling.tidy_step(c, first))

    async def last_purge(self) -> datetime | None:
        """When a purge was last done."""
        query = sa.select(_marks.c.set_at).where(_marks.c.name == "purge")
        found: datetime | None = await self.database.read(lambda c: c.execute(query).scalar())
        return found

    async def take_lease(self, who: str, since: datetime | None = None) -> bool:
        """Become the one process that purges; again while at it. False when another one is.

        With `since` also False when a purge has ended since then.
        """

        def work(c: Connection) -> bool:
            now = self.clock()
            if (
                since is not None
                and c.execute(
                    sa.select(_marks.c.name).where(
                        _marks.c.name == "purge", _marks.c.set_at >= since
                    )
                ).first()
            ):
                return False
            c.execute(
                self.database.insert_or_ignore(_marks).values(name=LEASE, value="", set_at=now)
            )
            free = sa.or_(_marks.c.value.in_(("", who)), _marks.c.set_at < now - LEASED)
            mine = _marks.update().where(_marks.c.name == LEASE, free)
            return bool(c.execute(mine.values(value=who, set_at=now)).rowcount)

        return await self.database.write(work)

    async def end(self, who: str, told: str) -> None:
        """Leave the mark that the purge is done, and free the lease."""

        def work(c: Connection) -> None:
            set_mark(c, "purge", told[:200], self.clock())
            c.execute(_marks.delete().where(_marks.c.name == LEASE, _marks.c.value == who))

        await self.database.write(work)
