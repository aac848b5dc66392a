"""Roads to talk to over real HTTP: one that the tests of a module share, and roads of one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.web.house import Client, House, Open, serving


@pytest.fixture
def opened(tmp_path: Path, migrated: Path) -> Open:
    """Serve a road of one's own: `async with opened(chat_messages_per_minute=3) as house`."""
    return lambda **given: serving(tmp_path, migrated, **given)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> AsyncIterator[House]:
    """The road that most tests share; its limits are switched off."""
    given = {"chat_origins": ("https://www.city.example",), "public_url": "https://chat.example"}
    async with serving(tmp_path_factory.mktemp("house"), migrated, **given) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def client(house: House) -> Client:
    return await house.arrive()
