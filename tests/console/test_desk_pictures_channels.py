"""A picture from the desk all the way to simulated phones: Telegram's by its bytes, SMS by a link.

The road is the whole one with both providers' simulators, over HTTP on loopback; only the brain is
small. The agent works with plain forms.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import FormData
from aiohttp.test_utils import unused_port
from PIL import Image

from bot.assembly import Road
from bot.messages import Answer, PersonWish, Reply, Turn
from bot.settings import load
from bot.store import migrate, schema
from bot.store.engine import Database
from bot.store.erasure import erase
from connectors.sms.simulator import server as sms_server
from connectors.sms.simulator.network import ACCOUNT_SID, AUTH_TOKEN, CITY_NUMBER, Network
from connectors.telegram.simulator import TOKEN, WORLD, World, simulator
from tests.console.desk import PASSWORD, QUICK, Browser
from tests.photos import pictures as p
from tests.road.rooms import rows
from tests.serving import served

CITIZEN = "+31600000007"
ALT = "The way to the desk & back"
SECONDS = 20.0


class Brain:
    """Gives everyone a person."""

    async def answer(self, turn: Turn) -> Answer:
        return Answer((Reply("A colleague comes."),), "en", wish=PersonWish("wait"))


@dataclass
class City:
    road: Road
    world: World
    network: Network
    telegram_url: str
    base: str
    ann: Browser

    async def until(self, true: Callable[[], Any]) -> Any:
        deadline = asyncio.get_running_loop().time() + SECONDS
        while not (found := true()):
            assert asyncio.get_running_loop().time() < deadline, "it never became true"
            await asyncio.sleep(0.02)
        return found

    async def asked(self) -> int:
        """The number of the request that is waiting."""
        deadline = asyncio.get_running_loop().time() + SECONDS
        while not (queue := await self.road.desk.handovers.queue()):
            assert asyncio.get_running_loop().time() < deadline, "nobody waits"
            await asyncio.sleep(0.02)
        return int(queue[0]["id"])

    async def send(self, request: int, picture: bytes, text: str) -> None:
        """Claim it and answer with a picture."""
        ann = self.ann
        await ann.get("/handover")
        await ann.post(f"/handover/{request}/claim", {})
        await ann.get(f"/handover/{request}")
        version = re.search(r'name="version" value="(\d+)" form="composer"', ann.text)
        assert version is not None
        form = FormData(default_to_multipart=True)
        given = {"token": ann.token, "version": version[1], "text": text, "alt": ALT}
        for name, value in given.items():
            form.add_field(name, value)
        form.add_field("picture", picture, filename="way.heic", content_type="image/heic")
        await ann.post_form(f"/handover/{request}/say", form)
        assert ann.status == 303, ann.text


@pytest_asyncio.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    port = unused_port()
    base = f"http://127.0.0.1:{port}"
    telegram, network = simulator(), Network(base, ACCOUNT_SID, AUTH_TOKEN, CITY_NUMBER)
    async with contextlib.AsyncExitStack() as stack:
        telegram_url = await stack.enter_async_context(served(telegram))
        network.api_url = await stack.enter_async_context(served(sms_server.simulator(network)))
        settings = load(
            data_dir=tmp_path,
            quiet_hours="",
            public_url=base,
            telegram_token=TOKEN,
            telegram_mode="polling",
            telegram_api_url=telegram_url,
            twilio_account_sid=ACCOUNT_SID,
            twilio_auth_token=AUTH_TOKEN,
            twilio_from=CITY_NUMBER,
            twilio_api_url=network.api_url,
        )
        database = Database(settings.database)
        stack.callback(database.close)
        migrate.upgrade(database)
        road = Road(settings, database, brain=Brain())
        await road.open_channels()
        assert not road.refused
        await road.start()
        stack.push_async_callback(road.stop)
        await stack.enter_async_context(served(road.application(), port))
        staff = road.office().staff
        made = await staff.add("ann", "agent")
        await staff.change(made.id, password_hash=QUICK.hash(PASSWORD))
        ann = await Browser(base).sign_in("ann")
        stack.push_async_callback(ann.close)
        yield City(road, telegram[WORLD], network, telegram_url, base, ann)


async def test_on_telegram_the_picture_itself_arrives(city: City) -> None:
    chat = city.world.new_chat("private", "en", "Robin")
    async with aiohttp.ClientSession() as phone:
        url = f"{city.telegram_url}/phone/chats/{chat.id}"
        async with phone.post(url, json={"text": "a person please"}) as answer:
            assert answer.status == 202
    await city.send(await city.asked(), p.heic(), "This is the <way>.")

    def arrived() -> Any:
        return next((one for one in city.world.sent if one.get("photo")), None)

    sent = await city.until(arrived)
    assert sent["text"] == "This is the <way>."
    content = city.world.files[sent["photo"]].content
    assert Image.open(io.BytesIO(content)).format == "JPEG"
    assert p.SECRET.encode() not in content


async def test_by_sms_a_link_arrives_that_opens_on_the_phone_and_ends(city: City) -> None:
    await city.network.text(CITIZEN, "a person please")
    await city.send(await city.asked(), p.jpeg(1200, 800, position=p.GRONINGEN), "This is the way.")

    def arrived() -> Any:
        return next((t for t in city.network.texts if "/pictures/sent/" in t.body), None)

    text = await city.until(arrived)
    assert text.to == CITIZEN
    assert text.body.startswith("This is the way.")
    url = re.search(r"Picture: (\S+)$", text.body)
    assert url is not None
    assert url[1].startswith(city.base)
    async with aiohttp.ClientSession() as phone:
        async with phone.get(url[1]) as answer:
            content = await answer.read()
            assert answer.status == 200
            assert answer.content_type == "image/jpeg"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Robots-Tag"] == "noindex, noarchive"
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert Image.open(io.BytesIO(content)).size == (1200, 800)
        assert p.SECRET.encode() not in content
        last = "E" if url[1].endswith("A.jpg") else "A"  # one address in sixteen ends in an A
        for other in (
            url[1][:-5] + f"{last}.jpg",
            city.base + "/pictures/sent/" + "A" * 43 + ".jpg",
        ):
            async with phone.get(other) as answer:
                assert answer.status == 404
        conversation = rows(city.road.database, schema.handovers)[0].conversation_id
        city.road.database.write_now(lambda c: erase(c, conversation))
        async with phone.get(url[1]) as answer:
            assert answer.status == 404
            said = await answer.text()
            assert answer.content_type == "text/plain"
            for words in ("no longer here", "niet meer", "nicht mehr da", "findes ikke"):
                assert words in said


@pytest.mark.parametrize("broken", [b"not a picture", b""])
async def test_a_bad_file_reaches_no_phone(city: City, broken: bytes) -> None:
    await city.network.text(CITIZEN, "a person please")
    request = await city.asked()
    with pytest.raises(AssertionError, match="is not a JPEG|is empty"):
        await city.send(request, broken, "This is the way.")
    assert not any("This is the way" in t.body for t in city.network.texts)
