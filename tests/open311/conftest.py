"""An Open311 server over real HTTP, on a database of its own, with the demo city's catalogue."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from bot import topics
from bot.brain.nlg import phrasebook
from bot.civic.areas import Area, AreaHit, Street
from bot.open311.opening import open_server
from bot.settings import load
from bot.store.engine import Database
from bot.store.open311 import Open311Register
from bot.store.registers import TicketRegister
from connectors.web.limits import RateLimit
from tests.conftest import FakeClock
from tests.serving import served

BASE = "/open311/v2"
INSIDE = {"lat": "53.2194", "long": "6.5665"}


class Map:
    """One street in one neighbourhood; whatever is more than a degree away is outside."""

    here = Area("BU001", "neighbourhood", "Binnenstad-Noord", None, None, {}, None, "")
    street = Street("Oosterstraat", "Groningen", ("BU001",), 53.2194, 6.5665)

    def area(self, code: str) -> Area | None:
        return self.here if code == self.here.code else None

    def inside_city(self, lat: float, lon: float) -> bool:
        return abs(lat - 53.2) < 1 and abs(lon - 6.5) < 1

    def area_at(self, lat: float, lon: float) -> AreaHit | None:
        return AreaHit(self.here, True, 0.0)

    def nearest_street(self, lat: float, lon: float) -> tuple[Street, float] | None:
        return self.street, 3.0


@dataclass
class Town:
    """A served Open311 and what a test asks of it."""

    url: str
    http: aiohttp.ClientSession
    tickets: TicketRegister
    register: Open311Register
    clock: FakeClock
    key: str

    async def get(self, path: str, **query: Any) -> tuple[int, str, str]:
        """(status, media type, text)."""
        async with self.http.get(self.url + path, params=query) as answer:
            assert answer.charset == "utf-8"
            return answer.status, answer.content_type, await answer.text()

    async def json(self, path: str, **query: Any) -> Any:
        async with self.http.get(self.url + path, params=query) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def post(
        self, fields: Any = None, form: str = "json", headers: Any = None, **more: Any
    ) -> tuple[int, Any]:
        data = {"api_key": self.key, **(fields or {}), **more}
        address = f"{self.url}/requests.{form}"
        async with self.http.post(address, data=data, headers=headers) as answer:
            return answer.status, await (answer.json() if form == "json" else answer.text())

    async def made(self, **more: Any) -> str:
        """Post a good request; its reference."""
        status, answer = await self.post({**GOOD, **more})
        assert status == 201, answer
        return str(answer[0]["service_request_id"])


GOOD = {
    "service_code": "street-light",
    "description": "The lamp is dark",
    "attribute[extent]": "single",
    **INSIDE,
}


def application(routes: Iterable[web.RouteDef]) -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    return app


@pytest.fixture
def sqlite(tmp_path: Path, migrated: Path) -> Iterator[Database]:
    (tmp_path / "town.db").write_bytes(migrated.read_bytes())
    database = Database(f"sqlite:///{tmp_path / 'town.db'}")
    yield database
    database.close()


@contextlib.asynccontextmanager
async def opened(database: Database, clock: FakeClock, **given: Any) -> AsyncIterator[Town]:
    options = {"open311_posts_per_minute": 0, "open311_reads_per_minute": 0, **given}
    settings = load(**options)
    tickets = TicketRegister(database, clock)
    server = open_server(
        settings,
        tickets,
        topics.load_catalogue(settings.city_dir),
        phrasebook(settings),
        Map,
        RateLimit,
    )
    async with served(application(server.routes())) as url, aiohttp.ClientSession() as http:
        key = server.register.add_key("an app")
        yield Town(url + BASE, http, tickets, server.register, clock, key)


@pytest_asyncio.fixture
async def town(sqlite: Database, clock: FakeClock) -> AsyncIterator[Town]:
    async with opened(sqlite, clock) as made:
        yield made
