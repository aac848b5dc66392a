"""What staff look for in conversations: one row a conversation with what filters ask, its facets,
and what staff wrote beside it.

`talks` and `talk_facets` follow the road by triggers (`bot.store.log_triggers`), as does the
full-text table `talk_words`, which is not described here: it is FTS5 on SQLite and a `tsvector` on
PostgreSQL. Its key is the talk's number and the message's cursor in one integer.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

CURSOR_BITS = 24
"""A talk's number is shifted by so many bits to make room for its cursors: 16 million messages."""


_THEMED = sa.text("theme <> ''")


def _flag(name: str) -> Column:
    return Column(name, Boolean, nullable=False, server_default=sa.false())


talks = sa.Table(
    "talks",
    metadata,
    Column("number", BigId, primary_key=True, autoincrement=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, unique=True),
    Column("channel", String(20), nullable=False),
    Column("language", String(5), nullable=False, server_default=""),
    Column("started_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("messages", Integer, nullable=False, server_default="0"),
    Column("turns", Integer, nullable=False, server_default="0"),
    Column("lowest", Float, nullable=False, server_default="1"),
    _flag("clarified"),
    _flag("fell_back"),
    _flag("handed_over"),
    Column("tickets", Integer, nullable=False, server_default="0"),
    _flag("test"),
    _flag("keep"),
    _flag("follow_up"),
    _flag("rated_low"),
    _flag("rated_well"),
    Column("theme", String(60), nullable=False, server_default=""),
    Column("quality", Integer),
    Index("ix_talks_last_at", "last_at", "number"),
    Index("ix_talks_started_at", "started_at", "number"),
    Index("ix_talks_messages", "messages", "number"),
    Index("ix_talks_lowest", "lowest", "number"),
    # Few talks are rated: an index of those alone gives them in order at once.
    Index(
        "ix_talks_rated_low",
        "last_at",
        "number",
        sqlite_where=sa.text("rated_low IS 1"),
        postgresql_where=sa.text("rated_low IS true"),
    ),
    Index(
        "ix_talks_rated_well",
        "last_at",
        "number",
        sqlite_where=sa.text("rated_well IS 1"),
        postgresql_where=sa.text("rated_well IS true"),
    ),
    # What there is to choose from is found by leaps over these.
    Index("ix_talks_language", "language"),
    Index("ix_talks_theme", "theme", sqlite_where=_THEMED, postgresql_where=_THEMED),
)

talk_facets = sa.Table(
    "talk_facets",
    metadata,
    Column("facet", String(10), primary_key=True),
    Column("value", String(80), primary_key=True),
    Column("number", BigId, primary_key=True),
    Index("ix_talk_facets_number", "number"),
    sqlite_with_rowid=False,
)

talk_notes = sa.Table(
    "talk_notes",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("by", String(60), nullable=False),
    Column("text", Text, nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
)

saved_filters = sa.Table(
    "saved_filters",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("staff_id", ForeignKey("staff.id"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("query", Text, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("staff_id", "name"),
)
