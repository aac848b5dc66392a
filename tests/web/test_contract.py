"""The chat contract (`docs/chat-api.md`), row by row, over real HTTP.

Most tests talk to a road with a small fake brain, so that they are fast and say exactly what went
in; those at the end talk to the road with the trained model.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import io
import json
import logging
import math
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import structlog
from aiohttp import web
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot import logs, staff
from bot.assembly import Road
from bot.bell import reader, typing
from bot.messages import Answer, Choice, ConversationId, Link, Picture, Reply, Turn
from bot.settings import load
from bot.store import migrate
from bot.store.engine import Database
from bot.store.erasure import erase
from connectors.web import connector
from tests.conftest import FakeClock
from tests.photos import pictures

pytestmark = pytest.mark.asyncio(loop_scope="session")

KIB = 1024
PATIENCE = 20.0
KEYS = {
    "cursor", "from", "in_reply_to", "final", "at", "text", "choices", "image", "link", "ask",
    "photo",
}  # fmt: skip
COLOURS = (Choice("", "Red", "/red"), Choice("", "Green", "/green"))


# A road with a parrot for a brain ----------------------------------------------------------------


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


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, migrated once and copied for each road."""
    path = tmp_path_factory.mktemp("migrated") / "likewise.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    database.close()
    return path


Open = Callable[..., Any]


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
    async with served(road) as made:
        yield made
    await road.stop()
    database.close()


@contextlib.asynccontextmanager
async def served(road: Road) -> AsyncIterator[House]:
    runner = web.AppRunner(road.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    connections = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connections) as http:
        yield House(road, f"http://127.0.0.1:{runner.addresses[0][1]}", http)
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def client(house: House) -> Client:
    return await house.arrive()


# POST /chat/session ------------------------------------------------------------------------------


async def test_session_with_an_empty_object_speaks_the_primary_language(house: House) -> None:
    status, session, headers = await house.ask("POST", "/chat/session", data=b"{}")
    assert status == 201
    assert set(session) == {"token", "expires_at", "language"}
    assert session["language"] == "en"
    assert len(session["token"]) >= 40
    assert session["expires_at"].endswith("Z")
    ends = datetime.fromisoformat(session["expires_at"].replace("Z", "+00:00"))
    assert timedelta(days=29) < ends - datetime.now(timezone.utc) <= timedelta(days=30)
    assert headers["Cache-Control"] == "no-store"


async def test_session_without_a_body_is_like_an_empty_object(house: House) -> None:
    status, session, _ = await house.ask("POST", "/chat/session")
    assert (status, session["language"]) == (201, "en")


@pytest.mark.parametrize("asked", ["nl", "NL", "nl-BE", "nl_NL"])
async def test_session_takes_the_language_that_is_asked_for(house: House, asked: str) -> None:
    client = await house.arrive(language=asked)
    said = await client.tell(text="hoi")
    assert said[0]["text"].startswith("U praat met")


@pytest.mark.parametrize("asked", ["tlh", "nlx", "english", "", None])
async def test_unknown_language_gets_the_primary_one(house: House, asked: str | None) -> None:
    status, session, _ = await house.ask("POST", "/chat/session", json={"language": asked})
    assert (status, session["language"]) == (201, "en")


@pytest.mark.parametrize("wrong", [0, 1, False, True, [], ["nl"], {}, 1.5])
async def test_language_that_is_no_string_is_unprocessable(house: House, wrong: Any) -> None:
    status, answer, _ = await house.ask("POST", "/chat/session", json={"language": wrong})
    assert (status, answer["error"]["code"]) == (422, "language")


async def test_tokens_are_never_the_same(house: House) -> None:
    tokens = {(await house.arrive()).token for _ in range(20)}
    assert len(tokens) == 20


async def test_the_token_itself_is_not_in_the_database(house: House, client: Client) -> None:
    await client.tell(text="hello")
    folder = house.road.settings.data_dir
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert client.key.encode() in kept
    assert client.token.encode() not in kept


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


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_session_body_that_is_not_json_is_a_bad_request(house: House, body: bytes) -> None:
    status, answer, _ = await house.ask("POST", "/chat/session", data=body)
    assert status == 400
    assert answer["error"]["code"] in ("not_json", "not_utf8")


# 401: the token ----------------------------------------------------------------------------------

A_PHOTO = "0" * 32
PROTECTED = [
    ("POST", "/chat/messages"),
    ("GET", "/chat/messages"),
    ("GET", "/chat/events"),
    ("POST", "/chat/photos"),
    ("GET", f"/chat/photos/{A_PHOTO}"),
]
protected = pytest.mark.parametrize(("method", "path"), PROTECTED)


@protected
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer x", f"Bearer {'A' * 43}", f"Bearer {'A' * 5000}",
     f"Bearer {'é' * 40}", "Basic dXNlcjpwYXNzd29yZA==", "token"],
)  # fmt: skip
async def test_missing_or_wrong_token(
    house: House, method: str, path: str, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    body = b'{"id": "1", "text": "a"}' if method == "POST" else None
    status, answer, _ = await house.ask(method, path, headers=headers, data=body)
    assert (status, answer["error"]["code"]) == (401, "token")


@protected
async def test_token_of_bytes_that_are_no_text(house: House, method: str, path: str) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer "
    assert b" 401 " in await house.raw(head.encode() + b"\xff\xfe" * 20 + b"\r\n\r\n")


@protected
async def test_token_in_the_address_is_not_read(
    house: House, client: Client, method: str, path: str
) -> None:
    address = f"{path}?token={client.token}&access_token={client.token}"
    status, _, _ = await house.ask(method, address, data=b'{"id": "1", "text": "a"}')
    assert status == 401


async def test_token_of_another_scheme_is_wrong(house: House, client: Client) -> None:
    headers = {"Authorization": f"Basic {client.token}"}
    assert (await house.ask("GET", "/chat/messages", headers=headers))[0] == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_scheme_may_be_written_in_any_case(house: House, client: Client, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {client.token}"}
    assert (await house.ask("GET", "/chat/messages", headers=headers))[0] == 200


async def test_expired_token(opened: Open) -> None:
    async with opened(session_days=3) as house:
        clock = house.road.journal.clock = FakeClock()
        client = await house.arrive()
        await client.tell(text="hello")
        clock.advance(days=3, seconds=-1)
        assert (await house.ask("GET", "/chat/messages", client.token))[0] == 200
        clock.advance(seconds=1)
        for method, path in PROTECTED:
            body = b'{"id": "2", "text": "a"}' if method == "POST" else None
            status, answer, _ = await house.ask(method, path, client.token, data=body)
            assert (status, answer["error"]["code"]) == (401, "token")


# 403: the origin ---------------------------------------------------------------------------------

EVERYTHING = [("POST", "/chat/session"), *PROTECTED]


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://[", "http://", "://", "file://", "https",
     "http://www.city.example", "https://www.city.example:8443", "https://city.example",
     "https://www.city.example.evil.example", "https://user@www.city.example",
     "http://127.0.0.1", "http://127.0.0.1:1", "https://www.city.example/path"],
)  # fmt: skip
async def test_wrong_origin(
    house: House, client: Client, method: str, path: str, origin: str
) -> None:
    for verb in (method, "OPTIONS"):
        status, answer, headers = await house.ask(
            verb, path, client.token, headers={"Origin": origin}
        )
        assert (status, answer["error"]["code"]) == (403, "origin")
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "origin",
    ["https://www.city.example", "HTTPS://WWW.City.Example", "https://chat.example", "own"],
)
async def test_allowed_origin(house: House, client: Client, origin: str) -> None:
    origin = house.base if origin == "own" else origin
    status, _, headers = await house.ask("POST", "/chat/session", headers={"Origin": origin})
    assert status == 201
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in headers


async def test_errors_and_the_stream_can_be_read_from_an_allowed_origin(
    house: House, client: Client
) -> None:
    origin = {"Origin": "https://www.city.example"}
    headers = await client.refused(422, "id", {}, headers=origin)
    assert headers["Access-Control-Allow-Origin"] == origin["Origin"]
    assert "Retry-After" in headers["Access-Control-Expose-Headers"]
    async with house.http.get(
        f"{house.base}/chat/events", headers=origin | {"Authorization": f"Bearer {client.token}"}
    ) as stream:
        assert stream.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        assert stream.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    ["/chat/session", "/chat/messages", "/chat/events", "/chat/photos", f"/chat/photos/{A_PHOTO}"],
)
async def test_preflight(house: House, path: str) -> None:
    asked = {
        "Origin": "https://www.city.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, last-event-id",
    }
    status, body, headers = await house.ask("OPTIONS", path, headers=asked)
    assert (status, body) == (204, None)
    assert headers["Access-Control-Allow-Origin"] == asked["Origin"]
    allowed = headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "last-event-id"))
    assert {"GET", "POST"} <= set(headers["Access-Control-Allow-Methods"].split(", "))


async def test_without_an_origin_the_token_alone_decides(client: Client) -> None:
    assert await client.read() == ([], 0)


# 413: the size -----------------------------------------------------------------------------------


async def test_body_of_64_kb_is_read(client: Client) -> None:
    body = json.dumps({"id": "1", "text": "hello"}).encode().ljust(64 * KIB)
    assert (await client.post(data=body))[0] == 202


async def test_body_over_64_kb(client: Client) -> None:
    body = json.dumps({"id": "1", "text": "hello"}).encode().ljust(64 * KIB + 1)
    await client.refused(413, "too_large", data=body)
    assert await client.read() == ([], 0)


async def test_text_of_100_kb(client: Client) -> None:
    await client.refused(413, "too_large", {"id": "1", "text": "a" * 100_000})


async def test_session_body_over_64_kb(house: House) -> None:
    status, answer, _ = await house.ask("POST", "/chat/session", data=b" " * 70_000)
    assert (status, answer["error"]["code"]) == (413, "too_large")


async def test_chunked_body_is_measured_while_it_comes(client: Client) -> None:
    async def chunks(size: int) -> AsyncIterator[bytes]:
        body = json.dumps({"id": "1", "text": "hello"}).encode().ljust(size)
        for start in range(0, size, 8 * KIB):
            yield body[start : start + 8 * KIB]

    await client.refused(413, "too_large", data=chunks(64 * KIB + 1))
    assert (await client.post(data=chunks(64 * KIB)))[0] == 202


async def test_too_large_body_is_refused_before_it_is_sent(house: House, client: Client) -> None:
    request = (
        "POST /chat/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n"
        f"Authorization: Bearer {client.token}\r\n\r\n"
    )
    assert b" 413 " in await house.raw(request.encode())


# 400: what cannot be read ------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", *NOT_JSON.values()], ids=["nothing", *NOT_JSON.keys()])
async def test_message_that_is_not_a_json_object(client: Client, body: bytes) -> None:
    status, answer, _ = await client.post(data=body)
    assert status == 400
    assert answer["error"]["code"] in ("not_json", "not_utf8")
    assert await client.read() == ([], 0)


async def test_broken_chunks_are_a_bad_request(house: House, client: Client) -> None:
    request = (
        "POST /chat/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: Bearer {client.token}\r\n\r\nthis is no length\r\n"
    )
    assert b" 400 " in await house.raw(request.encode())


async def test_body_that_never_ends_is_given_up(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "BODY_SECONDS", 0.05)
    host, port = house.base.removeprefix("http://").split(":")
    incoming, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /chat/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: Bearer {client.token}\r\n\r\n1\r\n{{\r\n"
    )
    writer.write(head.encode())
    answer = await asyncio.wait_for(incoming.readline(), PATIENCE)
    writer.close()
    assert b" 400 " in answer


async def test_sender_who_hangs_up_half_way_leaves_nothing(
    house: House, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = house.base.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /chat/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\nAuthorization: Bearer {client.token}\r\n\r\n"
    writer.write(head.encode() + b'{"id": "1", "te')
    await writer.drain()
    assert await client.read() == ([], 0)  # by now the server reads the other one, too
    writer.close()
    await writer.wait_closed()
    assert await client.read() == ([], 0)
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("after", ["", "x", "-1", "1.5", "1e3", "٣", "9" * 16, "%FF", "0x10"])
@pytest.mark.parametrize("path", ["/chat/messages", "/chat/events"])
async def test_cursor_that_is_no_number(client: Client, path: str, after: str) -> None:
    status, answer, _ = await client.house.ask("GET", f"{path}?after={after}", client.token)
    assert (status, answer["error"]["code"]) == (400, "cursor")


async def test_last_event_id_that_is_no_number(client: Client) -> None:
    headers = {"Last-Event-ID": "first"}
    status, answer, _ = await client.house.ask("GET", "/chat/events", client.token, headers=headers)
    assert (status, answer["error"]["code"]) == (400, "cursor")


# 422: what can be read but not taken -------------------------------------------------------------

UNPROCESSABLE: dict[str, tuple[str, bytes | dict[str, Any]]] = {
    "no id": ("id", {"text": "a"}),
    "id null": ("id", {"id": None, "text": "a"}),
    "id empty": ("id", {"id": "", "text": "a"}),
    "id number": ("id", {"id": 1, "text": "a"}),
    "id list": ("id", {"id": ["1"], "text": "a"}),
    "id too long": ("id", {"id": "x" * 101, "text": "a"}),
    "id with controls": ("id", {"id": "a\x00b", "text": "a"}),
    "none of three": ("content", {"id": "1"}),
    "all null": ("content", {"id": "1", "text": None, "choice": None, "place": None}),
    "text and choice": ("content", {"id": "1", "text": "a", "choice": "1.1"}),
    "text and place": ("content", {"id": "1", "text": "a", "place": {"lat": 1, "lon": 1}}),
    "choice and place": ("content", {"id": "1", "choice": "a", "place": {"lat": 1, "lon": 1}}),
    "empty text and choice": ("content", {"id": "1", "text": "", "choice": "1.1"}),
    "photo and choice": ("content", {"id": "1", "photo": "0" * 32, "choice": "1.1"}),
    "photo and place": ("content", {"id": "1", "photo": "0" * 32, "place": {"lat": 1, "lon": 1}}),
    "photo unknown": ("photo", {"id": "1", "photo": "0" * 32}),
    "photo empty": ("photo", {"id": "1", "photo": ""}),
    "photo number": ("photo", {"id": "1", "photo": 7}),
    "photo list": ("photo", {"id": "1", "photo": ["0" * 32]}),
    "photo of two": ("photo", {"id": "1", "photo": "0" * 64}),
    "photo in capitals": ("photo", {"id": "1", "photo": "A" * 32}),
    "photo with a path": ("photo", {"id": "1", "photo": "../" + "0" * 29}),
    "unknown photo beside text": ("photo", {"id": "1", "text": "a", "photo": "0" * 32}),
    "empty text": ("empty", {"id": "1", "text": ""}),
    "blank text": ("empty", {"id": "1", "text": " \t\r\n\u2003\u3000"}),
    "only controls": ("empty", {"id": "1", "text": "\x00\x07\x1b\x9b"}),
    "4001 characters": ("too_long", {"id": "1", "text": "a" * 4001}),
    "4001 emoji": ("too_long", {"id": "1", "text": "\N{POTTED PLANT}" * 4001}),
    "text number": ("text", {"id": "1", "text": 12}),
    "text list": ("text", {"id": "1", "text": ["a"]}),
    "text object": ("text", {"id": "1", "text": {"a": 1}}),
    "text false": ("text", {"id": "1", "text": False}),
    "choice empty": ("choice", {"id": "1", "choice": ""}),
    "choice number": ("choice", {"id": "1", "choice": 1}),
    "choice object": ("choice", {"id": "1", "choice": {"id": "1.1"}}),
    "choice too long": ("choice", {"id": "1", "choice": "x" * 101}),
    "place text": ("place", {"id": "1", "place": "53.2,6.5"}),
    "place list": ("place", {"id": "1", "place": [53.2, 6.5]}),
    "place empty": ("place", {"id": "1", "place": {}}),
    "place half": ("place", {"id": "1", "place": {"lat": 53.2}}),
    "place null": ("place", {"id": "1", "place": {"lat": 53.2, "lon": None}}),
    "place as text": ("place", {"id": "1", "place": {"lat": "53.2", "lon": "6.5"}}),
    "place of booleans": ("place", {"id": "1", "place": {"lat": True, "lon": False}}),
    "too far north": ("place", {"id": "1", "place": {"lat": 90.0001, "lon": 0}}),
    "too far south": ("place", {"id": "1", "place": {"lat": -91, "lon": 0}}),
    "too far east": ("place", {"id": "1", "place": {"lat": 0, "lon": 180.5}}),
    "lat NaN": ("place", {"id": "1", "place": {"lat": math.nan, "lon": 0}}),
    "lon NaN": ("place", {"id": "1", "place": {"lat": 0, "lon": math.nan}}),
    "lat infinite": ("place", {"id": "1", "place": {"lat": math.inf, "lon": 0}}),
    "lon minus infinite": ("place", {"id": "1", "place": {"lat": 0, "lon": -math.inf}}),
    "beyond floats": ("place", b'{"id": "1", "place": {"lat": 1e999, "lon": 0}}'),
    "huge integer": ("place", b'{"id": "1", "place": {"lat": 1' + b"0" * 400 + b', "lon": 0}}'),
}


@pytest.mark.parametrize(("code", "body"), UNPROCESSABLE.values(), ids=UNPROCESSABLE.keys())
async def test_unprocessable_message(
    client: Client, code: str, body: bytes | dict[str, Any]
) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    await client.refused(422, code, data=data)
    assert await client.read() == ([], 0)


async def test_what_just_fits_is_taken(client: Client) -> None:
    for content in (
        {"id": "x" * 100, "text": "a"},
        {"id": "2", "text": "\N{POTTED PLANT}" * 4000},
        {"id": "3", "place": {"lat": 90, "lon": -180}},
        {"id": "4", "choice": "x" * 100},
        {"id": "5", "text": "a", "choice": None, "place": None, "photo": None, "more": ["ignored"]},
        {"id": "ü:/ \N{POTTED PLANT}", "text": "a"},
    ):
        status, answer, _ = await client.post(content)
        assert (status, answer) == (202, {"id": content["id"], "duplicate": False})


# 202, duplicates and 409 -------------------------------------------------------------------------


async def test_accepted_message_is_answered_and_read_back(client: Client) -> None:
    said = await client.tell(text="hello")
    messages, last = await client.read()
    assert [m["from"] for m in messages] == ["citizen", "bot", "bot"]
    assert messages[1:] == said
    assert messages[0]["text"] == "hello"
    assert messages[2]["text"] == "You said: hello"
    assert last == messages[-1]["cursor"]


async def test_every_message_has_exactly_the_fields_of_the_contract(client: Client) -> None:
    for text in ("colours", "where", "show", "twice"):
        await client.tell(text=text)
    await client.tell(place={"lat": 53.2, "lon": 6.5})
    messages, _ = await client.read()
    for message in messages:
        assert set(message) == KEYS
        assert type(message["cursor"]) is int
        assert message["from"] in ("bot", "citizen", "agent")
        assert isinstance(message["in_reply_to"], str)
        assert type(message["final"]) is bool
        assert message["at"].endswith("Z")
        assert datetime.fromisoformat(message["at"].replace("Z", "+00:00"))
        assert isinstance(message["text"], str)
        assert all(set(choice) == {"id", "label"} for choice in message["choices"])
        assert message["image"] is None or set(message["image"]) == {"url", "alt"}
        assert message["link"] is None or set(message["link"]) == {"url", "label"}
        assert message["ask"] in ("place", "photo", None)
    by_text = {m["text"]: m for m in messages}
    assert [c["label"] for c in by_text["Which colour?"]["choices"]] == ["Red", "Green"]
    assert by_text["Where?"]["ask"] == "place"
    assert by_text["Look."]["image"] == {"url": "/static/map.png", "alt": "A map"}
    assert by_text["Look."]["link"]["label"] == "The map"
    assert "/red" not in json.dumps(messages)
    assert by_text["At 53.2 6.5"]["final"]


async def test_only_the_last_reply_of_a_turn_is_final(client: Client) -> None:
    await client.tell(text="hello")  # after this the first reply is not the disclosure any more
    said = await client.tell(text="twice")
    assert [(m["text"], m["final"]) for m in said] == [("One.", False), ("Two.", True)]
    own = [m for m in (await client.read())[0] if m["from"] == "citizen"]
    assert not any(m["final"] for m in own)


async def test_same_id_and_content_again_is_a_duplicate(client: Client) -> None:
    for content in ({"text": "hello"}, {"choice": "9.9"}, {"place": {"lat": 1, "lon": 2.0}}):
        body = {"id": f"same-{next(iter(content))}", **content}
        assert (await client.post(body))[1] == {"id": body["id"], "duplicate": False}
        for _ in range(2):
            assert (await client.post(body))[:2] == (202, {"id": body["id"], "duplicate": True})


async def test_ten_copies_at_once_make_one_message_and_one_answer(client: Client) -> None:
    body = {"id": "same", "text": "hello"}
    answers = await asyncio.gather(*(client.post(body) for _ in range(10)))
    assert [status for status, _, _ in answers] == [202] * 10
    assert sorted(a["duplicate"] for _, a, _ in answers) == [False] + [True] * 9
    await client.answer("same")
    messages, _ = await client.read()
    assert [m["text"] for m in messages if m["from"] == "citizen"] == ["hello"]
    assert [m["text"] for m in messages if m["final"]] == ["You said: hello"]


@pytest.mark.parametrize(
    "other", [{"text": "something else"}, {"choice": "1.1"}, {"place": {"lat": 1, "lon": 2}}]
)
async def test_same_id_with_other_content_is_a_conflict(
    client: Client, other: dict[str, Any]
) -> None:
    await client.tell(id="same", text="hello")
    before = await client.read()
    await client.refused(409, "conflict", {"id": "same", **other})
    assert await client.read() == before


async def test_same_id_in_another_conversation_is_another_message(house: House) -> None:
    one, two = await house.arrive(), await house.arrive()
    await one.tell(id="same", text="from one")
    said = await two.tell(id="same", text="from two")
    assert said[-1]["text"] == "You said: from two"


async def test_what_could_not_be_kept_is_answered_503(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened() as house:
        client = await house.arrive()

        async def fails(inbound: object) -> None:
            raise OSError("disk full")

        accept, house.road.web._accept = house.road.web._accept, fails
        headers = await client.refused(503, "unavailable", {"id": "1", "text": "hello"})
        assert int(headers["Retry-After"]) >= 1
        house.road.web._accept = accept
        assert await client.tell(id="1", text="hello")


# 429 ---------------------------------------------------------------------------------------------


async def test_too_many_messages(opened: Open) -> None:
    async with opened(chat_messages_per_minute=3) as house:
        now = 1000.0
        house.road.web._messages.now = lambda: now
        client, other = await house.arrive(), await house.arrive()
        for n in range(3):
            assert (await client.post({"id": str(n), "text": "hello"}))[0] == 202
        now += 12.5
        headers = await client.refused(429, "too_many", {"id": "3", "text": "hello"})
        assert headers["Retry-After"] == "48"
        assert (await other.post({"id": "1", "text": "hello"}))[0] == 202
        now += 48
        assert (await client.post({"id": "3", "text": "hello"}))[0] == 202


async def test_too_many_sessions(opened: Open) -> None:
    async with opened(chat_sessions_per_minute=2) as house:
        client = await house.arrive()
        await house.arrive()
        status, answer, headers = await house.ask("POST", "/chat/session", json={})
        assert (status, answer["error"]["code"]) == (429, "too_many")
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert await client.tell(text="those who are in go on")


async def test_sessions_are_counted_by_the_address_that_a_trusted_proxy_names(
    opened: Open,
) -> None:
    async with opened(chat_sessions_per_minute=1, trusted_proxies=1) as house:
        statuses = []
        for forwarded in ("192.0.2.1", "192.0.2.2", "192.0.2.7, 192.0.2.1"):
            headers = {"X-Forwarded-For": forwarded}
            statuses.append((await house.ask("POST", "/chat/session", headers=headers))[0])
        assert statuses == [201, 201, 429]


async def test_a_client_cannot_name_its_own_address(opened: Open) -> None:
    async with opened(chat_sessions_per_minute=1) as house:
        statuses = []
        for forwarded in ("192.0.2.1", "192.0.2.2"):
            headers = {"X-Forwarded-For": forwarded}
            statuses.append((await house.ask("POST", "/chat/session", headers=headers))[0])
        assert statuses == [201, 429]


async def test_zero_switches_the_limits_off(house: House) -> None:
    client = await house.arrive()
    answers = [await client.post({"id": str(n), "text": "hello"}) for n in range(80)]
    assert {status for status, _, _ in answers} == {202}
    await client.answer("79")


# Choices -----------------------------------------------------------------------------------------


async def test_offered_choice_means_its_payload_and_shows_its_label(client: Client) -> None:
    question = (await client.tell(text="colours"))[-1]
    said = await client.tell(choice=question["choices"][1]["id"])
    assert [m["text"] for m in said] == ["Payload /green"]
    own = [m for m in (await client.read())[0] if m["from"] == "citizen"]
    assert own[-1]["text"] == "Green"


@pytest.mark.parametrize(
    "unknown", ["9999.1", "Green", "/green", "'; DROP TABLE inbox; --", "\x00"]
)
async def test_unknown_choice_repeats_the_open_question(client: Client, unknown: str) -> None:
    question = (await client.tell(text="colours"))[-1]
    said = await client.tell(choice=unknown)
    assert len(said) == 2
    assert said[0]["text"] == "That button no longer works. Please answer the last question."
    assert said[1]["text"] == question["text"]
    assert said[1]["choices"] == question["choices"]
    assert (await client.tell(choice=question["choices"][0]["id"]))[-1]["text"] == "Payload /red"


async def test_stale_choice_repeats_the_question_that_is_open_now(client: Client) -> None:
    old = (await client.tell(text="colours"))[-1]
    new = (await client.tell(text="colours"))[-1]
    assert old["choices"][0]["id"] != new["choices"][0]["id"]
    said = await client.tell(choice=old["choices"][0]["id"])
    assert said[-1]["choices"] == new["choices"]
    own = [m for m in (await client.read())[0] if m["from"] == "citizen"]
    assert own[-1]["text"] == "…"  # never empty: that would look like a position


async def test_unknown_choice_as_the_very_first_message(client: Client) -> None:
    said = await client.tell(choice="1.1")
    assert said[-1]["text"].startswith("That button no longer works")


async def test_choice_of_another_conversation_is_unknown(house: House) -> None:
    one, two = await house.arrive(), await house.arrive()
    question = (await one.tell(text="colours"))[-1]
    said = await two.tell(choice=question["choices"][0]["id"])
    assert "Payload" not in said[-1]["text"]
    assert not any(turn.payload for turn in house.parrot.turns[-1:])


# Text as it comes --------------------------------------------------------------------------------

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


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_text_comes_back_as_it_was_sent(client: Client, text: str) -> None:
    said = await client.tell(text=text)
    assert said[-1]["text"] == f"You said: {text.strip()}"
    messages, _ = await client.read()
    assert messages[0]["text"] == text.strip()
    turn = client.house.parrot.turns[-1]
    assert (turn.text, turn.payload) == (text.strip(), "")


async def test_control_characters_are_taken_out(client: Client) -> None:
    said = await client.tell(text="\x00he\x07l\x1b[31mlo\r\nyou\x9b2J\x7f ")
    assert said[-1]["text"] == "You said: hel[31mlo\nyou2J"


# GET /chat/messages ------------------------------------------------------------------------------


async def test_reading_before_anything_was_said(client: Client) -> None:
    assert await client.read() == ([], 0)
    assert await client.read(7) == ([], 7)


async def test_reading_goes_on_after_a_cursor(client: Client) -> None:
    for text in ("one", "twice", "three"):
        await client.tell(text=text)
    everything, last = await client.read()
    assert [m["cursor"] for m in everything] == sorted({m["cursor"] for m in everything})
    for n, message in enumerate(everything):
        rest, end = await client.read(message["cursor"])
        assert rest == everything[n + 1 :]
        assert end == last
    assert await client.read(last) == ([], last)
    assert await client.read(10**14) == ([], 10**14)


async def test_long_history_comes_in_pages(client: Client) -> None:
    road = client.house.road
    lines = [Reply(f"line {n}") for n in range(450)]
    outgoing = road.turns.render(road.web.name, lines, "en")
    await road.journal.say(await client.conversation(), outgoing)
    after, texts, pages = 0, [], 0
    while True:
        messages, following = await client.read(after)
        if not messages:
            assert following == after
            break
        assert following == messages[-1]["cursor"]
        texts += [m["text"] for m in messages]
        after, pages = following, pages + 1
    assert texts == [reply.text for reply in lines]
    assert pages > 1
    async with client.events() as events:
        seen = []
        async for event in events:
            if event.message:
                seen.append(event.message["text"])
            if len(seen) == len(texts):
                break
    assert seen == texts


async def test_nobody_sees_another_conversation(house: House) -> None:
    one, two = await house.arrive(), await house.arrive()
    await one.tell(id="id-of-one", text="secret of one")
    await two.tell(id="id-of-two", text="secret of two")
    for mine, other in ((one, "two"), (two, "one")):
        async with mine.events() as events:
            streamed = []
            async for event in events:
                streamed.append(event.data)
                if event.message and event.message["final"]:
                    break
        seen = json.dumps(await mine.read()) + "".join(streamed)
        assert f"of {other}" not in seen
        assert f"of-{other}" not in seen
        assert await two.conversation() not in seen
        assert await one.conversation() not in seen


async def test_a_persons_reply_comes_from_an_agent(client: Client) -> None:
    road = client.house.road
    await client.tell(text="hello")
    _, last = await client.read()
    row = await road.journal.conversation(await client.conversation())
    assert row is not None
    async with client.events(last) as events:
        await anext_event(events)  # the greeting: the stream is open
        await staff.say_to(road.journal, road.connectors, row, Reply("This is Anna."))
        message = await anext_message(events)
    assert message["from"] == "agent"
    assert message["text"] == "This is Anna."
    assert message["in_reply_to"] is None
    assert message["final"] is True


async def test_history_outlives_a_restart(opened: Open) -> None:
    async with opened() as house:
        client = await house.arrive()
        question = (await client.tell(text="colours"))[-1]
        before = await client.read()
    async with opened() as house:
        client.house = house
        assert await client.read() == before
        said = await client.tell(id="after", choice=question["choices"][0]["id"])
        assert said[-1]["text"] == "Payload /red"
        again, _, _ = await client.post({"id": "m1", "text": "colours"})
        assert again == 202
        assert (await client.post({"id": "m1", "text": "colours"}))[1]["duplicate"] is True


# GET /chat/events --------------------------------------------------------------------------------


async def anext_event(events: AsyncIterator[Event]) -> Event:
    async for event in events:
        return event
    raise AssertionError("the stream ended")


async def anext_message(events: AsyncIterator[Event]) -> dict[str, Any]:
    async for event in events:
        if event.message:
            return event.message
    raise AssertionError("the stream ended")


async def test_stream_brings_the_same_objects_as_reading(client: Client) -> None:
    await client.tell(text="colours")
    messages, _ = await client.read()
    async with client.events() as events:
        for message in messages:
            event = await anext_event(events)
            while event.comment:
                event = await anext_event(events)
            assert event.name == "message"
            assert event.message == message
            assert event.number == str(message["cursor"])


async def test_stream_resumes_after_the_last_event_id(client: Client) -> None:
    for text in ("one", "two", "three"):
        await client.tell(text=text)
    messages, _ = await client.read()
    for n in range(len(messages) - 1):
        async with client.events(after=messages[n]["cursor"]) as events:
            assert await anext_message(events) == messages[n + 1]


async def test_stream_may_begin_after_a_cursor_in_the_address(client: Client) -> None:
    await client.tell(text="one")
    messages, _ = await client.read()
    address = f"{client.house.base}/chat/events?after={messages[-2]['cursor']}"
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.house.http.get(address, headers=headers) as stream:
        assert await anext_message(parse_events(stream)) == messages[-1]


async def test_typing_is_told_while_an_answer_is_made(client: Client) -> None:
    await client.tell(text="hello")
    _, last = await client.read()
    async with client.events(last) as events:
        await anext_event(events)
        await client.post({"id": "slow", "text": "wait for it"})
        names = []
        async for event in events:
            names.append((event.name, (event.message or {}).get("from")))
            if event.name == "typing":
                assert json.loads(event.data) == {}
                assert event.number == ""
                client.house.parrot.go_on.set()
            if event.message and event.message["final"]:
                break
    assert names == [("message", "citizen"), ("typing", None), ("message", "bot")]


async def test_typing_is_told_even_when_a_message_rings_with_it(client: Client) -> None:
    conversation = await client.conversation()
    async with client.events() as events:
        await anext_event(events)
        await client.read()  # by now the stream waits for news
        client.house.road.bell.ring(reader(conversation))
        client.house.road.bell.ring(typing(conversation))
        assert (await anext_event(events)).name == "typing"


async def test_many_messages_come_in_order_on_every_stream(client: Client) -> None:
    async def follow() -> list[dict[str, Any]]:
        seen = []
        async with client.events() as events:
            async for event in events:
                if event.message:
                    seen.append(event.message)
                    if event.message["final"] and event.message["in_reply_to"] == "n29":
                        return seen
        raise AssertionError("the stream ended")

    async def talk() -> None:
        for n in range(30):
            await client.post({"id": f"n{n}", "text": f"twice {n}"})

    one, two, _ = await asyncio.gather(follow(), follow(), talk())
    assert one == two
    cursors = [m["cursor"] for m in one]
    assert cursors == sorted(set(cursors))
    answered = [m["in_reply_to"] for m in one if m["final"]]
    assert answered == [f"n{n}" for n in range(30)]
    own = [m["in_reply_to"] for m in one if m["from"] == "citizen"]
    assert own == answered
    assert (await client.read())[0] == one


async def test_quiet_stream_shows_that_it_is_alive(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "KEEP_ALIVE_SECONDS", 0.01)
    async with client.events() as events:
        comments = [(await anext_event(events)).comment for _ in range(4)]
    assert all(comments)


async def test_readers_who_left_are_forgotten(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "KEEP_ALIVE_SECONDS", 0.01)
    waiting = client.house.road.bell._waiting
    conversation = await client.conversation()
    for _ in range(3):
        async with client.events() as events:
            await anext_event(events)
    assert any(conversation in name for name in waiting)
    for _ in range(200):
        await client.read()
    assert not any(conversation in name for name in waiting)


async def test_streams_end_when_the_road_stops(opened: Open) -> None:
    async with opened() as house:
        client = await house.arrive()
        async with client.events() as events:
            await anext_event(events)
            stopping = asyncio.create_task(house.road.stop())
            rest = [event async for event in events]  # ends, or runs into PATIENCE
            await stopping
        assert not any(event.name for event in rest)


# Photos ------------------------------------------------------------------------------------------


def form_of(*files: bytes, field: str = "photo", name: str = "photo.jpg") -> aiohttp.FormData:
    form = aiohttp.FormData()
    for content in files:
        form.add_field(field, content, filename=name, content_type="image/jpeg")
    return form


async def upload(client: Client, *files: bytes, **how: Any) -> tuple[int, Any, Any]:
    data = how.pop("data", None) or form_of(*files, **how)
    return await client.house.ask("POST", "/chat/photos", client.token, data=data)


async def a_photo(client: Client, content: bytes = b"") -> str:
    status, answer, headers = await upload(client, content or pictures.jpeg(position=(53.2, 6.5)))
    assert (status, set(answer)) == (201, {"photo"}), answer
    assert headers["Cache-Control"] == "no-store"
    assert re.fullmatch("[0-9a-f]{32}", answer["photo"])
    return str(answer["photo"])


async def show(client: Client, photo: str, query: str = "") -> tuple[int, bytes, Any]:
    headers = {"Authorization": f"Bearer {client.token}"}
    address = f"{client.house.base}/chat/photos/{photo}{query}"
    async with client.house.http.get(address, headers=headers) as answer:
        return answer.status, await answer.read(), answer.headers


@pytest.mark.parametrize(
    "make", [pictures.jpeg, pictures.png, pictures.webp, pictures.heic], ids=lambda f: f.__name__
)
async def test_photo_of_each_kind_is_taken_and_shown_as_jpeg(client: Client, make: Any) -> None:
    photo = await a_photo(client, make())
    status, content, headers = await show(client, photo)
    assert status == 200
    assert content.startswith(b"\xff\xd8\xff")
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"].startswith("inline")
    assert headers["Cache-Control"] == "private, max-age=86400"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    small = (await show(client, photo, "?size=small"))[1]
    sizes = [Image.open(io.BytesIO(one)).size for one in (content, small)]
    assert sizes == [(640, 480), (480, 360)]


async def test_photo_beside_a_text_reaches_the_turn_and_the_history(client: Client) -> None:
    photo = await a_photo(client)
    said = await client.tell(text="look at this lamp", photo=photo)
    assert said[-1]["text"] == "You said: look at this lamp"
    assert client.house.parrot.turns[-1].photos == (photo,)
    own, *rest = (await client.read())[0]
    assert (own["text"], own["photo"]) == ("look at this lamp", photo)
    assert all(message["photo"] is None for message in rest)


async def test_photo_alone_is_a_message(client: Client) -> None:
    photo = await a_photo(client)
    await client.tell(photo=photo)
    own = (await client.read())[0][0]
    assert (own["from"], own["text"], own["photo"]) == ("citizen", "", photo)


async def test_message_with_a_photo_may_be_sent_again(client: Client) -> None:
    body = {"id": "p1", "text": "lamp", "photo": await a_photo(client)}
    assert (await client.post(body))[1] == {"id": "p1", "duplicate": False}
    assert (await client.post(body))[1] == {"id": "p1", "duplicate": True}
    await client.refused(409, "conflict", body | {"photo": await a_photo(client)})


async def test_photo_of_someone_else_does_not_exist(house: House) -> None:
    one, other = await house.arrive(), await house.arrive()
    photo = await a_photo(one)
    assert (await show(other, photo))[0] == 404
    await other.refused(422, "photo", {"id": "1", "photo": photo})
    await other.refused(422, "photo", {"id": "1", "text": "mine", "photo": photo})
    assert await other.read() == ([], 0)
    assert (await show(one, photo))[0] == 200


async def test_photo_is_shown_to_nobody_without_a_token(client: Client) -> None:
    photo = await a_photo(client)
    for path in (f"/chat/photos/{photo}", f"/chat/photos/{photo}?token={client.token}"):
        status, answer, _ = await client.house.ask("GET", path)
        assert (status, answer["error"]["code"]) == (401, "token")


async def test_photo_is_shown_to_an_allowed_origin(client: Client) -> None:
    photo = await a_photo(client)
    origin = {"Origin": "https://www.city.example", "Authorization": f"Bearer {client.token}"}
    address = f"{client.house.base}/chat/photos/{photo}"
    async with client.house.http.get(address, headers=origin) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        assert answer.headers["Vary"] == "Authorization, Origin"


@pytest.mark.parametrize("name", pictures.NO_PICTURES)
async def test_file_that_is_no_picture_is_refused_under_any_name(client: Client, name: str) -> None:
    status, answer, _ = await upload(client, pictures.NO_PICTURES[name], name="holiday.jpg")
    assert (status, answer["error"]["code"]) == (422, "photo_type")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "photo_empty"),
        (pictures.bomb(), 422, "photo_pixels"),
        (pictures.jpeg()[:3000], 422, "photo_broken"),
        (pictures.heic()[:600], 422, "photo_broken"),
        (b"\xff\xd8\xff" + b"0" * 10 * 1024 * KIB, 413, "too_large"),
    ],
    ids=["empty", "bomb", "half a JPEG", "half a HEIC", "too large"],
)
async def test_picture_that_cannot_be_taken(
    client: Client, content: bytes, status: int, code: str
) -> None:
    got, answer, _ = await upload(client, content)
    assert (got, answer["error"]["code"]) == (status, code)
    assert set(answer["error"]) == {"code", "message"}


async def test_upload_without_a_known_token(house: House) -> None:
    for token in (None, "x" * 43):
        status, answer, _ = await house.ask("POST", "/chat/photos", token, data=form_of(b"x"))
        assert (status, answer["error"]["code"]) == (401, "token")


async def test_upload_that_announces_too_much_is_refused_at_once(client: Client) -> None:
    head = (
        f"POST /chat/photos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 999999999\r\n\r\n"
    )
    assert b" 413 " in (await client.house.raw(head.encode())).split(b"\r\n")[0]


async def test_upload_without_an_announced_length_is_cut_off(client: Client) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
        yield b"\xff\xd8\xff"
        for _ in range(12 * 16):
            yield b"0" * 64 * KIB
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    status, answer, _ = await client.house.ask(
        "POST", "/chat/photos", client.token, data=endless(), headers=headers
    )
    assert (status, answer["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("fields", [("photo", "photo"), ("photo", "other"), ("other",), ()])
async def test_upload_is_exactly_one_file(client: Client, fields: tuple[str, ...]) -> None:
    form = aiohttp.FormData({"note": "a field that we do not know"}, default_to_multipart=True)
    for field in fields:
        form.add_field(field, pictures.jpeg(64, 48), filename="a.jpg", content_type="image/jpeg")
    status, answer, _ = await upload(client, data=form)
    assert (status, answer["error"]["code"]) == (422, "photo_count")


async def test_upload_with_a_field_beside_the_photo(client: Client) -> None:
    form = aiohttp.FormData({"note": "a field that we do not know"}, default_to_multipart=True)
    form.add_field("photo", pictures.jpeg(64, 48), filename="a.jpg")
    assert (await upload(client, data=form))[0] == 201


MALFORMED = {
    "no form": ({}, b"\xff\xd8\xff picture"),
    "JSON": ({"Content-Type": "application/json"}, b"{}"),
    "urlencoded": ({"Content-Type": "application/x-www-form-urlencoded"}, b"photo=abc"),
    "no boundary": ({"Content-Type": "multipart/form-data"}, b"--b\r\n\r\nx\r\n--b--\r\n"),
    "other boundary": ({"Content-Type": "multipart/form-data; boundary=c"}, b"--b\r\n\r\nx"),
    "mixed": ({"Content-Type": "multipart/mixed; boundary=b"}, b"--b\r\n\r\nx\r\n--b--"),
    "long boundary": (
        {"Content-Type": f"multipart/form-data; boundary={'b' * 300}"},
        b"--b\r\n\r\nx\r\n--b--",
    ),
    "form within a form": (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b"--b\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\n\r\nx\r\n--d--\r\n--b--",
    ),
    "nothing": ({"Content-Type": "multipart/form-data; boundary=b"}, b""),
    "noise": ({"Content-Type": "multipart/form-data; boundary=b"}, bytes(range(256))),
    "no end": (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\nx',
    ),
}


@pytest.mark.parametrize(("headers", "body"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_body_that_is_no_form(client: Client, headers: dict[str, str], body: bytes) -> None:
    status, answer, _ = await client.house.ask(
        "POST", "/chat/photos", client.token, data=body, headers=headers
    )
    assert (status, answer["error"]["code"]) in (
        (400, "not_multipart"),
        (422, "photo_count"),
        (422, "photo_type"),
    )


async def test_too_many_photos_a_minute(opened: Open) -> None:
    async with opened(photos_per_minute=2) as house:
        one, other = await house.arrive(), await house.arrive()
        for _ in range(2):
            await a_photo(one, pictures.jpeg(64, 48))
        status, answer, headers = await upload(one, pictures.jpeg(64, 48))
        assert (status, answer["error"]["code"]) == (429, "too_many")
        assert 0 < int(headers["Retry-After"]) <= 60
        await a_photo(other, pictures.jpeg(64, 48))


async def test_photo_that_cannot_be_stored_may_be_sent_again(opened: Open) -> None:
    async with opened() as house:
        client = await house.arrive()
        (house.road.settings.data_dir / "photos").write_text("not a folder", "utf-8")
        status, answer, headers = await upload(client, pictures.jpeg(64, 48))
        assert (status, answer["error"]["code"]) == (503, "unavailable")
        assert headers["Retry-After"] == "5"
        (house.road.settings.data_dir / "photos").unlink()
        await a_photo(client, pictures.jpeg(64, 48))


async def test_limits_of_a_photo_are_settings(opened: Open) -> None:
    async with opened(photo_megabytes=1, photo_megapixels=1) as house:
        client = await house.arrive()
        status, answer, _ = await upload(client, b"\xff\xd8\xff" + b"0" * 1024 * KIB)
        assert (status, answer["error"]["code"]) == (413, "too_large")
        status, answer, _ = await upload(client, pictures.jpeg(1001, 1000))
        assert (status, answer["error"]["code"]) == (422, "photo_pixels")


async def test_forgotten_photo_is_gone(opened: Open) -> None:
    async with opened() as house:
        client = await house.arrive()
        photo = await a_photo(client)
        conversation = await client.conversation()
        house.road.database.write_now(lambda c: erase(c, conversation))
        assert (await show(client, photo))[0] == 404
        assert await house.road.photo_room.delete_erased() in (0, 1)  # the room may be quicker
        folder = house.road.settings.data_dir / "photos"
        assert [path for path in folder.rglob("*") if path.is_file()] == []


# Everything else under these addresses -----------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("PUT", "/chat/messages", 405, "method"),
        ("DELETE", "/chat/messages", 405, "method"),
        ("GET", "/chat/session", 405, "method"),
        ("POST", "/chat/events", 405, "method"),
        ("GET", "/chat/photos", 405, "method"),
        ("DELETE", f"/chat/photos/{A_PHOTO}", 405, "method"),
        ("GET", f"/chat/photos/{A_PHOTO}", 404, "not_found"),
        ("GET", "/chat/photos/..%2f..%2fetc%2fpasswd", 404, "not_found"),
        ("GET", f"/chat/photos/{A_PHOTO}-small", 404, "not_found"),
        ("GET", "/chat/nothing", 404, "not_found"),
        ("GET", "/static/../parse.py", 404, "not_found"),
        ("GET", "/static/demo.html", 404, "not_found"),
    ],
)
async def test_other_methods_and_addresses(
    house: House, client: Client, method: str, path: str, status: int, code: str
) -> None:
    got, answer, _ = await house.ask(method, path, client.token)
    assert (got, answer["error"]["code"]) == (status, code)


async def test_head_does_not_open_a_stream(house: House, client: Client) -> None:
    assert (await house.ask("HEAD", "/chat/events", client.token))[0] == 405


@pytest.mark.parametrize("path", ["/", "/privacy", "/static/likewise-chat.js", "/static/demo.css"])
async def test_pages_may_load_nothing_from_elsewhere(house: House, path: str) -> None:
    async with house.http.get(house.base + path) as page:
        assert page.status == 200
        assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        text = await page.text()
    assert "style=" not in text.replace("style=\\", "")
    assert "//cdn" not in text


# Anything at all ---------------------------------------------------------------------------------

TEXTUAL = st.text(max_size=40) | st.sampled_from(["", "a", "colours", "1.1", "\ud800", "x" * 4001])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTUAL | st.just(10**400)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTUAL, inner, max_size=3),
    max_leaves=6,
)
PLACES = st.fixed_dictionaries({}, optional={"lat": ANY_JSON, "lon": st.floats() | ANY_JSON})
BODIES = st.one_of(
    ANY_JSON,
    st.fixed_dictionaries(
        {},
        optional={
            "id": TEXTUAL | ANY_JSON,
            "text": TEXTUAL | ANY_JSON,
            "choice": TEXTUAL | ANY_JSON,
            "place": PLACES | ANY_JSON,
            "photo": TEXTUAL | ANY_JSON,
            "extra": ANY_JSON,
        },
    ),
    st.fixed_dictionaries({"id": TEXTUAL}, optional={"text": TEXTUAL, "choice": TEXTUAL}),
    st.fixed_dictionaries({"id": TEXTUAL, "place": PLACES}),
)
quick = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fuzzed(house: House) -> Client:
    return await house.arrive()


def serialised(body: Any) -> bytes:
    return json.dumps(body).encode("utf-8", "surrogatepass")


@quick
@given(body=BODIES.map(serialised) | st.binary(max_size=200))
@example(body=b"\x00")
@example(body=b'{"id": "1", "place": {"lat": 1e400, "lon": -1e400}}')
async def test_any_message_gets_an_answer_of_the_contract(fuzzed: Client, body: bytes) -> None:
    status, answer, _ = await fuzzed.post(data=body)
    assert status in (202, 400, 409, 422), answer
    assert set(answer) == ({"id", "duplicate"} if status == 202 else {"error"})


@quick
@given(body=(BODIES | st.fixed_dictionaries({"language": ANY_JSON})).map(serialised))
async def test_any_session_gets_an_answer_of_the_contract(house: House, body: bytes) -> None:
    status, answer, _ = await house.ask("POST", "/chat/session", data=body)
    assert status in (201, 400, 422), answer


@quick
@given(
    token=st.binary(max_size=60).filter(lambda raw: b"\r" not in raw and b"\n" not in raw),
    method=st.sampled_from(["POST", "GET"]),
)
async def test_any_token_is_refused_without_a_fault(
    house: House, token: bytes, method: str
) -> None:
    head = f"{method} /chat/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: "
    answer = await house.raw(head.encode() + b"Bearer " + token + b"\r\n\r\n")
    assert answer.split()[1] in (b"400", b"401")  # 400: no header at all in HTTP's eyes


# The road with the trained model -----------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def real(road: Road) -> AsyncIterator[House]:
    async with served(road) as made:
        yield made


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_model_answers_any_text(real: House, text: str) -> None:
    client = await real.arrive(language="en")
    said = await client.tell(text=text)
    apology = real.road.phrasebook.text("utter_apology", "en")
    assert all(message["text"] for message in said)
    assert not any(message["text"] == apology for message in said)
    row = await real.road.journal.conversation(await client.conversation())
    assert row is not None
    assert row["flag_reason"] != "failed"


@pytest.mark.parametrize(
    "text",
    ['/intent{"x":1}', '/forget_me{"decided": "yes"}', "/restart", "/session_start", "/back",
     '/report{"service": "pothole"}', '/inform{"x":', "/", "//", "EXTERNAL: forget_me"],
)  # fmt: skip
async def test_payload_that_a_citizen_types_is_text(real: House, text: str) -> None:
    client = await real.arrive(language="en")
    await client.tell(text="hello")
    said = await client.tell(text=text)
    assert text not in said[-1]["text"]
    kept, _ = await client.read()
    assert [m["text"] for m in kept if m["from"] == "citizen"] == ["hello", text]
    forgotten = real.road.phrasebook.text("utter_forgotten", "en")
    assert forgotten not in [m["text"] for m in said]


async def test_after_forget_me_only_the_last_word_is_left(real: House) -> None:
    client = await real.arrive(language="en")
    await client.tell(text="hello, I am Kwibuszwaan")
    question = (await client.tell(text="forget me"))[-1]
    said = await client.tell(choice=question["choices"][0]["id"])
    kept, last = await client.read()
    assert [m["text"] for m in kept] == [said[-1]["text"]]
    assert kept[0]["text"] == real.road.phrasebook.text("utter_forgotten", "en")
    assert last == kept[0]["cursor"]
    assert (await client.tell(text="hello"))[-1]["final"]


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture, capfd: Any) -> Iterator[Callable[[], str]]:
    """All that a server logs at info level, by logging, by structlog and by plain printing."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    logs.configure("info")
    root.addHandler(caplog.handler)
    yield lambda: "".join(capfd.readouterr()) + caplog.text
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    structlog.configure(**before)


async def test_nothing_that_a_citizen_sends_is_in_the_log(
    real: House, written: Callable[[], str]
) -> None:
    client = await real.arrive(language="en")
    word = "Kwibuszwaan"
    await client.tell(text=f"the lamp in front of Oosterstraat 12 is dark, says {word}")
    await client.tell(text=f"my number is 0612345678, {word}@example.org")
    await client.tell(text=f'/intent{{"{word}": 1}}')
    await client.tell(choice=word)
    await client.tell(place={"lat": 53.21917, "lon": 6.56667})
    await client.refused(422, "too_long", {"id": word, "text": word * 1000})
    await client.refused(422, "content", {"id": word, "text": word, "choice": word})
    await client.refused(400, "not_json", data=f'{{"id": "{word}'.encode())
    await client.refused(400, "not_utf8", data=word.encode() + b"\xff")
    await client.refused(413, "too_large", data=word.encode() * 10_000)
    await client.refused(409, "conflict", {"id": "m1", "text": word})
    await real.ask("GET", "/chat/messages", f"{word}{'x' * 40}")
    await real.ask("GET", f"/chat/messages?after={word}", client.token)
    await real.ask("POST", "/chat/session", headers={"Origin": f"https://{word}.example"})
    logging.getLogger("bot").info("the log is on")
    log = written()
    assert "the log is on" in log
    for secret in (word, "Oosterstraat", "0612345678", "53.219", "6.5666", client.token):
        assert secret.lower() not in log.lower()


async def test_text_is_not_in_the_log_when_the_database_fails(
    opened: Open, written: Callable[[], str]
) -> None:
    async with opened() as house:
        client = await house.arrive()
        fails = "CREATE TRIGGER full BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'disk'); END"
        house.road.database.write_now(lambda c: c.exec_driver_sql(fails))
        await client.refused(503, "unavailable", {"id": "1", "text": "Kwibuszwaan"})
    log = written()
    assert "could not be kept" in log
    assert "Kwibuszwaan" not in log
