"""The tables: joints between the three rooms, and the registers of the city.

`inbox`, `turns` and `outbox` are the road; `conversations` carries the lease and the cursor that
orders everything a citizen sees. Changes to this file need a migration in `migrations/versions`.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Text

from bot.store.engine import UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
BigId = sa.BigInteger().with_variant(Integer, "sqlite")

conversations = sa.Table(
    "conversations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("channel", String(20), nullable=False),
    Column("address", String(200), nullable=False),
    Column("language", String(5), nullable=False, server_default=""),
    Column("language_fixed", Boolean, nullable=False, server_default=sa.false()),
    Column("owner", String(60), nullable=False, server_default="bot"),
    Column("flagged_at", UtcDateTime),
    Column("flag_reason", String(60)),
    Column("lease_by", String(60)),
    Column("lease_until", UtcDateTime),
    Column("last_cursor", BigId, nullable=False, server_default="0"),
    Column("disclosed_at", UtcDateTime),
    Column("open_reply", sa.JSON),
    Column("blocked_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_inbound_at", UtcDateTime),
    sa.UniqueConstraint("channel", "address"),
    Index("ix_conversations_flagged_at", "flagged_at"),
)

web_sessions = sa.Table(
    "web_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

inbox = sa.Table(
    "inbox",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("external_id", String(200), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("body", sa.JSON, nullable=False),
    Column("cursor", BigId, nullable=False),
    Column("state", String(10), nullable=False, server_default="waiting"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcDateTime),
    Column("received_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    sa.UniqueConstraint("channel", "external_id"),
    Index("ix_inbox_conversation_id_cursor", "conversation_id", "cursor"),
    Index(
        "ix_inbox_open",
        "conversation_id",
        "id",
        sqlite_where=sa.text("state in ('waiting', 'claimed')"),
        postgresql_where=sa.text("state in ('waiting', 'claimed')"),
    ),
)

turns = sa.Table(
    "turns",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("inbox_id", ForeignKey("inbox.id"), nullable=False, unique=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("outcome", String(20), nullable=False),
    Column("language", String(5), nullable=False, server_default=""),
    Column("intent", String(60), nullable=False, server_default=""),
    Column("confidence", Float),
    Column("topic", String(80)),
    Column("understanding", sa.JSON),
    Column("milliseconds", Float),
    Column("answered_at", UtcDateTime, nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("inbox_id", ForeignKey("inbox.id")),
    Column("position", Integer, nullable=False, server_default="0"),
    Column("notice_key", String(80), unique=True),
    Column("sender", String(10), nullable=False, server_default="bot"),
    Column("cursor", BigId, nullable=False),
    Column("reply", sa.JSON, nullable=False),
    Column("payload", sa.JSON, nullable=False),
    Column("final", Boolean, nullable=False, server_default=sa.true()),
    Column("state", String(10), nullable=False, server_default="queued"),
    Column("code", String(60)),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcDateTime),
    Column("claimed_until", UtcDateTime),
    Column("provider_id", String(120), index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    sa.UniqueConstraint("inbox_id", "position"),
    Index("ix_outbox_conversation_id_cursor", "conversation_id", "cursor"),
    Index(
        "ix_outbox_open",
        "conversation_id",
        "id",
        sqlite_where=sa.text("state in ('queued', 'sending')"),
        postgresql_where=sa.text("state in ('queued', 'sending')"),
    ),
)

reports = sa.Table(
    "reports",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("channel", String(20), nullable=False),
    Column("provider_id", String(120)),
    Column("outbox_id", BigId),
    Column("state", String(10), nullable=False),
    Column("code", String(60)),
    Column("reported_at", UtcDateTime, nullable=False),
)

opt_outs = sa.Table(
    "opt_outs",
    metadata,
    Column("channel", String(20), primary_key=True),
    Column("address", String(200), primary_key=True),
    Column("opted_out_at", UtcDateTime, nullable=False),
)

marks = sa.Table(
    "marks",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("value", String(200), nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
)

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

areas = sa.Table(
    "areas",
    metadata,
    Column("code", String(20), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(120), nullable=False),
    Column("parent", String(20)),
    Column("postcode", String(10)),
    Column("figures", sa.JSON, nullable=False),
    Column("year", Integer),
    Column("source", Text, nullable=False, server_default=""),
    Column("lat", Float),
    Column("lon", Float),
)

streets = sa.Table(
    "streets",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("name", String(120), nullable=False, index=True),
    Column("town", String(80), nullable=False, server_default=""),
    Column("area_codes", sa.JSON, nullable=False),
    Column("lat", Float),
    Column("lon", Float),
    sa.UniqueConstraint("name", "town"),
)

collections = sa.Table(
    "collections",
    metadata,
    Column("area_code", String(20), primary_key=True),
    Column("waste", String(20), primary_key=True),
    Column("first_date", sa.Date, nullable=False),
    Column("every_weeks", Integer, nullable=False),
    Column("sample", Boolean, nullable=False, server_default=sa.false()),
)

answers = sa.Table(
    "answers",
    metadata,
    Column("code", String(60), primary_key=True),
    Column("owner", String(60), nullable=False),
    Column("sample", Boolean, nullable=False),
    Column("source_url", Text),
    Column("checked_at", sa.Date),
    Column("valid_until", sa.Date),
    Column("names", sa.JSON, nullable=False),
    Column("texts", sa.JSON, nullable=False),
    Column("edited_at", UtcDateTime),
)
