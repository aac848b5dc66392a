"""Who works here: staff accounts, their sessions, one-time links, and the audit log.

Tokens, links and recovery codes are kept as hashes alone. `audit` is append-only: the database
itself refuses to change or delete its rows (see `bot.store.triggers`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

staff = sa.Table(
    "staff",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("name", String(60), nullable=False, unique=True),
    Column("shown", String(60), nullable=False, server_default=""),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text),
    Column("totp_secret", String(64)),
    Column("totp_step", BigId),
    Column("subject", String(300), unique=True),
    Column("disabled_at", UtcDateTime),
    Column("signed_in_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
)

staff_sessions = sa.Table(
    "staff_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff_id", ForeignKey("staff.id"), nullable=False, index=True),
    Column("stage", String(10), nullable=False),
    Column("address", String(60), nullable=False, server_default=""),
    Column("browser", String(200), nullable=False, server_default=""),
    Column("flash", sa.JSON),
    Column("unmasked", sa.JSON),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

staff_links = sa.Table(
    "staff_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff_id", ForeignKey("staff.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

staff_recovery_codes = sa.Table(
    "staff_recovery_codes",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("staff_id", ForeignKey("staff.id"), nullable=False, index=True),
    Column("code_hash", String(64), nullable=False),
    Column("used_at", UtcDateTime),
)

sign_in_failures = sa.Table(
    "sign_in_failures",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", UtcDateTime, nullable=False),
    Column("locked_until", UtcDateTime),
)

audit = sa.Table(
    "audit",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("happened_at", UtcDateTime, nullable=False),
    Column("staff_id", BigId),
    Column("staff_name", String(60), nullable=False, server_default=""),
    Column("session", String(12), nullable=False, server_default=""),
    Column("address", String(60), nullable=False, server_default=""),
    Column("action", String(40), nullable=False),
    Column("conversation_id", String(40)),
    Column("subject", String(120), nullable=False, server_default=""),
    Column("detail", sa.JSON),
    Index("ix_audit_conversation_id", "conversation_id"),
    Index("ix_audit_staff_id", "staff_id", "id"),
    Index("ix_audit_action", "action", "id"),
)
