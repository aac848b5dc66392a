"""Rules that the database itself keeps, whoever writes to it.

They are installed anew after every upgrade (`bot.store.migrate`): a migration that has to rebuild a
SQLite table drops the triggers of that table, and a rule that silently disappears is worse than
none.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import log_triggers


def install(c: Connection) -> None:
    """Put every trigger into force, as far as its table exists."""
    tables = set(sa.inspect(c).get_table_names())
    if "audit" in tables:
        _append_only(c, "audit")
    if "talks" in tables:
        log_triggers.install(c)


def _append_only(c: Connection, table: str) -> None:
    """Refuse to change or delete rows of `table`."""
    if c.dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            name = f"{table}_no_{act.lower()}"
            c.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
            c.exec_driver_sql(
                f"CREATE TRIGGER {name} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    c.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION likewise_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME; END $$"
    )
    c.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
    c.exec_driver_sql(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "EXECUTE FUNCTION likewise_append_only()"
    )
