"""Service requests: tickets, their append-only events, who follows them, and news to be told.

`ticket_events` carries triggers (see the migration `tickets`): a row is never deleted, and the one
change it takes is losing its words, when the citizen who wrote them asks to be forgotten.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, Float, ForeignKey, Index, Integer, String, Text

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
    Column("street", String(120)),
    Column("source", String(20), nullable=False, server_default="chat"),
    Column("due_on", Date),
    Column("planned_for", Date),
    Column("passed_to", String(200), nullable=False, server_default=""),
    Column("duplicate_of", String(20)),
    Column("reopened_count", Integer, nullable=False, server_default="0"),
    Column("overdue_told_for", Date),
    Column("version", Integer, nullable=False, server_default="1"),
    Index("ix_tickets_conversation_id", "conversation_id"),
    Index("ix_tickets_state_due_on", "state", "due_on"),
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
    Column("conversation_id", String(40)),
    Column("facts", sa.JSON),
)

ticket_followers = sa.Table(
    "ticket_followers",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id"), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("language", String(5), nullable=False, server_default=""),
    Column("since_at", UtcDateTime, nullable=False),
    Index("ix_ticket_followers_conversation_id", "conversation_id"),
)

ticket_news = sa.Table(
    "ticket_news",
    metadata,
    Column("event_id", ForeignKey("ticket_events.id"), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index("ix_ticket_news_conversation_id", "conversation_id"),
)

ticket_lookups = sa.Table(
    "ticket_lookups",
    metadata,
    Column("conversation_id", String(40), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("count", Integer, nullable=False, server_default="0"),
)

follow_requests = sa.Table(
    "follow_requests",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("ticket_id", ForeignKey("tickets.id"), nullable=False),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("address", String(200)),
    Column("secret_hash", String(64), nullable=False, index=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Index("ix_follow_requests_conversation_id", "conversation_id"),
    Index("ix_follow_requests_address", "address"),
)

counters = sa.Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Integer, nullable=False),
)
