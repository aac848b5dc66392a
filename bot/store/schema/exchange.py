"""Open311: who may send us requests, and which of our tickets go on to another city's system."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

open311_keys = sa.Table(
    "open311_keys",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("used_at", UtcDateTime),
)

forwards = sa.Table(
    "forwards",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id"), primary_key=True),
    Column("endpoint", String(60), nullable=False),
    Column("state", String(10), nullable=False),
    Column("token", String(200)),
    Column("remote_id", String(200)),
    Column("remote_status", String(20), nullable=False, server_default=""),
    Column("remote_notes", Text, nullable=False, server_default=""),
    Column("code", String(80), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("polled_at", UtcDateTime),
    sa.UniqueConstraint("endpoint", "remote_id"),
    Index("ix_forwards_state_not_before", "state", "not_before"),
)
"""`state`: pending, sending, token (sent; its id is not known yet), sent, unclear (perhaps there:
a look-up or a clerk decides), failed (refused for good), closed (finished there)."""
