"""Room 1's queries: a message is kept once, under its channel's own id.

Insert-or-ignore on (channel, external id) decides whether a message is new; nothing is checked
first and written later.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.channel import ContentConflict
from bot.messages import (
    Accepted,
    Address,
    ChannelName,
    ConversationId,
    Inbound,
    InboxId,
    JsonObject,
)
from bot.store import schema
from bot.store.marks import set_mark
from bot.store.pictures import announce, expect
from bot.store.rows import Queries, new_conversation_id

_inbox, _conversations, _sessions = schema.inbox, schema.conversations, schema.web_sessions


class Arrivals(Queries):
    async def accept(self, message: Inbound) -> Accepted:
        """Keep an inbound message; returns after the commit.

        The same external id again gives the first row back with `duplicate`. With other content
        it raises ContentConflict and changes nothing.
        """
        return await self.database.write(lambda c: self._accept(c, message))

    def _accept(self, c: Connection, message: Inbound) -> Accepted:
        now = self.clock()
        known = self._known(c, message)
        if known is None:
            conversation = message.conversation or self.conversation_of(
                c, message.channel, message.address, message.language_hint, now
            )
            # The cursor first: it holds the conversation's row, so that all writers queue there and
            # an edit never waits for a worker who waits for the edit.
            cursor = self.next_cursor(c, conversation)
            body, pictures = announce(c, conversation, message)
            replaces = bool(message.correction_of) and self._replace_text(c, message, body)
            inserted = c.execute(
                self.database.insert_or_ignore(_inbox).values(
                    conversation_id=conversation,
                    channel=message.channel,
                    external_id=message.external_id,
                    fingerprint=message.fingerprint(),
                    body=body | self._label(c, conversation, message),
                    cursor=cursor,
                    state="replaced" if replaces else "waiting",
                    received_at=now,
                )
            )
            known = self._known(c, message)
            if inserted.rowcount:
                expect(c, conversation, message.channel, pictures, now)
                c.execute(
                    _conversations.update()
                    .where(_conversations.c.id == conversation)
                    .values(last_inbound_at=now, blocked_at=None)
                )
                return self._accepted(known, duplicate=False)
            self.give_back_cursor(c, conversation)
        if known.fingerprint and known.fingerprint != message.fingerprint():
            raise ContentConflict(message.external_id)
        return self._accepted(known, duplicate=True)

    @staticmethod
    def _label(c: Connection, conversation: str, message: Inbound) -> dict[str, str]:
        """The words of the choice that was picked, for those who read the conversation later."""
        if not message.choice:
            return {}
        kept = c.execute(
            sa.select(_conversations.c.open_reply).where(_conversations.c.id == conversation)
        ).scalar()
        offered = (kept or {}).get("choices") or ()
        return next(({"label": o["label"]} for o in offered if o["id"] == message.choice), {})

    def _known(self, c: Connection, message: Inbound) -> Any:
        return c.execute(
            sa.select(_inbox).where(
                _inbox.c.channel == message.channel, _inbox.c.external_id == message.external_id
            )
        ).one_or_none()

    @staticmethod
    def _accepted(row: Any, duplicate: bool) -> Accepted:
        return Accepted(
            InboxId(row.id), ConversationId(row.conversation_id), duplicate, row.received_at
        )

    def _replace_text(self, c: Connection, message: Inbound, body: JsonObject) -> bool:
        """Let an edit take the place of a text that no worker has claimed yet."""
        body = {k: v for k, v in body.items() if k != "correction_of"}
        done = c.execute(
            _inbox.update()
            .where(
                _inbox.c.channel == message.channel,
                _inbox.c.external_id == message.correction_of,
                _inbox.c.state == "waiting",
                _inbox.c.attempts == 0,
            )
            .values(body=body)
        )
        return bool(done.rowcount)

    # Web sessions ------------------------------------------------------------------------------

    async def open_session(self, token_hash: str, language: str, lifetime: timedelta) -> datetime:
        """Begin a web conversation under the hash of its token; returns when it expires."""

        def work(c: Connection) -> datetime:
            now = self.clock()
            conversation = new_conversation_id()
            c.execute(
                _conversations.insert().values(
                    id=conversation,
                    channel="web",
                    address=conversation,
                    language=language,
                    created_at=now,
                )
            )
            c.execute(
                _sessions.insert().values(
                    token_hash=token_hash,
                    conversation_id=conversation,
                    created_at=now,
                    expires_at=now + lifetime,
                )
            )
            return now + lifetime

        return await self.database.write(work)

    async def session(self, token_hash: str) -> ConversationId | None:
        """The conversation of an unexpired session."""

        def work(c: Connection) -> ConversationId | None:
            found = c.execute(
                sa.select(_sessions.c.conversation_id).where(
                    _sessions.c.token_hash == token_hash, _sessions.c.expires_at > self.clock()
                )
            ).scalar_one_or_none()
            return ConversationId(found) if found else None

        return await self.database.read(work)

    # Small memories of connectors ---------------------------------------------------------------

    async def mark(self, name: str) -> str | None:
        """A connector's remembered position, such as a polling offset."""
        table = schema.marks
        return await self.database.read(
            lambda c: c.execute(sa.select(table.c.value).where(table.c.name == name)).scalar()
        )

    async def set_mark(self, name: str, value: str) -> None:
        await self.database.write(lambda c: set_mark(c, name, value, self.clock()))

    async def set_opt_out(self, channel: ChannelName, address: Address, out: bool) -> None:
        """Remember, or forget, that an address wants nothing sent to it."""
        await self.database.write(lambda c: self.write_opt_out(c, channel, address, out))
