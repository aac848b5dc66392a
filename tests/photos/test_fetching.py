"""Fetching a citizen's picture from its provider: Telegram's Bot API, and Twilio's media.

The providers are our simulators and small servers that misbehave. Twilio's address comes from a
webhook that is signed, and is held to the provider's own server all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.assembly import Road
from bot.channel import FileUnavailable
from bot.messages import Answer, Reply, Turn
from bot.settings import load
from bot.store import migrate, schema
from bot.store.engine import Database
from connectors.sms.api import SmsOptions, TwilioApi
from connectors.sms.simulator.network import ACCOUNT_SID, AUTH_TOKEN, CITY_NUMBER, Network
from connectors.sms.simulator.server import simulator as sms_simulator
from connectors.telegram.simulator import TOKEN, WORLD
from connectors.telegram.simulator import simulator as telegram_simulator
from tests.photos import pictures as p
from tests.road.rooms import rows
from tests.serving import served

CITIZEN = "+31600000001"
MEDIA = "/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"


class Parrot:
    def __init__(self) -> None:
        self.turns: list[Turn] = []

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        return Answer((Reply(f"You said: {turn.text}"),), language=turn.language)


@contextlib.asynccontextmanager
async def a_road(folder: Path, **given: Any) -> AsyncIterator[Road]:
    database = Database(f"sqlite:///{folder / 'likewise.db'}")
    migrate.upgrade(database)
    road = Road(load(data_dir=folder, **given), database, Parrot())
    await road.open_channels()
    assert not road.refused, road.refused
    await road.start()
    yield road
    await road.stop()
    database.close()


async def until(check: Callable[[], Any]) -> Any:
    """The first true answer of the check."""

    async def ask() -> Any:
        while not (found := check()):
            await asyncio.sleep(0.02)
        return found

    return await asyncio.wait_for(ask(), 20)


def settled(road: Road) -> Any:
    return [r for r in rows(road.database, schema.photos) if r.state != "waiting"]


@pytest.mark.parametrize("content", [p.jpeg(position=p.GRONINGEN), p.heic()], ids=["JPEG", "HEIC"])
async def test_a_telegram_picture_ends_in_the_store(tmp_path: Path, content: bytes) -> None:
    app = telegram_simulator()
    async with served(app) as url, aiohttp.ClientSession() as http:
        async with a_road(tmp_path, telegram_token=TOKEN, telegram_api_url=url) as road:
            chat = app[WORLD].new_chat("private", "en", "Robin")
            form = aiohttp.FormData()
            form.add_field("photo", content, filename="lamp.jpg", content_type="image/jpeg")
            form.add_field("caption", "This lamp is broken")
            async with http.post(f"{url}/phone/chats/{chat.id}", data=form) as answer:
                assert answer.status == 202
            (row,) = await until(lambda: settled(road))
            assert (row.state, row.channel) == ("stored", "telegram")
            (turn,) = await until(lambda: road.brain.turns)  # type: ignore[attr-defined]
            assert (turn.text, turn.photos) == ("This lamp is broken", (row.id,))
            picture = await road.photo_room.picture(row.id)
            assert picture is not None
            assert picture.startswith(b"\xff\xd8\xff")


async def test_a_telegram_file_that_is_no_picture_is_answered_with_a_sentence(
    tmp_path: Path,
) -> None:
    app = telegram_simulator()
    async with served(app) as url, aiohttp.ClientSession() as http:
        async with a_road(tmp_path, telegram_token=TOKEN, telegram_api_url=url) as road:
            chat = app[WORLD].new_chat("private", "nl", "Robin")
            form = aiohttp.FormData()
            form.add_field("photo", b"MZ program", filename="a.jpg", content_type="image/jpeg")
            async with http.post(f"{url}/phone/chats/{chat.id}", data=form) as answer:
                assert answer.status == 202
            (row,) = await until(lambda: settled(road))
            assert (row.state, row.code) == ("refused", "photo_type")
            sentence = road.phrasebook.text("utter_photo_type", "nl")
            await until(lambda: [s for s in app[WORLD].sent if sentence in s["text"]])
            assert len([s for s in app[WORLD].sent if sentence in s["text"]]) == 1


async def test_pictures_of_an_mms_end_in_the_store_one_by_one(tmp_path: Path) -> None:
    network = Network("http://127.0.0.1:1", ACCOUNT_SID, AUTH_TOKEN, CITY_NUMBER)
    async with served(sms_simulator(network)) as url:
        network.api_url = url
        given = {
            "twilio_account_sid": ACCOUNT_SID,
            "twilio_auth_token": AUTH_TOKEN,
            "twilio_from": CITY_NUMBER,
            "twilio_api_url": url,
        }
        async with a_road(tmp_path, **given) as road:
            async with served(road.application()) as bot_url:
                network.bot_url = bot_url
                files = [("image/jpeg", p.jpeg()), ("image/png", p.png()), ("image/png", b"PNG")]
                await network.text(CITIZEN, "the lamp", files)
                await network.settle()
                found = await until(lambda: settled(road) if len(settled(road)) == 3 else None)
                assert sorted(r.state for r in found) == ["refused", "stored", "stored"]
                (turn,) = await until(lambda: road.brain.turns)  # type: ignore[attr-defined]
                assert len(turn.photos) == 3


# Twilio's media, held to the provider's server ----------------------------------------------------


def api_at(url: str) -> TwilioApi:
    return TwilioApi(SmsOptions("AC1", "hush", CITY_NUMBER, api_url=url, timeout_seconds=2))


async def refused(url: str, address: str, limit: int = 1000) -> FileUnavailable:
    api = api_at(url)
    with pytest.raises(FileUnavailable) as error:
        await api.picture(address, limit)
    await api.close()
    return error.value


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:22/",
        "file:///etc/passwd",
        "{url}.evil.example/2010-04-01/Accounts/x",
        "{url}@evil.example/2010-04-01/Accounts/x",
        "{url}/phone/state",
        "/2010-04-01/Accounts/AC1/x",
        "",
    ],
)
async def test_nothing_is_fetched_but_from_the_provider(address: str) -> None:
    asked: list[str] = []

    async def anything(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=b"secret")

    app = web.Application()
    app.router.add_get("/{rest:.*}", anything)
    async with served(app) as url:
        error = await refused(url, address.format(url=url))
        assert (error.code, error.again) == ("not_the_provider", False)
    assert asked == []


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:1/x",
        "https://evil.example/x",
        "https://twilio.com.evil.example/x",
        "http://media.twiliocdn.com/x",
        "https://media.twiliocdn.com:8443/x",
        "https://user@evil.example\\@media.twiliocdn.com/x",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_way_to_elsewhere_is_not_gone(target: str) -> None:
    async def away(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": target} if target else {})

    app = web.Application()
    app.router.add_get(MEDIA, away)
    async with served(app) as url:
        error = await refused(url, url + MEDIA)
    assert error.code in ("not_the_provider", "redirects")


async def test_the_way_to_the_providers_media_is_gone_without_the_password() -> None:
    seen: dict[str, str | None] = {}

    async def away(request: web.Request) -> web.Response:
        seen["api"] = request.headers.get("Authorization")
        return web.Response(status=307, headers={"Location": "/media/ME1"})

    async def media(request: web.Request) -> web.Response:
        seen["media"] = request.headers.get("Authorization")
        return web.Response(body=p.jpeg())

    app = web.Application()
    app.router.add_get(MEDIA, away)
    app.router.add_get("/media/ME1", media)
    async with served(app) as url:
        api = api_at(url)
        assert await api.picture(url + MEDIA, 100_000) == p.jpeg()
        await api.close()
    assert str(seen["api"]).startswith("Basic ")
    assert seen["media"] is None


@pytest.mark.parametrize(
    ("status", "body", "code", "again"),
    [
        (404, b"", "gone", False),
        (410, b"", "gone", False),
        (401, b"", "status 401", False),
        (429, b"", "status 429", True),
        (500, b"", "status 500", True),
        (200, b"x" * 1001, "too_large", False),
    ],
)
async def test_what_the_provider_answers_decides_whether_it_is_asked_again(
    status: int, body: bytes, code: str, again: bool
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_get(MEDIA, answer)
    async with served(app) as url:
        error = await refused(url, url + MEDIA)
    assert (error.code, error.again) == (code, again)


async def test_an_endless_file_and_an_endless_chain_come_to_an_end() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"0" * 10_000)
        return response

    async def circle(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/circle"})

    app = web.Application()
    app.router.add_get(MEDIA, endless)
    app.router.add_get(MEDIA + "x", circle)
    app.router.add_get("/circle", circle)
    async with served(app) as url:
        assert (await refused(url, url + MEDIA)).code == "too_large"
        assert (await refused(url, url + MEDIA + "x")).code == "redirects"


async def test_a_provider_that_is_down_is_asked_again() -> None:
    error = await refused("http://127.0.0.1:1", "http://127.0.0.1:1" + MEDIA)
    assert error.again
