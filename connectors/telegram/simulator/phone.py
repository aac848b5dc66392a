"""The phone's side: what the page in the browser asks and does.

The page reads a chat by a number that grows with each change, and waits for more by long polling.
What it does becomes an update for the bot.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from connectors.telegram.simulator.world import BLOCKED_CHAT, Chat, JsonObject, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STATIC = Path(__file__).resolve().parent / "static"
HOLD_SECONDS = 20.0
MAX_NEW_TEXT = 4096
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
ODD: dict[str, JsonObject] = {
    "sticker": {
        "type": "regular", "width": 512, "height": 512, "emoji": "👍",
        "is_animated": False, "is_video": False,
    },
    "voice": {"duration": 3, "mime_type": "audio/ogg"},
    "video": {"duration": 3, "width": 640, "height": 360, "mime_type": "video/mp4"},
    "document": {"file_name": "letter.pdf", "mime_type": "application/pdf"},
}  # fmt: skip
"""Messages that the bot cannot read, in the Bot API's shape but for their file ids."""


class Phone:
    """See the module."""

    def __init__(self, world: World, closing: asyncio.Event) -> None:
        self.world = world
        self.closing = closing

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", _file("phone.html")),
            web.get("/static/phone.css", _file("phone.css")),
            web.get("/static/phone.js", _file("phone.js")),
            web.get("/phone", self.get_world),
            web.post("/phone/faults", _own(self.post_faults)),
            web.post("/phone/chats", _own(self.post_chat)),
            web.get("/phone/chats/{chat}", self.get_chat),
            web.post("/phone/chats/{chat}", _own(self.post_to_chat)),
            web.get("/phone/files/{file}", self.get_file),
        ]

    # Reading -------------------------------------------------------------------------------------

    async def get_world(self, request: web.Request) -> web.Response:
        world = self.world
        return web.json_response(
            {
                "bot": {"name": world.bot["first_name"], "username": world.bot["username"]},
                "token": world.token,
                "faults": asdict(world.faults),
                "webhook": world.webhook["url"],
                "trouble": world.webhook["error"],
                "waiting": len(world.pending),
                "taken": len(world.sent),
                "commands": world.commands,
                "chats": [
                    {"id": chat.id, "kind": chat.kind, "name": chat.name, "blocked": chat.blocked}
                    for chat in world.chats.values()
                    if chat.id != BLOCKED_CHAT
                ],
            }
        )

    async def get_chat(self, request: web.Request) -> web.Response:
        """A chat's changes after a number; waits for some when asked to."""
        chat = self._chat(request)
        after = int(request.query.get("after", "0"))
        until = time.monotonic() + HOLD_SECONDS
        while request.query.get("wait") and chat.changed <= after:
            left = until - time.monotonic()
            if left <= 0 or self.closing.is_set():
                break
            await self.world.wait(min(left, 1.0))
        return web.json_response(
            {
                "changed": chat.changed,
                "lines": [line for line in chat.lines.values() if line["changed"] > after],
                "keyboard": chat.keyboard,
                "typing": max(0.0, chat.typing_until - time.monotonic()),
                "blocked": chat.blocked,
                "kind": chat.kind,
                "name": chat.name,
                "language": chat.language,
                "moved": chat.migrate_to,
            }
        )

    async def get_file(self, request: web.Request) -> web.Response:
        known = self.world.files.get(request.match_info["file"])
        if known is None or not known.media_type.startswith("image/"):
            raise web.HTTPNotFound()
        headers = {**HEADERS, "Content-Security-Policy": "default-src 'none'; sandbox"}
        return web.Response(body=known.content, content_type=known.media_type, headers=headers)

    # Doing ---------------------------------------------------------------------------------------

    async def post_faults(self, request: web.Request) -> web.Response:
        try:
            self.world.faults.change(await request.json())
        except (TypeError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.json_response(asdict(self.world.faults))

    async def post_chat(self, request: web.Request) -> web.Response:
        asked = await request.json()
        kind = "private" if asked.get("kind") != "supergroup" else "supergroup"
        name = str(asked.get("name") or "")[:60] or ("Robin" if kind == "private" else "Our street")
        chat = self.world.new_chat(kind, str(asked.get("language") or "en")[:10], name)
        return web.json_response({"id": chat.id}, status=201)

    async def post_to_chat(self, request: web.Request) -> web.Response:
        chat = self._chat(request)
        if request.content_type == "multipart/form-data":
            await self._picture(chat, request)
        else:
            asked = await request.json()
            doing: dict[str, Callable[[Chat, Any], None]] = {
                "text": self.say,
                "edit": self.edit,
                "place": self.share,
                "contact": self.contact,
                "press": self.press,
                "odd": self.odd,
                "blocked": self.block,
                "migrate": self.migrate,
            }
            names = [name for name in doing if name in asked]
            if len(names) != 1:
                raise web.HTTPBadRequest(text="do one thing at a time")
            try:
                doing[names[0]](chat, asked[names[0]])
            except (KeyError, TypeError, ValueError) as error:
                raise web.HTTPBadRequest(text=f"{type(error).__name__}: {error}") from None
        return web.json_response({"changed": chat.changed}, status=202)

    def say(self, chat: Chat, text: str) -> None:
        """Type and send."""
        words = str(text).strip()[:MAX_NEW_TEXT]
        if not words:
            raise ValueError("nothing to send")
        message = self.world.message(chat, _worded(words))
        self._shown(chat, message, text=words)

    def edit(self, chat: Chat, asked: JsonObject) -> None:
        """Change what was sent before."""
        number, words = int(asked["id"]), str(asked["text"]).strip()[:MAX_NEW_TEXT]
        line = chat.lines[number]
        if line["from"] != "citizen" or not words:
            raise ValueError("only one's own words can be edited")
        content = _worded(words)
        if line.get("photo"):
            content = {"caption": words, "photo": line["sizes"]}
        message = self.world.message(chat, content | {"edit_date": int(time.time())}, number)
        self.world.put_line(chat, number, text=words, edited=True)
        self.world.update("edited_message", message)

    def share(self, chat: Chat, asked: JsonObject) -> None:
        """Share a position, a venue when it has a name, or a live position."""
        spot = {"latitude": float(asked["lat"]), "longitude": float(asked["lon"])}
        if asked.get("live"):
            spot["live_period"] = 900
        content: JsonObject = {"location": spot}
        if asked.get("name"):
            venue = {"location": spot, "title": str(asked["name"])[:100], "address": ""}
            content["venue"] = venue
        message = self.world.message(chat, content)
        self._shown(chat, message, place=spot | {"name": str(asked.get("name") or "")})

    def contact(self, chat: Chat, asked: JsonObject) -> None:
        card = {
            "phone_number": str(asked["phone"])[:30],
            "first_name": chat.name,
            "user_id": chat.user()["id"],
        }
        self._shown(chat, self.world.message(chat, {"contact": card}), text=card["phone_number"])

    def odd(self, chat: Chat, kind: str) -> None:
        """Send something that the bot cannot read."""
        file_id = f"file-{secrets.token_hex(6)}"
        part = ODD[kind] | {"file_id": file_id, "file_unique_id": file_id}
        self._shown(chat, self.world.message(chat, {kind: part}), odd=kind)

    def press(self, chat: Chat, asked: JsonObject) -> None:
        """Press a button under a message."""
        number, data = int(asked["id"]), str(asked["data"])
        line = chat.lines[number]
        if not any(b["callback_data"] == data for row in line["buttons"] for b in row):
            raise ValueError("no such button")
        callback_id = secrets.token_hex(8)
        self.world.pressed[callback_id] = (chat.id, number, data)
        self.world.put_line(chat, number, waiting=data)
        message = {
            "message_id": number,
            "from": self.world.bot,
            "chat": chat.json(),
            "date": int(line["at"]),
            "text": line["text"],
        }
        self.world.update(
            "callback_query",
            {
                "id": callback_id,
                "from": chat.user(),
                "message": message,
                "chat_instance": str(chat.id),
                "data": data,
            },
        )

    def block(self, chat: Chat, blocked: bool) -> None:
        chat.blocked = bool(blocked)
        self.world.touch(chat)

    def migrate(self, chat: Chat, wanted: bool) -> None:
        """Move a group to a new id, as Telegram does when it becomes a supergroup."""
        if chat.kind == "private" or chat.migrate_to is not None:
            raise ValueError("only a group moves, and once")
        new = self.world.new_chat("supergroup", chat.language, chat.name)
        new.lines, new.keyboard, new.numbers = dict(chat.lines), chat.keyboard, chat.numbers
        chat.migrate_to = new.id
        self.world.touch(new)
        self.world.touch(chat)

    async def _picture(self, chat: Chat, request: web.Request) -> None:
        form = await request.post()
        picture = form.get("photo")
        if not isinstance(picture, web.FileField):
            raise web.HTTPBadRequest(text="no picture")
        content = picture.file.read()
        kind = picture.content_type
        file_id = self.world.keep_file(content, kind, picture.filename)
        caption = str(form.get("caption") or "").strip()[:1024]
        content_part: JsonObject
        if form.get("as") == "document":
            content_part = {"document": _sized(file_id, content) | {
                "file_name": picture.filename, "mime_type": kind}}  # fmt: skip
            sizes: list[JsonObject] = []
        else:
            width = int(str(form.get("width") or 0)) or 800
            height = int(str(form.get("height") or 0)) or 600
            small = self.world.keep_file(content[:1000], kind, "small")
            sizes = [
                {"file_id": small, "file_unique_id": small, "width": 90, "height": 67},
                _sized(file_id, content) | {"width": width, "height": height},
            ]
            content_part = {"photo": sizes}
        if caption:
            content_part["caption"] = caption
        message = self.world.message(chat, content_part)
        self._shown(chat, message, text=caption, photo=file_id, sizes=sizes)

    def _shown(self, chat: Chat, message: JsonObject, **values: Any) -> None:
        """Show what the citizen sent, and put it on its way."""
        line = {"from": "citizen", "at": time.time(), "text": "", "buttons": []}
        self.world.put_line(chat, message["message_id"], **(line | values))
        self.world.update("message", message)

    def _chat(self, request: web.Request) -> Chat:
        try:
            return self.world.chats[int(request.match_info["chat"])]
        except (KeyError, ValueError):
            raise web.HTTPNotFound() from None


def _sized(file_id: str, content: bytes) -> JsonObject:
    return {"file_id": file_id, "file_unique_id": file_id, "file_size": len(content)}


def _worded(words: str) -> JsonObject:
    """A text with the entity of a command at its beginning, as Telegram marks it."""
    content: JsonObject = {"text": words}
    if words.startswith("/") and len(words) > 1:
        length = len(words.split()[0])
        content["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
    return content


def _own(handler: Handler) -> Handler:
    """Only the phone's own page may act on it, not another website that is open beside it."""

    async def checked(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="another website")
        return await handler(request)

    return checked


def _file(name: str) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / name, headers=HEADERS)

    return serve
