"""Copies of the database: one moment of it in a file, checked, and back into an empty database.

SQLite is copied by its online backup API in one read transaction, which holds up no writer (WAL).
PostgreSQL is dumped by its own `pg_dump`, in the same snapshot in which rows are counted.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from bot.store.engine import create_engine

_VERSIONS = "alembic_version"
_TABLE_DATA = re.compile(r" TABLE DATA \S+ (\S+) ")
"""A line of `pg_restore --list`: number, kind, schema, table, owner."""


class CannotCopy(Exception):
    """The database cannot be copied or put back; the message says why."""


@dataclass(frozen=True)
class Copied:
    """What was copied: the revision of the tables, rows by table, ids of photos with files."""

    revision: str
    counts: dict[str, int]
    photos: list[str]


class SqliteCopies:
    """Copies of a SQLite file."""

    kind = "sqlite"
    member = "database.db"

    def __init__(self, url: URL) -> None:
        if not url.database or url.database == ":memory:":
            raise CannotCopy("a database in memory cannot be copied")
        self.path = Path(url.database)

    def copy(self, target: Path) -> Copied:
        """Write one moment of the database into a new file."""
        if not self.path.exists():
            raise CannotCopy(f"there is no database at {self.path}")
        _private(target)
        try:
            source = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=15
            )
            with closing(source), closing(sqlite3.connect(target)) as made:
                source.execute("BEGIN")
                copied = _looked_at(source)
                source.backup(made)
                made.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise CannotCopy(f"the database cannot be copied: {error}") from None
        return copied

    def check(self, copy: Path, counts: Mapping[str, int]) -> None:
        """Raise CannotCopy unless the copy is whole and has just these rows."""
        try:
            with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as c:
                found = c.execute("PRAGMA integrity_check").fetchall()
                if found != [("ok",)]:
                    raise CannotCopy(f"the copy is damaged: {found[0][0]}")
                if c.execute("PRAGMA foreign_key_check").fetchone():
                    raise CannotCopy("the copy has rows that point at nothing")
                _compare(_looked_at(c).counts, counts)
        except sqlite3.Error as error:
            raise CannotCopy(f"the copy cannot be read: {error}") from None

    def refuse_unless_empty(self) -> None:
        """Raise CannotCopy when there is a database already."""
        for path in (self.path, Path(f"{self.path}-wal")):
            if path.exists():
                raise CannotCopy(f"{path} exists; a restore overwrites nothing")

    def put_back(self, copy: Path, counts: Mapping[str, int]) -> None:
        """Make a checked copy the database. It appears as a whole."""
        self.check(copy, counts)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        near = self.path.with_name(f".{self.path.name}.restoring")
        shutil.move(str(copy), near)  # perhaps from another disk
        with near.open("rb") as file:
            os.fsync(file.fileno())
        self.refuse_unless_empty()
        os.rename(near, self.path)


class PostgresCopies:
    """Copies of a PostgreSQL database, by the programs of its client package."""

    kind = "postgresql"
    member = "database.dump"

    def __init__(self, url: URL) -> None:
        self.url = url

    def copy(self, target: Path) -> Copied:
        """Dump one moment of the database into a new file."""
        engine = create_engine(self.url.render_as_string(hide_password=False), 1)
        try:
            with engine.connect().execution_options(isolation_level="REPEATABLE READ") as c:
                with c.begin():
                    snapshot = c.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one()
                    copied = _looked_at_postgres(c)
                    _private(target)
                    self._run(
                        "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={target}"
                    )
        except sa.exc.SQLAlchemyError as error:
            raise CannotCopy(f"the database gives no answer ({type(error).__name__})") from None
        finally:
            engine.dispose()
        return copied

    def check(self, copy: Path, counts: Mapping[str, int]) -> None:
        """Raise CannotCopy unless `pg_restore` can read all of the dump and it has the tables."""
        listed = self._run("pg_restore", "--list", str(copy), alone=True)
        held = set(_TABLE_DATA.findall(listed))
        if missing := sorted(set(counts) - held):
            raise CannotCopy(f"the dump lacks the table {missing[0]}")
        self._run("pg_restore", "--file=/dev/null", str(copy), alone=True)

    def refuse_unless_empty(self) -> None:
        """Raise CannotCopy when there are tables already."""
        engine = create_engine(self.url.render_as_string(hide_password=False), 1)
        try:
            with engine.connect() as c:
                tables = sa.inspect(c).get_table_names()
        except sa.exc.SQLAlchemyError as error:
            raise CannotCopy(f"the database gives no answer ({type(error).__name__})") from None
        finally:
            engine.dispose()
        if tables:
            raise CannotCopy(f"the database has tables ({tables[0]}); a restore overwrites nothing")

    def put_back(self, copy: Path, counts: Mapping[str, int]) -> None:
        """Restore a dump in one transaction, and count."""
        self._run(
            "pg_restore",
            "--no-owner",
            "--no-privileges",
            "--single-transaction",
            "--exit-on-error",
            str(copy),
        )
        engine = create_engine(self.url.render_as_string(hide_password=False), 1)
        try:
            with engine.connect() as c:
                _compare(_looked_at_postgres(c).counts, counts)
        finally:
            engine.dispose()

    def _run(self, program: str, *options: str, alone: bool = False) -> str:
        """Run a program of the client package; the password does not stand in its arguments."""
        path = shutil.which(program)
        if path is None:
            raise CannotCopy(
                f"{program} is not installed. It is in the package postgresql-client (Debian, "
                "Ubuntu; of the server's version or newer) or postgresql (Fedora, Homebrew)."
            )
        plain = self.url.set(drivername="postgresql")._replace(password=None)
        environment = {**os.environ, "LC_MESSAGES": "C"}
        if self.url.password:
            environment["PGPASSWORD"] = str(self.url.password)
        where = [] if alone else [f"--dbname={plain.render_as_string(hide_password=False)}"]
        done = subprocess.run(  # noqa: S603 - the program of PATH, our own options
            [path, *where, *options], env=environment, capture_output=True, text=True
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            # The second line tells more: "server version: 16; pg_dump version: 15".
            raise CannotCopy("; ".join(lines[:2])[:400])
        return done.stdout


Copies = SqliteCopies | PostgresCopies


def copies_of(url: str) -> Copies:
    """How a database of this kind is copied."""
    parsed = sa.engine.make_url(url)
    return SqliteCopies(parsed) if parsed.get_backend_name() == "sqlite" else PostgresCopies(parsed)


def _private(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _looked_at(c: sqlite3.Connection) -> Copied:
    """Revision, counts and photos of a SQLite database, its full-text tables included."""
    names = [
        row[0]
        for row in c.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
            "ESCAPE '\\' ORDER BY name"
        )
    ]
    if _VERSIONS not in names:
        raise CannotCopy("this is no database of Likewise")
    counts = {n: int(c.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0]) for n in names}  # noqa: S608
    revision = c.execute("SELECT version_num FROM alembic_version").fetchone()
    photos = [row[0] for row in c.execute("SELECT id FROM photos WHERE state = 'stored'")]
    return Copied(revision[0] if revision else "", counts, photos)


def _looked_at_postgres(c: Connection) -> Copied:
    names = sorted(sa.inspect(c).get_table_names())
    if _VERSIONS not in names:
        raise CannotCopy("this is no database of Likewise")
    counts = {
        n: int(c.execute(sa.text(f'SELECT count(*) FROM "{n}"')).scalar_one())  # noqa: S608
        for n in names
    }
    revision = c.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    photos = c.execute(sa.text("SELECT id FROM photos WHERE state = 'stored'")).scalars()
    return Copied(revision or "", counts, list(photos))


def _compare(found: Mapping[str, int], counts: Mapping[str, int]) -> None:
    for name in sorted({*found, *counts}):
        if found.get(name) != counts.get(name):
            raise CannotCopy(
                f"table {name} has {found.get(name, 'no')} rows instead of {counts.get(name, 'no')}"
            )
