"""What conversations teach: sentences that citizens labelled by choosing what they meant.

One row a turn, with the sentence that was not understood and the choice that cleared it up.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

labelled_examples = sa.Table(
    "labelled_examples",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("inbox_id", ForeignKey("inbox.id"), nullable=False, unique=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("language", String(5), nullable=False),
    Column("intent", String(60), nullable=False),
    Column("topic", String(80)),
    Column("offered", sa.JSON, nullable=False),
    Column("state", String(10), nullable=False, server_default="new", index=True),
    Column("labelled_at", UtcDateTime, nullable=False),
    # What staff made of it: the words without personal data, and what they mean.
    Column("edited", Text),
    Column("meant_intent", String(60)),
    Column("meant_topic", String(80)),
    Column("decided_by", String(60)),
    Column("decided_at", UtcDateTime),
)
"""`intent` is "none" when the citizen chose "something else"; `offered` lists intent and topic."""
