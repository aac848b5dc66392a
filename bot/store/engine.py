"""The database: one engine, blocking work on its own threads, transactions that end in a commit.

SQLite runs in WAL mode with one writing thread and `synchronous=FULL`, so that a commit is on disk
before anyone is told of it. PostgreSQL gets a small pool. Whatever runs inside `write` is one
transaction: it is there as a whole after a crash, or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

T = TypeVar("T")
BUSY_TIMEOUT_SECONDS = 15
CHECKPOINT_MILLISECONDS = 250
"""How long a checkpoint may wait for readers: no turn waits longer for it."""


class UtcDateTime(sa.types.TypeDecorator):  # type: ignore[misc]
    """An aware UTC time; naive values are refused on the way in."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware and in UTC")
        return value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=timezone.utc)
        return value.astimezone(timezone.utc)


def create_engine(url: str, pool_size: int = 8) -> Engine:
    """An engine set up for the road. Makes the folder of a SQLite file when missing."""
    parsed = sa.engine.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(
            url, future=True, pool_size=pool_size, pool_pre_ping=True, hide_parameters=True
        )
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        future=True,
        poolclass=StaticPool,
        hide_parameters=True,  # what a citizen wrote does not belong into a log of errors
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS},
    )

    @sa.event.listens_for(engine, "connect")  # type: ignore[untyped-decorator]
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        # secure_delete: what is erased leaves the file, too, and not only the tables.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")  # type: ignore[untyped-decorator]
    def _begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that reads first and writes later never meets SQLITE_BUSY half
        # way (https://www.sqlite.org/lang_transaction.html).
        mode = "DEFERRED" if connection.get_execution_options().get("reading") else "IMMEDIATE"
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


class Database:
    """Runs blocking functions on a connection, off the event loop."""

    def __init__(self, url: str, pool_size: int = 8) -> None:
        self.engine = create_engine(url, pool_size)
        self.is_sqlite: bool = self.engine.dialect.name == "sqlite"
        self._threads = ThreadPoolExecutor(1 if self.is_sqlite else pool_size, "database")

    def write_now(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction and commit it; blocks the calling thread."""
        return self._threads.submit(self._write, work).result()

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot; blocks the calling thread."""
        return self._threads.submit(self._read, work).result()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction and commit it. Returns after the commit."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._write, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot of the data."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self.engine.begin() as connection:
            return work(connection)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self.engine.connect() as connection:
            with connection.execution_options(reading=True).begin():
                return work(connection)

    async def empty_journal(self) -> None:
        """Write SQLite's write-ahead file into the database and empty it, unless a reader needs it.

        What was erased still stands in that file until then.
        """
        if not self.is_sqlite:
            return

        def work() -> None:
            raw = self.engine.raw_connection()
            try:
                raw.execute(f"PRAGMA busy_timeout={CHECKPOINT_MILLISECONDS}")
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
                raw.close()

        await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def insert_or_ignore(self, table: sa.Table) -> Any:
        """An INSERT that a unique constraint turns into nothing, in either dialect."""
        if self.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert
        return insert(table).on_conflict_do_nothing()

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        self.engine.dispose()
