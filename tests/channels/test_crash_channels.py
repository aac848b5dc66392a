"""One stream over web, Telegram and SMS at once, with SIGKILL at random moments.

Both simulators run in this process and so outlive every kill; what they show is what a citizen sees
on the telephone. The server may die with a send on the line: some of those were taken and some got
lost, and a look-up (SMS) or a clerk (Telegram) finds out which. What every telephone and every chat
page shows in the end is what an undisturbed run of the same script shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import random
import re
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from bot.settings import load
from bot.store.engine import Database
from bot.store.journal import Journal
from connectors.sms.simulator import server as sms
from connectors.sms.simulator.network import Network
from connectors.telegram.simulator import TOKEN, WORLD, World, simulator
from connectors.telegram.simulator.markup import read
from tests.road.processes import (
    DUTCH,
    ENGLISH,
    SEED,
    Client,
    Launcher,
    Server,
    compare,
    far_apart,
    story,
    table,
    text_of,
    tickets,
)

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(600, func_only=True)]

KILLS = 31
ROUNDS = 4
MESSAGES = 6 * ROUNDS * 5
"""Six conversations: each channel in English and in Dutch."""
STREAM_SECONDS = 300.0
STEP_SECONDS = 90.0
SECRET = "only-for-the-crash-test"
WAITS = {
    "connectors.sms.connector:SWEEP_SECONDS": 3.0,
    "connectors.sms.connector:SURE_SECONDS": 1.0,
    "bot.dispatch:LOOK_UP_AFTER": 0.5,
    "bot.turns:MOST_INTERRUPTED": 1000,  # the kills here are no message's fault
}
"""The server's own waits, shorter than a city has them: a life here lasts a second or two."""
CLERK_WAITS = timedelta(seconds=1)
"""Longer than a send can still be under way on the slow line after its server died."""
SCRIPTS = {"en": ENGLISH, "nl": DUTCH}

Shown = tuple[str, tuple[str, ...]]


# The providers -------------------------------------------------------------------------------------


class Providers:
    """Both simulators on loopback, in a loop of their own, behind a line that takes its time."""

    def __init__(self, bot_port: int) -> None:
        self.bot_port = bot_port
        self.bot_url = f"http://127.0.0.1:{self.bot_port}"
        self.chance = random.Random(SEED)
        self.lost = 0
        """Sends whose server died before the provider took them."""
        self.unheard = 0
        """Sends that were taken, but whose server died before it heard so."""
        self.under_way = 0
        """Sends on the line now. A status report may tell the server of one before its answer."""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._runners: list[web.AppRunner] = []
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, Any], seconds: float = 20) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    async def _open(self) -> None:
        telegram = simulator()
        self.world: World = telegram[WORLD]
        self.telegram_url = await self._serve(telegram)
        self.network = Network(self.bot_url)
        self.sms_url = self.network.api_url = await self._serve(sms.simulator(self.network))

    async def _serve(self, app: web.Application) -> str:
        app.middlewares.append(self._slow_line())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    def _slow_line(self) -> Any:
        @web.middleware
        async def line(request: web.Request, handler: Any) -> web.StreamResponse:
            sends = ("/sendMessage", "/sendPhoto", "/Messages.json")
            if request.method != "POST" or not request.path.endswith(sends):
                return await handler(request)
            self.under_way += 1
            try:
                return await carry(request, handler)
            finally:
                self.under_way -= 1

        async def carry(request: web.Request, handler: Any) -> web.StreamResponse:
            await asyncio.sleep(self.chance.uniform(0, 0.1))
            if request.transport is None or request.transport.is_closing():
                self.lost += 1
                raise web.HTTPServiceUnavailable
            try:
                answer: web.StreamResponse = await handler(request)
            except ConnectionResetError:
                self.lost += 1
                raise web.HTTPServiceUnavailable from None
            await asyncio.sleep(self.chance.uniform(0, 0.1))
            if request.transport is None or request.transport.is_closing():
                self.unheard += 1
            return answer

        return line

    def environment(self, mode: str) -> dict[str, str]:
        return {
            **sms.environment(self.sms_url, self.bot_url),
            "LIKEWISE_PORT": str(self.bot_port),
            "LIKEWISE_TELEGRAM_API_URL": self.telegram_url,
            "LIKEWISE_TELEGRAM_TOKEN": TOKEN,
            "LIKEWISE_TELEGRAM_SECRET": SECRET,
            "LIKEWISE_TELEGRAM_MODE": mode,
        }

    def set_webhook(self) -> None:
        """What `python -m bot telegram set-webhook` does."""
        hook = {"url": f"{self.bot_url}/telegram/webhook", "secret_token": SECRET}
        assert _post(f"{self.telegram_url}/bot{TOKEN}/setWebhook", hook)["ok"]

    def close(self) -> None:
        async def end() -> None:
            for runner in self._runners:
                await runner.cleanup()

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Do something at a simulator, as its page does."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", parts.path, json.dumps(body), headers)
        response = connection.getresponse()
        answer = response.read()
        assert response.status < 300, (url, body, response.status, answer)
        return dict(json.loads(answer))
    finally:
        connection.close()


# Telephones ----------------------------------------------------------------------------------------


@dataclass
class Phone(ABC):
    """A citizen who follows the script, and reads nothing but the telephone."""

    providers: Providers
    folder: Path
    language: str
    thinks: Callable[[], float]
    on_news: Callable[[], None]
    channel = ""
    address: str = ""
    sent: int = 0
    steps: list[list[Shown]] = field(default_factory=list)

    @abstractmethod
    def shown(self) -> list[Shown]:
        """What the bot said, with the labels of its choices."""

    @abstractmethod
    def say(self, words: str) -> None: ...

    @abstractmethod
    def pick(self, label: str) -> None: ...

    def script(self) -> list[list[str]]:
        return SCRIPTS[self.language]

    def talk(self) -> None:
        for _ in range(ROUNDS):
            for together in self.script():
                time.sleep(self.thinks())
                before = len(self.shown())
                for words in together:
                    if words.startswith("pick:"):
                        self.pick(words.removeprefix("pick:"))
                    else:
                        self.say(words.replace("{reference}", self._references()[-1:][0])
                                 if "{reference}" in words else words)  # fmt: skip
                    self.sent += 1
                    self.on_news()
                self._wait(before)
                self.steps.append(self.shown()[before:])

    def _wait(self, before: int) -> None:
        """Until every message so far is answered, and every answer has reached its end."""
        mine = f"c.channel = '{self.channel}' AND c.address = '{self.address}'"
        query = (
            "SELECT (SELECT count(*) FROM inbox i JOIN conversations c ON c.id = i.conversation_id "
            f"WHERE i.state = 'done' AND {mine}), (SELECT count(*) FROM outbox o JOIN conversations "
            "c ON c.id = o.conversation_id WHERE o.state IN ('queued', 'sending', 'unclear') AND "
            f"{mine})"
        )
        deadline, seen = time.monotonic() + STEP_SECONDS, before
        while table(self.folder, query) != [(self.sent, 0)]:
            assert time.monotonic() < deadline, (self.address, table(self.folder, query), self.sent)
            if len(self.shown()) > seen:
                seen = len(self.shown())
                self.on_news()
            time.sleep(0.05)

    def _references(self) -> list[str]:
        return re.findall(r"LW-\d{4}-\d{5}", " ".join(text for text, _ in self.shown()))

    def story(self) -> list[Counter[Shown]]:
        """Per step what was shown, its tickets numbered in the order of this conversation.

        Within a step an unclear message may come after the next one, so order does not count there.
        """
        order = list(dict.fromkeys(self._references()))

        def plain(text: str) -> str:
            return re.sub(r"LW-\d{4}-\d{5}", lambda m: f"ticket {order.index(m[0])}", text)

        return [Counter((plain(text), labels) for text, labels in step) for step in self.steps]


class TelegramPhone(Phone):
    channel = "telegram"

    def begin(self) -> None:
        asked = {"language": self.language, "name": f"Robin {self.language}"}
        self.address = str(_post(f"{self.providers.telegram_url}/phone/chats", asked)["id"])

    def _lines(self) -> list[dict[str, Any]]:
        lines = list(self.providers.world.chats[int(self.address)].lines.values())
        return [line for line in lines if line["from"] == "bot"]

    def shown(self) -> list[Shown]:
        return [
            (line["text"], tuple(b["text"] for row in line["buttons"] for b in row))
            for line in self._lines()
        ]

    def _do(self, **what: Any) -> None:
        _post(f"{self.providers.telegram_url}/phone/chats/{self.address}", what)

    def say(self, words: str) -> None:
        self._do(text=words)

    def pick(self, label: str) -> None:
        for line in reversed(self._lines()):
            for row in line["buttons"]:
                for button in row:
                    if button["text"] == label:
                        self._do(press={"id": line["id"], "data": button["callback_data"]})
                        return
        raise AssertionError(f"no button {label!r} in {self.shown()[-3:]}")


class SmsPhone(Phone):
    channel = "sms"

    def script(self) -> list[list[str]]:
        """One at a time: nothing keeps two texts in order on their way to the bot."""
        return [[words] for together in super().script() for words in together]

    def shown(self) -> list[Shown]:
        texts = list(self.providers.network.texts)
        return [(t.body, ()) for t in texts if t.to == self.address]

    def say(self, words: str) -> None:
        _post(f"{self.providers.sms_url}/phone/send", {"from": self.address, "body": words})

    def pick(self, label: str) -> None:
        for text, _ in reversed(self.shown()):
            number = re.search(rf"^(\d+) {re.escape(label)}$", text, re.M)
            if number:
                self.say(number[1])
                return
        raise AssertionError(f"no choice {label!r} in {self.shown()[-3:]}")


# The clerk -----------------------------------------------------------------------------------------


class Clerk:
    """Decides on unclear Telegram sends as a person does: by a look at the citizen's telephone."""

    def __init__(self, providers: Providers, folder: Path) -> None:
        self.providers, self.folder = providers, folder
        database = load(data_dir=folder).database
        self.database = Database(database)
        self.journal = Journal(self.database, lambda: datetime.now(timezone.utc))
        self.decided: Counter[str] = Counter()
        self.trouble: list[BaseException] = []
        self._task = asyncio.run_coroutine_threadsafe(self._work(), providers.loop)

    async def _work(self) -> None:
        try:
            while True:
                await self._decide()
                await asyncio.sleep(0.3)
        except Exception as error:
            self.trouble.append(error)

    async def _decide(self) -> None:
        for row in await self.journal.unclear():
            unclear_since = row["settled_at"]
            assert isinstance(unclear_since, datetime)
            if row["channel"] != "telegram" or self.journal.clock() - unclear_since < CLERK_WAITS:
                continue
            arrived = self._arrived(str(row["conversation_id"]), row["payload"]["text"])  # type: ignore[index]
            if arrived is None:
                continue
            state = "sent" if arrived else "queued"
            if await self.journal.resolve(int(str(row["id"])), state):  # type: ignore[arg-type]
                self.decided[state] += 1

    def _arrived(self, conversation: str, text: str) -> bool | None:
        """Whether the telephone shows this text more often than is accounted for; None while
        other sends to it are under way."""
        where = f"WHERE conversation_id = '{conversation}'"
        rows = table(self.folder, f"SELECT state, payload FROM outbox {where}")
        if any(state in ("queued", "sending") for state, _ in rows):
            return None
        known = sum(s == "sent" and json.loads(payload)["text"] == text for s, payload in rows)
        query = f"SELECT address FROM conversations WHERE id = '{conversation}'"
        ((address,),) = table(self.folder, query)
        lines = list(self.providers.world.chats[int(address)].lines.values())
        words = read(text)[0]
        return sum(ln["from"] == "bot" and ln["text"] == words for ln in lines) > known

    def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(BaseException):
            self._task.result(5)
        self.database.close()


# The run -------------------------------------------------------------------------------------------


@dataclass
class Run:
    clients: list[Client]
    wholes: list[list[dict[str, Any]]]
    phones: list[Phone]
    kills: int
    decided: Counter[str]
    interrupted: int
    swept: int


def stream(launcher: Launcher, providers: Providers, folder: Path, kills: int) -> Run:
    """All six conversations at once, on a server that is killed so often."""
    chance = random.Random(SEED + kills)
    server = Server(launcher, folder, waits=WAITS)
    traffic = threading.Event()
    thinks = (lambda: chance.uniform(0, 0.8)) if kills else (lambda: 0.0)
    clients = [
        Client(lambda: server.port, lambda: time.sleep(0.1), language, on_kept=traffic.set)
        for language in SCRIPTS
    ]
    phones: list[Phone] = []
    for n, language in enumerate(SCRIPTS):
        on_telegram = TelegramPhone(providers, folder, language, thinks, traffic.set)
        on_telegram.begin()
        by_sms = SmsPhone(providers, folder, language, thinks, traffic.set)
        by_sms.address = f"+316000000{1 if kills else 2}{n}"
        phones += [on_telegram, by_sms]
    failures: list[BaseException] = []

    def chat(client: Client) -> None:
        client.arrive()
        for _ in range(ROUNDS):
            client.talk(SCRIPTS[client.language])

    def live(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    def start() -> None:
        mode = chance.choice(("polling", "webhook")) if kills else "polling"
        server.environment = providers.environment(mode)
        server.start()
        if mode == "webhook":
            providers.set_webhook()

    start()
    far_apart(folder)
    _until(lambda: table(folder, "SELECT 1 FROM marks WHERE name LIKE 'sms:%'"))
    clerk = Clerk(providers, folder)
    try:
        works = [lambda c=c: chat(c) for c in clients] + [p.talk for p in phones]
        threads = [threading.Thread(target=live, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + STREAM_SECONDS
        while any(t.is_alive() for t in threads) and not failures:
            assert time.monotonic() < deadline, "the stream does not end"
            assert not clerk.trouble, clerk.trouble
            if server.deaths >= kills or not traffic.wait(0.5):
                time.sleep(0.05)
                continue
            time.sleep(chance.uniform(0, 0.3))
            server.kill()
            start()
            traffic.clear()
        assert not failures, failures
        deaths = server.deaths
        wholes = [client.transcript() for client in clients]
        _until(lambda: not table(folder, "SELECT 1 FROM outbox WHERE state = 'sending'"))
        _until(lambda: not providers.under_way)
    finally:
        clerk.close()
        server.kill()
    logs = "".join(text_of(folder / f"life-{n + 1}.log") for n in range(server.lives))
    return Run(
        clients,
        wholes,
        phones,
        deaths,
        clerk.decided,
        sum(map(int, re.findall(r"(\d+) sends were interrupted", logs))),
        sum(map(int, re.findall(r"(\d+) SMS came while nobody", logs))),
    )


def _until(true: Callable[[], Any], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.02)


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    yield made
    made.close()


@contextlib.contextmanager
def _providers(bot_port: int) -> Iterator[Providers]:
    made = Providers(bot_port)
    try:
        yield made
    finally:
        made.close()


def test_a_stream_on_three_channels_survives_kills_at_random_moments(
    launcher: Launcher, tmp_path: Path
) -> None:
    quiet, stormy = tmp_path / "quiet", tmp_path / "stormy"
    quiet.mkdir()
    stormy.mkdir()
    bot_port = _free_port()  # one for both runs: the bot's address stands in its texts
    with _providers(bot_port) as providers:
        calm = stream(launcher, providers, quiet, kills=0)
        _check(quiet, calm)
        assert (providers.lost, providers.unheard, calm.interrupted) == (0, 0, 0)
    with _providers(bot_port) as providers:
        run = stream(launcher, providers, stormy, kills=KILLS)
        missed = [t for t in providers.network.texts if t.webhook == "no answer from the bot"]
        missed = [text for text in missed if text.direction == "inbound"]
    print(
        f"{run.kills} kills; {run.interrupted} sends interrupted ({providers.lost} lost on the "
        f"line, {providers.unheard} taken unheard); Telegram, by a clerk: {dict(run.decided)}; "
        f"{len(missed)} SMS without an answer, {run.swept} found by the sweep"
    )

    assert run.kills >= 30
    _check(stormy, run)
    stories = {client.language: story(w) for client, w in zip(calm.clients, calm.wholes)}
    compare(run.clients, run.wholes, stories)
    for phone, undisturbed in zip(run.phones, calm.phones):
        assert phone.story() == undisturbed.story(), f"{phone.channel} in {phone.language}"
        steps = [line for step in phone.steps for line in step]
        assert phone.shown() == steps, "something came after its step had ended"
    assert missed, "no text met a dead server: the run shows less than it should"
    assert run.interrupted, "no send met a kill: the run shows less than it should"


def _check(folder: Path, run: Run) -> None:
    """Each message: one row, one turn, one place in Rasa's tracker, one last reply; no ticket but
    those that were confirmed; nothing left that is unclear."""
    assert sum(c.posts for c in run.clients) + sum(p.sent for p in run.phones) == MESSAGES
    done = [("done", MESSAGES)]
    assert table(folder, "SELECT state, count(*) FROM inbox GROUP BY state") == done
    once = [(MESSAGES, MESSAGES)]
    assert table(folder, "SELECT count(*), count(DISTINCT inbox_id) FROM turns") == once
    finals = "SELECT count(*), count(DISTINCT inbox_id) FROM outbox WHERE final"
    assert table(folder, finals) == once
    assert table(folder, "SELECT count(*) FROM turns WHERE outcome = 'failed'") == [(0,)]
    states = {state for (state,) in table(folder, "SELECT DISTINCT state FROM outbox")}
    assert states <= {"sent", "delivered"}
    heard = Counter(
        (sender, json.loads(data)["message_id"])
        for sender, data in table(
            folder, "SELECT sender_id, data FROM events WHERE type_name = 'user'"
        )
    )
    assert [key for key, times in heard.items() if times > 1] == []
    found = tickets(folder)
    assert len(found) == 6 * ROUNDS, "as many tickets as were confirmed"
    assert {ticket[-1] for ticket in found} == {"opened"}
    known = {reference for phone in run.phones for reference in phone._references()}
    for whole in run.wholes:
        known |= set(re.findall(r"LW-\d{4}-\d{5}", " ".join(m["text"] for m in whole)))
    assert sorted(known) == [ticket[0] for ticket in found], "every ticket is known to its citizen"
