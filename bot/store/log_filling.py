"""Filling the log from the road: once for what was there before it, and again after an erasure."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store.log_triggers import SHIFT

_SAID = {
    "sqlite": "coalesce(json_extract(m.body, '$.text'), json_extract(m.body, '$.label'), "
    "json_extract(m.body, '$.argument'))",
    "postgresql": "likewise_said(m.body, 'text', 'label', 'argument')",
}
_REPLIED = {
    "sqlite": "json_extract(m.reply, '$.text')",
    "postgresql": "likewise_said(m.reply, 'text')",
}
_KEPT = "m.state <> 'replaced' AND m.fingerprint <> ''"
_TALKS = """
INSERT INTO talks (conversation_id, channel, language, started_at, last_at, messages, turns,
  lowest, clarified, fell_back, handed_over, tickets)
SELECT c.id, c.channel, c.language, c.created_at,
  {greatest}(c.created_at,
    coalesce((SELECT max(m.received_at) FROM inbox m WHERE m.conversation_id = c.id),
      c.created_at),
    coalesce((SELECT max(m.created_at) FROM outbox m WHERE m.conversation_id = c.id),
      c.created_at)),
  (SELECT count(*) FROM inbox m WHERE m.conversation_id = c.id AND {kept})
    + (SELECT count(*) FROM outbox m WHERE m.conversation_id = c.id),
  (SELECT count(*) FROM turns m WHERE m.conversation_id = c.id),
  coalesce((SELECT min(m.confidence) FROM turns m WHERE m.conversation_id = c.id
    AND m.outcome = 'answered' AND m.intent <> '' AND m.confidence > 0), 1),
  EXISTS (SELECT 1 FROM turns m WHERE m.conversation_id = c.id AND {unclear} AND {offered} > 0),
  EXISTS (SELECT 1 FROM turns m WHERE m.conversation_id = c.id
    AND (m.outcome = 'failed' OR ({unclear} AND {offered} = 0))),
  c.owner <> 'bot' OR c.id IN (SELECT h.conversation_id FROM handovers h),
  coalesce(opened.tickets, 0)
FROM conversations c
LEFT JOIN (SELECT m.conversation_id, count(*) AS tickets FROM tickets m
  WHERE m.conversation_id IS NOT NULL GROUP BY m.conversation_id) opened
  ON opened.conversation_id = c.id
WHERE NOT EXISTS (SELECT 1 FROM talks t WHERE t.conversation_id = c.id)
"""
_PARTS = {
    "sqlite": {
        "greatest": "max",
        "unclear": "instr(coalesce(m.understanding, ''), '\"action_unclear\"') > 0",
        "offered": "coalesce(json_array_length(m.understanding, '$.candidates'), 0)",
    },
    "postgresql": {
        "greatest": "greatest",
        "unclear": "coalesce(m.understanding::text, '') LIKE '%\"action_unclear\"%'",
        "offered": "coalesce(json_array_length(CASE WHEN "
        "json_typeof(m.understanding -> 'candidates') = 'array' "
        "THEN m.understanding -> 'candidates' ELSE '[]'::json END), 0)",
    },
}
_FACETS = (
    ("intent", "intent", "turns"),
    ("topic", "topic", "turns"),
    ("area", "area_code", "tickets"),
)


def take_in(c: Connection) -> None:
    """Make the rows of every conversation that has none yet."""
    kind = c.dialect.name
    c.execute(sa.text(_TALKS.format(kept=_KEPT, **_PARTS[kind]).replace(":", "\\:")))
    ignore = " ON CONFLICT DO NOTHING"
    for facet, column, table in _FACETS:
        c.execute(
            sa.text(
                "INSERT INTO talk_facets (facet, value, number) "
                f"SELECT DISTINCT '{facet}', m.{column}, t.number FROM {table} m "
                "JOIN talks t ON t.conversation_id = m.conversation_id "
                f"WHERE m.{column} <> ''{ignore}"
            )
        )
    words(c)


def words(c: Connection, conversation: str | None = None) -> None:
    """Make the searchable words of one conversation, or of all, from the road."""
    kind = c.dialect.name
    into = "rowid, text" if kind == "sqlite" else "id, words"
    made = "{}" if kind == "sqlite" else "likewise_words({})"
    where = " AND t.conversation_id = :conversation" if conversation else ""
    for table, said, kept in (("inbox", _SAID[kind], _KEPT), ("outbox", _REPLIED[kind], "1 = 1")):
        query = (
            f"INSERT INTO talk_words ({into}) "
            f"SELECT t.number * {SHIFT} + m.cursor, {made.format(said)} "
            f"FROM {table} m JOIN talks t ON t.conversation_id = m.conversation_id "
            f"WHERE {kept} AND {said} <> ''{where}"
        )
        c.execute(sa.text(query), {"conversation": conversation} if conversation else {})


def forget(c: Connection, conversation: str, squeeze: bool = True) -> None:
    """Forget what the log knows of a conversation whose road was erased just now.

    What staff wrote about it goes too. Messages that still wait for an answer, and news that stay,
    are found again. Without `squeeze` the caller tidies the index at the end of its work.
    """
    number = c.execute(
        sa.text("SELECT number FROM talks WHERE conversation_id = :c"), {"c": conversation}
    ).scalar()
    if number is None:
        return
    key = "rowid" if c.dialect.name == "sqlite" else "id"
    c.execute(
        sa.text(f"DELETE FROM talk_words WHERE {key} >= :low AND {key} < :high"),
        {"low": number * SHIFT, "high": (number + 1) * SHIFT},
    )
    c.execute(sa.text("DELETE FROM talk_facets WHERE number = :n"), {"n": number})
    c.execute(sa.text("DELETE FROM talk_notes WHERE conversation_id = :c"), {"c": conversation})
    c.execute(
        sa.text(
            "UPDATE talks SET turns = 0, lowest = 1, clarified = :no, fell_back = :no, "
            "handed_over = :no, follow_up = :no, keep = :no, rated_low = :no, "
            "rated_well = :no, theme = '', quality = NULL, "
            "tickets = (SELECT count(*) FROM tickets m WHERE m.conversation_id = :c), "
            "messages = (SELECT count(*) FROM inbox m "
            f"WHERE m.conversation_id = :c AND {_KEPT}) + (SELECT count(*) FROM outbox m "
            "WHERE m.conversation_id = :c) WHERE number = :n"
        ),
        {"c": conversation, "n": number, "no": False},
    )
    words(c, conversation)
    if squeeze and c.dialect.name == "sqlite":
        _squeeze(c)


def _squeeze(c: Connection) -> None:
    """Let FTS5 drop deleted words from its index (SQLite before 3.42 knows no `secure-delete`).

    A small index is rewritten as a whole, so that no deleted word is left in the file. In a large
    one deleted words can no longer be found, and leave the file as the index is merged; `tidy` does
    it at once.
    """
    size = c.execute(sa.text("SELECT count(*) FROM talk_words_idx")).scalar_one()
    if size < SMALL_INDEX:
        tidy(c)


SMALL_INDEX = 2000
"""Pages of the index that are rewritten within a turn: some ten milliseconds."""


def tidy(c: Connection) -> None:
    """Rewrite the full-text index without what was deleted; seconds for a million messages."""
    if c.dialect.name == "sqlite":
        c.execute(sa.text("INSERT INTO talk_words (talk_words) VALUES ('optimize')"))


MERGED_PAGES = 400
"""Pages of the index that one step of a bounded tidying writes: some ten milliseconds."""


def tidy_step(c: Connection, first: bool) -> bool:
    """The same in steps that hold up no turn, `first` once; False when nothing is left to do.

    FTS5's own way (https://www.sqlite.org/fts5.html#the_merge_command): a negative number lines all
    segments up, and each merge writes some pages more. PostgreSQL's autovacuum does this by itself.
    """
    if c.dialect.name != "sqlite":
        return False
    before = c.exec_driver_sql("SELECT total_changes()").scalar_one()
    pages = -MERGED_PAGES if first else MERGED_PAGES
    c.exec_driver_sql(f"INSERT INTO talk_words (talk_words, rank) VALUES ('merge', {pages})")
    after = c.exec_driver_sql("SELECT total_changes()").scalar_one()
    return bool(after - before >= 2)
