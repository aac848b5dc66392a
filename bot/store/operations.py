"""How the road is doing: what waits, when each channel was last heard, what failed last.

Reads only, but for a flag that a clerk takes down after looking. Nothing here holds words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.rows import Queries

_inbox, _outbox, _talks = schema.inbox, schema.outbox, schema.conversations
DAY = timedelta(days=1)
MARKS = ("backup", "purge")
"""Marks that a backup and a purge leave when they are done; `marks.set_at` is when."""


@dataclass(frozen=True)
class Queue:
    """Something that waits: how many, and since when the oldest."""

    name: str
    waiting: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Health:
    """One channel: last heard, last sent, and the last send that went wrong, with its code."""

    channel: str
    heard_at: datetime | None
    heard_today: int
    sent_at: datetime | None
    error_at: datetime | None
    error: str
    opted_out: int


class Operations(Queries):
    async def queues(self) -> list[Queue]:
        """Messages to answer, messages to send, news of tickets to tell, photos on their way."""
        i, o, p = _inbox.c, _outbox.c, schema.photos.c
        queries = {
            "inbox": sa.select(sa.func.count(), sa.func.min(i.received_at)).where(
                i.state.in_(("waiting", "claimed"))
            ),
            "outbox": sa.select(sa.func.count(), sa.func.min(o.created_at)).where(
                o.state.in_(("queued", "sending"))
            ),
            "photos": sa.select(sa.func.count(), sa.func.min(p.created_at)).where(
                p.state.in_(("waiting", "arriving"))
            ),
            "news": sa.select(
                sa.func.count(), sa.func.min(schema.ticket_events.c.happened_at)
            ).select_from(
                schema.ticket_news.join(
                    schema.ticket_events,
                    schema.ticket_events.c.id == schema.ticket_news.c.event_id,
                )
            ),
        }

        def work(c: Connection) -> list[Queue]:
            found = []
            for name, query in queries.items():
                number, oldest = c.execute(query).one()
                found.append(Queue(name, int(number), oldest))
            return found

        return await self.database.read(work)

    async def channels(self, names: list[str]) -> list[Health]:
        """Each channel in use, whether anything came or not."""

        def work(c: Connection) -> list[Health]:
            return [self._health(c, name) for name in names]

        return await self.database.read(work)

    def _health(self, c: Connection, channel: str) -> Health:
        i = _inbox.c
        heard_at = c.execute(
            sa.select(sa.func.max(i.received_at)).where(i.channel == channel)
        ).scalar()
        today = c.execute(
            sa.select(sa.func.count())
            .select_from(_inbox)
            .where(i.channel == channel, i.received_at > self.clock() - DAY)
        ).scalar_one()
        mine = _outbox.join(_talks, _talks.c.id == _outbox.c.conversation_id)
        sends = (
            sa.select(_outbox.c.settled_at, _outbox.c.code, _outbox.c.state)
            .select_from(mine)
            .where(_talks.c.channel == channel, _outbox.c.settled_at.is_not(None))
            .order_by(_outbox.c.settled_at.desc())
            .limit(1)
        )
        sent = c.execute(sends.where(_outbox.c.state.in_(("sent", "delivered")))).first()
        wrong = c.execute(sends.where(_outbox.c.state.in_(("refused", "unclear")))).first()
        out = schema.opt_outs
        opted_out = c.execute(
            sa.select(sa.func.count()).select_from(out).where(out.c.channel == channel)
        ).scalar_one()
        return Health(
            channel,
            heard_at,
            int(today),
            sent.settled_at if sent else None,
            wrong.settled_at if wrong else None,
            (wrong.code or wrong.state) if wrong else "",
            int(opted_out),
        )

    async def failed(self) -> list[dict[str, Any]]:
        """Conversations in which a turn failed for good and nobody has looked yet, each with the
        message (`inbox_id`, if it is still there) and how many processes ended with it."""
        last = self._last_failed(_talks.c.id)
        query = (
            sa.select(
                _talks.c.id,
                _talks.c.channel,
                _talks.c.flagged_at,
                _inbox.c.id.label("inbox_id"),
                _inbox.c.interrupted,
                _inbox.c.attempts,
            )
            .select_from(_talks.outerjoin(_inbox, _inbox.c.id == last))
            .where(_talks.c.flag_reason == "failed")
            .order_by(_talks.c.flagged_at)
            .limit(100)
        )
        return await self.database.read(lambda c: [dict(r._mapping) for r in c.execute(query)])

    @staticmethod
    def _last_failed(conversation: Any) -> Any:
        """The message whose turn failed last in a conversation, if its words are still there."""
        turns, inbox = schema.turns.c, _inbox.alias()
        return (
            sa.select(sa.func.max(turns.inbox_id))
            .select_from(schema.turns.join(inbox, inbox.c.id == turns.inbox_id))
            .where(turns.conversation_id == conversation, turns.outcome == "failed")
            .where(inbox.c.fingerprint != "")
            .scalar_subquery()
        )

    async def try_again(self, conversation: str) -> bool:
        """Have the message of a failed turn answered anew, and take the flag down.

        The apology that was sent stays sent. False when the flag is down already.
        """

        def work(c: Connection) -> bool:
            mine = sa.and_(_talks.c.id == conversation, _talks.c.flag_reason == "failed")
            down = _talks.update().where(mine).values(flagged_at=None, flag_reason=None)
            message = c.execute(sa.select(self._last_failed(conversation))).scalar()
            if message is None or not c.execute(down).rowcount:
                return False
            # The apology is no longer the answer to it, so that there can be another one.
            c.execute(_outbox.update().where(_outbox.c.inbox_id == message).values(inbox_id=None))
            c.execute(schema.turns.delete().where(schema.turns.c.inbox_id == message))
            c.execute(
                _inbox.update()
                .where(_inbox.c.id == message)
                .values(state="waiting", attempts=0, interrupted=0, not_before=None, done_at=None)
            )
            return True

        return await self.database.write(work)

    async def hook_trouble(self) -> int:
        """Requests for a person that the desk's web hook could not be told of yet."""
        h = schema.handovers.c
        query = sa.select(sa.func.count()).where(
            h.announce_at.is_not(None), h.announce_attempts > 0
        )
        return await self.database.read(lambda c: int(c.execute(query).scalar_one()))

    async def began_at(self) -> datetime | None:
        """When the first conversation that is still there began."""
        query = sa.select(sa.func.min(_talks.c.created_at))
        found: datetime | None = await self.database.read(lambda c: c.execute(query).scalar())
        return found

    async def marks(self) -> dict[str, tuple[datetime, str] | None]:
        """When a backup and a purge were last done, and what they said; None for never."""
        table = schema.marks

        def work(c: Connection) -> dict[str, tuple[datetime, str] | None]:
            rows = {r.name: r for r in c.execute(sa.select(table).where(table.c.name.in_(MARKS)))}
            return {n: (rows[n].set_at, rows[n].value) if n in rows else None for n in MARKS}

        return await self.database.read(work)
