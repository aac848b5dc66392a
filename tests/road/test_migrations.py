"""Migrations on both databases: from empty to the schema, again without effect, and back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from bot.messages import Reply
from bot.store import migrate, schema
from bot.store.engine import Database
from bot.store.journal import Journal
from tests.conftest import FakeClock
from tests.road.rooms import out, rows, said


def tables(database: Database) -> set[str]:
    return database.read_now(lambda c: set(sa.inspect(c).get_table_names()))


def heads() -> list[str]:
    script = ScriptDirectory(str(migrate.FOLDER))
    return list(script.get_heads())


def test_there_is_one_line_of_migrations() -> None:
    assert len(heads()) == 1


def test_an_empty_database_is_brought_to_exactly_the_schema(database: Database) -> None:
    assert set(schema.metadata.tables) <= tables(database)
    assert migrate.differences(database) == []


def test_upgrading_again_changes_nothing_and_tells_the_revision(database: Database) -> None:
    assert migrate.upgrade(database) == heads()[0]
    assert migrate.upgrade(database) == heads()[0]
    assert migrate.differences(database) == []


def test_rasas_own_table_is_left_alone(database: Database) -> None:
    database.write_now(lambda c: c.execute(sa.text("CREATE TABLE events (id INTEGER)")))
    migrate.upgrade(database)
    assert migrate.differences(database) == []
    assert "events" in tables(database)


def test_a_missing_column_is_noticed(database: Database) -> None:
    database.write_now(lambda c: c.execute(sa.text("ALTER TABLE turns DROP COLUMN milliseconds")))
    assert migrate.differences(database) != []


def test_the_way_down_and_up_again_works(database: Database) -> None:
    database.write_now(lambda c: command.downgrade(migrate._config(c), "base"))
    assert tables(database) == {"alembic_version"}
    assert migrate.upgrade(database) == heads()[0]
    assert migrate.differences(database) == []


async def test_defaults_of_the_migrated_tables_are_those_of_the_schema(
    database: Database, clock: FakeClock
) -> None:
    """Rows that name no value for a column with a default get the right one, of the right type."""
    journal = Journal(database, clock)
    accepted = await journal.accept(said("hello"))
    row = await journal.conversation(accepted.conversation)
    assert row is not None
    assert (row["owner"], row["language"], row["language_fixed"]) == ("bot", "", False)
    insert = schema.outbox.insert().values(
        conversation_id=accepted.conversation,
        cursor=9,
        reply=Reply("x").to_json(),
        payload=out("x")[0].payloads[0],
        created_at=clock(),
    )
    database.write_now(lambda c: c.execute(insert))
    (kept,) = rows(database, schema.outbox)
    assert (kept.final, kept.state, kept.sender, kept.attempts) == (True, "queued", "bot", 0)
    assert kept.created_at == clock()
