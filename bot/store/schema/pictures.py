"""Photos that citizens send, and pictures that staff send them: one row each, from its announcement
to its deletion.

The picture itself lies in a photo store under the row's id; the row says whose it is. A picture
that staff sent has an address that cannot be guessed and works for a while.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import metadata

photos = sa.Table(
    "photos",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), index=True),
    Column("ticket_id", ForeignKey("tickets.id"), index=True),
    Column("channel", String(20), nullable=False),
    Column("reference", Text, nullable=False, server_default=""),
    Column("state", String(10), nullable=False),
    Column("code", String(40), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcDateTime),
    Column("width", Integer),
    Column("height", Integer),
    Column("bytes", Integer),
    Column("lat", Float),
    Column("lon", Float),
    Column("position_agreed", Boolean, nullable=False, server_default=sa.false()),
    Column("sent_by", String(60), nullable=False, server_default=""),
    Column("share", String(64)),
    Column("share_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("stored_at", UtcDateTime),
    Index("uq_photos_share", "share", unique=True),
    Index("ix_photos_state_not_before", "state", "not_before"),
)
"""`state`: waiting (the provider still has it), arriving (being stored), stored, refused and gone
(`code` says why), erased (its files are to be deleted, then the row).

`sent_by` is the account of staff that uploaded the picture, empty for a citizen's photo. `share` is
the part of its public address that cannot be guessed, once it was sent; `share_until` its end."""
