"""The log follows the road: triggers that keep `talks`, `talk_facets` and `talk_words` in step.

They run within the transaction that writes the road's own row, whoever writes it, so the log can
neither lag behind nor miss anything. `STATEMENTS` has the same rules in the words of both
databases. A text that PostgreSQL cannot decode (NUL, half a surrogate pair) is searched without
those characters and never stops a message.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

SHIFT = 1 << 24
"""See `schema.review.CURSOR_BITS`."""
_MEASURED = (
    "{new}.outcome = 'answered' AND {new}.intent <> '' AND {new}.confidence IS NOT NULL "
    "AND {new}.confidence > 0"
)

# SQLite ------------------------------------------------------------------------------------------

# FTS5 stops reading at a NUL; what is left when those are gone must still be JSON.
_BODY = (
    "(CASE WHEN json_valid(replace(NEW.body, '\\u0000', ' ')) "
    "THEN replace(NEW.body, '\\u0000', ' ') ELSE NEW.body END)"
)
_SAID = (
    f"coalesce(json_extract({_BODY}, '$.text'), json_extract({_BODY}, '$.label'), "
    f"json_extract({_BODY}, '$.argument'))"
)
_ACTIONS = "coalesce(json_extract(NEW.understanding, '$.actions'), '[]')"
_CANDIDATES = "coalesce(json_array_length(NEW.understanding, '$.candidates'), 0)"
_MINE = "(SELECT number FROM talks WHERE conversation_id = NEW.conversation_id)"

SQLITE: dict[str, str] = {
    "log_conversation": """AFTER INSERT ON conversations BEGIN
  INSERT INTO talks (conversation_id, channel, language, started_at, last_at)
  VALUES (NEW.id, NEW.channel, NEW.language, NEW.created_at, NEW.created_at); END""",
    "log_conversation_changed": """AFTER UPDATE OF language, owner ON conversations
WHEN OLD.language <> NEW.language OR OLD.owner <> NEW.owner BEGIN
  UPDATE talks SET language = NEW.language, handed_over = handed_over OR NEW.owner <> 'bot'
  WHERE conversation_id = NEW.id; END""",
    "log_inbox": f"""AFTER INSERT ON inbox WHEN NEW.state <> 'replaced' AND NEW.fingerprint <> ''
BEGIN
  UPDATE talks SET messages = messages + 1, last_at = NEW.received_at
  WHERE conversation_id = NEW.conversation_id;
  INSERT INTO talk_words (rowid, text) SELECT {_MINE} * {SHIFT} + NEW.cursor, {_SAID}
  WHERE {_SAID} IS NOT NULL; END""",
    "log_inbox_changed": f"""AFTER UPDATE OF body ON inbox WHEN OLD.body <> NEW.body BEGIN
  DELETE FROM talk_words WHERE rowid = {_MINE} * {SHIFT} + NEW.cursor;
  INSERT INTO talk_words (rowid, text) SELECT {_MINE} * {SHIFT} + NEW.cursor, {_SAID}
  WHERE {_SAID} IS NOT NULL AND NEW.state <> 'replaced'; END""",
    "log_outbox": f"""AFTER INSERT ON outbox BEGIN
  UPDATE talks SET messages = messages + 1, last_at = NEW.created_at
  WHERE conversation_id = NEW.conversation_id;
  INSERT INTO talk_words (rowid, text)
  SELECT {_MINE} * {SHIFT} + NEW.cursor, json_extract(NEW.reply, '$.text')
  WHERE json_extract(NEW.reply, '$.text') <> ''; END""",
    "log_turn": f"""AFTER INSERT ON turns BEGIN
  UPDATE talks SET turns = turns + 1,
    lowest = CASE WHEN {_MEASURED.format(new="NEW")} THEN min(lowest, NEW.confidence)
             ELSE lowest END,
    clarified = clarified
      OR (instr({_ACTIONS}, '"action_unclear"') > 0 AND {_CANDIDATES} > 0),
    fell_back = fell_back OR NEW.outcome = 'failed'
      OR (instr({_ACTIONS}, '"action_unclear"') > 0 AND {_CANDIDATES} = 0)
  WHERE conversation_id = NEW.conversation_id;
  INSERT OR IGNORE INTO talk_facets (facet, value, number)
  SELECT 'intent', NEW.intent, {_MINE} WHERE NEW.intent <> '';
  INSERT OR IGNORE INTO talk_facets (facet, value, number)
  SELECT 'topic', NEW.topic, {_MINE} WHERE NEW.topic <> ''; END""",
    "log_ticket": f"""AFTER INSERT ON tickets WHEN NEW.conversation_id IS NOT NULL BEGIN
  UPDATE talks SET tickets = tickets + 1 WHERE conversation_id = NEW.conversation_id;
  INSERT OR IGNORE INTO talk_facets (facet, value, number)
  SELECT 'area', NEW.area_code, {_MINE} WHERE NEW.area_code <> ''; END""",
    "log_ticket_moved": f"""AFTER UPDATE OF area_code ON tickets
WHEN NEW.conversation_id IS NOT NULL AND NEW.area_code IS NOT OLD.area_code BEGIN
  INSERT OR IGNORE INTO talk_facets (facet, value, number)
  SELECT 'area', NEW.area_code, {_MINE} WHERE NEW.area_code <> ''; END""",
    "log_handover": """AFTER INSERT ON handovers BEGIN
  UPDATE talks SET handed_over = 1 WHERE conversation_id = NEW.conversation_id; END""",
    "log_rating": """AFTER UPDATE OF helped ON ratings WHEN NEW.helped IS NOT NULL BEGIN
  UPDATE talks SET rated_low = rated_low OR NEW.helped = 0, rated_well = rated_well OR NEW.helped
  WHERE conversation_id = NEW.conversation_id; END""",
}

# PostgreSQL --------------------------------------------------------------------------------------

FUNCTIONS = (
    # Accents fall away as FTS5's remove_diacritics does it; what is no letter or digit is a blank.
    r"""CREATE OR REPLACE FUNCTION likewise_words(said text) RETURNS tsvector
LANGUAGE sql IMMUTABLE AS $$ SELECT to_tsvector('simple', regexp_replace(translate(lower(said),
'àáâãäåçèéêëìíîïñòóôõöùúûüýÿ', 'aaaaaaceeeeiiiinooooouuuuyy'), '[^[:alnum:]]+', ' ', 'g')) $$""",
    r"""CREATE OR REPLACE FUNCTION likewise_said(body json, VARIADIC names text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE name text; found text; BEGIN
  FOREACH name IN ARRAY names LOOP
    found := body ->> name;
    IF found <> '' THEN RETURN left(found, 20000); END IF;
  END LOOP;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN left(regexp_replace(body::text, '\\u[0-9a-fA-F]{4}', ' ', 'g'), 20000);
END $$""",
    f"""CREATE OR REPLACE FUNCTION likewise_keep_words(conversation text, at bigint, said text)
RETURNS void LANGUAGE sql AS $$
INSERT INTO talk_words (id, words)
SELECT number * {SHIFT} + at, likewise_words(said) FROM talks
WHERE conversation_id = conversation AND said <> ''
ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words $$""",
    """CREATE OR REPLACE FUNCTION likewise_facet(conversation text, kind text, what text)
RETURNS void LANGUAGE sql AS $$
INSERT INTO talk_facets (facet, value, number)
SELECT kind, left(what, 80), number FROM talks
WHERE conversation_id = conversation AND what <> '' ON CONFLICT DO NOTHING $$""",
)
_UNCLEAR = "coalesce(NEW.understanding ->> 'actions', '') LIKE '%%\"action_unclear\"%%'"
_OFFERED = (
    "CASE WHEN json_typeof(NEW.understanding -> 'candidates') = 'array' "
    "THEN json_array_length(NEW.understanding -> 'candidates') ELSE 0 END"
)
POSTGRES: dict[str, tuple[str, str]] = {
    "log_conversation": (
        "AFTER INSERT ON conversations",
        """INSERT INTO talks (conversation_id, channel, language, started_at, last_at)
        VALUES (NEW.id, NEW.channel, NEW.language, NEW.created_at, NEW.created_at);""",
    ),
    "log_conversation_changed": (
        "AFTER UPDATE OF language, owner ON conversations",
        """IF OLD.language <> NEW.language OR OLD.owner <> NEW.owner THEN
        UPDATE talks SET language = NEW.language, handed_over = handed_over OR NEW.owner <> 'bot'
        WHERE conversation_id = NEW.id; END IF;""",
    ),
    "log_inbox": (
        "AFTER INSERT ON inbox",
        """IF NEW.state <> 'replaced' AND NEW.fingerprint <> '' THEN
        UPDATE talks SET messages = messages + 1, last_at = NEW.received_at
        WHERE conversation_id = NEW.conversation_id;
        PERFORM likewise_keep_words(NEW.conversation_id, NEW.cursor,
          likewise_said(NEW.body, 'text', 'label', 'argument')); END IF;""",
    ),
    "log_inbox_changed": (
        "AFTER UPDATE OF body ON inbox",
        f"""IF OLD.body::text <> NEW.body::text THEN
        DELETE FROM talk_words WHERE id = NEW.cursor + {SHIFT} *
          (SELECT number FROM talks WHERE conversation_id = NEW.conversation_id);
        IF NEW.state <> 'replaced' THEN
        PERFORM likewise_keep_words(NEW.conversation_id, NEW.cursor,
          likewise_said(NEW.body, 'text', 'label', 'argument')); END IF; END IF;""",
    ),
    "log_outbox": (
        "AFTER INSERT ON outbox",
        """UPDATE talks SET messages = messages + 1, last_at = NEW.created_at
        WHERE conversation_id = NEW.conversation_id;
        PERFORM likewise_keep_words(NEW.conversation_id, NEW.cursor,
          likewise_said(NEW.reply, 'text'));""",
    ),
    "log_turn": (
        "AFTER INSERT ON turns",
        f"""UPDATE talks SET turns = turns + 1,
          lowest = CASE WHEN {_MEASURED.format(new="NEW")} THEN least(lowest, NEW.confidence)
                   ELSE lowest END,
          clarified = clarified OR ({_UNCLEAR} AND {_OFFERED} > 0),
          fell_back = fell_back OR NEW.outcome = 'failed' OR ({_UNCLEAR} AND {_OFFERED} = 0)
        WHERE conversation_id = NEW.conversation_id;
        PERFORM likewise_facet(NEW.conversation_id, 'intent', NEW.intent);
        PERFORM likewise_facet(NEW.conversation_id, 'topic', NEW.topic);""",
    ),
    "log_ticket": (
        "AFTER INSERT ON tickets",
        """IF NEW.conversation_id IS NOT NULL THEN
        UPDATE talks SET tickets = tickets + 1 WHERE conversation_id = NEW.conversation_id;
        PERFORM likewise_facet(NEW.conversation_id, 'area', NEW.area_code); END IF;""",
    ),
    "log_ticket_moved": (
        "AFTER UPDATE OF area_code ON tickets",
        """IF NEW.conversation_id IS NOT NULL THEN
        PERFORM likewise_facet(NEW.conversation_id, 'area', NEW.area_code); END IF;""",
    ),
    "log_handover": (
        "AFTER INSERT ON handovers",
        "UPDATE talks SET handed_over = true WHERE conversation_id = NEW.conversation_id;",
    ),
    "log_rating": (
        "AFTER UPDATE OF helped ON ratings",
        """IF NEW.helped IS NOT NULL THEN
        UPDATE talks SET rated_low = rated_low OR NOT NEW.helped,
          rated_well = rated_well OR NEW.helped
        WHERE conversation_id = NEW.conversation_id; END IF;""",
    ),
}
LATER = {"log_rating": "ratings"}
"""Triggers on tables that came after the log: an older migration installs the others."""


def install(c: Connection) -> None:
    """Put the log's triggers into force, anew."""
    there = sa.inspect(c).get_table_names()
    missing = {name for name, table in LATER.items() if table not in there}
    if c.dialect.name == "sqlite":
        for name, rule in SQLITE.items():
            if name in missing:
                continue
            c.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
            c.exec_driver_sql(f"CREATE TRIGGER {name} {rule}")
        return
    for function in FUNCTIONS:
        c.exec_driver_sql(function)
    for name, (when, rule) in POSTGRES.items():
        if name in missing:
            continue
        c.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {rule} RETURN NULL; END $$"
        )
        table = when.rpartition(" ")[2]
        c.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        c.exec_driver_sql(f"CREATE TRIGGER {name} {when} FOR EACH ROW EXECUTE FUNCTION {name}()")


def remove(c: Connection) -> None:
    """Take the triggers away, before the tables that they write to go."""
    if c.dialect.name == "sqlite":
        for name in SQLITE:
            c.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        return
    for name in POSTGRES:
        c.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}() CASCADE")
