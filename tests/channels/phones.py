"""A city on Telegram and SMS with simulated providers, and phones to talk to it over HTTP.

Every line that arrives on a phone is checked for what no citizen should ever see.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
import structlog
from aiohttp.test_utils import unused_port

from bot import assembly
from bot.civic.tickets import State, Ticket
from bot.settings import load
from bot.store import schema
from bot.store.engine import Database
from connectors.sms.segments import size
from connectors.sms.simulator import server as sms_server
from connectors.sms.simulator.network import ACCOUNT_SID, AUTH_TOKEN, CITY_NUMBER, Network
from connectors.telegram.setup import set_webhook
from connectors.telegram.simulator import TOKEN, WORLD, World, simulator
from tests.photos import pictures
from tests.serving import served

SECRET = "a-secret_for-tests"
REFERENCE = re.compile(r"LW-\d{4}-\d{5}")
POSITION = {"lat": 53.2172, "lon": 6.5683}
PLACE = "Hoogstraat (53.21720, 6.56830)"  # its lamp-post is the nearest
BOT = "@likewise_demo_bot"
SETTLE_SECONDS = 20.0
LANGUAGES = ("en", "nl", "de", "da")
in_module = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Wording:
    """What a citizen says in one language, and a few words of what they must hear."""

    hello: str
    question: str
    answer: str
    one_lamp: str
    two: str
    broken: str
    status: str
    help: str
    more: str
    stop: str
    start: str


WORDINGS = {
    "en": Wording(
        "hello", "when is the town hall open?", "Monday to Friday", "One lamp", "two",
        "the street light in front of Oosterstraat {} is broken, one lamp",
        "what is the status of my report?", "what can you do?", "MORE", "STOP", "START",
    ),
    "nl": Wording(
        "goedemorgen", "wanneer is het stadhuis open?", "maandag tot en met vrijdag", "Eén lamp",
        "twee", "de lantaarnpaal voor Oosterstraat {} is kapot, één lamp",
        "hoe staat het met mijn melding?", "wat kunt u allemaal?", "MEER", "STOPPEN", "START",
    ),
    "de": Wording(
        "Guten Tag", "Wann ist das Rathaus geöffnet?", "Montag bis Freitag", "Eine Laterne",
        "zwei", "Die Straßenlampe vor Oosterstraat {} ist kaputt, eine Laterne",
        "Was ist mit meiner Meldung?", "Was können Sie alles?", "MEHR", "STOPP", "ANMELDEN",
    ),
    "da": Wording(
        "Hej", "hvornår har rådhuset åbent?", "mandag til fredag", "Én lampe", "to",
        "gadelampen ved Oosterstraat {} er gået ud, én lampe",
        "hvad er der sket med min sag?", "Hvad kan du?", "MERE", "AFMELD", "TILMELD",
    ),
}  # fmt: skip


class ShiftedClock:
    """The time of day, which a test may move on."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def __call__(self) -> datetime:
        return assembly.utc_now() + self.shift


@dataclass
class City:
    """A road with the trained model and its simulated providers."""

    road: assembly.Road
    world: World
    network: Network
    telegram_url: str
    sms_url: str
    http: aiohttp.ClientSession
    clock: ShiftedClock = field(default_factory=ShiftedClock)

    async def outbox(self) -> list[dict[str, Any]]:
        return await self.road.database.read(
            lambda c: [dict(r._mapping) for r in c.execute(sa.select(schema.outbox).order_by("id"))]
        )

    async def arrived(self) -> None:
        """Wait until everything a citizen did has been kept and answered."""
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while self.world.pending or self.network._tasks or await self.road.journal.waiting_turns():
            assert asyncio.get_running_loop().time() < deadline, "a message was not answered"
            await asyncio.sleep(0.01)

    async def settled(self) -> None:
        """Wait until nothing is under way any more, in either direction."""
        await self.arrived()
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while {"queued", "sending"} & {row["state"] for row in await self.outbox()}:
            assert asyncio.get_running_loop().time() < deadline, "a reply was not sent"
            await asyncio.sleep(0.01)

    async def at_rest(self) -> None:
        """Wait until no send is under way: time that jumps on would make it look lost."""
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while "sending" in {row["state"] for row in await self.outbox()}:
            assert asyncio.get_running_loop().time() < deadline, "a send does not end"
            await asyncio.sleep(0.005)

    def phrase(self, name: str, language: str, **values: Any) -> str:
        return self.road.phrasebook.reply(name, language, **values).text

    def label(self, name: str, language: str, number: int = 0) -> str:
        """The label of a phrase's own choice."""
        return self.road.phrasebook.reply(name, language).choices[number].label

    def service(self, language: str, code: str = "street-light") -> str:
        service = assembly.catalogue(self.road.settings).get(code)
        assert service is not None
        return service.name(language)

    async def conversation(self, address: str) -> str:
        return await self.road.database.read(
            lambda c: str(
                c.execute(
                    sa.select(schema.conversations.c.id).where(
                        schema.conversations.c.address == address
                    )
                ).scalar_one()
            )
        )

    async def tickets(self, address: str) -> list[Ticket]:
        return self.road.tickets.of_conversation(await self.conversation(address))

    async def move(self, reference: str, state: State) -> bool:
        """Staff moves a ticket, and the reporter is told."""
        _, event = self.road.tickets.move(reference, state, "clerk")
        key = f"ticket-event-{event}-"
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while not any((row["notice_key"] or "").startswith(key) for row in await self.outbox()):
            assert asyncio.get_running_loop().time() < deadline, "the news was not told"
            await asyncio.sleep(0.01)
        return True


@contextlib.asynccontextmanager
async def opened(mode: str, folder: Any) -> AsyncIterator[City]:
    """A city whose Telegram messages arrive by polling or by webhook."""
    bot_url = f"http://127.0.0.1:{unused_port()}"
    telegram, network = simulator(), Network(bot_url, ACCOUNT_SID, AUTH_TOKEN, CITY_NUMBER)
    async with contextlib.AsyncExitStack() as stack:
        telegram_url = await stack.enter_async_context(served(telegram, unused_port()))
        sms_url = await stack.enter_async_context(
            served(sms_server.simulator(network), unused_port())
        )
        network.api_url = sms_url
        settings = load(
            quiet_hours="",
            data_dir=folder,
            public_url=bot_url,
            telegram_token=TOKEN,
            telegram_secret=SECRET,
            telegram_mode=mode,
            telegram_api_url=telegram_url,
            twilio_account_sid=ACCOUNT_SID,
            twilio_auth_token=AUTH_TOKEN,
            twilio_from=CITY_NUMBER,
            twilio_api_url=sms_url,
        )
        quiet = structlog.make_filtering_bound_logger(logging.WARNING)
        structlog.configure(wrapper_class=quiet)  # Rasa prints every step of a turn otherwise
        database = Database(settings.database)
        stack.callback(database.close)
        await asyncio.get_running_loop().run_in_executor(
            None, assembly.prepare, settings, database, lambda line: None
        )
        if mode == "webhook":
            await set_webhook(TOKEN, SECRET, bot_url, telegram_url, LANGUAGES)
        road = assembly.Road(settings, database)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        city = City(road, telegram[WORLD], network, telegram_url, sms_url, http)
        road.journal.clock = city.clock
        road.occupy()
        await road.open_channels()
        assert not road.refused, road.refused
        await road.start()
        stack.push_async_callback(road.stop)
        await stack.enter_async_context(served(road.application(), int(bot_url.rsplit(":")[-1])))
        yield city


in_every_language = pytest.mark.parametrize("language", LANGUAGES)
by_poll_and_hook = pytest.mark.parametrize("city", ["polled", "hooked"], indirect=True)
by_poll_or_hook = pytest.mark.parametrize(
    ("city", "language"),
    [("polled", "en"), ("hooked", "nl"), ("polled", "de"), ("hooked", "da")],
    indirect=["city"],
)


class TelegramPhone:
    """One chat on the simulated phone: acts over the page's HTTP, reads what arrived."""

    def __init__(self, city: City, language: str, group: bool = False) -> None:
        self.city = city
        kind = "supergroup" if group else "private"
        self.chat = city.world.new_chat(kind, language, "Robin")
        self.last: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        return str(self.chat.id)

    async def do(self, **what: Any) -> None:
        """Act, without waiting for an answer."""
        url = f"{self.city.telegram_url}/phone/chats/{self.chat.id}"
        async with self.city.http.post(url, json=what) as answer:
            assert answer.status == 202, await answer.text()

    async def heard(self, act: Any) -> str:
        """Act, and return what arrives because of it."""
        before = len(self.city.world.sent)
        await act
        await self.city.settled()
        sent = self.city.world.sent[before:]
        self.last = [one for one in sent if one["chat"] == self.chat.id]
        for one in self.last:
            proper(one["text"])
        return "\n\n".join(one["text"] for one in self.last)

    async def say(self, words: str) -> str:
        return await self.heard(self.do(text=words))

    async def edit(self, number: int, words: str) -> str:
        return await self.heard(self.do(edit={"id": number, "text": words}))

    async def share(self) -> str:
        return await self.heard(self.do(place=POSITION))

    async def photo(self, caption: str = "") -> str:
        async def send() -> None:
            form = aiohttp.FormData()
            form.add_field("photo", pictures.jpeg(), filename="lamp.jpg", content_type="image/jpeg")
            form.add_field("caption", caption)
            url = f"{self.city.telegram_url}/phone/chats/{self.chat.id}"
            async with self.city.http.post(url, data=form) as answer:
                assert answer.status == 202, await answer.text()

        return await self.heard(send())

    def button(self, label: str) -> tuple[int, str]:
        """The newest inline button with this label: its message and its data."""
        for one in reversed(self.last):
            for button in (b for row in one["buttons"] for b in row):
                if button["text"] == label:
                    return one["id"], button["callback_data"]
        raise AssertionError(f"no button {label!r} in {self.last}")

    async def press(self, button: tuple[int, str]) -> str:
        said = await self.heard(self.do(press={"id": button[0], "data": button[1]}))
        assert not self.city.world.pressed, "the button still spins"
        return said

    @property
    def wants_position(self) -> bool:
        return any(b.get("request_location") for row in self.chat.keyboard for b in row)

    @property
    def newest(self) -> int:
        """The number of the citizen's newest message."""
        return max(n for n, line in self.chat.lines.items() if line["from"] == "citizen")


class SmsPhone:
    """One telephone in the simulated network."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.number = f"+316{random.randrange(10**7, 10**8)}"

    @property
    def address(self) -> str:
        return self.number

    def received(self) -> list[str]:
        return [t.body for t in self.city.network.texts if t.to == self.number]

    async def say(self, words: str) -> str:
        """Text the city; returns what arrives because of it."""
        before = len(self.received())
        sending = {"from": self.number, "body": words}
        async with self.city.http.post(f"{self.city.sms_url}/phone/send", json=sending) as answer:
            assert answer.status == 201, await answer.text()
        await self.city.settled()
        found = self.received()[before:]
        assert found, f"no answer to {words!r}"
        for text in found:
            proper(text)
            assert size(text).segments <= 3, text
        return "\n\n".join(found)


def proper(text: str) -> None:
    """Nothing that belongs to the machine, no unfilled value, nothing said twice."""
    for raw in ("/inform", "/report", "/affirm", "utter_", "{", "}"):
        assert raw not in text, text
    assert not re.search(r"(.{30,})\n+\1", text), text


def plain(text: str) -> str:
    """Words as they can be compared: SMS has other quotes and no paragraphs."""
    return " ".join(re.sub(r"[\"'„“”‘’•*-]", " ", text).split())


async def until(true: Callable[[], Any], seconds: float = 10) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not true():
        assert asyncio.get_running_loop().time() < deadline, "it never became true"
        await asyncio.sleep(0.005)
