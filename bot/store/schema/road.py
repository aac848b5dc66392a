"""The road: `inbox`, `turns` and `outbox`; `conversations` carries the lease and the cursor that
orders everything a citizen sees.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

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
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
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
    # How often it was claimed and never finished: a process died, or was far too slow.
    Column("interrupted", Integer, nullable=False, server_default="0"),
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
