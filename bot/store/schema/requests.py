"""Service requests: tickets with their append-only events."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

tickets = sa.Table(
    "tickets",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("reference", String(20), nullable=False, unique=True),
    Column("request_key", String(80), nullable=False, unique=True),
    Column("conversation_id", ForeignKey("conversations.id")),
    Column("service", String(60), nullable=False, index=True),
    Column("desk", String(60), nullable=False, server_default=""),
    Column("state", String(20), nullable=False),
    Column("place", Text, nullable=False, server_default=""),
    Column("place_known", Boolean, nullable=False, server_default=sa.false()),
    Column("area_code", String(20)),
    Column("lat", Float),
    Column("lon", Float),
    Column("details", Text, nullable=False, server_default=""),
    Column("contact", Text),
    Column("language", String(5), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

ticket_events = sa.Table(
    "ticket_events",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("ticket_id", ForeignKey("tickets.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("state", String(20)),
    Column("public", Boolean, nullable=False, server_default=sa.false()),
    Column("text", Text, nullable=False, server_default=""),
    Column("by", String(60), nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
)

counters = sa.Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Integer, nullable=False),
)
