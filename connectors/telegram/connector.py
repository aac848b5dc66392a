"""Telegram's connector: the webhook or the polling loop comes in, Bot API calls go out.

An update is confirmed to Telegram only after `accept` returned: the webhook answers 200 then, and
the polling offset moves then. Whatever failed before comes again and is known by its id. A send
tells its outcome as a receipt. After a send of unclear outcome the connector first asks Telegram
for its name, and sends again only when it answers: an outage costs one unclear send, not all.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal, Union

from aiohttp import web
from telegram import InputFile, LinkPreviewOptions, Message
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, TelegramError

from bot.channel import (
    Accept,
    ContentConflict,
    Limits,
    PhotoUnavailable,
    Report,
)
from bot.messages import (
    Address,
    ChannelName,
    Later,
    OutboxId,
    Payload,
    Receipt,
    Refused,
    Reply,
    Sent,
    Unclear,
)
from connectors.telegram.files import MAX_FILE, fetch
from connectors.telegram.keyboards import MAX_BUTTONS, markup
from connectors.telegram.line import Patience, TelegramBot
from connectors.telegram.parse import TELEGRAM, WANTED, Me, Parsed, parse_update
from connectors.telegram.receipts import backoff, lacks_picture, receipt_of
from connectors.telegram.render import TEXT_LIMIT, render
from connectors.telegram.setup import (
    PATH,
    check_secret,
    check_token,
    describe_commands,
    unknown_token,
)

log = logging.getLogger(__name__)
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
MAX_BODY = 512 * 1024
"""Bytes of one update. The longest text with what it answers and its entities is far below."""
EDITS_REMEMBERED = 10_000
OwnPicture = Callable[[str], Awaitable[Union[bytes, None]]]
"""Gives the bytes of a picture of this server, by its address; None when it is gone. Raises
PhotoUnavailable when it may come later."""
_NO_ANSWER = (TelegramError, LookupError, TypeError, ValueError)
"""What a call raises when nobody answers, or somebody who is not Telegram."""


class TelegramConnector:
    """See the module."""

    name: ChannelName = TELEGRAM
    limits = Limits(text=TEXT_LIMIT, choices=MAX_BUTTONS)

    def __init__(
        self,
        token: str,
        secret: str = "",
        mode: Literal["webhook", "polling"] = "polling",
        api_url: str = "https://api.telegram.org",
        public_url: str = "",
        languages: Sequence[str] = ("en",),
        patience: Patience = Patience(),
        own_picture: OwnPicture | None = None,
    ) -> None:
        """Raises ChannelRefused when token or secret cannot be right."""
        number = check_token(token)
        if mode == "webhook":
            check_secret(secret)
        self.mode = mode
        self.secret = secret
        self.public_url = public_url
        self.languages = tuple(languages)
        self.patience = patience
        self.own_picture = own_picture
        self.me = Me(number)
        self.bot = TelegramBot(token, api_url, patience)
        self._failures = 0
        self._doubt = False
        self._edited: OrderedDict[str, None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    # The channel's life --------------------------------------------------------------------------

    async def start(self) -> None:
        """Check the token and tell Telegram our commands. Raises ChannelRefused.

        When Telegram cannot be reached, the channel starts all the same and goes on asking.
        """
        try:
            await self._introduce()
        except InvalidToken:
            raise unknown_token() from None
        except _NO_ANSWER as error:
            log.warning("Telegram cannot be reached yet (%s)", type(error).__name__)
            self._later(self._keep_introducing())

    async def stop(self) -> None:
        """Close what is open; a poll under way is the caller's to cancel."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.bot.close_lines()

    async def _introduce(self) -> None:
        user = await self.bot.get_me()
        self.me = Me(user.id, user.username or "")
        if self.mode == "polling":
            await self.bot.delete_webhook()  # a poll is refused as long as a webhook is set
        elif not (await self.bot.get_webhook_info()).url:
            log.warning("Telegram has no webhook; run: python -m bot telegram set-webhook")
        try:
            await describe_commands(self.bot, self.languages)
        except TelegramError as error:
            log.warning("commands could not be described: %s", type(error).__name__)

    async def _keep_introducing(self) -> None:
        wait = self.patience.pause
        while True:
            await asyncio.sleep(wait)
            wait = min(wait * 2, 60.0)
            try:
                await self._introduce()
                return
            except InvalidToken:
                log.error("Telegram does not know the token in LIKEWISE_TELEGRAM_TOKEN")
                return
            except _NO_ANSWER as error:
                log.info("Telegram cannot be reached yet (%s)", type(error).__name__)

    def _later(self, work: Any) -> None:
        """Something that nobody waits for; it is cancelled when the channel stops."""
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Coming in -----------------------------------------------------------------------------------

    def routes(self, accept: Accept, report: Report) -> Iterable[web.RouteDef]:
        if self.mode != "webhook":
            return []

        async def webhook(request: web.Request) -> web.Response:
            return await self._webhook(request, accept)

        return [web.post(PATH, webhook)]

    async def _webhook(self, request: web.Request, accept: Accept) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode()):
            return _error(401, "secret")
        body = await _body(request)
        if body is None:
            return _error(413, "too_large")
        update = _json(body)
        if update is None or type(update.get("update_id")) is not int:
            return _error(400, "not_an_update")
        try:
            await self._take(update, accept)
        except Exception:
            log.exception("a Telegram update could not be kept")
            return _error(503, "unavailable")
        return web.json_response({"ok": True})

    async def poll(self, accept: Accept, report: Report) -> None:
        """Fetch updates until cancelled; one that could not be kept is fetched again."""
        if self.mode != "polling":
            await asyncio.Event().wait()  # the webhook brings them
        offset = 0
        wait = self.patience.pause
        while True:
            try:
                updates = await self.bot.raw_updates(offset, self.patience.poll, WANTED)
                for update in sorted(updates, key=lambda one: int(one["update_id"])):
                    await self._take(update, accept)
                    offset = max(offset, update["update_id"] + 1)
                wait = self.patience.pause
                continue
            except Conflict:
                log.warning("someone else fetches the messages of this Telegram bot, or a webhook")
            except NetworkError as error:
                log.info("polling Telegram failed: %s", type(error).__name__)
            except TelegramError as error:
                log.error("polling Telegram failed: %s", type(error).__name__)
            except Exception:
                log.exception("a Telegram update could not be kept")
            await asyncio.sleep(wait)
            wait = min(wait * 2, 60.0)

    async def _take(self, update: dict[str, Any], accept: Accept) -> None:
        """Accept one update; returns when it is kept, or when there is nothing to keep."""
        parsed = parse_update(update, self.me, self.languages)
        if parsed.callback_id:
            self._later(self._answer_button(parsed.callback_id))
        if parsed.note:
            log.info("Telegram update left aside or salvaged: %s", parsed.note)
        if parsed.inbound is None or self._overtaken(parsed):
            return
        try:
            await accept(parsed.inbound)
        except ContentConflict:
            log.warning("a Telegram message came again with other content; the first one stands")
        if parsed.inbound.correction_of:
            self._edited[parsed.inbound.correction_of] = None
            while len(self._edited) > EDITS_REMEMBERED:
                self._edited.popitem(last=False)

    def _overtaken(self, parsed: Parsed) -> bool:
        """True for a message whose edit came first: the edit has said it already."""
        return parsed.inbound is not None and parsed.inbound.external_id in self._edited

    async def _answer_button(self, callback_id: str) -> None:
        """Let the button stop spinning. Best effort: an old one cannot be answered any more."""
        with contextlib.suppress(TelegramError):
            await self.bot.answer_callback_query(callback_id)

    # Going out -----------------------------------------------------------------------------------

    def render(self, reply: Reply, language: str) -> list[Payload]:
        return render(reply, language, self.public_url, self.own_picture is not None)

    async def send(self, to: Address, payload: Payload, key: OutboxId) -> Receipt:
        if not re.fullmatch(r"-?[0-9]{1,20}", to):
            return Refused("invalid", "the address is not a chat id")
        try:
            if self._doubt:
                await self.bot.get_me(read_timeout=self.patience.knock)
        except TelegramError as error:
            self._failures += 1
            known = receipt_of(error, self._failures)
            return known if isinstance(known, Later) else Later(backoff(self._failures))
        receipt = await self._send(int(to), payload)
        self._doubt = isinstance(receipt, Unclear)
        self._failures = self._failures + 1 if isinstance(receipt, (Later, Unclear)) else 0
        return receipt

    async def _send(self, chat: int, payload: Payload) -> Receipt:
        buttons = markup(payload.get("buttons") or [], payload.get("share") or "", chat > 0)
        common: dict[str, Any] = {"reply_markup": buttons, "parse_mode": ParseMode.HTML}
        try:
            if payload.get("photo"):
                sent = await self._send_photo(chat, payload, common)
            else:
                sent = await self._send_text(chat, payload["text"], common)
        except PhotoUnavailable:
            return Later(backoff(self._failures + 1), "picture")  # nothing has left yet
        except TelegramError as error:
            return receipt_of(error, self._failures)
        return Sent(f"{chat}:{sent.message_id}")

    async def _send_text(self, chat: int, text: str, common: dict[str, Any]) -> Message:
        return await self.bot.send_message(
            chat, text, link_preview_options=LinkPreviewOptions(is_disabled=True), **common
        )

    async def _send_photo(self, chat: int, payload: Payload, common: dict[str, Any]) -> Message:
        """A picture of ours by its bytes, another by its address; when Telegram cannot get it, its
        words and the address."""
        photo: Any = payload["photo"]
        if payload.get("own") and self.own_picture is not None:
            content = await self.own_picture(payload["own"])
            if content is None:
                return await self._send_text(chat, payload["text"], common)
            kind = "jpg" if content.startswith(b"\xff\xd8") else "png"
            photo = InputFile(content, filename=f"picture.{kind}")
        try:
            return await self.bot.send_photo(chat, photo, caption=payload["text"] or None, **common)
        except BadRequest as error:
            if not lacks_picture(error):
                raise
            log.warning("Telegram could not fetch a picture: %s", error.message)
            address = payload["photo"]
            text = f"{payload['text']}\n\n{address}".strip()
            return await self._send_text(chat, text, common)

    async def typing(self, to: Address) -> None:
        with contextlib.suppress(TelegramError, ValueError):
            await self.bot.send_chat_action(int(to), ChatAction.TYPING)

    # Files ---------------------------------------------------------------------------------------

    async def fetch_file(self, reference: str, limit: int = MAX_FILE) -> bytes:
        """A citizen's file by its reference, at most `limit` bytes. Raises FileUnavailable."""
        return await fetch(self.bot, reference, limit, self.patience.read)


async def _body(request: web.Request) -> bytes | None:
    """The request's body, or None when it is over the limit."""
    if request.content_length is not None and request.content_length > MAX_BODY:
        return None
    body = bytearray()
    async for chunk in request.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _json(body: bytes) -> dict[str, Any] | None:
    """A JSON object in UTF-8, or None."""
    try:
        data = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code}}, status=status)
