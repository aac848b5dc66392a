"""What the journal hands out: a claimed message, a delivery; and what its parts share."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import (
    Address,
    ChannelName,
    ConversationId,
    InboxId,
    JsonObject,
    OutboxId,
    Payload,
    Reply,
    Sender,
)
from bot.store import schema
from bot.store.engine import Database

Clock = Callable[[], datetime]


class LeaseLost(Exception):
    """Another worker holds the conversation now; what this one made must not be kept."""


@dataclass(frozen=True)
class Claim:
    """One message to answer, with what the conversation knows of itself."""

    inbox_id: InboxId
    conversation: ConversationId
    channel: ChannelName
    address: Address
    external_id: str
    body: JsonObject
    attempts: int
    interrupted: int
    language: str
    language_fixed: bool
    owner: str
    disclosed: bool
    open_reply: Reply | None
    holds_more: bool
    lease_by: str


@dataclass(frozen=True)
class OutgoingReply:
    """A reply with the payloads that its channel renders it to."""

    reply: Reply
    payloads: tuple[Payload, ...]
    sender: Sender = "bot"


@dataclass(frozen=True)
class Delivery:
    """One payload to send, claimed by this process."""

    outbox_id: OutboxId
    conversation: ConversationId
    channel: ChannelName
    address: Address
    payload: Payload
    attempts: int
    opted_out: bool


def new_conversation_id() -> ConversationId:
    """96 random bits: says nothing of who the citizen is."""
    return ConversationId(secrets.token_hex(12))


class Queries:
    """What all parts of the journal share: the database, the clock, and the cursor."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    def next_cursor(self, c: Connection, conversation: str) -> int:
        """The next place in the conversation. Holds the row until the commit, so that the order
        of cursors is the order of commits and a reader who follows them misses nothing."""
        table = schema.conversations
        c.execute(
            table.update()
            .where(table.c.id == conversation)
            .values(last_cursor=table.c.last_cursor + 1)
        )
        return int(
            c.execute(sa.select(table.c.last_cursor).where(table.c.id == conversation)).scalar_one()
        )

    def give_back_cursor(self, c: Connection, conversation: str) -> None:
        """Undo `next_cursor` in the same transaction, when nothing came to stand there."""
        table = schema.conversations
        c.execute(
            table.update()
            .where(table.c.id == conversation)
            .values(last_cursor=table.c.last_cursor - 1)
        )

    def conversation_of(
        self, c: Connection, channel: str, address: str, language: str, now: datetime
    ) -> ConversationId:
        """The conversation of this address, begun when there is none."""
        table = schema.conversations
        found = sa.select(table.c.id).where(table.c.channel == channel, table.c.address == address)
        known = c.execute(found).scalar_one_or_none()
        if known is None:
            c.execute(
                self.database.insert_or_ignore(table).values(
                    id=new_conversation_id(),
                    channel=channel,
                    address=address,
                    language=language,
                    created_at=now,
                )
            )
            known = c.execute(found).scalar_one()
        return ConversationId(known)

    def write_opt_out(self, c: Connection, channel: str, address: str, out: bool) -> None:
        """Remember, or forget, that an address wants nothing sent to it."""
        table = schema.opt_outs
        if not out:
            c.execute(table.delete().where(table.c.channel == channel, table.c.address == address))
            return
        c.execute(
            self.database.insert_or_ignore(table).values(
                channel=channel, address=address, opted_out_at=self.clock()
            )
        )
