"""The simulated Telegram itself: chats and what was said in them, waiting updates, files, faults.

Nothing here knows HTTP. The phone's side puts updates in; the bot's side takes them out and puts
messages in. `sent` lists every message that was taken from the bot, so that a test can count.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

JsonObject = dict[str, Any]
BLOCKED_CHAT = 403
"""A chat that is always there and has always blocked the bot."""
MAX_FILE = 20 * 1024 * 1024
BOT_USERNAME = "likewise_demo_bot"


@dataclass
class Faults:
    """What goes wrong at the moment. Numbers with "next" count down as they happen."""

    redeliver: int = 0
    """How often each update comes again."""
    delay: float = 0.0
    """Seconds until an update is delivered."""
    shuffle: bool = False
    """Later updates come before earlier ones (webhook only: polling is always in order)."""
    throttle: int = 0
    """The next sends are answered 429."""
    retry_after: int = 2
    hang: int = 0
    """The next sends are taken, and never answered."""
    fail: int = 0
    """The next sends are answered `status`, and not taken."""
    status: int = 503
    down: bool = False
    """Every call is answered `status`."""

    def change(self, values: Mapping[str, Any]) -> None:
        """Set by name. Raises ValueError for a name or value that does not fit."""
        known = {one.name: type(getattr(self, one.name)) for one in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"no such switch: {name}")
            setattr(self, name, known[name](value))

    def spend(self, name: str) -> bool:
        """True, and one fewer, when a counted fault is due."""
        left = int(getattr(self, name))
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


@dataclass
class Chat:
    """One chat as the phone shows it."""

    id: int
    kind: str = "private"
    name: str = "Robin"
    language: str = "en"
    blocked: bool = False
    migrate_to: int | None = None
    lines: dict[int, JsonObject] = field(default_factory=dict)
    keyboard: list[list[JsonObject]] = field(default_factory=list)
    typing_until: float = 0.0
    changed: int = 0
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def user(self) -> JsonObject:
        return {
            "id": abs(self.id),
            "is_bot": False,
            "first_name": self.name,
            "language_code": self.language,
        }

    def json(self) -> JsonObject:
        if self.kind == "private":
            return {"id": self.id, "type": "private", "first_name": self.name}
        return {"id": self.id, "type": self.kind, "title": self.name}


@dataclass
class Pending:
    """An update on its way to the bot."""

    update: JsonObject
    due: float
    again: int


@dataclass(frozen=True)
class StoredFile:
    content: bytes
    media_type: str
    name: str


class World:
    """See the module."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.bot: JsonObject = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Likewise",
            "username": BOT_USERNAME,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }
        self.faults = Faults()
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, StoredFile] = {}
        self.pending: list[Pending] = []
        self.pressed: dict[str, tuple[int, int, str]] = {}
        self.commands: dict[str, list[JsonObject]] = {}
        self.webhook: JsonObject = {"url": "", "secret": "", "error": "", "error_at": 0}
        self.sent: list[JsonObject] = []
        self.calls: list[str] = []
        self._waiting: set[asyncio.Future[None]] = set()
        self._changes = itertools.count(1)
        self._update_ids = itertools.count(random.randrange(10**6, 10**8))
        self.chat(BLOCKED_CHAT, name="Has blocked the bot").blocked = True

    # Chats ---------------------------------------------------------------------------------------

    def chat(self, number: int, **values: Any) -> Chat:
        """The chat with this id, begun when there is none."""
        if number not in self.chats:
            kind = "private" if number > 0 else "supergroup"
            self.chats[number] = Chat(number, **({"kind": kind} | values))
        return self.chats[number]

    def new_chat(self, kind: str, language: str, name: str) -> Chat:
        number = random.randrange(10**8, 10**9)
        return self.chat(
            number if kind == "private" else -number, kind=kind, language=language, name=name
        )

    def ring(self) -> None:
        """Wake whoever waits for news."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def put_line(self, chat: Chat, number: int, **values: Any) -> JsonObject:
        """Write or change a line of a chat."""
        chat.changed = next(self._changes)
        line = chat.lines.get(number, {"id": number}) | values | {"changed": chat.changed}
        chat.lines[number] = line
        self.ring()
        return line

    def touch(self, chat: Chat) -> None:
        """Something other than a line changed."""
        chat.changed = next(self._changes)
        self.ring()

    # From the citizen ----------------------------------------------------------------------------

    def message(self, chat: Chat, content: JsonObject, number: int | None = None) -> JsonObject:
        """A message in the Bot API's shape."""
        return {
            "message_id": number if number is not None else next(chat.numbers),
            "from": chat.user(),
            "chat": chat.json(),
            "date": int(time.time()),
            **content,
        }

    def update(self, kind: str, value: JsonObject) -> JsonObject:
        """Put an update on its way to the bot."""
        update = {"update_id": next(self._update_ids), kind: value}
        due = time.monotonic() + self.faults.delay
        self.pending.append(Pending(update, due, self.faults.redeliver))
        self.ring()
        return update

    def keep_file(self, content: bytes, media_type: str, name: str) -> str:
        file_id = f"file-{secrets.token_hex(8)}"
        self.files[file_id] = StoredFile(content, media_type, name)
        return file_id

    # To the bot ----------------------------------------------------------------------------------

    def due(self, offset: int, limit: int) -> list[JsonObject]:
        """Updates for a poll. Those below the offset are confirmed, and forgotten unless the
        redelivery switch brings them once more."""
        now = time.monotonic()
        kept: list[Pending] = []
        for one in self.pending:
            if one.update["update_id"] >= offset:
                kept.append(one)
            elif one.again > 0:
                one.again -= 1
                kept.append(one)
        self.pending = kept
        return [one.update for one in kept if one.due <= now][:limit]

    def next_due(self) -> float | None:
        """Seconds until something waits to be delivered; None when nothing does."""
        if not self.pending:
            return None
        return max(0.0, min(one.due for one in self.pending) - time.monotonic())

    async def wait(self, seconds: float) -> None:
        """Wait for news, at most so long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait({future}, timeout=seconds)
        finally:
            self._waiting.discard(future)
