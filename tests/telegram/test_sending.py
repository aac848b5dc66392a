"""Every way in which a send can end, against a server that speaks the Bot API."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from aiohttp import web

from bot.channel import ChannelRefused, FileUnavailable
from bot.messages import (
    Address,
    Later,
    Moved,
    OutboxId,
    Payload,
    Picture,
    Receipt,
    Refused,
    Reply,
    Sent,
    Unclear,
)
from connectors.telegram.connector import TelegramConnector
from connectors.telegram.receipts import MAX_WAIT, backoff
from connectors.telegram.simulator import BLOCKED_CHAT, TOKEN
from tests.serving import served
from tests.telegram.conftest import Make, Telegram

HELLO: Payload = {"text": "Hello &amp; welcome"}
KEY = OutboxId(1)


async def send(
    connector: TelegramConnector, chat: int | str = 71, payload: Payload = HELLO
) -> Receipt:
    return await connector.send(Address(str(chat)), payload, KEY)


async def test_a_message_is_sent_once_and_its_id_kept(telegram: Telegram, connect: Make) -> None:
    telegram.world.chat(71)
    assert await send(connect()) == Sent("71:1")
    assert [one["text"] for one in telegram.world.sent] == ["Hello & welcome"]


@pytest.mark.parametrize(
    ("faults", "chat", "expected"),
    [
        ({}, BLOCKED_CHAT, Refused("blocked", "Forbidden: bot was blocked by the user")),
        ({}, 99999, Refused("unreachable", "Chat not found")),
        ({}, "+31612345678", Refused("invalid", "the address is not a chat id")),
        ({"throttle": 1, "retry_after": 17}, 71, Later(17.0, "throttled")),
        ({"fail": 1, "status": 503}, 71, Later(1.0, "unavailable")),
        ({"fail": 1, "status": 500}, 71, Unclear("ServerTrouble: status 500")),
        ({"fail": 1, "status": 502}, 71, Unclear("ServerTrouble: status 502")),
        ({"fail": 1, "status": 504}, 71, Unclear("ServerTrouble: status 504")),
    ],
)
async def test_a_refusal_is_a_receipt(
    telegram: Telegram, connect: Make, faults: dict[str, int], chat: int | str, expected: Receipt
) -> None:
    telegram.world.chat(71)
    telegram.world.faults.change(faults)
    assert await send(connect(), chat) == expected
    assert telegram.world.sent == []


async def test_a_group_that_moved_is_found_under_its_new_id(
    telegram: Telegram, connect: Make
) -> None:
    telegram.world.chat(-100).migrate_to = -200
    telegram.world.chat(-200)
    receipt = await send(connect(), -100)
    assert receipt == Moved(Address("-200"))
    assert isinstance(receipt, Moved)
    assert await send(connect(), receipt.address) == Sent("-200:1")


async def test_a_time_out_after_the_message_was_taken_is_unclear(
    telegram: Telegram, connect: Make
) -> None:
    telegram.world.chat(71)
    telegram.world.faults.hang = 1
    assert await send(connect()) == Unclear("TimedOut: Timed out")
    assert len(telegram.world.sent) == 1


async def test_a_closed_port_means_that_nothing_was_sent(connect: Make) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        connector = connect(api_url=url)
        assert await send(connector) == Later(1.0, "unreachable")
        assert await send(connector) == Later(2.0, "unreachable")


async def test_a_connection_that_breaks_after_the_request_is_unclear(connect: Make) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        await request.read()
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", hang_up)
    async with served(app) as url:
        assert isinstance(await send(connect(api_url=url)), Unclear)


async def test_an_answer_that_is_no_json_is_unclear(connect: Make) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>welcome to the hotel</html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", page)
    async with served(app) as url:
        assert isinstance(await send(connect(api_url=url)), Unclear)


async def test_an_outage_costs_one_unclear_send_and_not_all(
    telegram: Telegram, connect: Make
) -> None:
    telegram.world.chat(71)
    connector = connect()
    telegram.world.faults.change({"down": True, "status": 502})
    assert isinstance(await send(connector), Unclear)
    for _ in range(5):
        assert isinstance(await send(connector), Later)
    assert telegram.world.calls.count("sendmessage") == 1
    telegram.world.faults.down = False
    assert await send(connector) == Sent("71:1")


async def test_a_revoked_token_keeps_the_replies_waiting(telegram: Telegram, connect: Make) -> None:
    connector = connect(token="4242424242:another-one-that-is-not-known")
    assert await send(connector) == Later(MAX_WAIT, "token")


def test_waits_grow_and_end() -> None:
    assert [backoff(n) for n in (0, 1, 2, 5, 6, 1000)] == [1, 2, 4, 32, 60, 60]


async def test_a_picture_that_telegram_cannot_fetch_leaves_words_and_address(
    telegram: Telegram, connect: Make
) -> None:
    telegram.world.chat(71)
    async with served(web.Application()) as nothing_there:
        payload = {"photo": f"{nothing_there}/bins.png", "text": "Two bins"}
        assert await send(connect(), 71, payload) == Sent("71:1")
        assert telegram.world.sent[0]["text"] == f"Two bins\n\n{nothing_there}/bins.png"


async def test_a_picture_is_sent_with_its_caption(telegram: Telegram, connect: Make) -> None:
    async def picture(request: web.Request) -> web.Response:
        return web.Response(body=b"\x89PNG", content_type="image/png")

    telegram.world.chat(71)
    app = web.Application()
    app.router.add_get("/bins.png", picture)
    async with served(app) as url:
        receipt = await send(
            connect(), 71, {"photo": f"{url}/bins.png", "text": "Two &lt;bins&gt;"}
        )
    assert receipt == Sent("71:1")
    assert telegram.world.sent[0]["text"] == "Two <bins>"
    assert telegram.world.files[telegram.world.sent[0]["photo"]].content == b"\x89PNG"


async def test_a_picture_of_ours_goes_by_its_bytes_and_needs_no_public_address(
    telegram: Telegram, connect: Make
) -> None:
    kept = {"/pictures/a.png": b"\x89PNG bytes"}

    async def own(url: str) -> bytes | None:
        return kept.get(url)

    telegram.world.chat(71)
    connector = connect(own_picture=own)
    reply = Reply("3 people & a dog", image=Picture("/pictures/a.png", "A chart"))
    (payload,) = connector.render(reply, "en")
    assert await send(connector, 71, payload) == Sent("71:1")
    assert telegram.world.sent[0]["text"] == "3 people & a dog"
    assert telegram.world.files[telegram.world.sent[0]["photo"]].content == b"\x89PNG bytes"
    kept.clear()
    assert await send(connector, 71, payload) == Sent("71:2")
    assert telegram.world.sent[1]["text"] == "3 people & a dog"


async def test_the_position_button_is_left_out_in_a_group(
    telegram: Telegram, connect: Make
) -> None:
    telegram.world.chat(-100)
    telegram.world.chat(71)
    payload = {"text": "Where?", "buttons": [], "share": "Share my position"}
    assert await send(connect(), -100, payload) == Sent("-100:1")
    assert await send(connect(), 71, payload) == Sent("71:1")
    assert telegram.world.chats[71].keyboard == [
        [{"text": "Share my position", "request_location": True}]
    ]


async def test_typing_is_shown_and_never_in_the_way(telegram: Telegram, connect: Make) -> None:
    telegram.world.chat(71)
    connector = connect()
    await connector.typing(Address("71"))
    assert telegram.world.calls == ["sendchataction"]
    await connector.typing(Address("99999"))
    await connector.typing(Address("nobody"))


# Files -------------------------------------------------------------------------------------------


async def test_a_photo_is_fetched_up_to_the_limit(telegram: Telegram, connect: Make) -> None:
    reference = telegram.world.keep_file(b"x" * 1000, "image/jpeg", "a.jpg")
    connector = connect()
    assert await connector.fetch_file(reference) == b"x" * 1000
    with pytest.raises(FileUnavailable, match="too_large") as error:
        await connector.fetch_file(reference, limit=999)
    assert not error.value.again


async def test_a_file_that_is_larger_than_announced_is_cut_off(connect: Make) -> None:
    async def get_file(request: web.Request) -> web.Response:
        result = {"file_id": "f", "file_unique_id": "f", "file_size": 5, "file_path": "f.jpg"}
        return web.json_response({"ok": True, "result": result})

    async def content(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000)

    app = web.Application()
    app.router.add_post(f"/bot{TOKEN}/getFile", get_file)
    app.router.add_get(f"/file/bot{TOKEN}/f.jpg", content)
    async with served(app) as url:
        with pytest.raises(FileUnavailable, match="too_large"):
            await connect(api_url=url).fetch_file("f", limit=1000)


async def test_a_file_that_is_gone_says_so(telegram: Telegram, connect: Make) -> None:
    with pytest.raises(FileUnavailable, match="gone") as error:
        await connect().fetch_file("unknown")
    assert not error.value.again


async def test_a_file_may_be_asked_for_again_after_an_outage(
    telegram: Telegram, connect: Make
) -> None:
    telegram.world.faults.down = True
    with pytest.raises(FileUnavailable) as error:
        await connect().fetch_file("any")
    assert error.value.again


# Starting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "abc", "123", "123:", "12 3:abcdef", "123:abc/../def"])
def test_what_is_no_token_is_refused_with_a_sentence(token: str) -> None:
    with pytest.raises(ChannelRefused, match="LIKEWISE_TELEGRAM_TOKEN"):
        TelegramConnector(token)


@pytest.mark.parametrize("secret", ["", "with space", "x" * 257, "ümlaut"])
def test_a_webhook_without_a_fit_secret_is_refused(secret: str) -> None:
    with pytest.raises(ChannelRefused, match="LIKEWISE_TELEGRAM_SECRET"):
        TelegramConnector(TOKEN, secret, "webhook")


async def test_an_unknown_token_is_refused_at_the_start(telegram: Telegram, connect: Make) -> None:
    connector = connect(token="4242424242:another-one-that-is-not-known")
    with pytest.raises(ChannelRefused, match="does not know the token") as error:
        await connector.start()
    assert "another-one" not in str(error.value)


async def test_the_start_learns_the_bots_name_and_describes_commands(
    telegram: Telegram, connect: Make
) -> None:
    connector = connect()
    await connector.start()
    assert connector.me.username == "likewise_demo_bot"
    assert set(telegram.world.commands) == {"en", "nl", "de", "da", ""}
    dutch = {one["command"]: one["description"] for one in telegram.world.commands["nl"]}
    assert dutch["report"] == "Een probleem op straat melden"
    assert telegram.world.commands[""] == telegram.world.commands["en"]


async def test_polling_takes_a_left_over_webhook_away(telegram: Telegram, connect: Make) -> None:
    telegram.world.webhook["url"] = "https://old.example/telegram/webhook"
    await connect().start()
    assert telegram.world.webhook["url"] == ""


async def test_when_telegram_is_down_at_the_start_the_channel_comes_later(
    telegram: Telegram, connect: Make
) -> None:
    from tests.telegram.conftest import until

    telegram.world.faults.down = True
    connector = connect()
    await connector.start()
    assert connector.me.username == ""
    telegram.world.faults.down = False
    await until(lambda: connector.me.username)


# The simulator itself ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "parameters", "status", "says"),
    [
        ("sendMessage", {"chat_id": 71, "text": ""}, 400, "text is empty"),
        ("sendMessage", {"chat_id": 71, "text": "x" * 4097}, 400, "too long"),
        ("sendMessage", {"chat_id": 71, "text": "<b>x", "parse_mode": "HTML"}, 400, "end tag"),
        ("sendMessage", {"chat_id": 71, "text": "1 < 2", "parse_mode": "HTML"}, 400, "start tag"),
        (
            "sendMessage",
            {
                "chat_id": 71,
                "text": "x",
                "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "x" * 65}]]},
            },
            400,
            "BUTTON_DATA_INVALID",
        ),
        ("answerCallbackQuery", {"callback_query_id": "?"}, 400, "too old"),
        ("noSuchMethod", {}, 404, "Not Found"),
    ],
)
async def test_the_simulator_is_as_strict_as_telegram(
    telegram: Telegram, method: str, parameters: dict[str, object], status: int, says: str
) -> None:
    telegram.world.chat(71)
    url = f"{telegram.url}/bot{TOKEN}/{method}"
    async with aiohttp.ClientSession() as session, session.post(url, json=parameters) as answer:
        body = await answer.json()
    assert answer.status == status
    assert body["ok"] is False
    assert says in body["description"]
