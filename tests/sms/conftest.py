"""A town with telephones: the simulated network, the bot's road with a fake brain, one fake clock."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import sqlalchemy as sa
from aiohttp.test_utils import TestServer, unused_port

from bot.assembly import Road
from bot.messages import Answer, Choice, Reply, Turn
from bot.reflexes import Reflexes
from bot.settings import load
from bot.store import schema
from bot.store.engine import Database
from connectors.sms.api import SmsOptions
from connectors.sms.connector import SmsConnector
from connectors.sms.simulator.network import Network, Text
from connectors.sms.simulator.server import simulator

CITIZEN = "+31600000001"


class FakeBrain:
    """Says back what it got; offers a choice to those who ask for one, talks long on request."""

    ready = True

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.replies: dict[str, Reply] = {
            "/yes": Reply("You said yes."),
            "/no": Reply("You said no."),
            "choose": Reply(
                "Is that right?",
                (Choice("", "Yes", "/yes"), Choice("", "No, something else", "/no")),
            ),
            "long": Reply(
                "\n".join(f"This is sentence number {n} of a long answer." for n in range(20))
            ),
        }

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        said = self.replies.get(turn.payload or turn.text)
        return Answer((said or Reply(f"You wrote: {turn.text}"),), "en")


class Town:
    """Everything a test needs, and the hand that moves it: nothing happens by itself."""

    def __init__(
        self, network: Network, road: Road, sms: SmsConnector, brain: FakeBrain, clock
    ) -> None:
        self.network, self.road, self.sms, self.brain, self.clock = network, road, sms, brain, clock

    async def run(self) -> None:
        """Let the rooms work until nothing is left to do."""
        while True:
            await self.network.settle()
            busy = await self.road.turns.step("worker")
            busy = await self.road.dispatch.step([self.sms.name]) or busy
            if not busy and not self.network._tasks:
                return

    async def text(self, body: str, sender: str = CITIZEN) -> list[str]:
        """A citizen sends a text; returns what reaches that phone next, without the disclosure."""
        before = len(self.network.texts)
        await self.network.text(sender, body)
        await self.run()
        return [
            t.body
            for t in self.network.texts[before:]
            if t.to == sender and "automatic" not in t.body
        ]

    def received(self, number: str = CITIZEN) -> list[Text]:
        return [t for t in self.network.texts if t.to == number]

    async def outbox(self) -> list[sa.engine.Row]:
        return await self.road.database.read(
            lambda c: c.execute(sa.select(schema.outbox).order_by(schema.outbox.c.id)).all()
        )

    async def states(self) -> list[str]:
        return [row.state for row in await self.outbox()]

    async def greet(self) -> None:
        """Get the first-time disclosure out of the way."""
        await self.text("hello")
        self.brain.turns.clear()
        self.network.texts.clear()

    async def unclear_rows(self) -> list[sa.engine.Row]:
        return [row for row in await self.outbox() if row.state == "unclear"]

    async def hang(self, **switches: str) -> None:
        """The provider takes sends and never answers; the bot waits only a second for it."""
        self.network.switches.change({"answer": "timeout", **switches})
        self.sms.api.options = replace(self.sms.api.options, timeout_seconds=1)
        await self.sms.api.close()

    async def look_up(self) -> None:
        """Time passes until unclear sends are looked up, and they are."""
        self.clock.advance(seconds=30)
        await self.road.dispatch.look_up(self.sms.name)


@pytest.fixture(scope="session")
def reflexes() -> Reflexes:
    """The city's reflexes, read once: most of the time that a road takes to build."""
    return Reflexes.load(load().city_dir / "reflexes.yml")


@pytest.fixture
def brain() -> FakeBrain:
    return FakeBrain()


@pytest_asyncio.fixture
async def town(
    tmp_path: Path,
    migrated: Path,
    reflexes: Reflexes,
    clock,
    brain: FakeBrain,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Town]:
    bot_port = unused_port()
    bot_url = f"http://127.0.0.1:{bot_port}"
    network = Network(bot_url, clock=clock)
    provider = TestServer(simulator(network))
    await provider.start_server()
    network.api_url = str(provider.make_url("/")).rstrip("/")

    settings = load(data_dir=tmp_path, twilio_account_sid="", telegram_token="")
    shutil.copy(migrated, settings.database.removeprefix("sqlite:///"))
    database = Database(settings.database)
    monkeypatch.setattr(Reflexes, "load", lambda path: reflexes)
    road = Road(settings, database, brain=brain)
    road.journal.clock = clock
    options = SmsOptions(
        account_sid=network.account_sid,
        auth_token=network.auth_token,
        sender=network.number,
        api_url=network.api_url,
        public_url=bot_url,
        timeout_seconds=10,
    )
    seconds = lambda: clock().timestamp()  # noqa: E731
    sms = SmsConnector(road.journal, options, now=clock, monotonic=seconds)
    road.connectors[sms.name] = sms
    server = TestServer(road.application(), port=bot_port)
    await server.start_server()
    try:
        yield Town(network, road, sms, brain, clock)
    finally:
        network.closing.set()
        await network.changed()
        await sms.stop()
        await server.close()
        await provider.close()
        database.close()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
    await asyncio.sleep(0)
