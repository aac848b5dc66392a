"""The log of conversations: a page of it that fits filters and words, in an order that holds.

Every filter is a condition on `talks` or on its facets. Pages follow a key (the sorted value and
the talk's number), not a count of rows, so that new conversations shift nothing. Words are looked
up as the list of talks that hold them; on PostgreSQL common ones by asking each talk in order,
which finds a full page soon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.engine import Database
from bot.store.log_triggers import SHIFT
from bot.store.search import Question

_talks, _facets = schema.talks, schema.talk_facets
COMMON = 20_000
"""Messages with the words from which on they count as common."""
FLAGS = ("clarified", "fell_back", "handed_over", "rated_low", "rated_well", "follow_up", "keep")
SORTS: Mapping[str, tuple[str, bool]] = {
    "newest": ("last_at", True),
    "oldest": ("last_at", False),
    "started": ("started_at", True),
    "longest": ("messages", True),
    "unsure": ("lowest", False),
}
"""Orders by name: the column, and whether the greatest come first."""


@dataclass(frozen=True)
class Wanted:
    """Filters that all must fit; empty ones ask for nothing. Times are aware."""

    words: Question | None = None
    beginning_of_id: str = ""
    channel: str = ""
    language: str = ""
    since: datetime | None = None
    until: datetime | None = None
    intent: str = ""
    topic: str = ""
    area: str = ""
    label: str = ""
    theme: str = ""
    below: float | None = None
    with_ticket: bool | None = None
    test: bool | None = None
    quality: int | None = None
    flags: frozenset[str] = field(default_factory=frozenset)


class TalkLog:
    """Reads the log on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def page(
        self,
        wanted: Wanted,
        sort: str = "newest",
        after: tuple[str, int] | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Talks in order; `after` is the key of the last one seen, as `key_of` gives it."""
        return await self.database.read(lambda c: self.page_now(c, wanted, sort, after, limit))

    def page_now(
        self,
        c: Connection,
        wanted: Wanted,
        sort: str = "newest",
        after: tuple[str, int] | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        name, falling = SORTS[sort]
        column = _talks.c[name]
        query = sa.select(_talks).where(*self._conditions(c, wanted))
        if after is not None:
            value = _value_of(name, after[0])
            query = query.where(_beyond(column, value, after[1], falling))
        order = [column.desc(), _talks.c.number.desc()] if falling else [column, _talks.c.number]
        rows = c.execute(query.order_by(*order).limit(limit))
        return [dict(row._mapping) for row in rows]

    def _conditions(self, c: Connection, wanted: Wanted) -> list[Any]:
        t = _talks.c
        found: list[Any] = []
        for name in ("channel", "language", "theme"):
            if value := getattr(wanted, name):
                found.append(t[name] == value)
        for facet in ("intent", "topic", "area", "label"):
            if value := getattr(wanted, facet):
                found.append(_with_facet(facet, value))
        found += [t[flag].is_(True) for flag in sorted(wanted.flags & set(FLAGS))]
        if wanted.beginning_of_id:
            found.append(t.conversation_id.startswith(wanted.beginning_of_id, autoescape=True))
        if wanted.since is not None:
            found.append(t.last_at >= wanted.since)
        if wanted.until is not None:
            found.append(t.last_at < wanted.until)
        if wanted.below is not None:
            found.append(t.lowest < wanted.below)
        if wanted.with_ticket is not None:
            found.append(t.tickets > 0 if wanted.with_ticket else t.tickets == 0)
        if wanted.test is not None:
            found.append(t.test.is_(wanted.test))
        if wanted.quality is not None:
            found.append(t.quality == wanted.quality)
        if wanted.words is not None:
            found.append(self._with_words(c, wanted.words))
        return found

    def _with_words(self, c: Connection, question: Question) -> Any:
        """The condition that a talk holds these words in one message."""
        if self.database.is_sqlite:
            # One look at the index, however common the word: FTS5 gathers all messages that hold
            # the beginning of a word anew each time it is asked, so asking for every talk is slow.
            listed = (
                f"SELECT DISTINCT rowid / {SHIFT} FROM talk_words WHERE talk_words MATCH :words"
            )
            return sa.text(f"talks.number IN ({listed})").bindparams(words=question.fts5())
        asked = question.tsquery()
        match = "words @@ to_tsquery('simple', :words)"
        some = sa.text(f"SELECT id / {SHIFT} FROM talk_words WHERE {match} LIMIT {COMMON}")
        held = list(c.execute(some, {"words": asked}).scalars())
        if len(held) < COMMON:
            # Listed once: asking the index again within the next query would cost as much again.
            return sa.text("talks.number = ANY(:held)").bindparams(held=sorted(set(held)))
        # The function, not the operator: the index on words would be asked for every talk.
        match = "ts_match_vq(words, to_tsquery('simple', :words))"
        mine = f"id >= talks.number * {SHIFT} AND id < (talks.number + 1) * {SHIFT}"
        asking = f"EXISTS (SELECT 1 FROM talk_words WHERE {match} AND {mine})"
        return sa.text(asking).bindparams(words=asked)

    async def values(self) -> dict[str, list[str]]:
        """What there is to choose from: values of facets, channels, languages, themes."""
        return await self.database.read(self._values)

    def _values(self, c: Connection) -> dict[str, list[str]]:
        found = {
            facet: _distinct(c, "talk_facets", "value", f"facet = '{facet}'")
            for facet in ("intent", "topic", "area", "label")
        }
        found["channel"] = _distinct(c, "conversations", "channel", "channel <> ''")
        for name in ("language", "theme"):
            found[name] = _distinct(c, "talks", name, f"{name} <> ''")
        return found


def _distinct(c: Connection, table: str, column: str, where: str) -> list[str]:
    """Distinct values by leaps over the index: quick however many rows there are (both databases
    would read all of them for DISTINCT)."""
    leaps = (
        f"WITH RECURSIVE leap(v) AS (SELECT min({column}) FROM {table} WHERE {where} UNION ALL "
        f"SELECT (SELECT min({column}) FROM {table} WHERE {where} AND {column} > leap.v) "
        f"FROM leap WHERE leap.v IS NOT NULL) SELECT v FROM leap WHERE v IS NOT NULL LIMIT 1000"
    )
    return list(c.execute(sa.text(leaps)).scalars())


def _with_facet(facet: str, value: str) -> Any:
    return _talks.c.number.in_(
        sa.select(_facets.c.number).where(_facets.c.facet == facet, _facets.c.value == value)
    )


def _beyond(column: Any, value: Any, number: int, falling: bool) -> Any:
    """Rows behind this key, in the given direction, ties broken by number."""
    pair = sa.tuple_(column, _talks.c.number)
    bound = sa.tuple_(sa.literal(value, column.type), sa.literal(number, _talks.c.number.type))
    return pair < bound if falling else pair > bound


def key_of(row: Mapping[str, Any], sort: str) -> tuple[str, int]:
    """The key of a row, to begin the next page after it."""
    value = row[SORTS[sort][0]]
    return (value.isoformat() if isinstance(value, datetime) else repr(value)), int(row["number"])


def _value_of(name: str, text: str) -> Any:
    """The value in a key. Raises ValueError for one that we never gave."""
    if name.endswith("_at"):
        value = datetime.fromisoformat(text)
        if value.tzinfo is None:
            raise ValueError(text)
        return value
    return float(text) if name == "lowest" else int(text)
