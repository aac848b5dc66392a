"""People at the desk: who waits for a person, who talks to whom, and what staff say often.

`handovers` is one request for a person; at most one is open in a conversation. Everything that
happens to it is a row of `handover_events`, which carry no words of the citizen.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

_OPEN = sa.text("state in ('waiting', 'claimed', 'left')")

handovers = sa.Table(
    "handovers",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("state", String(10), nullable=False),
    Column("reason", String(20), nullable=False, server_default="asked"),
    Column("language", String(5), nullable=False, server_default=""),
    Column("question", Text, nullable=False, server_default=""),
    Column("waiting_since", UtcDateTime, nullable=False),
    Column("claimed_by", String(60)),
    Column("claimed_at", UtcDateTime),
    Column("last_agent_at", UtcDateTime),
    Column("last_citizen_at", UtcDateTime),
    Column("unanswered_since", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("announce_at", UtcDateTime),
    Column("announce_attempts", Integer, nullable=False, server_default="0"),
    Index(
        "uq_handovers_open",
        "conversation_id",
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    Index("ix_handovers_state_waiting_since", "state", "waiting_since"),
)

handover_events = sa.Table(
    "handover_events",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("handover_id", ForeignKey("handovers.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("by", String(60), nullable=False),
    Column("detail", String(120), nullable=False, server_default=""),
    Column("happened_at", UtcDateTime, nullable=False),
)

desk_presence = sa.Table(
    "desk_presence",
    metadata,
    Column("agent", String(60), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)

canned_replies = sa.Table(
    "canned_replies",
    metadata,
    Column("code", String(60), primary_key=True),
    Column("names", sa.JSON, nullable=False),
    Column("texts", sa.JSON, nullable=False),
    Column("place", Integer, nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("edited_at", UtcDateTime),
    Column("edited_by", String(60)),
    Column("retired_at", UtcDateTime),
)
