"""What tests share: databases of both kinds, a fake clock, and one real road with the real model."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from bot import assembly
from bot.settings import Settings, load
from bot.store import migrate
from bot.store.engine import Database
from bot.store.journal import Journal

# A busy machine makes no test wrong.
hypothesis_settings.register_profile(
    "likewise", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("likewise")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """In CI a skip is a failure, unless its reason begins with "only"."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[-1]).removeprefix("Skipped: ")
        if not reason.startswith("only "):
            report.outcome, report.longrepr = "failed", f"CI allows no skip here: {reason}"


class FakeClock:
    """Time that moves only when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL: LIKEWISE_TEST_POSTGRES, or the server inside the `pgserver` wheel."""
    given = os.environ.get("LIKEWISE_TEST_POSTGRES")
    if given:
        yield given
        return
    import pgserver

    # Not below pytest's own folder: each new pytest closes that to other users, and the server,
    # which runs as another user when we are root, would lose its data under its feet.
    server = pgserver.get_server(tempfile.mkdtemp(prefix="likewise-pg-"), cleanup_mode="delete")
    admin = sa.create_engine(server.get_uri(), isolation_level="AUTOCOMMIT", future=True)
    with admin.connect() as c:  # no test pulls this server's plug
        c.execute(sa.text("ALTER SYSTEM SET fsync = off"))
        c.execute(sa.text("SELECT pg_reload_conf()"))
    admin.dispose()
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[tuple[sa.engine.Engine, str]]:
    """A migrated database that tests copy, which is far quicker than migrating each time."""
    admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", future=True)
    name = f"template{os.urandom(6).hex()}"
    with admin.connect() as c:
        c.execute(sa.text(f"CREATE DATABASE {name}"))
    made = Database(sa.engine.make_url(postgres_url).set(database=name).render_as_string(False))
    migrate.upgrade(made)
    made.close()
    yield admin, name
    with admin.connect() as c:
        c.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database, migrated once; tests copy it."""
    path = tmp_path_factory.mktemp("migrated") / "likewise.db"
    made = Database(f"sqlite:///{path}")
    migrate.upgrade(made)
    made.close()
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database; the test runs once on each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated"), tmp_path / "test.db")
        made = Database(f"sqlite:///{tmp_path / 'test.db'}")
        yield made
        made.close()
        return
    admin, template = request.getfixturevalue("postgres_template")
    name = f"t{os.urandom(6).hex()}"
    with admin.connect() as c:
        c.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    made = Database(admin.url.set(database=name).render_as_string(False))
    yield made
    made.close()
    with admin.connect() as c:
        c.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def journal(database: Database, clock: FakeClock) -> Journal:
    return Journal(database, clock)


@pytest.fixture(scope="session")
def road_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load(
        data_dir=tmp_path_factory.mktemp("road"),
        chat_messages_per_minute=0,
        chat_sessions_per_minute=0,
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def road(road_settings: Settings) -> AsyncIterator[assembly.Road]:
    """The whole road with the trained model, shared by all tests that talk to it."""
    database = Database(road_settings.database)
    await asyncio.get_running_loop().run_in_executor(
        None, assembly.prepare, road_settings, database, lambda line: None
    )
    made = assembly.Road(road_settings, database)
    made.occupy()
    await made.start()
    yield made
    await made.stop()
    database.close()
