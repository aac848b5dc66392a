"""The chat contract (`docs/chat-api.md`), row by row, over real HTTP: everything else.

Those at the end talk to the road with the trained model.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot import logs
from bot.assembly import Road
from tests.web.house import A_PHOTO, TEXTS, Client, House, Open, lived_in

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
    async with lived_in(road) as made:
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
