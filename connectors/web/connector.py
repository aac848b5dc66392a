"""The web chat's connector: sessions, messages, reading by cursor, server-sent events.

The token is random, kept only as a hash, and travels in the Authorization header alone. A message
is answered 202 after the commit. Replies need no sending: the reader follows its cursor, so a send
is done when the row is there. The contract is `docs/chat-api.md`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol
from urllib.parse import urlsplit

from aiohttp import web

from bot.channel import Accept, ContentConflict, Limits, Report
from bot.messages import (
    Address,
    ChannelName,
    ConversationId,
    Entry,
    Inbound,
    OutboxId,
    Payload,
    Receipt,
    Reply,
    Sent,
)
from connectors.web.limits import RateLimit
from connectors.web.parse import (
    MAX_BODY,
    WEB,
    Problem,
    parse_json,
    parse_language,
    parse_message,
)
from connectors.web.photos import PhotoDesk, Photos
from connectors.web.render import message, render

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEEP_ALIVE_SECONDS = 15.0
PAGE = 200
BODY_SECONDS = 30.0
"""A body that takes longer, or breaks off half way, is given up."""
TOO_LARGE = Problem(413, "too_large", f"The body is larger than {MAX_BODY // 1024} kB.")


class Sessions(Protocol):
    async def open_session(
        self, token_hash: str, language: str, lifetime: timedelta
    ) -> datetime: ...
    async def session(self, token_hash: str) -> ConversationId | None: ...


class Following(Protocol):
    async def news(self, seconds: float) -> Set[str]: ...
    def close(self) -> None: ...


class Reading(Protocol):
    async def entries(
        self, conversation: ConversationId, after: int, limit: int = PAGE
    ) -> list[Entry]: ...
    def follow(self, conversation: ConversationId) -> Following: ...
    def ring(self, conversation: ConversationId) -> None: ...


@dataclass(frozen=True)
class WebOptions:
    """What a city sets for the web chat."""

    languages: tuple[str, ...]
    origins: tuple[str, ...]
    public_url: str
    session_days: int
    messages_per_minute: int
    photos_per_minute: int
    sessions_per_minute: int


class WebConnector:
    """See the module."""

    name: ChannelName = WEB
    limits = Limits()

    def __init__(
        self,
        sessions: Sessions,
        reading: Reading,
        options: WebOptions,
        photos: Photos | None = None,
    ) -> None:
        """Without `photos` it renders and takes none: what the staff commands need."""
        self.photos = photos
        self.sessions = sessions
        self.reading = reading
        self.options = options
        self._messages = RateLimit(options.messages_per_minute)
        self._opened = RateLimit(options.sessions_per_minute)
        self._closing = asyncio.Event()

    # As a connector ------------------------------------------------------------------------------

    def routes(self, accept: Accept, report: Report) -> Iterable[web.RouteDef]:
        self._accept = accept
        paths = ["/chat/session", "/chat/messages", "/chat/events"]
        pictures: list[web.RouteDef] = []
        if self.photos is not None:
            paths += ["/chat/photos", "/chat/photos/{photo}"]
            desk = PhotoDesk(self.photos, self._conversation, self.options.photos_per_minute)
            pictures = [
                web.post("/chat/photos", self._answer(desk.post)),
                web.get("/chat/photos/{photo}", self._answer(desk.get), allow_head=False),
            ]
        return [
            *pictures,
            web.post("/chat/session", self._answer(self.post_session)),
            web.post("/chat/messages", self._answer(self.post_message)),
            web.get("/chat/messages", self._answer(self.get_messages), allow_head=False),
            web.get("/chat/events", self._answer(self.get_events), allow_head=False),
            *(web.options(path, self._answer(self.preflight)) for path in paths),
        ]

    def render(self, reply: Reply, language: str) -> list[Payload]:
        return render(reply)

    async def send(self, to: Address, payload: Payload, key: OutboxId) -> Receipt:
        self.reading.ring(ConversationId(to))  # what staff or another process left for them
        return Sent()

    async def typing(self, to: Address) -> None:
        return None  # readers hear it from the bell

    def close(self) -> None:
        """End the event streams, so that the server can stop."""
        self._closing.set()

    # Requests ------------------------------------------------------------------------------------

    def _answer(self, handler: Handler) -> Handler:
        """Origin first, then the handler; a Problem becomes the contract's error."""

        async def answered(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get("Origin", "")
            if origin and not self._allowed(origin, request):
                return _error(Problem(403, "origin", "This website may not use the chat."))
            try:
                response = await handler(request)
            except Problem as problem:
                response = _error(problem)
            if not response.prepared:
                response.headers.setdefault("Cache-Control", "no-store")
                if origin:
                    _allow(response, origin)
            return response

        return answered

    def _allowed(self, origin: str, request: web.Request) -> bool:
        """Our own pages, under the name that the browser uses or the public one; listed sites."""
        origin = origin.lower()
        scheme, _, host = origin.partition("://")
        if scheme not in ("http", "https") or not host:
            return False  # "null" too: a sandboxed frame or a file says nothing of who it is
        own = urlsplit(self.options.public_url.lower()).netloc
        return host in (request.host.lower(), own) or origin in self.options.origins

    async def preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def post_session(self, request: web.Request) -> web.Response:
        wait = self._opened.hit(request.remote or "")
        if wait:
            raise Problem(429, "too_many", "Too many new conversations.", math.ceil(wait))
        language = parse_language(parse_json(await _body(request) or b"{}"))
        if language not in self.options.languages:
            language = ""
        token = secrets.token_urlsafe(32)
        expires_at = await self.sessions.open_session(
            _hash(token), language, timedelta(days=self.options.session_days)
        )
        return web.json_response(
            {
                "token": token,
                "expires_at": expires_at.astimezone(timezone.utc)
                .isoformat()
                .replace("+00:00", "Z"),
                "language": language or self.options.languages[0],
            },
            status=201,
        )

    async def _conversation(self, request: web.Request) -> ConversationId:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        known = None
        token = token.strip()
        if scheme.lower() == "bearer" and 20 <= len(token) <= 200 and token.isascii():
            known = await self.sessions.session(_hash(token))
        if known is None:
            raise Problem(401, "token", "The session is unknown or has ended.")
        return known

    async def post_message(self, request: web.Request) -> web.Response:
        conversation = await self._conversation(request)
        inbound = parse_message(parse_json(await _body(request)), conversation)
        await self._own_photos(inbound)
        wait = self._messages.hit(conversation)
        if wait:
            raise Problem(429, "too_many", "Too many messages.", math.ceil(wait))
        try:
            accepted = await self._accept(inbound)
        except ContentConflict:
            raise Problem(409, "conflict", "This id was used for another message before.") from None
        except Exception:
            log.exception("a web message could not be kept")
            raise Problem(503, "unavailable", "Please try again.", 2) from None
        client_id = inbound.external_id.partition(":")[2]
        return web.json_response({"id": client_id, "duplicate": accepted.duplicate}, status=202)

    async def _own_photos(self, inbound: Inbound) -> None:
        for part in inbound.attachments:
            mine = self.photos and await self.photos.owned(
                ConversationId(inbound.address), part.photo
            )
            if not mine:
                raise Problem(422, "photo", "photo is the id of a photo that was uploaded here.")

    async def get_messages(self, request: web.Request) -> web.Response:
        conversation = await self._conversation(request)
        after = _cursor(request.query.get("after", "0"))
        entries = await self.reading.entries(conversation, after, PAGE)
        return web.json_response(
            {
                "messages": [message(entry) for entry in entries],
                "next": entries[-1].cursor if entries else after,
            }
        )

    async def get_events(self, request: web.Request) -> web.StreamResponse:
        conversation = await self._conversation(request)
        after = _cursor(request.headers.get("Last-Event-ID") or request.query.get("after", "0"))
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        origin = request.headers.get("Origin", "")
        if origin:
            _allow(response, origin)
        await response.prepare(request)
        following = self.reading.follow(conversation)
        try:
            await response.write(b": hello\n\n")
            await self._pass_on(response, conversation, following, after)
        except ConnectionError:
            pass  # the reader went away; its cursor is where it goes on
        finally:
            following.close()
        return response

    async def _pass_on(
        self,
        response: web.StreamResponse,
        conversation: ConversationId,
        following: Following,
        after: int,
    ) -> None:
        """Write what was said after the cursor, and whatever is said from now on."""
        heard: Set[str] = set()
        while not self._closing.is_set():
            entries = await self.reading.entries(conversation, after, PAGE)
            for entry in entries:
                await response.write(_event(entry))
                after = entry.cursor
            if len(entries) == PAGE:
                continue
            answered = bool(entries) and entries[-1].sender != "citizen"
            if "typing" in heard and not answered:
                await response.write(b"event: typing\ndata: {}\n\n")
            elif "person_typing" in heard:
                await response.write(b'event: typing\ndata: {"from": "agent"}\n\n')
            heard = await self._news(following)
            if not heard:
                await response.write(b": still here\n\n")

    async def _news(self, following: Following) -> Set[str]:
        """What the bell says; nothing after the keep-alive time or when the server stops."""
        closing = asyncio.ensure_future(self._closing.wait())
        news = asyncio.ensure_future(following.news(KEEP_ALIVE_SECONDS))
        await asyncio.wait({closing, news}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if news.done():
            return news.result()
        news.cancel()
        return set()


def _event(entry: Entry) -> bytes:
    data = json.dumps(message(entry), ensure_ascii=False)
    return f"event: message\nid: {entry.cursor}\ndata: {data}\n\n".encode()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _cursor(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        raise Problem(400, "cursor", "after is a whole number.")
    return int(value)


async def _body(request: web.Request) -> bytes:
    """The request's body, up to the limit. Raises Problem 413, or 400 when it does not end."""
    if request.content_length is not None and request.content_length > MAX_BODY:
        raise TOO_LARGE
    try:
        return await asyncio.wait_for(_chunks(request), BODY_SECONDS)
    except (asyncio.TimeoutError, ConnectionError):
        raise Problem(400, "cut_off", "The body did not arrive as a whole.") from None


async def _chunks(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > MAX_BODY:
            raise TOO_LARGE
    return bytes(body)


def _error(problem: Problem) -> web.Response:
    headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}
    error: dict[str, Any] = {"code": problem.code, "message": problem.message}
    return web.json_response({"error": error}, status=problem.status, headers=headers)


def _allow(response: web.StreamResponse, origin: str) -> None:
    response.headers.update(
        {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Expose-Headers": "Retry-After",
            "Access-Control-Max-Age": "600",
        }
    )
    response.headers.setdefault("Vary", "Origin")
