"""What citizens thought of the help they got: one row for each time that they were asked.

The words of a rating are the citizen's own messages and stay in the inbox; a row only points at
them, so that forgetting or purging messages takes the words of a rating along.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, ForeignKey, Index, String

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

ratings = sa.Table(
    "ratings",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    # What was asked about: "answer", "report" or "person".
    Column("about", String(10), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    # None: asked, and not answered.
    Column("helped", Boolean),
    Column("rated_at", UtcDateTime),
    Column("inbox_id", ForeignKey("inbox.id"), index=True),
    Column("comment_inbox_id", ForeignKey("inbox.id"), index=True),
    Index("ix_ratings_conversation_id", "conversation_id", "id"),
)
