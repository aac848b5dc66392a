"""A simulated Telegram on a free port, a connector on it, and a road with a brain of one line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot import assembly
from bot.messages import Accepted, Answer, ConversationId, Inbound, InboxId, Reply, Turn
from bot.settings import load
from bot.store import migrate
from bot.store.engine import Database
from connectors.telegram.connector import TelegramConnector
from connectors.telegram.line import Patience
from connectors.telegram.simulator import TOKEN, WORLD, World, simulator
from tests.serving import served

SECRET = "a-secret_for-tests"
QUICK = Patience(connect=0.5, write=0.5, read=0.4, knock=0.4, poll=1, pause=0.01)
Make = Callable[..., TelegramConnector]


@dataclass
class Telegram:
    """The running simulator."""

    url: str
    world: World
    session: aiohttp.ClientSession

    async def citizen(self, chat: int, **what: Any) -> None:
        """Do something on the phone."""
        async with self.session.post(f"{self.url}/phone/chats/{chat}", json=what) as answer:
            assert answer.status == 202, await answer.text()


@pytest_asyncio.fixture
async def telegram() -> AsyncIterator[Telegram]:
    app = simulator()
    async with served(app) as url, aiohttp.ClientSession() as session:
        yield Telegram(url, app[WORLD], session)


@pytest_asyncio.fixture
async def connect(telegram: Telegram) -> AsyncIterator[Make]:
    """Makes connectors on the simulator."""
    made: list[TelegramConnector] = []

    def make(**values: Any) -> TelegramConnector:
        given = {
            "token": TOKEN,
            "secret": SECRET,
            "api_url": telegram.url,
            "public_url": "https://city.example",
            "languages": ("en", "nl", "de", "da"),
            "patience": QUICK,
        }
        made.append(TelegramConnector(**(given | values)))
        return made[-1]

    yield make
    for one in made:
        await one.stop()


@dataclass
class Desk:
    """An `accept` that remembers, and fails when it is told to."""

    taken: list[Inbound] = field(default_factory=list)
    fail: Exception | None = None

    async def __call__(self, message: Inbound) -> Accepted:
        if self.fail is not None:
            raise self.fail
        from datetime import datetime, timezone

        self.taken.append(message)
        return Accepted(
            InboxId(len(self.taken)), ConversationId("c"), False, datetime.now(timezone.utc)
        )

    async def report(self, report: object) -> None:
        raise AssertionError("Telegram reports nothing")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@dataclass
class Echo:
    """A brain that repeats what it hears, and counts its turns."""

    turns: list[Turn] = field(default_factory=list)
    reply: Callable[[Turn], Reply] = lambda turn: Reply(f"You said: {turn.text}")

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        return Answer((self.reply(turn),), language="en")


Start = Callable[[TelegramConnector, Echo], Awaitable[assembly.Road]]


@pytest_asyncio.fixture
async def start_road(tmp_path: Path, telegram: Telegram) -> AsyncIterator[Start]:
    """Starts roads with one connector and a brain; on SQLite unless another database is given."""
    started: list[tuple[assembly.Road, Database | None]] = []

    async def start(
        connector: TelegramConnector, brain: Echo, database: Database | None = None
    ) -> assembly.Road:
        settings = load(data_dir=tmp_path)
        own = None
        if database is None:
            own = database = Database(settings.database)
            migrate.upgrade(database)
        road = assembly.Road(settings, database, brain=brain)
        road.connectors[connector.name] = connector
        await road.open_channels()
        assert not road.refused
        await road.start()
        started.append((road, own))
        return road

    yield start
    for road, own in started:
        await road.stop()
        if own is not None:
            own.close()


async def until(true: Callable[[], Any], seconds: float = 10) -> None:
    """Wait for something to become true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not true():
        assert asyncio.get_running_loop().time() < deadline, "it never became true"
        await asyncio.sleep(0.01)
