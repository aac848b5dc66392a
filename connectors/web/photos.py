"""The web chat's photos: a multipart upload in, a picture out, to the conversation that sent it.

The picture is stored before the answer. Whatever its name and its announced type say, only its
content counts; all that is sent out is a JPEG that we wrote ourselves.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import BodyPartReader, web

from bot.channel import PhotoRefused, PhotoUnavailable
from bot.messages import ChannelName, ConversationId
from connectors.web.limits import RateLimit
from connectors.web.parse import PHOTO_ID, WEB, Problem

log = logging.getLogger(__name__)
Known = Callable[[web.Request], Awaitable[ConversationId]]
UPLOAD_SECONDS = 180.0
"""A photo over a weak mobile line takes its time."""
SLACK = 64 * 1024
"""Bytes of a multipart body that are not the picture."""
MAX_PARTS = 10
_MESSAGES = {
    "photo_empty": "The file is empty.",
    "photo_type": "The file is not a JPEG, PNG, WebP or HEIC picture.",
    "photo_pixels": "The picture has too many pixels.",
    "photo_broken": "The picture cannot be read.",
    "too_large": "The file is too large.",
}
_UNKNOWN = Problem(404, "not_found", "There is no such photo.")


class Photos(Protocol):
    """Where photos are kept."""

    max_bytes: int

    async def take(
        self, conversation: ConversationId, content: bytes, channel: ChannelName
    ) -> str: ...
    async def owned(self, conversation: ConversationId, photo: str) -> bool: ...
    async def picture(self, photo: str, small: bool = False) -> bytes | None: ...


class PhotoDesk:
    """The handlers of `/chat/photos`; `known` gives the conversation of a request."""

    def __init__(self, photos: Photos, known: Known, per_minute: int) -> None:
        self.photos = photos
        self.known = known
        self._uploads = RateLimit(per_minute)

    async def post(self, request: web.Request) -> web.Response:
        """Keep a picture; 201 with its id."""
        conversation = await self.known(request)
        wait = self._uploads.hit(conversation)
        if wait:
            raise Problem(429, "too_many", "Too many photos.", math.ceil(wait))
        try:
            content = await asyncio.wait_for(self._content(request), UPLOAD_SECONDS)
        except (asyncio.TimeoutError, ConnectionError):
            raise Problem(400, "cut_off", "The body did not arrive as a whole.") from None
        try:
            photo = await self.photos.take(conversation, content, WEB)
        except PhotoRefused as refused:
            raise _problem(refused.code) from None
        except PhotoUnavailable:
            raise Problem(503, "unavailable", "Please try again.", 5) from None
        return web.json_response({"photo": photo}, status=201)

    async def _content(self, request: web.Request) -> bytes:
        """The one file of the form, up to the limit. Raises Problem."""
        if (request.content_length or 0) > self.photos.max_bytes + SLACK:
            raise _problem("too_large")
        if request.content_type != "multipart/form-data":
            raise Problem(400, "not_multipart", "The body is not multipart/form-data.")
        content: bytes | None = None
        try:
            form = await request.multipart()
            for _ in range(MAX_PARTS):
                part = await form.next()
                if part is None:
                    break
                if not isinstance(part, BodyPartReader):
                    raise ValueError("a form within a form")
                if part.name != "photo" and part.filename is None:
                    await self._read(part, SLACK)  # a field that we do not know
                    continue
                if part.name != "photo" or content is not None:
                    raise Problem(422, "photo_count", "Send one file, in the field photo.")
                content = await self._read(part, self.photos.max_bytes)
            else:
                raise Problem(422, "photo_count", "The form has too many parts.")
        except (ValueError, AssertionError, KeyError, LookupError):
            raise Problem(400, "not_multipart", "The body is not a well-formed form.") from None
        if content is None:
            raise Problem(422, "photo_count", "Send one file, in the field photo.")
        return content

    @staticmethod
    async def _read(part: BodyPartReader, limit: int) -> bytes:
        content = bytearray()
        while chunk := await part.read_chunk(64 * 1024):
            content += chunk
            if len(content) > limit:
                raise _problem("too_large")
        return bytes(content)

    async def get(self, request: web.Request) -> web.Response:
        """A picture, to the conversation that sent it; anyone else hears that there is none."""
        conversation = await self.known(request)
        photo = request.match_info["photo"]
        if not re.fullmatch(PHOTO_ID, photo) or not await self.photos.owned(conversation, photo):
            raise _UNKNOWN
        try:
            picture = await self.photos.picture(photo, request.query.get("size") == "small")
        except PhotoUnavailable:
            raise Problem(503, "unavailable", "Please try again.", 5) from None
        if picture is None:
            raise _UNKNOWN
        return web.Response(
            body=picture,
            content_type="image/jpeg",
            headers={
                "Cache-Control": "private, max-age=86400",
                "Content-Disposition": 'inline; filename="photo.jpg"',
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "X-Content-Type-Options": "nosniff",
                "Vary": "Authorization, Origin",
            },
        )


def _problem(code: str) -> Problem:
    return Problem(413 if code == "too_large" else 422, code, _MESSAGES[code])
