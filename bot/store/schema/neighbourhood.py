"""What goes on where people live: notices on areas, who wants to hear of them, drawn pictures."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

notices = sa.Table(
    "notices",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    # The feed that it came from; empty for one that staff wrote.
    Column("feed", String(300), nullable=False, server_default=""),
    Column("guid", String(300), nullable=False),
    Column("area_codes", sa.JSON, nullable=False),
    Column("kind", String(20), nullable=False),
    # By language: {"title": ..., "text": ...}.
    Column("texts", sa.JSON, nullable=False),
    Column("begins_at", UtcDateTime),
    Column("ends_at", UtcDateTime),
    Column("url", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("told_at", UtcDateTime),
    sa.UniqueConstraint("feed", "guid"),
    Index("ix_notices_told_at", "told_at"),
)

area_subscriptions = sa.Table(
    "area_subscriptions",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("area_code", String(20), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_area_subscriptions_area_code", "area_code"),
)

drawings = sa.Table(
    "drawings",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("spec", sa.JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_drawings_created_at", "created_at"),
)
