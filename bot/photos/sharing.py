"""Pictures that staff send to a citizen: an address that cannot be guessed and works for a while.

A web page and a phone open it without signing in; Telegram is handed the bytes. What is sent is
what the photo room wrote anew. After the time, or once the citizen had it all deleted, the address
says that the picture is no longer there, in the city's languages.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from aiohttp import web

from bot.channel import PhotoUnavailable
from bot.messages import Picture
from bot.photos.room import PhotoRoom
from bot.phrases import Phrasebook

log = logging.getLogger(__name__)
PATH = "/pictures/sent/"
_SHARE = r"[A-Za-z0-9_-]{43}"
_URL = re.compile(f"{PATH}({_SHARE})\\.jpg")
HEADERS = {
    "Cache-Control": "private, max-age=300",
    "Content-Disposition": 'inline; filename="picture.jpg"',
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, noarchive",
}
"""The widget may stand on another website of the city, so that page may show the picture, too."""


class SharedPictures:
    """See the module. An address works as long as the room keeps a photo without a ticket."""

    def __init__(self, room: PhotoRoom, phrasebook: Phrasebook) -> None:
        self.room = room
        self.phrasebook = phrasebook

    async def picture(self, photo: str, conversation: str, alt: str) -> Picture | None:
        """The picture as a part of a reply; None when it is not there any more."""
        until = self.room.register.clock() + self.room.orphans
        share = await self.room.register.share(photo, conversation, until)
        return Picture(f"{PATH}{share}.jpg", alt, photo) if share else None

    async def at(self, url: str) -> bytes | None:
        """The JPEG at an address of ours; None for any other, or when it is no longer there.

        Raises PhotoUnavailable when the store gives no answer.
        """
        match = _URL.fullmatch(url)
        photo = await self.room.register.shared(match[1]) if match else None
        return await self.room.picture(photo.id) if photo else None

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.get(f"{PATH}{{share:{_SHARE}}}.jpg", self._show)]

    async def _show(self, request: web.Request) -> web.Response:
        try:
            content = await self.at(f"{PATH}{request.match_info['share']}.jpg")
        except PhotoUnavailable:
            return web.Response(status=503, headers=HEADERS | {"Retry-After": "10"})
        if content is None:
            said = (
                self.phrasebook.text("utter_picture_gone", name)
                for name in self.phrasebook.languages
            )
            headers = HEADERS | {"Cache-Control": "no-store"}
            del headers["Content-Disposition"]
            return web.Response(status=404, text="\n\n".join(said), headers=headers)
        return web.Response(body=content, content_type="image/jpeg", headers=HEADERS)
