"""Real processes with the real model, killed with SIGKILL: nothing is lost and nothing is doubled.

Each joint of the road (`crashing.JOINTS`, `docs/crash-joints.md`) kills the server in the middle of
a report; a client as the chat contract describes it posts again what was not answered, with the same
id. What the citizen reads in the end, ticket references included, and the tickets themselves are
those of an undisturbed run. Then a stream of 200 messages meets kills at random moments.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.settings import ROOT
from bot.turns import MOST_INTERRUPTED
from tests.road.crashing import JOINTS, Joint
from tests.road.rooms import phrasebook

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(240)]

START_SECONDS = 40.0
ANSWER_SECONDS = 40.0
KILLS_PER_JOINT = 4
RANDOM_KILLS = 32
CONVERSATIONS, ROUNDS = 8, 5
SEED = 20260302

Message = dict[str, Any]

ENGLISH: list[list[str]] = [
    ["the lamp in front of Oosterstraat 12 has been dark for a week"],
    ["pick:One lamp"],
    ["pick:Yes, send it"],
    ["what is the status of {reference}?", "thanks"],
]
DUTCH: list[list[str]] = [
    ["de lantaarnpaal voor Oosterstraat 14 is al een week kapot"],
    ["pick:Eén lamp"],
    ["pick:Ja, versturen"],
    ["wat is de status van {reference}?", "bedankt"],
]
"""Rounds of five messages; those in one list are sent together, without waiting for an answer."""


# Processes -----------------------------------------------------------------------------------------


class Launcher:
    """The process that forks servers; see `crashing`."""

    def __init__(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LIKEWISE_")}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.road.crashing"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._turn = threading.Lock()
        assert self._line(150)["loaded"]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _line(self, seconds: float) -> dict[str, Any]:
        line = self._lines.get(timeout=seconds)
        assert line, "the launcher ended; its own output tells why"
        return dict(json.loads(line))

    def order(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        with self._turn:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return self._line(30)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)


class Server:
    """One server on one data folder, started again after each death."""

    def __init__(
        self,
        launcher: Launcher,
        folder: Path,
        environment: dict[str, str] | None = None,
        waits: dict[str, float] | None = None,
    ) -> None:
        self.launcher = launcher
        self.folder = folder
        self.environment = environment or {}
        self.waits = waits or {}
        self.deadly = ""
        self.lives = 0
        self.deaths = 0
        self.port = 0
        self.pid = 0

    def start(self, joint: Joint | None = None, nth: int = 1) -> None:
        """Start a life. Returns when it is ready, or dead at its joint before that."""
        self.lives += 1
        self.port = 0
        log = self.folder / f"life-{self.lives}.log"
        environment = {
            "LIKEWISE_DATA_DIR": str(self.folder),
            "LIKEWISE_PORT": "0",
            "LIKEWISE_CHAT_MESSAGES_PER_MINUTE": "0",
            "LIKEWISE_CHAT_SESSIONS_PER_MINUTE": "0",
            **self.environment,
        }
        self.pid = self.launcher.order(
            do="start",
            env=environment,
            waits=self.waits,
            log=str(log),
            joint=joint.number if joint else None,
            nth=nth,
            deadly=self.deadly,
        )["pid"]
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            ready = re.search(r"^ready +open http://127\.0\.0\.1:(\d+)", _text(log), re.M)
            if ready:
                self.port = int(ready[1])
                return
            if self.died(0):
                return
            time.sleep(0.01)
        raise AssertionError(f"the server did not start: {_text(log)[-2000:]}")

    def died(self, seconds: float) -> bool:
        """Whether this life ended; anything but SIGKILL is a failure of its own."""
        status = self.launcher.order(do="ended", pid=self.pid, seconds=seconds)["status"]
        if status is None:
            return False
        if status != "gone":
            log = _text(self.folder / f"life-{self.lives}.log")
            assert status == -signal.SIGKILL, f"ended with {status}: {log[-2000:]}"
            self.deaths += 1
        return True

    def kill(self) -> None:
        status = self.launcher.order(do="kill", pid=self.pid)["status"]
        assert status in (-signal.SIGKILL, "gone")
        self.deaths += status != "gone"


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


# A client ------------------------------------------------------------------------------------------


class Unreachable(Exception):
    """The server is not there, or left in the middle of a request."""


@dataclass
class Client:
    """A chat client as the contract has it: own ids, the same id again until it is answered."""

    port: Callable[[], int]
    lost: Callable[[], None]
    language: str = "en"
    token: str = ""
    lines: list[Message] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    posts: int = 0
    on_kept: Callable[[], None] = lambda: None

    def _request(self, method: str, path: str, body: Message | None = None) -> tuple[int, Message]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=10)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            connection.request(
                method, path, json.dumps(body) if body is not None else None, headers
            )
            response = connection.getresponse()
            return response.status, dict(json.loads(response.read()))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable from error
        finally:
            connection.close()

    def _surely(self, method: str, path: str, body: Message | None = None) -> tuple[int, Message]:
        """Ask until the server answers; `lost` sees to it that there is one again."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            try:
                return self._request(method, path, body)
            except Unreachable:
                self.lost()
        raise AssertionError(f"{method} {path} got no answer")

    def arrive(self) -> None:
        status, session = self._surely("POST", "/chat/session", {"language": self.language})
        assert status == 201
        self.token = session["token"]

    def post(self, **content: Any) -> str:
        """Send a message until it is kept; its id."""
        key = f"m{len(self.sent) + 1}"
        self.sent.append(key)
        status, kept = self._surely("POST", "/chat/messages", {"id": key, **content})
        assert (status, kept["id"]) == (202, key), kept
        self.posts += 1
        self.on_kept()
        return key

    def read(self) -> None:
        after = self.lines[-1]["cursor"] if self.lines else 0
        status, news = self._surely("GET", f"/chat/messages?after={after}")
        assert status == 200
        self.lines += news["messages"]

    def wait_for(self, key: str) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            self.read()
            if any(m["final"] and m["in_reply_to"] == key for m in self.lines):
                return
            time.sleep(0.02)
        raise AssertionError(f"{key} was not answered: {self.lines[-3:]}")

    def talk(self, round_: list[list[str]]) -> None:
        for together in round_:
            keys = [self.post(**self._content(words)) for words in together]
            for key in keys:
                self.wait_for(key)

    def _content(self, words: str) -> Message:
        if not words.startswith("pick:"):
            known = "{reference}" in words
            return {"text": words.replace("{reference}", self.reference) if known else words}
        label = words.removeprefix("pick:")
        for line in reversed(self.lines):
            for choice in line["choices"]:
                if choice["label"] == label:
                    return {"choice": choice["id"]}
        raise AssertionError(f"no choice {label!r} in {self.lines[-2:]}")

    @property
    def reference(self) -> str:
        """The ticket reference heard last."""
        found = re.findall(r"LW-\d{4}-\d{5}", " ".join(m["text"] for m in self.lines))
        assert found, "no reference was heard"
        return str(found[-1])

    def transcript(self) -> list[Message]:
        """The whole conversation as a newly opened page reads it."""
        status, whole = self._surely("GET", "/chat/messages?after=0")
        assert status == 200
        return [{k: v for k, v in m.items() if k != "at"} for m in whole["messages"]]


# What is in the tables afterwards ------------------------------------------------------------------


def table(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{folder / 'likewise.db'}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def tickets(folder: Path) -> list[tuple[Any, ...]]:
    return table(
        folder,
        "SELECT t.reference, t.service, t.place, t.details, t.state, t.language, t.request_key, "
        "(SELECT group_concat(e.kind) FROM ticket_events e WHERE e.ticket_id = t.id) "
        "FROM tickets t ORDER BY t.id",
    )


def settle(folder: Path) -> None:
    """Wait until the last send is settled: a citizen may read a reply before that."""
    deadline = time.monotonic() + 10
    while table(folder, "SELECT 1 FROM outbox WHERE state != 'sent'"):
        assert time.monotonic() < deadline, table(folder, "SELECT id, state FROM outbox")
        time.sleep(0.02)


def check_tables(folder: Path, messages: int) -> None:
    """Each message: one row, one turn, one place in Rasa's tracker, one final reply, all sent."""
    settle(folder)
    assert table(folder, "SELECT state, count(*) FROM inbox GROUP BY state") == [("done", messages)]
    assert table(folder, "SELECT count(*), count(DISTINCT inbox_id) FROM turns") == [
        (messages, messages)
    ]
    assert table(folder, "SELECT count(*) FROM turns WHERE outcome = 'failed'") == [(0,)]
    finals = "SELECT count(*), count(DISTINCT inbox_id) FROM outbox WHERE final"
    assert table(folder, finals) == [(messages, messages)]
    assert table(folder, "SELECT count(*) FROM conversations WHERE lease_by IS NOT NULL") == [(0,)]
    uttered = [
        (sender, json.loads(data)["message_id"])
        for sender, data in table(
            folder, "SELECT sender_id, data FROM events WHERE type_name = 'user'"
        )
    ]
    assert [key for key, n in Counter(uttered).items() if n > 1] == []
    dense = (
        "SELECT conversation_id, count(*), count(DISTINCT cursor), min(cursor), max(cursor) FROM "
        "(SELECT conversation_id, cursor FROM inbox UNION ALL SELECT conversation_id, cursor "
        "FROM outbox) GROUP BY conversation_id"
    )
    for _, lines, distinct, first, last in table(folder, dense):
        assert (lines, distinct, first) == (last, last, 1)


# The tests -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    yield made
    made.close()


@dataclass
class Outcome:
    transcript: list[Message]
    tickets: list[tuple[Any, ...]]
    deaths: int


def report(
    launcher: Launcher,
    folder: Path,
    joint: Joint | None = None,
    language: str = "en",
    rounds: int = 1,
) -> Outcome:
    """A report from the first word to the thanks, on a server that dies at the joint.

    Where dying at the first pass brings no message further, later lives die at the second: the
    first pass then finishes what was interrupted, and the next message meets the joint.
    """
    server = Server(launcher, folder)

    def revive() -> None:
        assert server.died(10), "unreachable, but alive"
        while True:
            more = joint is not None and server.deaths < KILLS_PER_JOINT
            server.start(joint if more else None, 1 if joint and joint.gets_on else 2)
            if server.port:
                return

    server.start(joint, 1)
    if rounds > 1:
        far_apart(folder)
    client = Client(lambda: server.port, revive, language)
    client.arrive()
    for _ in range(rounds):
        client.talk(DUTCH if language == "nl" else ENGLISH)
    transcript = client.transcript()
    check_tables(folder, len(client.sent))
    assert [line["cursor"] for line in client.lines] == [line["cursor"] for line in transcript]
    found = tickets(folder)
    server.kill()
    return Outcome(transcript, found, server.deaths - 1)


def far_apart(folder: Path) -> None:
    """Let reports lie nowhere: the stream tells the same one many times, and none is a twin."""
    with contextlib.closing(sqlite3.connect(folder / "likewise.db", timeout=30)) as c, c:
        c.execute(
            "CREATE TRIGGER nowhere AFTER INSERT ON tickets BEGIN UPDATE tickets "
            "SET lat = NULL, lon = NULL, street = NULL WHERE id = NEW.id; END"
        )


@pytest.fixture(scope="module")
def undisturbed(launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    outcome = report(launcher, tmp_path_factory.mktemp("undisturbed"))
    assert outcome.deaths == 0
    said = [m for m in outcome.transcript if m["from"] == "citizen"]
    assert len(said) == 5
    ((reference, service, place, *_),) = outcome.tickets
    assert (service, place) == ("street-light", "Oosterstraat 12")
    heard = [m["text"] for m in outcome.transcript if m["from"] == "bot"]
    assert sum(reference in text for text in heard) >= 2, "once when sent, once when asked"
    return outcome


@pytest.mark.parametrize("joint", JOINTS, ids=lambda joint: f"{joint.number:02}-{joint.method}")
def test_a_server_that_dies_at_a_joint_leaves_no_trace_in_what_the_citizen_reads(
    launcher: Launcher, undisturbed: Outcome, tmp_path: Path, joint: Joint
) -> None:
    outcome = report(launcher, tmp_path, joint)
    assert outcome.deaths >= (1 if joint.method == "open" else 3), "the joint was not passed"
    assert outcome.transcript == undisturbed.transcript
    assert outcome.tickets == undisturbed.tickets


def test_a_stream_of_200_messages_survives_kills_at_random_moments(
    launcher: Launcher, tmp_path: Path
) -> None:
    stories = {}
    for language in ("en", "nl"):
        quiet = tmp_path / f"quiet-{language}"
        quiet.mkdir()
        outcome = report(launcher, quiet, language=language, rounds=ROUNDS)
        stories[language] = _story(outcome.transcript)
    chance = random.Random(SEED)
    # These kills are no message's fault, however often they meet the same one.
    server = Server(launcher, tmp_path, waits={"bot.turns:MOST_INTERRUPTED": 1000})
    up, traffic, done = threading.Condition(), threading.Event(), threading.Event()

    def lost() -> None:
        with up:
            port = server.port
            up.wait_for(lambda: server.port not in (0, port) or done.is_set(), timeout=0.2)

    failures: list[BaseException] = []
    clients = [
        Client(lambda: server.port, lost, "nl" if n % 2 else "en", on_kept=traffic.set)
        for n in range(CONVERSATIONS)
    ]

    def live(client: Client) -> None:
        try:
            client.arrive()
            for _ in range(ROUNDS):
                client.talk(DUTCH if client.language == "nl" else ENGLISH)
        except BaseException as error:
            failures.append(error)

    server.start()
    far_apart(tmp_path)
    threads = [threading.Thread(target=live, args=(c,), daemon=True) for c in clients]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 150
    while any(t.is_alive() for t in threads) and not failures:
        assert time.monotonic() < deadline, "the stream does not end"
        if server.deaths >= RANDOM_KILLS or not traffic.wait(0.5):
            time.sleep(0.05)
            continue
        time.sleep(chance.uniform(0, 0.3))
        server.kill()
        traffic.clear()
        server.start()
        with up:
            up.notify_all()
    done.set()
    assert not failures, failures
    kills = server.deaths

    assert kills >= 30
    assert sum(c.posts for c in clients) == CONVERSATIONS * ROUNDS * 5 == 200
    wholes = [client.transcript() for client in clients]
    check_tables(tmp_path, 200)
    _compare(clients, wholes, stories)
    found = tickets(tmp_path)
    assert len(found) == CONVERSATIONS * ROUNDS, "as many tickets as were confirmed"
    assert [int(t[0][-5:]) for t in found] == list(range(1, len(found) + 1))
    assert {t[-1] for t in found} == {"opened"}
    heard = [r for whole in wholes for r in _references(whole)]
    assert sorted(set(heard)) == [t[0] for t in found], "every ticket is known to its citizen"
    server.kill()


def _references(whole: list[Message]) -> list[str]:
    return re.findall(r"LW-\d{4}-\d{5}", " ".join(m["text"] for m in whole if m["from"] == "bot"))


def _compare(
    clients: list[Client], wholes: list[list[Message]], stories: dict[str, list[Any]]
) -> None:
    """Every conversation went as the undisturbed one in its language: same lines, same order."""
    for client, whole in zip(clients, wholes):
        cursors = [m["cursor"] for m in whole]
        assert cursors == sorted(set(cursors))
        assert [m["cursor"] for m in client.lines] == cursors, "the reader missed or doubled lines"
        assert [m["in_reply_to"] for m in whole if m["from"] == "citizen"] == client.sent
        assert [m["in_reply_to"] for m in whole if m["final"]] == client.sent, "once each, in order"
        assert _story(whole) == stories[client.language]


def _story(whole: list[Message]) -> list[Any]:
    """What the bot said, without what depends on the other conversations: ids and numbers."""
    return [
        (m["in_reply_to"], m["final"], _plain(m, whole), [c["label"] for c in m["choices"]])
        for m in whole
        if m["from"] == "bot"
    ]


def _plain(message: Message, whole: list[Message]) -> str:
    """A text with its ticket references numbered in the order of this conversation."""
    order = list(dict.fromkeys(_references(whole)))
    return re.sub(
        r"LW-\d{4}-\d{5}", lambda match: f"ticket {order.index(match[0])}", message["text"]
    )


def test_the_plain_command_comes_back_after_a_kill(undisturbed: Outcome, tmp_path: Path) -> None:
    """`python -m bot serve` itself, without the launcher: killed with a message on its way."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIKEWISE_")}
    environment |= {"LIKEWISE_DATA_DIR": str(tmp_path), "LIKEWISE_PORT": "0"}
    running: list[subprocess.Popen[bytes]] = []
    ports: list[int] = []

    def start() -> None:
        log = tmp_path / f"life-{len(running)}.log"
        with log.open("wb") as output:
            running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "bot", "serve"],
                    cwd=ROOT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            ready = re.search(r"^ready +open http://127\.0\.0\.1:(\d+)", _text(log), re.M)
            if ready:
                ports.append(int(ready[1]))
                return
            assert running[-1].poll() is None, _text(log)[-2000:]
            time.sleep(0.02)
        raise AssertionError(_text(log)[-2000:])

    def lost() -> None:
        assert running[-1].wait(10) == -signal.SIGKILL
        start()

    try:
        start()
        client = Client(lambda: ports[-1], lost)
        client.arrive()
        client.talk(ENGLISH[:2])
        client.on_kept = lambda: running[0].kill()  # as soon as "Yes, send it" is kept
        client.talk(ENGLISH[2:3])
        client.on_kept = lambda: None
        client.talk(ENGLISH[3:])
        assert len(running) == 2
        assert client.transcript() == undisturbed.transcript
        assert tickets(tmp_path) == undisturbed.tickets
    finally:
        for process in running:
            process.kill()
            process.wait(10)


def test_a_message_that_kills_every_process_is_put_aside_and_later_ones_go_on(
    launcher: Launcher, tmp_path: Path
) -> None:
    server = Server(launcher, tmp_path)
    server.deadly = "kryptonite"

    def revive() -> None:
        assert server.died(10), "unreachable, but alive"
        server.start()

    server.start()
    client = Client(lambda: server.port, revive)
    client.arrive()
    for words in ("hello", "I found kryptonite in Oosterstraat 12", "when is my bin collected?"):
        client.post(text=words)
    for key in ("m1", "m2", "m3"):
        client.wait_for(key)
    assert server.deaths == MOST_INTERRUPTED
    client.post(text="thanks")
    client.wait_for("m4")
    assert server.deaths == MOST_INTERRUPTED, "it is not tried for ever"
    settle(tmp_path)
    answers = {m["in_reply_to"]: m["text"] for m in client.transcript() if m["from"] == "bot"}
    apology = phrasebook().reply("utter_apology", "en").text.partition("{")[0]
    assert answers["m2"].startswith(apology)
    assert answers["m2"] not in (answers["m1"], answers["m3"], answers["m4"])
    assert table(
        tmp_path,
        "SELECT i.external_id LIKE '%:m2', t.outcome, i.interrupted FROM inbox i "
        "JOIN turns t ON t.inbox_id = i.id ORDER BY i.id",
    ) == [
        (0, "answered", 0),
        (1, "failed", MOST_INTERRUPTED),
        (0, "answered", 0),
        (0, "answered", 0),
    ]
    assert table(tmp_path, "SELECT flag_reason FROM conversations") == [("failed",)]
    server.kill()


def test_the_page_on_crashes_shows_the_same_joints() -> None:
    page = (ROOT / "docs" / "crash-joints.md").read_text("utf-8")
    shown = re.findall(r"^\| (\d+) \| ([^|]+?) \| `([^`]+)`", page, re.M)
    assert [(int(n), name, call) for n, name, call in shown] == [
        (j.number, j.name, f"{j.place.partition(':')[2]}.{j.method}") for j in JOINTS
    ]
