"""Bring the database to the newest shape, or make a new migration from the schema.

`python -m bot migrate` runs `upgrade`; a developer who changed `schema/` runs
`python -m bot migrate --new "what changed"` and reads what it wrote.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from bot.store import triggers
from bot.store.engine import Database

FOLDER = Path(__file__).resolve().parent / "migrations"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> str:
    """Run what is missing, in one transaction; returns the revision now in force."""

    def work(c: Connection) -> str:
        command.upgrade(_config(c), "head")
        triggers.install(c)
        return MigrationContext.configure(c).get_current_revision() or ""

    return database.write_now(work)


def knows(revision: str) -> bool:
    """Whether this version has a migration of that name, so that it can go on from there."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(FOLDER))
    return any(revision == known.revision for known in script.walk_revisions())


def new_revision(database: Database, message: str) -> None:
    """Write a migration for the difference between the schema and the database."""
    database.write_now(lambda c: command.revision(_config(c), message=message, autogenerate=True))


def differences(database: Database) -> list[object]:
    """What the schema has that the database lacks, or the other way round."""
    from alembic.autogenerate import compare_metadata

    from bot.store.schema import metadata

    def work(c: Connection) -> list[object]:
        context = MigrationContext.configure(
            c,
            opts={
                "include_object": lambda thing, name, kind, reflected, other: (
                    not (kind == "table" and reflected and other is None)
                )
            },
        )
        return list(compare_metadata(context, metadata))

    return database.write_now(work)
