"""The chat contract (`docs/chat-api.md`), row by row, over real HTTP: what cannot be taken."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.web import connector
from tests.web.house import KIB, NOT_JSON, PATIENCE, Client, House, Open

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
