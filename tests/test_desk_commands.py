"""`reply` on the command line goes the way of the console: it claims, answers and gives back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.assembly import utc_now
from bot.settings import load
from bot.store import migrate, schema
from bot.store.engine import Database
from bot.store.journal import Journal
from tests.road.rooms import rows


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Database, str]:
    monkeypatch.setenv("LIKEWISE_DATA_DIR", str(tmp_path))
    database = Database(load().database)
    migrate.upgrade(database)
    journal = Journal(database, utc_now)
    asyncio.run(journal.open_session("k" * 64, "nl", timedelta(days=1)))
    return database, str(asyncio.run(journal.session("k" * 64)))


def told(database: Database) -> list[tuple[str, str]]:
    return [(r.sender, r.payload["text"]) for r in rows(database, schema.outbox)]


def state(database: Database) -> Any:
    return rows(database, schema.handovers)[-1].state


def test_taking_answering_and_giving_back_leave_a_closed_request(
    talk: tuple[Database, str],
) -> None:
    database, conversation = talk
    assert main(["reply", conversation[:8], "Goedemorgen", "--take", "ann"]) == 0
    assert state(database) == "claimed"
    assert main(["reply", conversation, "Nog iets?", "--take", "ann"]) == 0
    assert main(["reply", conversation, "Te laat", "--take", "ben"]) != 0
    assert main(["reply", conversation, "--give-back"]) == 0
    assert state(database) == "closed"
    said = [text for sender, text in told(database) if sender == "agent"]
    assert said == ["Goedemorgen", "Nog iets?"]
    row = rows(database, schema.conversations)[0]
    assert row.owner == "bot"
