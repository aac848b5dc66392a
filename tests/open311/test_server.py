"""The GeoReport v2 server: documents as the standard has them, a client that is not ours, faults."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import pytest
from georeport import GeoReport
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.civic.tickets import NewTicket, State
from bot.open311.documents import read_moment
from bot.settings import ROOT
from bot.store import schema
from bot.store.engine import Database
from tests.conftest import FakeClock
from tests.open311.conftest import GOOD, Town, opened
from tests.road.rooms import rows

FIELDS = [
    "service_request_id", "status", "status_notes", "service_name", "service_code", "description",
    "agency_responsible", "service_notice", "requested_datetime", "updated_datetime",
    "expected_datetime", "address", "address_id", "zipcode", "lat", "long", "media_url",
]  # fmt: skip


def told_by_a_citizen(town: Town, key: str = "inbox-1", **more: Any) -> str:
    values: dict[str, Any] = {
        "service": "street-light",
        "desk": "lighting",
        "language": "en",
        "place": "Oosterstraat 12",
        "place_known": True,
        "details": "Bartholomew's lamp",
        "contact": "bart@example.org",
        "area_code": "BU001",
        "lat": 53.21941,
        "lon": 6.56652,
        "street": "Oosterstraat",
    } | more
    opened = town.tickets.open(NewTicket(request_key=key, conversation=None, **values))
    town.tickets.note(opened.reference, "she sounded cross", "staff")
    return opened.reference


# A client that we did not write -------------------------------------------------------------------


@pytest.mark.parametrize("output", ["json", "xml"])
async def test_the_library_georeport_reads_everything(town: Town, output: str) -> None:
    first, second = await town.made(), await town.made(description="Another lamp")
    client = GeoReport(town.url, output_format=output)
    services = await asyncio.to_thread(client.get_service_list)
    lamp = next(s for s in services if s["service_code"] == "street-light")
    assert lamp["service_name"] == "Broken street light"
    assert lamp["type"] == "realtime"
    assert str(lamp["metadata"]).lower() == "true"
    definition = await asyncio.to_thread(client.get_service_definition, "street-light")
    attributes = definition["attributes"]
    attribute = attributes[0] if output == "json" else attributes["attribute"]
    assert attribute["code"] == "extent"
    values = attribute["values"] if output == "json" else attribute["values"]["value"]
    assert [value["key"] for value in values] == ["single", "several"]
    listed = await asyncio.to_thread(client.get_service_requests)
    assert {request["service_request_id"] for request in listed} == {first, second}
    one = await asyncio.to_thread(client.get_service_request, first)
    assert (one["status"], one["description"]) == ("open", "The lamp is dark\nOne lamp")
    found = await asyncio.to_thread(client.get_service_requests, f"{first},{second}")
    assert len(found) == 2
    when = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-02-01T00:00:00Z"}
    if output == "json":  # the library cannot read an empty list in XML
        assert await asyncio.to_thread(lambda: client.get_service_requests(**when)) == []
    closed = await asyncio.to_thread(lambda: client.get_service_requests(status="open,closed"))
    assert len(closed) == 2


# Literal documents in the standard's structure ----------------------------------------------------


async def test_discovery(town: Town) -> None:
    status, kind, text = await town.get("/discovery.xml")
    assert (status, kind) == (200, "text/xml")
    assert text.startswith("<?xml version='1.0' encoding='UTF-8'?>\n<discovery><changeset>")
    root = ET.fromstring(text)
    assert [child.tag for child in root] == ["changeset", "contact", "key_service", "endpoints"]
    (endpoint,) = root.findall("endpoints/endpoint")
    assert endpoint.findtext("specification") == "http://wiki.open311.org/GeoReport_v2"
    assert str(endpoint.findtext("url")).endswith("/open311/v2")
    assert [f.text for f in endpoint.findall("formats/format")] == ["text/xml", "application/json"]
    found = await town.json("/discovery.json")
    assert found["endpoints"][0]["formats"] == ["text/xml", "application/json"]


async def test_a_service_and_its_definition_in_xml(town: Town) -> None:
    _, _, listed = await town.get("/services.xml")
    assert (
        "<service><service_code>bridge</service_code><service_name>Problem with a bridge"
        "</service_name><description>A bridge is damaged, slippery with moss, or does not open or "
        "close well.</description><metadata>true</metadata><type>realtime</type>"
        "<keywords>bridge</keywords><group>roads</group></service>"
    ) in listed
    _, _, definition = await town.get("/services/street-light.xml")
    assert definition == (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        "<service_definition><service_code>street-light</service_code><attributes><attribute>"
        "<variable>true</variable><code>extent</code><datatype>singlevaluelist</datatype>"
        "<required>true</required><datatype_description /><order>1</order>"
        "<description>Is it one lamp or several?</description><values>"
        "<value><key>single</key><name>One lamp</name></value>"
        "<value><key>several</key><name>Several lamps</name></value>"
        "</values></attribute></attributes></service_definition>"
    )


async def test_a_request_in_xml_and_in_json(town: Town) -> None:
    reference = await town.made(address_string="Oosterstraat 12")
    _, kind, text = await town.get(f"/requests/{reference}.xml")
    assert kind == "text/xml"
    assert text == (
        "<?xml version='1.0' encoding='UTF-8'?>\n<service_requests><request>"
        f"<service_request_id>{reference}</service_request_id><status>open</status>"
        "<status_notes>We have received your report.</status_notes><service_name>Broken street light</service_name>"
        "<service_code>street-light</service_code><description>The lamp is dark\nOne lamp"
        "</description><agency_responsible>lighting</agency_responsible><service_notice />"
        "<requested_datetime>2026-03-02T09:00:00Z</requested_datetime>"
        "<updated_datetime>2026-03-02T09:00:00Z</updated_datetime><expected_datetime />"
        "<address>Oosterstraat 12</address><address_id /><zipcode /><lat>53.2194</lat>"
        "<long>6.5665</long><media_url /></request></service_requests>"
    )
    (one,) = await town.json(f"/requests/{reference}.json")
    assert list(one) == FIELDS
    assert (one["lat"], one["long"], one["zipcode"]) == (53.2194, 6.5665, None)


async def test_a_post_is_answered_with_the_id_in_both_formats(town: Town) -> None:
    status, answer = await town.post(GOOD)
    assert status == 201
    assert list(answer[0]) == ["service_request_id", "service_notice", "account_id"]
    status, text = await town.post({**GOOD, "description": "two"}, form="xml")
    assert status == 201
    assert text == (
        "<?xml version='1.0' encoding='UTF-8'?>\n<service_requests><request><service_request_id>"
        "LW-2026-00002</service_request_id><service_notice /><account_id /></request>"
        "</service_requests>"
    )


async def test_tokens(town: Town) -> None:
    reference = await town.made()
    assert await town.json(f"/tokens/{reference}.json") == [
        {"service_request_id": reference, "token": reference}
    ]
    assert (await town.get("/tokens/LW-2026-99999.json"))[0] == 404


async def test_errors_are_in_the_format_of_the_address(town: Town) -> None:
    status, kind, text = await town.get("/requests/LW-2026-99999.xml")
    assert (status, kind) == (404, "text/xml")
    assert text == (
        "<?xml version='1.0' encoding='UTF-8'?>\n<errors><error><code>404</code>"
        "<description>service_request_id was not found</description></error></errors>"
    )
    status, kind, text = await town.get("/services/nothing.json")
    assert (status, kind) == (404, "application/json")
    assert '"code": 404' in text
    status, answer = await town.post({"service_code": "street-light", "lat": "x", "email": "me"})
    assert status == 400
    assert {entry["code"] for entry in answer} == {400}
    assert len(answer) >= 4, "every fault is told at once"


# What is public ----------------------------------------------------------------------------------


async def test_what_a_citizen_told_the_bot_is_never_public(town: Town) -> None:
    reference = told_by_a_citizen(town)
    for path in (f"/requests/{reference}", "/requests"):
        for form in ("xml", "json"):
            _, _, text = await town.get(f"{path}.{form}")
            assert reference in text
            for secret in ("Bartholomew", "bart@", "12<", "Oosterstraat", "53.2", "cross"):
                assert secret not in text
    (one,) = await town.json(f"/requests/{reference}.json")
    assert one["address"] == "Binnenstad-Noord"
    assert (one["lat"], one["description"]) == (None, None)


async def test_a_city_may_show_the_street_but_no_house(sqlite: Database, clock: FakeClock) -> None:
    async with opened(sqlite, clock, open311_publish="street") as town:
        reference = told_by_a_citizen(town)
        unknown = told_by_a_citizen(town, "inbox-2", place_known=False, place="at Bartholomew's")
        (one,) = await town.json(f"/requests/{reference}.json")
        assert (one["address"], one["lat"], one["long"]) == (
            "Oosterstraat, Binnenstad-Noord",
            53.219,
            6.567,
        )
        (other,) = await town.json(f"/requests/{unknown}.json")
        assert (other["address"], other["lat"]) == ("Binnenstad-Noord", None)
        assert "Bartholomew" not in str([one, other])


async def test_the_contact_of_a_post_is_for_the_desk_alone(town: Town) -> None:
    reference = await town.made(
        first_name="Bart", last_name="Holomew", email="bart@example.org", phone="06 12345678",
        media_url="https://pictures.example/bart.jpg", device_id="secret-device",
    )  # fmt: skip
    _, _, text = await town.get(f"/requests/{reference}.json")
    for secret in ("Bart", "example", "12345678", "secret"):
        assert secret not in text
    ticket = town.tickets.find(reference)
    assert ticket is not None
    assert ticket.contact == "Bart Holomew, bart@example.org, +31612345678"
    notes = [e["text"] for e in town.tickets.history(reference) if e["kind"] == "note"]
    assert notes == ["media_url: https://pictures.example/bart.jpg"]


@pytest.mark.parametrize("state", list(State))
async def test_each_state_is_open_or_closed(town: Town, state: State) -> None:
    reference = await town.made()
    update = schema.tickets.update().values(state=state.value)
    town.tickets.database.write_now(lambda c: c.execute(update))
    (one,) = await town.json(f"/requests/{reference}.json")
    closed = state.value in ("fixed", "cannot_fix", "not_ours", "duplicate", "withdrawn")
    assert one["status"] == ("closed" if closed else "open")
    assert one["status_notes"]
    assert len(await town.json("/requests.json", status="closed")) == closed
    assert len(await town.json("/requests.json", status="open")) == (not closed)


async def test_services_that_want_a_call_at_once_are_neither_offered_nor_taken(town: Town) -> None:
    codes = {service["service_code"] for service in await town.json("/services.json")}
    danger = next(s.code for s in _catalogue().services.values() if s.danger)
    assert danger not in codes
    status, answer = await town.post({**GOOD, "service_code": danger})
    assert status == 400
    assert "call" in answer[0]["description"]
    reference = told_by_a_citizen(town, service=danger)
    assert (await town.get(f"/requests/{reference}.json"))[0] == 404
    assert await town.json("/requests.json") == []


def _catalogue() -> Any:
    from bot import topics
    from bot.settings import load

    return topics.load_catalogue(load().city_dir)


# Searching ---------------------------------------------------------------------------------------


async def test_requests_are_found_by_service_date_and_page(town: Town) -> None:
    old = await town.made(description="old")
    town.clock.advance(days=80)
    lamp = await town.made(description="new")
    hole = await town.made(service_code="pothole", description="hole", **_answers("pothole"))
    found = await town.json("/requests.json")
    assert [r["service_request_id"] for r in found] == [hole, lamp, old], "newest first"
    assert [
        r["service_request_id"] for r in await town.json("/requests.json", page=2, page_size=2)
    ] == [old]
    assert len(await town.json("/requests.json", service_code="pothole,bridge")) == 1
    assert await town.json("/requests.json", service_code="no-such-service") == []
    town.clock.advance(days=20)
    assert old not in str(await town.json("/requests.json")), "ninety days unless asked for more"
    start = "2026-03-01T00:00:00Z"
    assert [
        r["service_request_id"] for r in await town.json("/requests.json", start_date=start)
    ] == [hole, lamp, old]
    end = "2026-04-01T02:00:00+02:00"
    assert [
        r["service_request_id"]
        for r in await town.json("/requests.json", start_date=start, end_date=end)
    ] == [old]
    assert len(await town.json("/requests.json", service_request_id=f"{old}, {hole},nothing")) == 2


def _answers(code: str) -> dict[str, str]:
    service = _catalogue().services[code]
    return {f"attribute[{q.key}]": q.options[0].id for q in service.questions if q.options} | {
        "attribute[extent]": ""
    }


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"status": "lost"}, "status"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"start_date": "2026-03-01"}, "start_date"),
        ({"end_date": "2026-03-01T00:00:00"}, "end_date"),
        ({"start_date": "2026-13-01T00:00:00Z"}, "start_date"),
        ({"start_date": "0001-01-01T00:00:00+14:00"}, "start_date"),
        ({"end_date": "0001-01-01T00:00:00Z"}, "start_date"),
        ({"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-05-01T00:00:00Z"}, "90 days"),
        ({"page": "0"}, "page"),
        ({"page": "-1"}, "page"),
        ({"page": "9" * 30}, "page"),
        ({"page_size": "1001"}, "page_size"),
        ({"page_size": "many"}, "page_size"),
        ({"service_request_id": ",".join("a" * 101)}, "at most"),
    ],
)
async def test_a_question_that_cannot_be_answered(town: Town, query: Any, fault: str) -> None:
    status, _, text = await town.get("/requests.json", **query)
    assert status == 400
    assert fault in text


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02T09:00Z", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02T10:00:00+01:00", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02T10:00:00 01:00", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02T04:00:00-0500", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02T09:00:00.123Z", "2026-03-02T09:00:00+00:00"),
    ],
)
def test_times_as_clients_write_them(text: str, utc: str) -> None:
    assert read_moment(text).isoformat() == utc


@pytest.mark.parametrize("path", ["/services", "/requests.jsonp", "/services.yaml", "/", "/x.json"])
async def test_other_addresses_are_not_found(town: Town, path: str) -> None:
    async with town.http.get(town.url + path) as answer:
        assert answer.status == 404


async def test_the_jurisdiction_is_checked_where_the_city_has_one(
    sqlite: Database, clock: FakeClock
) -> None:
    async with opened(sqlite, clock, open311_jurisdiction="groningen.nl") as town:
        assert (await town.get("/services.json", jurisdiction_id="groningen.nl"))[0] == 200
        assert (await town.get("/services.json"))[0] == 200
        assert (await town.get("/services.json", jurisdiction_id="sf.gov"))[0] == 404
        status, answer = await town.post({**GOOD, "jurisdiction_id": "sf.gov"})
        assert (status, answer[0]["description"]) == (404, "jurisdiction_id was not found")


# Posting -----------------------------------------------------------------------------------------


async def test_a_post_makes_a_ticket_like_any_other(town: Town) -> None:
    reference = await town.made()
    ticket = town.tickets.find(reference)
    assert ticket is not None
    assert (ticket.source, ticket.desk, ticket.state) == ("open311", "lighting", State.RECEIVED)
    assert (ticket.area_code, ticket.street, ticket.place) == (
        "BU001",
        "Oosterstraat",
        "Oosterstraat",
    )
    assert ticket.conversation is None
    assert rows_of(town, schema.ticket_followers) == 0
    town.tickets.move(reference, State.FIXED, "staff", "A new bulb for Bartholomew")
    (one,) = await town.json(f"/requests/{reference}.json")
    assert (one["status"], one["status_notes"]) == ("closed", "It is fixed.")


def rows_of(town: Town, table: Any) -> int:
    import sqlalchemy as sa

    query = sa.select(sa.func.count()).select_from(table)
    return int(town.tickets.database.read_now(lambda c: c.execute(query).scalar_one()))


@pytest.mark.parametrize("key", ["", "wrong", "x" * 43, "x" * 5000, "' OR 1=1 --" * 3])
async def test_nobody_posts_without_a_key(town: Town, key: str) -> None:
    status, answer = await town.post({**GOOD, "api_key": key})
    assert (status, answer[0]["code"]) == (403, 403)
    assert rows(town.tickets.database, schema.tickets) == []


async def test_a_revoked_key_is_no_key_and_keys_are_kept_as_hashes(town: Town) -> None:
    await town.made()
    (row,) = rows(town.tickets.database, schema.open311_keys)
    assert town.key not in str(tuple(row))
    assert row.used_at == town.clock()
    assert town.register.revoke_key("an app")
    assert not town.register.revoke_key("an app")
    assert (await town.post({**GOOD, "description": "x"}))[0] == 403


INVALID: dict[str, dict[str, str]] = {
    "no service": {"service_code": ""},
    "no place": {"lat": "", "long": ""},
    "half a place": {"long": ""},
    "no number": {"lat": "north"},
    "not a number": {"lat": "nan"},
    "infinite": {"long": "inf"},
    "underscore": {"lat": "5_3.2"},
    "too far": {"lat": "91"},
    "outside the city": {"lat": "52.0", "long": "13.4"},
    "address only by id": {"lat": "", "long": "", "address_id": "42"},
    "attribute missing": {"attribute[extent]": ""},
    "attribute unknown": {"attribute[colour]": "red"},
    "attribute value unknown": {"attribute[extent]": "two and a half"},
    "description too long": {"description": "a" * 4001},
    "address too long": {"address_string": "a" * 251},
    "name too long": {"first_name": "a" * 101},
    "no e-mail": {"email": "bart@"},
    "e-mail with more behind": {"email": "a@b.example, c@d.example"},
    "no telephone": {"phone": "12"},
    "a telephone of letters": {"phone": "call me"},
    "a file as picture": {"media_url": "file:///etc/passwd"},
    "a script as picture": {"media_url": "javascript:alert(1)"},
}


@pytest.mark.parametrize("wrong", INVALID.values(), ids=INVALID.keys())
async def test_an_invalid_post_is_refused_and_nothing_is_kept(town: Town, wrong: Any) -> None:
    status, answer = await town.post({**GOOD, **wrong})
    assert status == 400, answer
    assert all(entry["code"] == 400 and entry["description"] for entry in answer)
    assert rows(town.tickets.database, schema.tickets) == []


async def test_an_unknown_service_is_not_found(town: Town) -> None:
    status, answer = await town.post({**GOOD, "service_code": "no-such-service"})
    assert (status, answer[0]["description"]) == (404, "service_code was not found")


async def test_an_address_alone_will_do(town: Town) -> None:
    reference = await town.made(lat="", long="", address_string="behind the  school")
    ticket = town.tickets.find(reference)
    assert ticket is not None
    assert (ticket.place, ticket.place_known, ticket.lat) == ("behind the school", False, None)


async def test_what_xml_cannot_carry_is_taken_out(town: Town) -> None:
    reference = await town.made(description="a\x00b\x0bc <b>&amp;</b> ]]> \ufffe \U0001f4a1")
    _, _, text = await town.get(f"/requests/{reference}.xml")
    root = ET.fromstring(text)
    assert str(root.findtext("request/description")).startswith("abc <b>&amp;</b> ]]>  \U0001f4a1")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/json"}, b"{}"),
        ({"Content-Type": "text/xml"}, b"<x/>"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"description=" + b"a" * 70_000),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}, b"a=b"),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}, b"a=b"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--c\r\n\r\nx"),
        ({"Content-Type": "multipart/form-data"}, b"--c\r\n\r\nx"),
    ],
)
async def test_a_body_that_is_no_form(town: Town, headers: Any, body: bytes) -> None:
    async with town.http.post(f"{town.url}/requests.json", data=body, headers=headers) as answer:
        assert answer.status in (400, 403)
        assert (await answer.json())[0]["code"] == answer.status


# Retries -----------------------------------------------------------------------------------------


async def test_the_same_post_within_minutes_is_a_retry(town: Town) -> None:
    first = await town.made()
    assert await town.made() == first
    town.clock.advance(minutes=9)
    assert await town.made() == first
    town.clock.advance(minutes=2)
    second = await town.made()
    assert second != first, "the lamp is dark again, or still"
    other = town.register.add_key("another app")
    assert await town.made(api_key=other) not in (first, second)


async def test_an_idempotency_key_holds_for_ever(town: Town) -> None:
    once = {"Idempotency-Key": "request-1"}
    _, (one,) = await town.post(GOOD, headers=once)
    town.clock.advance(days=30)
    _, (again,) = await town.post(GOOD, headers=once)
    assert again == one
    status, answer = await town.post({**GOOD, "description": "other"}, headers=once)
    assert status == 400
    assert "Idempotency-Key" in answer[0]["description"]
    _, (other,) = await town.post(GOOD, headers={"Idempotency-Key": "request-2"})
    assert other != one
    assert (await town.post(GOOD, headers={"Idempotency-Key": "x" * 201}))[0] == 400


async def test_retries_at_the_same_time_make_one_ticket(town: Town) -> None:
    answers = await asyncio.gather(*(town.post(GOOD) for _ in range(8)))
    assert {status for status, _ in answers} == {201}
    assert len({answer[0]["service_request_id"] for _, answer in answers}) == 1
    assert len(rows(town.tickets.database, schema.tickets)) == 1


async def test_too_many_posts_and_reads_are_told_to_wait(
    sqlite: Database, clock: FakeClock
) -> None:
    limits = {"open311_posts_per_minute": 2, "open311_reads_per_minute": 3}
    async with opened(sqlite, clock, **limits) as town:
        for n in range(2):
            assert (await town.post({**GOOD, "description": str(n)}))[0] == 201
        async with town.http.post(
            f"{town.url}/requests.json", data={**GOOD, "api_key": town.key}
        ) as no:
            assert no.status == 429
            assert int(no.headers["Retry-After"]) > 0
            assert (await no.json())[0]["code"] == 429
        for _ in range(3):
            assert (await town.get("/services.json"))[0] == 200
        assert (await town.get("/services.xml"))[0] == 429


async def test_the_database_that_fails_is_an_error_of_the_standard(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("disk full of secrets")

    monkeypatch.setattr(town.register, "open", broken)
    status, answer = await town.post(GOOD)
    assert (status, answer) == (500, [{"code": 500, "description": "Something went wrong."}])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    fields=st.dictionaries(
        st.sampled_from(
            [*GOOD, "email", "phone", "media_url", "attribute[extent][]", "address_string"]
        ),
        st.text(max_size=60),
    )
)
async def test_any_post_gets_an_answer_of_the_standard(town: Town, fields: Any) -> None:
    fields = {k: v.encode("utf-8", "replace").decode() for k, v in fields.items()}
    status, answer = await town.post({**GOOD, **fields})
    assert status in (201, 400, 404)
    assert isinstance(answer, list)


def test_the_window_of_retries_is_documented() -> None:
    from bot.store.open311 import WINDOW

    assert timedelta(minutes=10) == WINDOW
    assert "10 minutes" in (ROOT / "docs" / "open311.md").read_text("utf-8")
