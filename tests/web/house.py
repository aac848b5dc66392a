"""A served road with a small fake brain, and what a client of the chat contract can do with it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp

from bot.assembly import Road
from bot.messages import Answer, Choice, ConversationId, Link, Picture, Reply, Turn
from bot.settings import load
from bot.store.engine import Database
from tests.serving import served

KIB = 1024
PATIENCE = 20.0
KEYS = {
    "cursor", "from", "in_reply_to", "final", "at", "text", "choices", "image", "link", "ask",
    "photo",
}  # fmt: skip
COLOURS = (Choice("", "Red", "/red"), Choice("", "Green", "/green"))
A_PHOTO = "0" * 32
TEXTS = {
    "emoji": "\N{HOUSE BUILDING}\u200d\N{POTTED PLANT} \N{WOMAN}\u200d\N{PERSONAL COMPUTER} 1\ufe0f\u20e3",
    "right to left": "מה השעה? \u202e\u2066إشارة\u2069",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)> &amp; </textarea>",
    "sql": "Robert'); DROP TABLE inbox; -- \" ' %s :id {x}",
    "payload": '/intent{"x":1}',
    "braces": "{city} {{7*7}} ${jndi:x} {0}",
    "lines": "one\ntwo\n\n\tthree",
    "combining": "Z\u0351\u036b\u0343a\u0300\u0301\u0302lgo " * 20,
    "separators": "a\u2028b\u2029c\u0085d",
    "4000 characters": "pot hole " * 444 + "1234",
}
"""Texts that must come through as they are, by what is special about them."""
NOT_JSON = {
    "half": b'{"id": "1", "text": ',
    "words": b"hello",
    "nothing behind the brackets": b'{"id": "1", "text": "a"} x',
    "latin-1": '{"id": "1", "text": "caf\xe9"}'.encode("latin-1"),
    "utf-16": '{"id": "1", "text": "a"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + b'{"id": "1", "text": "a"}',
    "overlong": b'{"id": "1", "text": "\xc0\xaf"}',
    "surrogate in bytes": b'{"id": "1", "text": "\xed\xa0\x80"}',
    "lone surrogate in the text": rb'{"id": "1", "text": "\ud800"}',
    "lone surrogate in the id": rb'{"id": "\udc00", "text": "a"}',
    "lone surrogate in a key": rb'{"id": "1", "text": "a", "\ud83d": 1}',
    "list": b'[{"id": "1", "text": "a"}]',
    "string": b'"hello"',
    "number": b"12",
    "null": b"null",
    "nested lists": b"[" * 30_000 + b"]" * 30_000,
    "nested objects": b'{"id":' * 9_000 + b"1" + b"}" * 9_000,
    "endless number": b'{"id": "1", "text": ' + b"9" * 20_000 + b"}",
    "compressed": gzip.compress(b'{"id": "1", "text": "a"}'),
}
"""Bodies that are no JSON object, by what is wrong."""
Open = Callable[..., Any]


class Parrot:
    """Says what it was told; a few words make it do what a real brain may do."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.go_on = asyncio.Event()

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        if turn.text == "wait for it":
            await self.go_on.wait()
        return Answer(tuple(self._replies(turn)), language=turn.language)

    def _replies(self, turn: Turn) -> list[Reply]:
        if turn.payload:
            return [Reply(f"Payload {turn.payload}")]
        if turn.place:
            return [Reply(f"At {turn.place.lat} {turn.place.lon}")]
        special = {
            "colours": [Reply("Which colour?", choices=COLOURS)],
            "twice": [Reply("One."), Reply("Two.")],
            "where": [Reply("Where?", ask="place")],
            "show": [
                Reply(
                    "Look.",
                    image=Picture("/static/map.png", "A map"),
                    link=Link("https://www.city.example/map", "The map"),
                )
            ],
        }
        return special.get(turn.text, [Reply(f"You said: {turn.text}")])


class House:
    """A road that is being served, and what a client can do with it."""

    def __init__(self, road: Road, base: str, http: aiohttp.ClientSession) -> None:
        self.road = road
        self.base = base
        self.http = http

    @property
    def parrot(self) -> Parrot:
        assert isinstance(self.road.brain, Parrot)
        return self.road.brain

    async def ask(
        self, method: str, path: str, token: str | None = None, **rest: Any
    ) -> tuple[int, Any, Any]:
        """(status, parsed body, headers) of a request."""
        headers = dict(rest.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with self.http.request(method, self.base + path, headers=headers, **rest) as response:
            body = await response.read()
            return response.status, json.loads(body) if body else None, response.headers

    async def arrive(self, **body: Any) -> Client:
        status, session, _ = await self.ask("POST", "/chat/session", json=body)
        assert status == 201, session
        return Client(self, session["token"])

    async def raw(self, request: bytes) -> bytes:
        """What the server answers to these very bytes."""
        host, port = self.base.removeprefix("http://").split(":")
        incoming, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        await writer.drain()
        answer = await asyncio.wait_for(incoming.readuntil(b"\r\n\r\n"), PATIENCE)
        writer.close()
        return answer


class Client:
    """One conversation, as the widget holds it."""

    def __init__(self, house: House, token: str) -> None:
        self.house = house
        self.token = token
        self.count = 0

    @property
    def key(self) -> str:
        return hashlib.sha256(self.token.encode()).hexdigest()

    async def conversation(self) -> ConversationId:
        found = await self.house.road.journal.session(self.key)
        assert found is not None
        return found

    async def post(self, body: Any = None, data: Any = None, **rest: Any) -> tuple[int, Any, Any]:
        if data is None:
            data = json.dumps(body).encode()
        return await self.house.ask("POST", "/chat/messages", self.token, data=data, **rest)

    async def refused(self, status: int, code: str, body: Any = None, **rest: Any) -> Any:
        """Post something wrong; the answer must be this error. Returns the headers."""
        got, answer, headers = await self.post(body, **rest)
        assert (got, answer["error"]["code"]) == (status, code), answer
        assert set(answer) == {"error"}
        assert set(answer["error"]) == {"code", "message"}
        assert answer["error"]["message"]
        return headers

    async def tell(self, **content: Any) -> list[dict[str, Any]]:
        """Send a message; returns the messages of the turn that answers it."""
        self.count += 1
        content.setdefault("id", f"m{self.count}")
        status, answer, _ = await self.post(content)
        assert (status, answer) == (202, {"id": content["id"], "duplicate": False})
        return await self.answer(content["id"])

    async def answer(self, client_id: str) -> list[dict[str, Any]]:
        """The messages that answer this one, once the last of them is there."""
        said = []
        async with self.events() as events:
            async for event in events:
                message = event.message
                if message and message["in_reply_to"] == client_id and message["from"] == "bot":
                    said.append(message)
                    if message["final"]:
                        return said
        raise AssertionError("the stream ended before the answer")

    async def read(self, after: int | None = None) -> tuple[list[dict[str, Any]], int]:
        path = "/chat/messages" + ("" if after is None else f"?after={after}")
        status, page, _ = await self.house.ask("GET", path, self.token)
        assert status == 200, page
        assert set(page) == {"messages", "next"}
        return page["messages"], page["next"]

    @contextlib.asynccontextmanager
    async def events(self, after: int | None = None) -> AsyncIterator[AsyncIterator[Event]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        async with self.house.http.get(f"{self.house.base}/chat/events", headers=headers) as stream:
            assert stream.status == 200, await stream.read()
            assert stream.content_type == "text/event-stream"
            yield parse_events(stream)


class Event:
    def __init__(self, name: str, number: str, data: str, comment: str) -> None:
        self.name, self.number, self.data, self.comment = name, number, data, comment

    @property
    def message(self) -> dict[str, Any] | None:
        return json.loads(self.data) if self.name == "message" else None


async def parse_events(stream: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """Server-sent events; a comment comes as an event that is nothing but one."""
    fields: dict[str, str] = {}
    while True:
        line = (await asyncio.wait_for(stream.content.readline(), PATIENCE)).decode()
        if not line:
            return
        line = line.rstrip("\n")
        if line:
            name, _, value = line.partition(":")
            fields[name or "comment"] = value.removeprefix(" ")
            continue
        yield Event(
            fields.get("event", ""),
            fields.get("id", ""),
            fields.get("data", ""),
            fields.get("comment", ""),
        )
        fields = {}


@contextlib.asynccontextmanager
async def serving(folder: Path, migrated: Path, **given: Any) -> AsyncIterator[House]:
    if not (folder / "likewise.db").exists():
        shutil.copy(migrated, folder / "likewise.db")
    options = {
        "chat_messages_per_minute": 0,
        "chat_sessions_per_minute": 0,
        "photos_per_minute": 0,
    } | given
    database = Database(f"sqlite:///{folder / 'likewise.db'}")
    road = Road(load(data_dir=folder, **options), database, Parrot())
    await road.start()
    async with lived_in(road) as made:
        yield made
    await road.stop()
    database.close()


@contextlib.asynccontextmanager
async def lived_in(road: Road) -> AsyncIterator[House]:
    """A running road, served."""
    async with (
        served(road.application(), shutdown_timeout=1) as base,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        yield House(road, base, http)
