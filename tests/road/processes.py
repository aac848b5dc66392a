"""Servers in processes of their own with the real model, and a client that outlives their deaths.

The client keeps to the chat contract: it posts again what was not answered, with the same id.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.settings import ROOT
from tests.road.crashing import Joint

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
            ready = re.search(r"^ready +open http://127\.0\.0\.1:(\d+)", text_of(log), re.M)
            if ready:
                self.port = int(ready[1])
                return
            if self.died(0):
                return
            time.sleep(0.01)
        raise AssertionError(f"the server did not start: {text_of(log)[-2000:]}")

    def died(self, seconds: float) -> bool:
        """Whether this life ended; anything but SIGKILL is a failure of its own."""
        status = self.launcher.order(do="ended", pid=self.pid, seconds=seconds)["status"]
        if status is None:
            return False
        if status != "gone":
            log = text_of(self.folder / f"life-{self.lives}.log")
            assert status == -signal.SIGKILL, f"ended with {status}: {log[-2000:]}"
            self.deaths += 1
        return True

    def kill(self) -> None:
        status = self.launcher.order(do="kill", pid=self.pid)["status"]
        assert status in (-signal.SIGKILL, "gone")
        self.deaths += status != "gone"


def text_of(path: Path) -> str:
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


# A report, and what it came to ------------------------------------------------------------------


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


def references(whole: list[Message]) -> list[str]:
    return re.findall(r"LW-\d{4}-\d{5}", " ".join(m["text"] for m in whole if m["from"] == "bot"))


def compare(
    clients: list[Client], wholes: list[list[Message]], stories: dict[str, list[Any]]
) -> None:
    """Every conversation went as the undisturbed one in its language: same lines, same order."""
    for client, whole in zip(clients, wholes):
        cursors = [m["cursor"] for m in whole]
        assert cursors == sorted(set(cursors))
        assert [m["cursor"] for m in client.lines] == cursors, "the reader missed or doubled lines"
        assert [m["in_reply_to"] for m in whole if m["from"] == "citizen"] == client.sent
        assert [m["in_reply_to"] for m in whole if m["final"]] == client.sent, "once each, in order"
        assert story(whole) == stories[client.language]


def story(whole: list[Message]) -> list[Any]:
    """What the bot said, without what depends on the other conversations: ids and numbers."""
    return [
        (m["in_reply_to"], m["final"], plain(m, whole), [c["label"] for c in m["choices"]])
        for m in whole
        if m["from"] == "bot"
    ]


def plain(message: Message, whole: list[Message]) -> str:
    """A text with its ticket references numbered in the order of this conversation."""
    order = list(dict.fromkeys(references(whole)))
    return re.sub(
        r"LW-\d{4}-\d{5}", lambda match: f"ticket {order.index(match[0])}", message["text"]
    )
