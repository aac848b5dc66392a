"""Sending: every way a send can end, and how an unclear one is found out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.channel import ChannelRefused
from bot.messages import Address, Later, OutboxId, Refused, Sent, Unclear
from connectors.sms.connector import SmsConnector
from connectors.sms.errors import ERRORS, receipt_of

CITIZEN = Address("+31600000001")
KEY = OutboxId(7)


def words(text: str = "Hello") -> dict[str, object]:
    return {"text": text, "segments": 1}


async def test_a_good_send_carries_our_own_id(town) -> None:
    receipt = await town.sms.send(CITIZEN, words("Hello é"), KEY)
    [text] = town.network.texts
    assert receipt == Sent(text.sid)
    assert (text.to, text.sender, text.body) == (CITIZEN, town.network.number, "Hello é")
    assert text.callback == f"{town.network.bot_url}/sms/status?outbox=7"


async def test_messaging_service_is_named_instead_of_a_number(town) -> None:
    town.sms.api.options = replace(town.sms.options, sender="MG" + "0" * 32)
    await town.sms.send(CITIZEN, words(), KEY)
    assert town.network.texts[0].service == "MG" + "0" * 32


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+15005550001", "invalid_number"),
        ("+15005550002", "no_route"),
        ("+15005550003", "country_not_allowed"),
        ("+15005550004", "stopped"),
        ("+15005550009", "not_mobile"),
    ],
)
async def test_numbers_that_always_fail(town, number: str, code: str) -> None:
    receipt = await town.sms.send(Address(number), words(), KEY)
    assert isinstance(receipt, Refused)
    assert receipt.code == code


@pytest.mark.parametrize(
    ("answer", "expected", "taken"),
    [
        ("throttle", Later(2.0, "throttled"), 0),
        ("error503", Later(30.0, "provider_down"), 0),
        ("error500", Unclear("http_500"), 0),
        ("error500_taken", Unclear("http_500"), 1),
        ("timeout", Unclear("TimeoutError"), 1),
        ("stopped", Refused("stopped", "Twilio 21610"), 0),
    ],
)
async def test_bad_days(town, answer: str, expected, taken: int) -> None:
    town.network.switches.change({"answer": answer})
    if answer == "timeout":
        await town.hang()
    assert await town.sms.send(CITIZEN, words(), KEY) == expected
    assert len(town.network.texts) == taken


async def test_nobody_listening_means_nothing_was_sent(town) -> None:
    town.sms.api.options = replace(town.sms.options, api_url=f"http://127.0.0.1:{unused_port()}")
    receipt = await town.sms.send(CITIZEN, words(), KEY)
    assert isinstance(receipt, Later)
    assert receipt.code == "no_connection"


async def test_connection_that_breaks_half_way_is_unclear(town) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", hang_up)
    server = TestServer(app)
    await server.start_server()
    town.sms.api.options = replace(town.sms.options, api_url=str(server.make_url("")).rstrip("/"))
    assert isinstance(await town.sms.send(CITIZEN, words(), KEY), Unclear)
    await server.close()


async def test_answer_that_is_no_json_still_counts(town) -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.Response(status=201, body=b"\xff<html>")

    app = web.Application()
    app.router.add_post("/{tail:.*}", odd)
    server = TestServer(app)
    await server.start_server()
    town.sms.api.options = replace(town.sms.options, api_url=str(server.make_url("")).rstrip("/"))
    assert await town.sms.send(CITIZEN, words(), KEY) == Sent("")
    await server.close()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 21211, Refused),
        (400, 21610, Refused),
        (400, 99999, Refused),
        (400, None, Refused),
        (404, 20404, Later),
        (401, 20003, Later),
        (401, None, Later),
        (429, None, Later),
        (400, 21659, Later),
        (503, None, Later),
        (408, None, Unclear),
        (500, 20500, Unclear),
        (502, None, Unclear),
        (504, None, Unclear),
    ],
)
def test_error_table(status: int, code: int | None, kind: type) -> None:
    assert isinstance(receipt_of(status, code), kind)


def test_every_meaning_has_a_short_name() -> None:
    assert all(m.name.isidentifier() and len(m.name) <= 40 for m in ERRORS.values())


# Unclear sends -----------------------------------------------------------------------------------


async def test_timeout_after_accept_is_cleared_by_its_report(town) -> None:
    await town.greet()
    await town.hang()
    await town.text("hello again")
    assert (await town.states())[-1] == "delivered"
    assert len(town.received()) == 1
    assert (await town.outbox())[-1].provider_id == town.received()[0].sid


async def test_timeout_after_accept_is_cleared_by_a_look_up_when_reports_are_lost(town) -> None:
    await town.greet()
    await town.hang(callbacks="lost")
    await town.text("hello again")
    assert (await town.states())[-1] == "unclear"
    town.network.switches.change({"answer": "accept"})
    await town.look_up()
    await town.run()
    assert (await town.states())[-1] == "sent"
    assert len(town.received()) == 1  # never sent twice


async def test_send_that_never_arrived_is_sent_again_once_that_is_sure(town) -> None:
    await town.greet()
    town.network.switches.change({"answer": "error500"})
    await town.text("hello again")
    assert (await town.states())[-1] == "unclear"
    town.network.switches.change({"answer": "accept"})
    await town.look_up()
    await town.run()
    assert not town.received()  # the list may only be late
    await town.look_up()
    await town.look_up()
    await town.run()
    assert [t.body for t in town.received()] == ["You wrote: hello again"]
    assert (await town.states())[-1] == "delivered"


async def test_look_up_knows_two_equal_texts_apart(town) -> None:
    first = await town.sms.send(CITIZEN, words("Same"), OutboxId(1))
    assert isinstance(first, Sent)
    town.clock.advance(seconds=1)
    town.network.switches.change({"answer": "error500"})
    sent_after = town.clock()
    assert isinstance(await town.sms.send(CITIZEN, words("Same"), OutboxId(2)), Unclear)
    assert await town.sms.look_up(CITIZEN, words("Same"), OutboxId(2), sent_after) is None


async def test_look_up_after_a_restart_finds_the_send(town) -> None:
    await town.hang()
    sent_after = town.clock()
    await town.sms.send(CITIZEN, words("Once"), OutboxId(1))
    fresh = SmsConnector(town.road.journal, town.sms.options, now=town.clock)
    receipt = await fresh.look_up(CITIZEN, words("Once"), OutboxId(1), sent_after)
    assert receipt == Sent(town.network.texts[0].sid)
    await fresh.stop()


async def test_look_up_tells_a_refusal(town) -> None:
    await town.hang(fate="filtered")
    sent_after = town.clock()
    await town.sms.send(CITIZEN, words("Once"), OutboxId(1))
    await town.network.settle()
    receipt = await town.sms.look_up(CITIZEN, words("Once"), OutboxId(1), sent_after)
    assert receipt == Refused("filtered")


async def test_look_up_passes_over_older_messages_and_those_of_the_citizen(town) -> None:
    await town.sms.send(CITIZEN, words("Same"), OutboxId(1))
    town.sms._ours.clear()
    town.clock.advance(minutes=5)
    await town.network.text(CITIZEN, "Same")
    assert await town.sms.look_up(CITIZEN, words("Same"), OutboxId(2), town.clock()) is None


async def test_look_up_of_a_provider_that_is_down_says_nothing(town) -> None:
    town.sms.api.options = replace(town.sms.options, api_url=f"http://127.0.0.1:{unused_port()}")
    assert await town.sms.look_up(CITIZEN, words(), KEY, town.clock()) is None


async def test_look_up_reads_on_over_pages(town) -> None:
    town.network.switches.change({"callbacks": "lost"})
    sent_after = town.clock()
    wanted = await town.sms.send(CITIZEN, words("The first"), OutboxId(1))
    for n in range(120):
        town.network.take({"To": CITIZEN, "From": town.network.number, "Body": f"Later {n}"})
    town.sms._ours.clear()
    assert await town.sms.look_up(CITIZEN, words("The first"), OutboxId(1), sent_after) == wanted


# Start -------------------------------------------------------------------------------------------


async def test_right_credentials_start(town) -> None:
    await town.sms.start()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"auth_token": "wrong"}, "AUTH_TOKEN"),
        ({"auth_token": ""}, "AUTH_TOKEN"),
        ({"account_sid": "AC1"}, "ACCOUNT_SID"),
        ({"sender": ""}, "TWILIO_FROM"),
        ({"sender": "0600000001"}, "TWILIO_FROM"),
    ],
)
async def test_wrong_settings_refuse_the_channel_by_name(town, change, says: str) -> None:
    sms = SmsConnector(town.road.journal, replace(town.sms.options, **change))
    with pytest.raises(ChannelRefused, match=says) as refused:
        await sms.start()
    assert "wrong" not in str(refused.value)
    await sms.stop()


async def test_closed_account_refuses_the_channel(town) -> None:
    town.network.account_status = "closed"
    with pytest.raises(ChannelRefused, match="closed"):
        await town.sms.start()


async def test_provider_that_is_down_does_not_keep_the_channel_from_starting(town) -> None:
    options = replace(town.sms.options, api_url=f"http://127.0.0.1:{unused_port()}")
    sms = SmsConnector(town.road.journal, options)
    await sms.start()
    await sms.stop()
