"""What the city says: the answer library."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import metadata

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
