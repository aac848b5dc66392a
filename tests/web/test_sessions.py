"""The chat contract (`docs/chat-api.md`), row by row, over real HTTP: sessions, tokens and origins."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.conftest import FakeClock
from tests.web.house import A_PHOTO, NOT_JSON, Client, House, Open

pytestmark = pytest.mark.asyncio(loop_scope="session")


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


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_session_body_that_is_not_json_is_a_bad_request(house: House, body: bytes) -> None:
    status, answer, _ = await house.ask("POST", "/chat/session", data=body)
    assert status == 400
    assert answer["error"]["code"] in ("not_json", "not_utf8")


# 401: the token ----------------------------------------------------------------------------------

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
