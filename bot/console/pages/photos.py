"""The bytes of a photo, small or whole, under the page that may show it.

Under a report they are for agents; under a conversation in person for the agent who holds it; in
the log, and for an editor who reads along, while the veil is lifted there. A photo of another
report or conversation is not found. Opening the whole picture is written down; the small one
belongs to the page, whose reading is.
"""

from __future__ import annotations

from aiohttp import web

from bot.channel import PhotoUnavailable
from bot.console.office import Office
from bot.console.pages.handover import ID, desk_of
from bot.console.pages.ticket import REF
from bot.console.photos import room_of
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.visit import Visit
from bot.store.photos import Photo

PHOTO = "{photo:[0-9a-f]{32}}"
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": 'inline; filename="photo.jpg"',
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Beside the headers of every page. The bytes are a JPEG that we wrote ourselves. A browser that
opens it alone makes a page around it, with a style of its own."""


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", f"/tickets/{REF}/photos/{PHOTO}", Role.AGENT, _of_ticket),
        Route("GET", f"/handover/{ID}/photos/{PHOTO}", Role.AGENT, _of_request),
        Route("GET", f"/log/{{conversation:[0-9a-f]{{24}}}}/photos/{PHOTO}", Role.EDITOR, _of_log),
    ]


async def _of_ticket(visit: Visit) -> web.StreamResponse:
    photos = await room_of(visit).register.in_ticket(visit.part("ref"))
    found = next((p for p in photos if p.id == visit.part("photo")), None)
    return await _answer(visit, found, visit.part("ref"))


async def _of_request(visit: Visit) -> web.StreamResponse:
    row = await desk_of(visit).handovers.find(int(visit.part("id")))
    if row is None:
        raise web.HTTPNotFound
    photo = await _in(visit, row["conversation_id"])
    holds = row["state"] == "claimed" and row["claimed_by"] == visit.member.name
    own = photo is not None and photo.sent_by == visit.member.name
    if photo is not None and not (holds or own or _lifted(visit, row["conversation_id"])):
        raise web.HTTPForbidden
    return await _answer(visit, photo, str(row["id"]))


async def _of_log(visit: Visit) -> web.StreamResponse:
    conversation = visit.part("conversation")
    found = await _in(visit, conversation)
    if found is not None and not _lifted(visit, conversation):
        raise web.HTTPForbidden
    return await _answer(visit, found, "")


def _lifted(visit: Visit, conversation: str) -> bool:
    return visit.session is not None and conversation in visit.session.unmasked


async def _in(visit: Visit, conversation: str) -> Photo | None:
    """The photo of the path, if it belongs to this conversation."""
    found = await room_of(visit).find(visit.part("photo"))
    return found if found is not None and found.conversation == conversation else None


async def _answer(visit: Visit, photo: Photo | None, subject: str) -> web.StreamResponse:
    if photo is None:
        raise web.HTTPNotFound
    whole = visit.query("size") == "full"
    try:
        picture = await room_of(visit).picture(photo.id, small=not whole)
    except PhotoUnavailable:
        raise web.HTTPServiceUnavailable from None
    if picture is None:
        raise web.HTTPNotFound
    if whole:
        await visit.note("photo_opened", photo.conversation, subject, photo=photo.id[:8])
    return visit.dress(web.Response(body=picture, content_type="image/jpeg", headers=HEADERS))
