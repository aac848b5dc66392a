"""The webhook and the polling loop: nothing is confirmed to Telegram before it is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.channel import ContentConflict
from connectors.telegram.connector import MAX_BODY, SECRET_HEADER, TelegramConnector
from tests.serving import served
from tests.telegram import payloads as p
from tests.telegram.conftest import SECRET, Desk, Make, Telegram, until

GOOD = {SECRET_HEADER: SECRET}


@contextlib.asynccontextmanager
async def webhook(connector: TelegramConnector, desk: Desk) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(connector.routes(desk, desk.report))
    async with served(app) as url:
        yield f"{url}/telegram/webhook"


async def post(url: str, body: Any, headers: dict[str, str] = GOOD) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=data, headers=headers) as answer:
            await answer.read()
            return answer.status


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (p.TEXT, GOOD, 200),
        (p.TEXT, {}, 401),
        (p.TEXT, {SECRET_HEADER: ""}, 401),
        (p.TEXT, {SECRET_HEADER: SECRET + "x"}, 401),
        (p.TEXT, {SECRET_HEADER: SECRET.upper()}, 401),
        (p.TEXT, {SECRET_HEADER: "sécret"}, 401),
        (b"", GOOD, 400),
        (b"{", GOOD, 400),
        (b"\xff\xfe", GOOD, 400),
        (b"[1, 2]", GOOD, 400),
        (b"[" * 100_000, GOOD, 400),
        ({}, GOOD, 400),
        ({"update_id": "x", "message": p.TEXT["message"]}, GOOD, 400),
        ({"update_id": True, "message": p.TEXT["message"]}, GOOD, 400),
        (b" " * (MAX_BODY + 1), GOOD, 413),
        (b" " * (MAX_BODY + 1), {}, 401),
        (p.CHANNEL_POST, GOOD, 200),
        (p.MISSING_CHAT, GOOD, 200),
        (p.WRONG_TYPES, GOOD, 200),
        (p.NEW_SORT_OF_UPDATE, GOOD, 200),
    ],
)
async def test_the_webhook_answers(
    connect: Make, desk: Desk, body: Any, headers: dict[str, str], status: int
) -> None:
    async with webhook(connect(mode="webhook"), desk) as url:
        assert await post(url, body, headers) == status
    if status != 200:
        assert desk.taken == []


async def test_an_update_that_could_not_be_kept_is_asked_for_again(
    connect: Make, desk: Desk
) -> None:
    async with webhook(connect(mode="webhook"), desk) as url:
        desk.fail = OSError("disk full")
        assert await post(url, p.TEXT) == 503
        desk.fail = None
        assert await post(url, p.TEXT) == 200
    assert len(desk.taken) == 1


async def test_a_known_id_with_other_content_does_not_come_again(connect: Make, desk: Desk) -> None:
    desk.fail = ContentConflict("x")
    async with webhook(connect(mode="webhook"), desk) as url:
        assert await post(url, p.TEXT) == 200


async def test_a_message_whose_edit_came_first_is_not_answered_again(
    connect: Make, desk: Desk
) -> None:
    async with webhook(connect(mode="webhook"), desk) as url:
        assert await post(url, p.EDITED) == 200
        assert await post(url, p.TEXT) == 200
    assert [one.text for one in desk.taken] == ["Er ligt glas op straat"]


async def test_a_pressed_button_stops_spinning_at_once(
    telegram: Telegram, connect: Make, desk: Desk
) -> None:
    async with webhook(connect(mode="webhook"), desk) as url:
        telegram.world.chat(71)
        telegram.world.pressed["4382bfdwdsb323b2d9"] = (71, 13, "17.2")
        desk.fail = OSError("the database is away")
        assert await post(url, p.BUTTON) == 503
        await until(lambda: not telegram.world.pressed)


async def test_there_is_no_webhook_while_polling(connect: Make, desk: Desk) -> None:
    assert list(connect(mode="polling").routes(desk, desk.report)) == []


async def test_there_is_no_polling_with_a_webhook(
    telegram: Telegram, connect: Make, desk: Desk
) -> None:
    task = asyncio.create_task(connect(mode="webhook").poll(desk, desk.report))
    await asyncio.wait({task}, timeout=0.05)
    assert not task.done()
    assert telegram.world.calls == []
    task.cancel()


# Polling -----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def polling(connector: TelegramConnector, desk: Desk) -> AsyncIterator[None]:
    await connector.start()
    task = asyncio.create_task(connector.poll(desk, desk.report))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_the_offset_moves_only_after_the_message_is_kept(
    telegram: Telegram, connect: Make, desk: Desk
) -> None:
    telegram.world.chat(71)
    desk.fail = OSError("disk full")
    async with polling(connect(), desk):
        await telegram.citizen(71, text="first")
        await telegram.citizen(71, text="second")
        await until(lambda: telegram.world.calls.count("getupdates") >= 4)
        assert len(telegram.world.pending) == 2, "Telegram still has both"
        desk.fail = None
        await until(lambda: not telegram.world.pending)
    assert [one.text for one in desk.taken] == ["first", "second"]


async def test_a_message_kept_before_a_crash_is_known_after_it(
    telegram: Telegram, connect: Make, desk: Desk
) -> None:
    telegram.world.chat(71)
    async with polling(connect(), desk):
        await telegram.citizen(71, text="only once")
        await until(lambda: desk.taken)
    telegram.world.pending.clear()
    telegram.world.faults.redeliver = 3
    async with polling(connect(), desk):
        await telegram.citizen(71, text="again")
        await until(lambda: len(desk.taken) >= 5 and not telegram.world.pending)
    assert len({one.external_id for one in desk.taken}) == 2


async def test_one_unreadable_update_does_not_hold_up_the_others(
    telegram: Telegram, connect: Make, desk: Desk
) -> None:
    telegram.world.chat(71)
    async with polling(connect(), desk):
        for broken in ({"chat": 5}, {"date": "x"}, [], None):
            telegram.world.update("message", broken)  # type: ignore[arg-type]
        await telegram.citizen(71, text="hello")
        await until(lambda: desk.taken and not telegram.world.pending)
    assert [one.text for one in desk.taken] == ["hello"]


async def test_polling_goes_on_after_an_outage(
    telegram: Telegram, connect: Make, desk: Desk
) -> None:
    telegram.world.chat(71)
    async with polling(connect(), desk):
        telegram.world.faults.down = True
        await telegram.citizen(71, text="are you there?")
        calls = telegram.world.calls.count("getupdates")
        await until(lambda: telegram.world.calls.count("getupdates") > calls + 2)
        telegram.world.faults.down = False
        await until(lambda: desk.taken)


async def test_polling_waits_while_a_webhook_is_set(
    telegram: Telegram, connect: Make, desk: Desk
) -> None:
    telegram.world.chat(71)
    async with polling(connect(), desk):
        telegram.world.webhook["url"] = "http://127.0.0.1:9/nobody"
        await telegram.citizen(71, text="hello?")
        calls = telegram.world.calls.count("getupdates")
        await until(lambda: telegram.world.calls.count("getupdates") > calls + 2)
        assert desk.taken == []
        telegram.world.webhook["url"] = ""
        await until(lambda: desk.taken)


async def test_the_phone_sends_what_telegram_would_send(
    telegram: Telegram, connect: Make, desk: Desk
) -> None:
    telegram.world.chat(71, language="da")
    form = aiohttp.FormData()
    form.add_field("caption", "This lamp")
    form.add_field("photo", b"x" * 5000, filename="lamp.jpg", content_type="image/jpeg")
    connector = connect()
    async with polling(connector, desk):
        await telegram.citizen(71, text="/start")
        await telegram.citizen(71, place={"lat": 53.2, "lon": 6.5, "name": "Here"})
        await telegram.citizen(71, place={"lat": 53.2, "lon": 6.5, "live": True})
        await telegram.citizen(71, contact={"phone": "+31600000000"})
        for kind in ("sticker", "voice", "video", "document"):
            await telegram.citizen(71, odd=kind)
        await telegram.citizen(71, edit={"id": 1, "text": "hej"})
        async with telegram.session.post(f"{telegram.url}/phone/chats/71", data=form) as answer:
            assert answer.status == 202
        await until(lambda: len(desk.taken) == 10)
        said = [
            one.command or one.unsupported or (one.place and one.place.name) or one.text
            for one in desk.taken
        ]
        assert said == [
            "start", "Here", "", "+31600000000", "sticker", "voice", "video", "document", "hej",
            "This lamp",
        ]  # fmt: skip
        assert {one.language_hint for one in desk.taken} == {"da"}
        assert desk.taken[8].correction_of == desk.taken[0].external_id
        photo = desk.taken[9].attachments[0]
        assert (photo.kind, photo.size) == ("photo", 5000)
        assert await connector.fetch_file(photo.reference) == b"x" * 5000


async def test_a_group_is_answered_only_when_the_bot_is_named(
    telegram: Telegram, connect: Make, desk: Desk
) -> None:
    telegram.world.chat(-500)
    async with polling(connect(), desk):
        await telegram.citizen(-500, text="who has a ladder?")
        await telegram.citizen(-500, text="@likewise_demo_bot when is paper collected?")
        await until(lambda: desk.taken)
    assert [(one.text, one.in_group) for one in desk.taken] == [("when is paper collected?", True)]
