"""What was said: a conversation as its reader, or a clerk, sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import ConversationId, Entry
from bot.store import schema
from bot.store.claims import Claims
from bot.store.rows import OutgoingReply, Queries

_inbox, _outbox, _conversations = schema.inbox, schema.outbox, schema.conversations


class History(Queries):
    async def entries(
        self, conversation: ConversationId, after: int = 0, limit: int = 200
    ) -> list[Entry]:
        """Up to `limit` lines after a cursor, in order, both sides of the conversation."""
        return await self.database.read(lambda c: self._entries(c, conversation, after, limit))

    async def latest(self, conversation: ConversationId, limit: int) -> list[Entry]:
        """The newest `limit` lines, oldest of them first."""

        def work(c: Connection) -> list[Entry]:
            query = sa.select(_conversations.c.last_cursor)
            last = c.execute(query.where(_conversations.c.id == conversation)).scalar() or 0
            return self._entries(c, conversation, max(0, last - limit), limit)

        return await self.database.read(work)

    def _entries(
        self, c: Connection, conversation: ConversationId, after: int, limit: int
    ) -> list[Entry]:
        said = c.execute(
            sa.select(_inbox)
            .where(
                _inbox.c.conversation_id == conversation,
                _inbox.c.cursor > after,
                _inbox.c.fingerprint != "",  # erased
                _inbox.c.state != "replaced",
            )
            .order_by(_inbox.c.cursor)
            .limit(limit)
        )
        lines = [
            Entry(
                row.cursor, "citizen", row.external_id, False, row.received_at, row.body, row.state
            )
            for row in said
        ]
        answered = c.execute(
            sa.select(_outbox, _inbox.c.external_id)
            .outerjoin(_inbox, _inbox.c.id == _outbox.c.inbox_id)
            .where(
                _outbox.c.conversation_id == conversation,
                _outbox.c.cursor > after,
                _outbox.c.state != "held",
            )
            .order_by(_outbox.c.cursor)
            .limit(limit)
        )
        for row in answered:
            m = row._mapping
            lines.append(
                Entry(
                    m[_outbox.c.cursor],
                    m[_outbox.c.sender],
                    m[_inbox.c.external_id],
                    m[_outbox.c.final],
                    m[_outbox.c.created_at],
                    m[_outbox.c.payload] | {"reply": m[_outbox.c.reply]},
                    m[_outbox.c.state],
                    m[_outbox.c.id],
                )
            )
        return sorted(lines, key=lambda line: line.cursor)[:limit]

    async def conversation(self, conversation: str) -> dict[str, Any] | None:
        """The conversation's own row; a unique beginning of its id is enough."""

        def work(c: Connection) -> dict[str, Any] | None:
            rows = c.execute(
                sa.select(_conversations)
                .where(_conversations.c.id.startswith(conversation, autoescape=True))
                .limit(2)
            ).all()
            return dict(rows[0]._mapping) if len(rows) == 1 else None

        return await self.database.read(work)

    async def flagged(self) -> list[dict[str, Any]]:
        """Conversations that ask for a person, longest waiting first."""

        def work(c: Connection) -> list[dict[str, Any]]:
            rows = c.execute(
                sa.select(_conversations)
                .where(_conversations.c.flagged_at.is_not(None))
                .order_by(_conversations.c.flagged_at)
            )
            return [dict(row._mapping) for row in rows]

        return await self.database.read(work)


class Desk(Claims, History):
    """What staff do to a conversation: answer, take it over, give it back."""

    async def say(
        self,
        conversation: ConversationId,
        replies: Sequence[OutgoingReply],
        notice_key: str | None = None,
        not_before: datetime | None = None,
    ) -> bool:
        """Queue something that answers no message; once per notice key. False when it was there.

        What waits for `not_before` holds up nothing that is said to the citizen meanwhile.
        """

        def work(c: Connection) -> bool:
            if notice_key is not None:
                # Whoever tells the same at the same time waits here, and then finds it told.
                c.execute(
                    sa.select(_conversations.c.id)
                    .where(_conversations.c.id == conversation)
                    .with_for_update()
                )
                known = c.execute(
                    sa.select(_outbox.c.id).where(_outbox.c.notice_key == notice_key)
                ).first()
                if known is not None:
                    return False
            self.add_replies(
                c,
                conversation,
                replies,
                self.clock(),
                notice_key=notice_key,
                not_before=not_before,
            )
            return True

        return await self.database.write(work)

    async def looked_at(
        self, conversation: ConversationId, reason: str, at: datetime | None = None
    ) -> bool:
        """Take down a flag that somebody has looked at; whoever holds the conversation keeps it.

        False when it is down already, is up for another `reason`, or was put up again since `at`.
        """
        mine = [_conversations.c.id == conversation, _conversations.c.flag_reason == reason]
        if at is not None:
            mine.append(_conversations.c.flagged_at == at)
        down = _conversations.update().where(*mine).values(flagged_at=None, flag_reason=None)
        return await self.database.write(lambda c: bool(c.execute(down).rowcount))

    async def set_owner(self, conversation: ConversationId, owner: str) -> None:
        """Give the conversation to a person, or to "bot"; the flag comes down."""
        await self.database.write(
            lambda c: c.execute(
                _conversations.update()
                .where(_conversations.c.id == conversation)
                .values(owner=owner, flagged_at=None, flag_reason=None)
            )
        )
