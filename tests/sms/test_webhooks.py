"""Literal payloads of Twilio against the two webhooks: status, and what is kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import sqlalchemy as sa
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from bot.messages import InvalidMessage
from bot.store import schema
from connectors.sms.parse import Problem, e164, fields_of, inbound_of, report_of, shortened

# As in Twilio's guide to its webhook requests, with an invented account and invented numbers.
INBOUND = {
    "ToCountry": "US",
    "ToState": "",
    "SmsMessageSid": "SM11111111111111111111111111111111",
    "NumMedia": "0",
    "ToCity": "",
    "FromZip": "",
    "SmsSid": "SM11111111111111111111111111111111",
    "FromState": "",
    "SmsStatus": "received",
    "FromCity": "",
    "Body": "De lantaarn is kapot & het is donker é€😀",
    "FromCountry": "NL",
    "To": "+15005550006",
    "ToZip": "",
    "NumSegments": "1",
    "MessageSid": "SM11111111111111111111111111111111",
    "AccountSid": "AC00000000000000000000000000000000",
    "From": "+31600000001",
    "ApiVersion": "2010-04-01",
}
STATUS = {
    "SmsSid": "SM22222222222222222222222222222222",
    "SmsStatus": "delivered",
    "MessageStatus": "delivered",
    "To": "+31600000001",
    "MessageSid": "SM22222222222222222222222222222222",
    "AccountSid": "AC00000000000000000000000000000000",
    "From": "+15005550006",
    "ApiVersion": "2010-04-01",
}


def signed(town, url: str, form: Any) -> dict[str, str]:
    signature = RequestValidator(town.network.auth_token).compute_signature(url, form)
    return {"X-Twilio-Signature": signature}


async def post(
    town, http, form: Any, path: str = "/sms/inbound", **headers: str
) -> tuple[int, str]:
    url = town.network.bot_url + path
    async with http.post(
        url,
        data=urlencode(list(form.items())),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            **signed(town, url, form),
            **headers,
        },
    ) as response:
        return response.status, await response.text()


async def inbox(town) -> list[Any]:
    return await town.road.database.read(lambda c: c.execute(sa.select(schema.inbox)).all())


async def test_a_valid_text_is_kept_and_answered_with_empty_twiml(town, http) -> None:
    status, text = await post(town, http, INBOUND)
    assert (status, text) == (200, '<?xml version="1.0" encoding="UTF-8"?><Response></Response>')
    [row] = await inbox(town)
    assert row.external_id == INBOUND["MessageSid"]
    assert row.body == {"text": INBOUND["Body"]}


async def test_signature_of_another_token_is_refused(town, http) -> None:
    wrong = RequestValidator("other").compute_signature(
        town.network.bot_url + "/sms/inbound", INBOUND
    )
    status, _ = await post(town, http, INBOUND, **{"X-Twilio-Signature": wrong})
    assert status == 403
    assert not await inbox(town)


async def test_missing_signature_is_refused(town, http) -> None:
    async with http.post(town.network.bot_url + "/sms/inbound", data=INBOUND) as response:
        assert response.status == 403
    assert not await inbox(town)


async def test_changed_field_breaks_the_signature(town, http) -> None:
    url = town.network.bot_url + "/sms/inbound"
    headers = signed(town, url, INBOUND)
    async with http.post(
        url, data=INBOUND | {"Body": "something else"}, headers=headers
    ) as response:
        assert response.status == 403


async def test_signature_covers_the_query(town, http) -> None:
    form = STATUS
    headers = signed(town, town.network.bot_url + "/sms/status?outbox=1", form)
    url = town.network.bot_url + "/sms/status?outbox=2"
    async with http.post(url, data=form, headers=headers) as response:
        assert response.status == 403


@pytest.mark.parametrize("missing", ["MessageSid", "From"])
async def test_missing_field_is_malformed(town, http, missing: str) -> None:
    form = {k: v for k, v in INBOUND.items() if k != missing and k != "SmsSid"}
    status, _ = await post(town, http, form)
    assert status == 400


@pytest.mark.parametrize(
    "form", [STATUS | {"MessageSid": "", "SmsSid": ""}, {"MessageSid": STATUS["MessageSid"]}]
)
async def test_report_without_id_or_status_is_malformed(town, http, form) -> None:
    status, _ = await post(town, http, form, path="/sms/status?outbox=1")
    assert status == 400


async def test_bodies_that_are_no_form_are_malformed(town, http) -> None:
    url = town.network.bot_url + "/sms/inbound"
    for body in (b"\xff\xfe", b"Body=%ff%fe", b"&".join(b"a%d=1" % n for n in range(300))):
        headers = {"X-Twilio-Signature": "x", "Content-Type": "application/x-www-form-urlencoded"}
        async with http.post(url, data=body, headers=headers) as response:
            assert response.status == 400, body[:20]


async def test_body_over_the_limit_is_refused(town, http) -> None:
    status, _ = await post(town, http, INBOUND | {"Body": "a" * 70_000})
    assert status == 413

    async def chunks():
        for _ in range(80):
            yield b"a" * 1024

    url = town.network.bot_url + "/sms/inbound"
    async with http.post(url, data=chunks(), headers={"X-Twilio-Signature": "x"}) as response:
        assert response.status == 413


@pytest.mark.parametrize("sender", ["12345", "PostNL", "whatsapp:+31600000001", "+1", "+", ""])
async def test_sender_that_cannot_be_answered_is_taken_and_dropped(town, http, sender: str) -> None:
    status, _ = await post(town, http, INBOUND | {"From": sender})
    assert status == 200
    assert not await inbox(town)


async def test_unknown_status_is_taken_and_means_nothing(town, http) -> None:
    form = STATUS | {"MessageStatus": "pondering"}
    status, _ = await post(town, http, form, path="/sms/status?outbox=1")
    assert status == 204


async def test_json_body_is_verified_by_its_hash(town, http) -> None:
    body = json.dumps(INBOUND)
    digest = hashlib.sha256(body.encode()).hexdigest()
    url = f"{town.network.bot_url}/sms/inbound?bodySHA256={digest}"
    headers = {"Content-Type": "application/json", **signed(town, url, {})}
    async with http.post(url, data=body, headers=headers) as response:
        assert response.status == 200
    assert len(await inbox(town)) == 1

    async with http.post(url, data=body.replace("kapot", "heel"), headers=headers) as response:
        assert response.status == 403  # the address is signed, but for another body
    plain = town.network.bot_url + "/sms/inbound"
    headers = {"Content-Type": "application/json", **signed(town, plain, {})}
    for url in (plain, plain + "?bodySHA256=", plain + "?a=bodySHA256=1"):
        headers |= signed(town, url, {})
        async with http.post(url, data=body, headers=headers) as response:
            assert response.status == 403  # nothing vouches for the body
    broken = "[1"
    url = f"{plain}?bodySHA256={hashlib.sha256(broken.encode()).hexdigest()}"
    headers |= signed(town, url, {})
    async with http.post(url, data=broken, headers=headers) as response:
        assert response.status == 400


async def test_signature_is_of_the_public_address_behind_a_proxy(town, http) -> None:
    public = "https://bot.city.example"
    town.sms.options = SmsOptionsWith(town, public)
    headers = signed(town, public + "/sms/inbound", INBOUND)
    async with http.post(
        town.network.bot_url + "/sms/inbound", data=INBOUND, headers=headers
    ) as response:
        assert response.status == 200


async def test_without_public_address_the_one_of_the_request_counts(town, http) -> None:
    town.sms.options = SmsOptionsWith(town, "")
    status, _ = await post(town, http, INBOUND)
    assert status == 200
    async with http.post(
        town.network.bot_url + "/sms/inbound",
        data=INBOUND,
        headers={"Host": "x:99999999", "X-Twilio-Signature": "x"},
    ) as response:
        assert response.status in (400, 403)


def SmsOptionsWith(town, public_url: str):
    from dataclasses import replace

    return replace(town.sms.options, public_url=public_url)


async def test_webhook_is_not_answered_before_the_commit(town, http, monkeypatch) -> None:
    async def broken(message: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(town.road.journal, "accept", broken)
    status, text = await post(town, http, INBOUND)
    assert status == 503
    assert "disk" not in text
    monkeypatch.setattr(town.road.journal, "report", broken)
    status, _ = await post(town, http, STATUS, path="/sms/status?outbox=1")
    assert status == 503


async def test_same_id_with_other_words_is_no_second_message(town, http) -> None:
    await post(town, http, INBOUND)
    status, _ = await post(town, http, INBOUND | {"Body": "De lantaarn is kapot"})
    assert status == 200
    assert len(await inbox(town)) == 1


async def test_redelivery_100_times_from_10_connections_makes_one_turn(town) -> None:
    async def deliver() -> set[int]:
        async with aiohttp.ClientSession() as session:
            return {(await post(town, session, INBOUND))[0] for _ in range(10)}

    statuses = await asyncio.gather(*(deliver() for _ in range(10)))
    assert set().union(*statuses) == {200}
    await town.run()
    assert len(town.brain.turns) == 1
    assert len(town.received()) == 2  # who we are, and the answer


# Parsing alone -----------------------------------------------------------------------------------


def test_pictures_of_an_mms_are_kept_as_references() -> None:
    url = "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages/MM0/Media/ME0"
    found = inbound_of(
        INBOUND
        | {"NumMedia": "2", "Body": "", "MediaUrl0": url, "MediaContentType0": "image/jpeg"}
        | {"MediaUrl1": url + "1", "MediaContentType1": "text/vcard"}
    )
    assert found is not None
    assert [(a.kind, a.reference, a.media_type) for a in found.attachments] == [
        ("photo", url, "image/jpeg")
    ]


@pytest.mark.parametrize(
    ("fields", "unsupported"),
    [
        ({"Body": " \x00 "}, "empty"),
        (
            {"Body": "", "NumMedia": "1", "MediaUrl0": "u", "MediaContentType0": "video/mp4"},
            "video",
        ),
        ({"Body": "", "NumMedia": "1"}, "file"),
    ],
)
def test_what_cannot_be_read_is_named(fields: dict[str, str], unsupported: str) -> None:
    found = inbound_of(INBOUND | fields)
    assert found is not None
    assert found.unsupported == unsupported


def test_text_is_cleaned_and_kept_within_its_limit() -> None:
    found = inbound_of(INBOUND | {"Body": "a\x00b" + "c" * 5000})
    assert found is not None
    assert found.text.startswith("abc")
    assert len(found.text) == 4000


@pytest.mark.parametrize("count", ["x", "-1", "²"])
def test_media_count_is_a_number(count: str) -> None:
    with pytest.raises(Problem):
        inbound_of(INBOUND | {"NumMedia": count})


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("queued", "", ("sent", "")),
        ("sending", "", ("sent", "")),
        ("sent", "", ("sent", "")),
        ("delivered", "", ("delivered", "")),
        ("read", "", ("delivered", "")),
        ("undelivered", "30003", ("refused", "unreachable")),
        ("undelivered", "30007", ("refused", "filtered")),
        ("failed", "21610", ("refused", "stopped")),
        ("failed", "31337", ("refused", "twilio_31337")),
        ("canceled", "x", ("refused", "")),
    ],
)
def test_reports(status: str, code: str, expected: tuple[str, str]) -> None:
    fields = {"MessageSid": "SM" + "2" * 32, "MessageStatus": status, "ErrorCode": code}
    report = report_of(fields, "17")
    assert report is not None
    assert (report.state, report.code) == expected
    assert (report.outbox_id, report.provider_id) == (17, "SM" + "2" * 32)


@pytest.mark.parametrize("outbox", ["", "x", "-1", "²", "9" * 30])
def test_report_with_a_strange_outbox_id_goes_by_the_provider_s(outbox: str) -> None:
    report = report_of(STATUS, outbox)
    assert report is not None
    assert report.outbox_id is None


def test_numbers() -> None:
    assert e164("+31 6 0000 0001") == "+31600000001"
    assert e164("0600000001") is None
    assert shortened("+31612345678") == "+316...78"
    assert shortened("12345") == "..."


def test_repeated_field_is_verified_as_twilio_signs_it() -> None:
    url = "https://bot.city.example/sms/inbound"
    form = MultiDict([("MessageSid", "SM1"), ("A", "1"), ("A", "2")])
    signature = RequestValidator("token").compute_signature(url, form)
    fields = fields_of(url, "", b"MessageSid=SM1&A=1&A=2", signature, "token")
    assert fields["MessageSid"] == "SM1"


def test_invalid_message_cannot_come_from_a_valid_webhook() -> None:
    try:
        inbound_of(INBOUND | {"Body": ""})
    except InvalidMessage:  # pragma: no cover
        pytest.fail("an empty text is unsupported, not invalid")
