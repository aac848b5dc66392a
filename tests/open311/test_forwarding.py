"""Forwarding: to our own server, and to an endpoint that does everything an endpoint should not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from pydantic import SecretStr

from bot.civic.tickets import NewTicket, State
from bot.open311.client import GeoReportClient
from bot.open311.endpoints import Endpoint, Target, load_endpoints
from bot.open311.forwarding import Forwarding
from bot.settings import ROOT, SettingsError
from bot.store.engine import Database
from bot.store.forwards import Forward, Forwards
from bot.store.registers import TicketRegister
from tests.conftest import FakeClock
from tests.open311.conftest import application, opened
from tests.serving import served


class Upstream:
    """Another city's system. `mood` says how it answers a post; what it took is in `taken`."""

    def __init__(self) -> None:
        self.mood: Any = "id"
        self.taken: dict[str, dict[str, str]] = {}
        self.posts: list[dict[str, str]] = []
        self.once: list[str] = []
        self.shown: dict[str, Any] = {}
        self.token_ready = False
        self.down = False
        self.release = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v2/requests.{format}", self.post),
            web.get("/v2/requests.{format}", self.listed),
            web.get("/v2/requests/{id}.{format}", self.one),
            web.get("/v2/tokens/{token}.{format}", self.token),
        ]

    async def post(self, request: web.Request) -> web.StreamResponse:
        form = {k: str(v) for k, v in (await request.post()).items()}
        self.posts.append(form)
        self.once.append(request.headers.get("Idempotency-Key", ""))
        mood = self.mood
        if isinstance(mood, web.Response):
            return mood
        if isinstance(mood, tuple):
            return web.Response(
                status=mood[0], text=mood[1], headers=mood[2] if len(mood) > 2 else {}
            )
        number = f"SR-{len(self.taken) + 1}"
        if mood in ("id", "token", "hang", "cut", "taken 500"):
            self.taken[number] = form
        if mood == "hang":
            await self.release.wait()
        if mood == "cut":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if mood == "taken 500":
            return web.Response(status=500)
        return web.json_response(
            [{"token": f"T-{number}"} if mood == "token" else {"service_request_id": number}]
        )

    async def listed(self, request: web.Request) -> web.Response:
        if self.down:
            return web.Response(status=503)
        return web.json_response(
            [
                {"service_request_id": n, "description": f["description"], "status": "open"}
                for n, f in self.taken.items()
                if f["service_code"] == request.query["service_code"]
            ]
        )

    async def one(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        if self.down or number not in self.taken:
            return web.Response(status=503 if self.down else 404)
        shown = self.shown.get(number, {})
        if isinstance(shown, (bytes, str)):
            return web.Response(body=shown)
        return web.json_response(
            [{"service_request_id": number, "status": "open", "status_notes": None, **shown}]
        )

    async def token(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        found = {"token": token, "service_request_id": token[2:] if self.token_ready else None}
        return web.json_response([found])


class Office:
    """Our side: tickets, the forwarding room and its clock, moved by hand."""

    def __init__(self, database: Database, clock: FakeClock, endpoint: Endpoint) -> None:
        self.clock = clock
        self.tickets = TicketRegister(database, clock)
        self.forwards = Forwards(database, clock)
        self.client = GeoReportClient(endpoint, seconds=0.5)
        self.room = Forwarding(
            self.forwards, self.tickets, {"road": endpoint}, {"road": self.client}
        )

    def ticket(self, key: str = "k1", **more: Any) -> str:
        values: dict[str, Any] = {
            "service": "bridge",
            "desk": "roads",
            "language": "en",
            "place": "Herebrug",
            "place_known": True,
            "details": "The railing is loose",
            "contact": "bart@example.org",
            "lat": 53.21,
            "lon": 6.57,
        } | more
        return self.tickets.open(NewTicket(request_key=key, conversation=None, **values)).reference

    async def work(self, minutes: float = 0) -> None:
        """Time passes, and all that is due is done."""
        self.clock.advance(minutes=minutes)
        for _ in range(20):
            if not await self.room.step():
                return
        raise AssertionError("this never comes to an end")

    def forward(self, reference: str) -> Forward:
        found = self.forwards.of_ticket(reference)
        assert found is not None
        return found

    def state(self, reference: str) -> State:
        found = self.tickets.find(reference)
        assert found is not None
        return found.state

    def notes(self, reference: str) -> list[str]:
        return [e["text"] for e in self.tickets.history(reference) if e["kind"] == "note"]


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[tuple[Upstream, str]]:
    made = Upstream()
    async with served(application(made.routes())) as url:
        yield made, url
        made.release.set()


@pytest_asyncio.fixture
async def office(
    sqlite: Database, clock: FakeClock, upstream: tuple[Upstream, str]
) -> AsyncIterator[Office]:
    made = Office(sqlite, clock, endpoint_at(f"{upstream[1]}/v2"))
    yield made
    await made.room.close()


def endpoint_at(url: str, **more: Any) -> Endpoint:
    values: dict[str, Any] = {
        "name": "road",
        "url": url,
        "organisation": "the province",
        "services": {"bridge": Target("BR-1", {"SURFACE": "wood"})},
        "api_key": SecretStr("k" * 30),
        "shows_descriptions": True,
    }
    return Endpoint(**(values | more))


async def test_a_ticket_goes_on_once_and_the_citizen_is_told(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    city = upstream[0]
    reference, other = office.ticket(), office.ticket("k2", service="pothole")
    for _ in range(5):
        await office.work(minutes=1)
    (form,) = city.posts
    assert form == {
        "description": f"The railing is loose\n\n{reference}",
        "address_string": "Herebrug",
        "lat": "53.210000",
        "long": "6.570000",
        "attribute[SURFACE]": "wood",
        "service_code": "BR-1",
        "api_key": "k" * 30,
    }, "and the contact stays here"
    forward = office.forward(reference)
    assert (forward.state, forward.remote_id) == ("sent", "SR-1")
    assert office.state(reference) is State.PASSED_ON
    ticket = office.tickets.find(reference)
    assert ticket is not None
    assert ticket.passed_to == "the province"
    assert office.forwards.of_ticket(other) is None
    assert office.forwards.counts() == {("road", "sent"): 1}
    assert office.forwards.troubled() == []


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_our_client_understands_our_own_server(
    sqlite: Database, clock: FakeClock, tmp_path: Path, migrated: Path, form: str
) -> None:
    (tmp_path / "theirs.db").write_bytes(migrated.read_bytes())
    theirs = Database(f"sqlite:///{tmp_path / 'theirs.db'}")
    async with opened(theirs, clock) as town:
        endpoint = endpoint_at(
            town.url,
            services={"bridge": Target("bridge", {"passable": "blocked"})},
            api_key=SecretStr(town.key),
            format=form,
        )
        office = Office(sqlite, clock, endpoint)
        office.ticket("first")  # so that the references differ on the two sides
        theirs_first = await town.made()
        reference = office.ticket("second")
        await office.work()
        forward = office.forward(reference)
        assert forward.state == "sent", forward
        made = town.tickets.find(str(forward.remote_id))
        assert made is not None
        assert made.reference not in (reference, theirs_first)
        assert made.details.startswith(f"The railing is loose\n\n{reference}")
        town.tickets.move(made.reference, State.FIXED, "staff", "done")
        await office.work(minutes=20)
        assert office.state(reference) is State.FIXED
        assert office.forward(reference).state == "closed"
        day = timedelta(days=1)
        found = await office.client.look_up(reference, "bridge", clock() - day, clock())
        assert found == made.reference
        assert await office.client.look_up("LW-2026-0", "bridge", clock() - day, clock()) is None
        assert await office.client.resolve(made.reference) == made.reference
        assert await office.client.resolve("LW-2026-99999") is None
        assert await office.client.show("LW-2026-99999") is None
        await office.room.close()
    theirs.close()


async def test_a_token_becomes_an_id_later(office: Office, upstream: tuple[Upstream, str]) -> None:
    city = upstream[0]
    city.mood = "token"
    reference = office.ticket()
    await office.work()
    assert (office.forward(reference).state, office.forward(reference).token) == ("token", "T-SR-1")
    await office.work(minutes=6)
    assert office.forward(reference).state == "token"
    city.token_ready = True
    await office.work(minutes=6)
    assert (office.forward(reference).state, office.forward(reference).remote_id) == (
        "sent",
        "SR-1",
    )
    assert len(city.posts) == 1


# What surely did not arrive -----------------------------------------------------------------------


async def test_an_outage_loses_nothing_and_is_visible(sqlite: Database, clock: FakeClock) -> None:
    office = Office(sqlite, clock, endpoint_at("http://127.0.0.1:1/v2"))
    reference = office.ticket()
    await office.work()
    forward = office.forward(reference)
    assert (forward.state, forward.attempts) == ("pending", 1)
    assert forward.code
    assert [f.ticket.reference for f in office.forwards.troubled()] == [reference]
    for _ in range(30):
        await office.work(minutes=60)
    assert office.forward(reference).state == "pending", "however long it takes"
    city = Upstream()
    async with served(application(city.routes())) as url:
        back = Office(sqlite, clock, endpoint_at(f"{url}/v2"))
        await back.work(minutes=180)
        assert back.forward(reference).state == "sent"
        await back.room.close()
    assert len(city.posts) == 1
    await office.room.close()


async def test_too_many_requests_wait_as_long_as_they_say(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    city = upstream[0]
    city.mood = (429, "slow down", {"Retry-After": "3000"})
    reference = office.ticket()
    await office.work()
    await office.work(minutes=45)
    assert len(city.posts) == 1
    city.mood = "id"
    await office.work(minutes=10)
    assert office.forward(reference).state == "sent"


# What perhaps arrived -----------------------------------------------------------------------------


@pytest.mark.parametrize("mood", ["hang", "cut", "taken 500"])
async def test_a_send_without_an_answer_is_found_there_and_not_sent_twice(
    office: Office, upstream: tuple[Upstream, str], mood: str
) -> None:
    city = upstream[0]
    city.mood = mood
    reference = office.ticket()
    await office.work()
    assert office.forward(reference).state == "unclear"
    assert [f.state for f in office.forwards.troubled()] == ["unclear"]
    city.down = True
    await office.work(minutes=60)
    assert office.forward(reference).state == "unclear", "no answer is not a no"
    city.down = False
    await office.work(minutes=11)
    assert (office.forward(reference).state, office.forward(reference).remote_id) == (
        "sent",
        "SR-1",
    )
    assert len(city.posts) == 1


async def test_what_a_look_up_does_not_find_for_long_is_sent_again_with_the_same_key(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    city = upstream[0]
    city.mood = (500, "oh")
    reference = office.ticket()
    await office.work()
    await office.work(minutes=15)
    assert len(city.posts) == 1
    city.mood = "id"
    await office.work(minutes=30)
    assert office.forward(reference).state == "sent"
    assert len(city.posts) == 2
    assert city.once == [f"likewise-{reference}"] * 2


async def test_where_nothing_can_be_looked_up_a_clerk_decides(
    sqlite: Database, clock: FakeClock, upstream: tuple[Upstream, str]
) -> None:
    city, url = upstream
    office = Office(sqlite, clock, endpoint_at(f"{url}/v2", shows_descriptions=False))
    city.mood = (502, "")
    references = [office.ticket(f"k{n}") for n in range(3)]
    await office.work()
    await office.work(minutes=600)
    assert len(city.posts) == 3
    assert {f.state for f in office.forwards.troubled()} == {"unclear"}
    city.mood = "id"
    assert office.forwards.decide(references[0], "again")
    assert office.forwards.decide(references[1], "drop")
    assert office.forwards.decide(references[2], "sent", "SR-77")
    assert not office.forwards.decide(references[2], "again")
    assert not office.forwards.decide("LW-2026-99999", "again")
    await office.work()
    states = [office.forward(r).state for r in references]
    assert states == ["sent", "closed", "sent"]
    assert len(city.posts) == 4
    await office.room.close()


async def test_a_process_that_dies_while_it_sends_leaves_it_unclear(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    reference = office.ticket()
    office.forwards.enlist({"bridge": "road"})
    assert office.forwards.claim("pending") is not None
    assert office.forwards.claim("pending") is None
    await office.work(minutes=4)
    assert office.forward(reference).state == "sending"
    office.clock.advance(minutes=2)
    assert office.forwards.expire() == 1
    assert office.forward(reference).state == "unclear"
    assert upstream[0].posts == []


GARBAGE = {
    "nothing": "",
    "a page": "<html><body>Welcome</body></html>",
    "a list of numbers": "[1, 2]",
    "an empty list": "[]",
    "an empty object": "{}",
    "a number": "42",
    "an id with a way out": '[{"service_request_id": "../../admin"}]',
    "an id of spaces": '[{"service_request_id": "  "}]',
    "a very long id": f'[{{"service_request_id": "{"9" * 500}"}}]',
    "deep": "[" * 100_000,
    "too long": '[{"service_request_id": "' + "9" * 3_000_000,
    "half": '[{"service_request_id": "SR-1"',
    "an id that is an object": '[{"service_request_id": {"a": 1}}]',
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
async def test_an_answer_that_says_nothing_is_unclear_and_not_a_fault(
    office: Office, upstream: tuple[Upstream, str], body: str
) -> None:
    upstream[0].mood = (200, body)
    reference = office.ticket()
    await office.work()
    assert office.forward(reference).state == "unclear"
    assert office.state(reference) is State.RECEIVED


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' if n > 1 else '<!ENTITY a1 "&a;&a;">'
        for n in range(1, 9)
    )
    + "]><service_requests><request><service_request_id>&a8;</service_request_id></request>"
    "</service_requests>"
)
OUTSIDE = (
    '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><service_requests><request>'
    "<service_request_id>&f;</service_request_id></request></service_requests>"
)


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, "<x/>", "<service_requests>", "\x00", "[]"])
async def test_xml_that_is_a_trap_is_not_read(
    sqlite: Database, clock: FakeClock, upstream: tuple[Upstream, str], body: str
) -> None:
    city, url = upstream
    office = Office(sqlite, clock, endpoint_at(f"{url}/v2", format="xml"))
    city.mood = (200, body)
    reference = office.ticket()
    await asyncio.wait_for(office.work(), 10)
    assert office.forward(reference).state == "unclear"
    await office.room.close()


async def test_a_literal_answer_in_xml_is_understood(
    sqlite: Database, clock: FakeClock, upstream: tuple[Upstream, str]
) -> None:
    city, url = upstream
    office = Office(sqlite, clock, endpoint_at(f"{url}/v2", format="xml"))
    city.mood = (
        200,
        '<?xml version="1.0" encoding="utf-8"?>\n<service_requests>\n  <request>\n'
        "    <service_request_id>293944</service_request_id>\n    <service_notice>The City will "
        "inspect it</service_notice>\n    <account_id/>\n  </request>\n</service_requests>\n",
    )
    reference = office.ticket()
    await office.work()
    assert office.forward(reference).remote_id == "293944"
    await office.room.close()


async def test_a_refusal_is_for_good_and_visible(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    city = upstream[0]
    city.mood = (400, '[{"code": 400, "description": "service_code was not found"}]')
    reference = office.ticket()
    await office.work()
    await office.work(minutes=600)
    assert len(city.posts) == 1
    forward = office.forward(reference)
    assert (forward.state, forward.code) == ("failed", "400 service_code was not found")
    assert "service_code was not found" in office.notes(reference)[-1]
    assert office.state(reference) is State.RECEIVED


async def test_a_redirect_is_not_followed_with_the_key(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    upstream[0].mood = (307, "", {"Location": "http://127.0.0.1:1/steal"})
    reference = office.ticket()
    await office.work()
    assert office.forward(reference).state == "unclear"


async def test_one_id_for_two_requests_is_believed_once(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    upstream[0].mood = (200, '[{"service_request_id": "SR-7"}]')
    first, second = office.ticket(), office.ticket("k2")
    await office.work()
    assert sorted([office.forward(first).state, office.forward(second).state]) == [
        "sent",
        "unclear",
    ]


# Their answer -------------------------------------------------------------------------------------


async def sent(office: Office) -> str:
    reference = office.ticket()
    await office.work()
    assert office.state(reference) is State.PASSED_ON
    return reference


async def test_their_words_are_notes_and_their_end_is_a_move(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    city = upstream[0]
    reference = await sent(office)
    city.shown["SR-1"] = {"status": "open", "status_notes": "A crew is on its way"}
    await office.work(minutes=16)
    await office.work(minutes=16)
    assert office.notes(reference)[1:] == ["road says open: A crew is on its way"]
    assert office.state(reference) is State.PASSED_ON
    city.shown["SR-1"] = {"status": "closed", "status_notes": "Repaired"}
    await office.work(minutes=16)
    assert office.state(reference) is State.FIXED
    assert office.forward(reference).state == "closed"
    assert office.notes(reference)[-1] == "road says closed: Repaired"
    public = [e["text"] for e in office.tickets.history(reference) if e["public"]]
    assert "Repaired" not in str(public), "their words are for the desk, not for citizens"


async def test_a_move_that_the_table_has_not_is_a_note(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    reference = await sent(office)
    office.tickets.move(reference, State.WITHDRAWN, "staff")
    upstream[0].shown["SR-1"] = {"status": "closed"}
    await office.work(minutes=16)
    assert office.state(reference) is State.WITHDRAWN
    assert office.notes(reference)[-1] == "road would make this fixed, but it is withdrawn"


@pytest.mark.parametrize(
    "shown",
    [
        {"service_request_id": "SR-2", "status": "closed"},
        {"status": "exploded"},
        {"status": None},
        {"status": {"a": 1}},
        b"<html>",
        b"\xff\xfe",
    ],
)
async def test_an_odd_answer_to_a_poll_changes_nothing(
    office: Office, upstream: tuple[Upstream, str], shown: Any
) -> None:
    reference = await sent(office)
    upstream[0].shown["SR-1"] = shown
    await office.work(minutes=16)
    assert office.state(reference) is State.PASSED_ON
    assert office.forward(reference).state == "sent"
    assert len(office.notes(reference)) <= 2


async def test_a_poll_goes_on_after_an_outage(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    city = upstream[0]
    reference = await sent(office)
    city.down = True
    await office.work(minutes=60)
    city.down = False
    city.shown["SR-1"] = {"status": "closed"}
    await office.work(minutes=16)
    assert office.state(reference) is State.FIXED


async def test_what_was_passed_on_to_us_does_not_go_round_in_a_ring(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    reference = office.ticket(source="open311", details="The railing\n\nLW-2026-00099")
    await office.work()
    assert office.forward(reference).state == "failed"
    assert upstream[0].posts == []


async def test_the_contact_goes_along_only_when_the_city_says_so(
    sqlite: Database, clock: FakeClock, upstream: tuple[Upstream, str]
) -> None:
    city, url = upstream
    office = Office(sqlite, clock, endpoint_at(f"{url}/v2", send_contact=True))
    office.ticket()
    office.ticket("k2", contact="+31612345678")
    await office.work()
    assert [(p.get("email"), p.get("phone")) for p in city.posts] == [
        ("bart@example.org", None),
        (None, "+31612345678"),
    ]
    await office.room.close()


async def test_an_endpoint_that_left_the_file_keeps_its_tickets_waiting(
    office: Office, upstream: tuple[Upstream, str]
) -> None:
    reference = office.ticket()
    office.forwards.enlist({"bridge": "road"})
    office.room.endpoints, office.room.services = {}, {}
    await office.work()
    assert office.forward(reference).code == "no such endpoint"
    assert upstream[0].posts == []


# The file -----------------------------------------------------------------------------------------

GOOD_FILE = """
endpoints:
  province:
    url: https://roads.example/open311/v2/
    organisation: the province
    api_key_env: LIKEWISE_FORWARD_PROVINCE_KEY
    services:
      bridge: BRIDGE-01
      cycle-path: {code: PATH-7, attributes: {SURFACE: unknown}}
"""


def test_the_file_of_endpoints_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEWISE_FORWARD_PROVINCE_KEY", "hush")
    (tmp_path / "forwarding.yml").write_text(GOOD_FILE, "utf-8")
    (endpoint,) = load_endpoints(tmp_path).values()
    assert endpoint.url == "https://roads.example/open311/v2"
    assert endpoint.services["cycle-path"] == Target("PATH-7", {"SURFACE": "unknown"})
    assert "hush" not in repr(endpoint)
    assert load_endpoints(tmp_path / "nothing") == {}
    assert load_endpoints(ROOT / "data") == {}


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("https://roads.example", "ftp://roads.example", "https://"),
        ("LIKEWISE_FORWARD_PROVINCE_KEY", "HOME", "LIKEWISE_FORWARD_"),
        ("LIKEWISE_FORWARD_PROVINCE_KEY", "LIKEWISE_FORWARD_OTHER", "LIKEWISE_FORWARD_OTHER"),
        ("organisation:", "organization:", "organization"),
        ("endpoints:", "endpoints: [", "cannot be read"),
        ("    services:", "    format: csv\n    services:", "json or xml"),
    ],
)
def test_a_fault_in_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str, becomes: str, says: str
) -> None:
    monkeypatch.setenv("LIKEWISE_FORWARD_PROVINCE_KEY", "hush")
    (tmp_path / "forwarding.yml").write_text(GOOD_FILE.replace(was, becomes), "utf-8")
    with pytest.raises(SettingsError, match=says):
        load_endpoints(tmp_path)


def test_a_service_goes_to_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEWISE_FORWARD_PROVINCE_KEY", "hush")
    twice = GOOD_FILE + GOOD_FILE.replace("endpoints:\n", "").replace("province:", "state:")
    (tmp_path / "forwarding.yml").write_text(twice, "utf-8")
    with pytest.raises(SettingsError, match="bridge goes to province and state"):
        load_endpoints(tmp_path)


async def test_rows_are_claimed_once_on_both_databases(
    database: Database, clock: FakeClock
) -> None:
    office = Office(database, clock, endpoint_at("http://127.0.0.1:1/v2"))
    office.ticket()
    assert office.forwards.enlist({"bridge": "road"}) == 1
    assert office.forwards.enlist({"bridge": "road"}) == 0
    claims = await asyncio.gather(
        *(asyncio.to_thread(office.forwards.claim, "pending") for _ in range(6))
    )
    assert len([c for c in claims if c is not None]) == 1
