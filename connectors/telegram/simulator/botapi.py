"""The bot's side: the methods of the Bot API that Likewise uses, with Telegram's checks and faults.

https://core.telegram.org/bots/api. Errors have the words that Telegram uses, because the connector
reads them.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web

from connectors.telegram.simulator.markup import BadMarkup, read, units
from connectors.telegram.simulator.world import MAX_FILE, Chat, JsonObject, World

TEXT_LIMIT, CAPTION_LIMIT, DATA_LIMIT = 4096, 1024, 64
HANG_SECONDS = 120.0
_JSON = ("reply_markup", "allowed_updates", "commands", "link_preview_options")
_SENDS = ("sendmessage", "sendphoto", "editmessagetext")


class ApiError(Exception):
    """An answer with `ok: false`."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters


def bad(description: str) -> ApiError:
    return ApiError(400, f"Bad Request: {description}")


class BotApi:
    """See the module."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.closing = asyncio.Event()
        self._polls = 0
        self.methods: dict[str, Callable[[JsonObject], Awaitable[Any]]] = {
            "getme": self.get_me,
            "getupdates": self.get_updates,
            "setwebhook": self.set_webhook,
            "deletewebhook": self.delete_webhook,
            "getwebhookinfo": self.get_webhook_info,
            "sendmessage": self.send_message,
            "sendphoto": self.send_photo,
            "editmessagetext": self.edit_message_text,
            "sendchataction": self.send_chat_action,
            "answercallbackquery": self.answer_callback_query,
            "setmycommands": self.set_my_commands,
            "getfile": self.get_file,
        }

    def routes(self) -> list[web.RouteDef]:
        call = "/bot{token}/{method}"
        return [
            web.get(call, self.call),
            web.post(call, self.call),
            web.get("/file/bot{token}/{path}", self.download),
        ]

    async def call(self, request: web.Request) -> web.Response:
        """One method call, through the faults of the moment."""
        name = request.match_info["method"].lower()
        faults = self.world.faults
        try:
            if request.match_info["token"] != self.world.token:
                raise ApiError(401, "Unauthorized")
            self.world.calls.append(name)
            if faults.down:
                raise self._trouble()
            method = self.methods.get(name)
            if method is None:
                raise ApiError(404, "Not Found")
            if name in _SENDS:
                await self._before_send()
            result = await method(await _parameters(request))
            if name in _SENDS and faults.spend("hang"):
                await self._hang()
        except ApiError as error:
            answer: JsonObject = {
                "ok": False,
                "error_code": error.status,
                "description": error.description,
            }
            if error.parameters:
                answer["parameters"] = error.parameters
            return web.json_response(answer, status=error.status)
        return web.json_response({"ok": True, "result": result})

    async def _before_send(self) -> None:
        faults = self.world.faults
        if faults.spend("throttle"):
            wait = faults.retry_after
            raise ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        if faults.spend("fail"):
            raise self._trouble()

    def _trouble(self) -> ApiError:
        status = self.world.faults.status
        words = {500: "Internal Server Error", 502: "Bad Gateway", 504: "Gateway Timeout"}
        return ApiError(status, words.get(status, "Service Unavailable"))

    async def _hang(self) -> None:
        """Hold the answer back until the caller has surely given up."""
        try:
            await asyncio.wait_for(self.closing.wait(), HANG_SECONDS)
        except asyncio.TimeoutError:
            return

    # Methods -------------------------------------------------------------------------------------

    async def get_me(self, given: JsonObject) -> JsonObject:
        return self.world.bot

    async def get_updates(self, given: JsonObject) -> list[JsonObject]:
        if self.world.webhook["url"]:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self._polls += 1
        mine = self._polls
        until = time.monotonic() + min(float(given.get("timeout") or 0), 50)
        offset, limit = int(given.get("offset") or 0), int(given.get("limit") or 100)
        while True:
            found = self.world.due(offset, limit)
            left = until - time.monotonic()
            if found or left <= 0 or self.closing.is_set():
                return found
            if self._polls != mine:
                raise ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; "
                    "make sure that only one bot instance is running",
                )
            due = self.world.next_due()
            await self.world.wait(min(left, 1.0 if due is None else max(due, 0.01)))

    async def set_webhook(self, given: JsonObject) -> bool:
        url = str(given.get("url") or "")
        if url and not url.startswith(("http://", "https://")):
            raise bad("bad webhook: invalid URL")
        self.world.webhook |= {
            "url": url,
            "secret": str(given.get("secret_token") or ""),
            "error": "",
            "error_at": 0,
        }
        self.world.ring()
        return True

    async def delete_webhook(self, given: JsonObject) -> bool:
        self.world.webhook |= {"url": "", "secret": ""}
        self.world.ring()
        return True

    async def get_webhook_info(self, given: JsonObject) -> JsonObject:
        hook = self.world.webhook
        info: JsonObject = {
            "url": hook["url"],
            "has_custom_certificate": False,
            "pending_update_count": len(self.world.pending),
        }
        if hook["error"]:
            info |= {"last_error_message": hook["error"], "last_error_date": hook["error_at"]}
        return info

    async def send_message(self, given: JsonObject) -> JsonObject:
        chat = self._chat(given)
        words, entities = _words(given, "text", TEXT_LIMIT)
        if not words.strip():
            raise bad("message text is empty")
        return self._post(chat, given, text=words, entities=entities)

    async def send_photo(self, given: JsonObject) -> JsonObject:
        chat = self._chat(given)
        words, entities = _words(given, "caption", CAPTION_LIMIT)
        photo = given.get("photo")
        if isinstance(photo, web.FileField):
            content = photo.file.read()
            file_id = self.world.keep_file(content, photo.content_type, photo.filename)
        else:
            file_id = await self._fetched(str(photo or ""))
        return self._post(chat, given, text=words, entities=entities, photo=file_id)

    async def edit_message_text(self, given: JsonObject) -> JsonObject:
        chat = self._chat(given)
        number = int(given.get("message_id") or 0)
        line = chat.lines.get(number)
        if line is None or line["from"] != "bot":
            raise bad("message to edit not found")
        words, entities = _words(given, "text", TEXT_LIMIT)
        buttons, _ = _keyboards(given.get("reply_markup"), chat)
        self.world.put_line(chat, number, text=words, entities=entities, buttons=buttons)
        return self._as_message(chat, number, words)

    async def send_chat_action(self, given: JsonObject) -> bool:
        chat = self._chat(given)
        chat.typing_until = time.monotonic() + 5
        self.world.touch(chat)
        return True

    async def answer_callback_query(self, given: JsonObject) -> bool:
        known = self.world.pressed.pop(str(given.get("callback_query_id")), None)
        if known is None:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        chat_id, number, _ = known
        chat = self.world.chats.get(chat_id)
        if chat is not None and number in chat.lines:
            self.world.put_line(chat, number, waiting="")
        return True

    async def set_my_commands(self, given: JsonObject) -> bool:
        commands = given.get("commands")
        if not isinstance(commands, list) or any(
            not 3 <= len(str(one.get("description", ""))) <= 256 for one in commands
        ):
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.world.commands[str(given.get("language_code") or "")] = commands
        return True

    async def get_file(self, given: JsonObject) -> JsonObject:
        file_id = str(given.get("file_id") or "")
        known = self.world.files.get(file_id)
        if known is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if len(known.content) > MAX_FILE:
            raise bad("file is too big")
        return {
            "file_id": file_id,
            "file_unique_id": file_id,
            "file_size": len(known.content),
            "file_path": file_id,
        }

    async def download(self, request: web.Request) -> web.Response:
        known = self.world.files.get(request.match_info["path"])
        if known is None or request.match_info["token"] != self.world.token:
            raise web.HTTPNotFound()
        return web.Response(body=known.content, content_type="application/octet-stream")

    # Parts ---------------------------------------------------------------------------------------

    def _chat(self, given: JsonObject) -> Chat:
        try:
            chat = self.world.chats[int(given.get("chat_id") or 0)]
        except (KeyError, ValueError):
            raise bad("chat not found") from None
        if chat.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if chat.migrate_to is not None:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=chat.migrate_to,
            )
        return chat

    def _post(self, chat: Chat, given: JsonObject, **values: Any) -> JsonObject:
        buttons, keyboard = _keyboards(given.get("reply_markup"), chat)
        number = next(chat.numbers)
        if keyboard is not None:
            chat.keyboard = keyboard
        chat.typing_until = 0.0
        self.world.put_line(
            chat, number, **{"from": "bot", "at": time.time(), "buttons": buttons}, **values
        )
        self.world.sent.append({"chat": chat.id, "id": number, "buttons": buttons} | values)
        return self._as_message(chat, number, values["text"])

    def _as_message(self, chat: Chat, number: int, text: str) -> JsonObject:
        return {
            "message_id": number,
            "from": self.world.bot,
            "chat": chat.json(),
            "date": int(time.time()),
            "text": text,
        }

    async def _fetched(self, address: str) -> str:
        """A picture as Telegram takes it: a known file, or an address that it fetches itself."""
        if address in self.world.files:
            return address
        if not address.startswith(("http://", "https://")):
            raise bad("wrong file identifier/HTTP URL specified")
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
                async with session.get(address) as answer:
                    content = await answer.content.read(10 * 1024 * 1024)
                    kind = answer.content_type
                    if answer.status != 200:
                        raise bad("failed to get HTTP URL content")
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError):
            raise bad("failed to get HTTP URL content") from None
        if not kind.startswith("image/"):
            raise bad("wrong type of the web page content")
        return self.world.keep_file(content, kind, f"picture-{random.randrange(10**6)}")


async def _parameters(request: web.Request) -> JsonObject:
    """Parameters as Telegram takes them: in the query, as JSON, or as a form."""
    found: JsonObject = dict(request.query)
    if request.content_type == "application/json":
        found |= await request.json()
    elif request.can_read_body:
        found |= dict(await request.post())
    for name in _JSON:
        if isinstance(found.get(name), str):
            try:
                found[name] = json.loads(found[name])
            except ValueError:
                raise bad(f"can't parse {name}") from None
    return found


def _words(given: JsonObject, name: str, limit: int) -> tuple[str, list[JsonObject]]:
    text = str(given.get(name) or "")
    if given.get("parse_mode") == "HTML":
        try:
            words, entities = read(text)
        except BadMarkup as error:
            raise bad(f"can't parse entities: {error}") from None
    else:
        words, entities = text, []
    if units(words) > limit:
        raise bad("message is too long" if name == "text" else "message caption is too long")
    return words, entities


def _keyboards(
    markup: Any, chat: Chat
) -> tuple[list[list[JsonObject]], list[list[JsonObject]] | None]:
    """Inline buttons, and what becomes of the reply keyboard (None leaves it)."""
    if not isinstance(markup, dict):
        return [], None
    if markup.get("remove_keyboard"):
        return [], []
    if "keyboard" in markup:
        rows = [[dict(b) if isinstance(b, dict) else {"text": b} for b in row]
                for row in markup["keyboard"]]  # fmt: skip
        if chat.kind != "private" and any(b.get("request_location") for r in rows for b in r):
            raise bad("location can be requested in private chats only")
        return [], rows
    inline = markup.get("inline_keyboard") or []
    if sum(len(row) for row in inline) > 100:
        raise bad("reply markup is too long")
    for row in inline:
        for button in row:
            if not button.get("text") or not button.get("callback_data"):
                raise bad("can't parse inline keyboard button")
            if len(button["callback_data"].encode()) > DATA_LIMIT:
                raise bad("BUTTON_DATA_INVALID")
    return inline, None
