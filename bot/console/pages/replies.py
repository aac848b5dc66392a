"""Standard replies: an editor writes, previews, orders and retires what the desk says often.

A form carries the version that was seen. Who comes second sees the other's words beside their own,
loses none, and decides.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.console.office import Office
from bot.console.pages.handover import desk_of, staff_names
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.visit import Visit
from bot.handover.wording import (
    LONGEST_NAME,
    LONGEST_TEXT,
    PLACEHOLDERS,
    Fault,
    faults_of,
    filled,
)
from bot.store.canned import STEP, CannedReply, ReplyChanged, ReplyUnknown

CODE = "{code:[a-z0-9_-]{1,60}}"
MOST_PLACE = 9999
EXAMPLE = "LW-2026-00042"


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/replies", Role.EDITOR, _list, nav="nav.replies", order=45),
        Route("POST", "/replies", Role.EDITOR, _add),
        Route("GET", "/replies/new", Role.EDITOR, _new),
        Route("GET", f"/replies/{CODE}", Role.EDITOR, _edit),
        Route("POST", f"/replies/{CODE}", Role.EDITOR, _change),
        Route("POST", f"/replies/{CODE}/retire", Role.EDITOR, _retire),
        Route("POST", f"/replies/{CODE}/restore", Role.EDITOR, _restore),
    ]


async def _list(visit: Visit) -> web.StreamResponse:
    replies = await desk_of(visit).canned.everything()
    return await visit.render(
        "replies/list.html",
        used=[reply for reply in replies if reply.retired_at is None],
        retired=[reply for reply in replies if reply.retired_at is not None],
        languages=visit.city_languages,
        names=await staff_names(visit),
    )


async def _page(
    visit: Visit,
    reply: CannedReply,
    status: int = 200,
    faults: list[Fault] | None = None,
    theirs: CannedReply | None = None,
    preview: bool = False,
) -> web.StreamResponse:
    """The form with `reply` in it; `theirs` is what somebody else saved meanwhile."""
    languages = visit.city_languages
    previews = []
    for language in languages if preview else []:
        if text := reply.texts.get(language):
            previews.append((language, filled(text, _examples(visit, language))))
    return await visit.render(
        "replies/edit.html",
        status=status,
        reply=reply,
        languages=languages,
        faults=faults or [],
        theirs=theirs,
        previews=previews,
        placeholders=[(name, _examples(visit, languages[0])[name]) for name in PLACEHOLDERS],
        names=await staff_names(visit),
        most_name=LONGEST_NAME,
        most_text=LONGEST_TEXT,
    )


def _examples(visit: Visit, language: str) -> dict[str, object]:
    """What the names in braces become; where the city has not said it, the name stays."""
    given = visit.office.phrasebook.values.get(language, {})
    values: dict[str, object] = {name: given.get(name, f"{{{name}}}") for name in PLACEHOLDERS}
    return values | {"agent": visit.member.called, "reference": EXAMPLE}


def _written(visit: Visit, before: CannedReply) -> CannedReply:
    """The reply as it stands in the form. Languages that the city does not use stay as they are."""
    names, texts = dict(before.names), dict(before.texts)
    for language in visit.city_languages:
        name = " ".join(visit.field(f"name_{language}").split())
        text = visit.field(f"text_{language}").replace("\r\n", "\n")
        for part, value in ((names, name), (texts, text)):
            part.pop(language, None)
            if value:
                part[language] = value
    first = visit.city_languages
    order = [*first, *(name for name in names if name not in first)]
    place = visit.field("place")
    number = int(place) if place.isascii() and place.isdigit() and len(place) <= 4 else before.place
    return CannedReply(
        before.code,
        {name: names[name] for name in order if name in names},
        {name: texts[name] for name in order if name in texts},
        min(number, MOST_PLACE),
        visit.version() if before.code else 1,
        before.edited_at,
        before.edited_by,
        before.retired_at,
    )


async def _known(visit: Visit) -> CannedReply:
    found = await desk_of(visit).canned.find(visit.part("code"))
    if found is None:
        raise web.HTTPNotFound
    return found


async def _new(visit: Visit) -> web.StreamResponse:
    return await _page(visit, await _empty(visit))


async def _empty(visit: Visit) -> CannedReply:
    replies = await desk_of(visit).canned.everything()
    last = max((reply.place for reply in replies), default=0)
    return CannedReply("", {}, {}, min(last + STEP, MOST_PLACE))


async def _edit(visit: Visit) -> web.StreamResponse:
    return await _page(visit, await _known(visit))


async def _unsaved(visit: Visit, reply: CannedReply) -> web.StreamResponse | None:
    """The form again, where something is wrong or only a preview is wanted."""
    faults = faults_of(reply.names, reply.texts, visit.city_languages)
    if faults:
        return await _page(visit, reply, 422, faults)
    if visit.field("do") == "preview":
        return await _page(visit, reply, preview=True)
    return None


async def _add(visit: Visit) -> web.StreamResponse:
    reply = _written(visit, await _empty(visit))
    if unsaved := await _unsaved(visit, reply):
        return unsaved
    canned, by = desk_of(visit).canned, visit.member.name
    made = await canned.add(reply.names, reply.texts, reply.place, by)
    await visit.note("reply_added", subject=made.code)
    return await visit.redirect("/replies", "replies.added", name=made.name(visit.language))


async def _change(visit: Visit) -> web.StreamResponse:
    reply = _written(visit, await _known(visit))
    if unsaved := await _unsaved(visit, reply):
        return unsaved
    canned, by = desk_of(visit).canned, visit.member.name
    try:
        await canned.change(reply.code, reply.version, reply.names, reply.texts, reply.place, by)
    except ReplyChanged as changed:
        now = changed.now
        mine = CannedReply(
            reply.code,
            reply.names,
            reply.texts,
            reply.place,
            now.version,
            retired_at=now.retired_at,
        )
        return await _page(visit, mine, 409, theirs=now)
    except ReplyUnknown:
        raise web.HTTPNotFound from None
    await visit.note("reply_changed", subject=reply.code, version=reply.version + 1)
    return await visit.redirect("/replies", "replies.changed", name=reply.name(visit.language))


async def _retire(visit: Visit) -> web.StreamResponse:
    return await _use(visit, "reply_retired", "replies.retired_flash")


async def _restore(visit: Visit) -> web.StreamResponse:
    return await _use(visit, "reply_restored", "replies.restored")


async def _use(visit: Visit, action: str, flash: str) -> web.StreamResponse:
    reply, version, canned = await _known(visit), visit.version(), desk_of(visit).canned
    verb: Any = canned.retire if action == "reply_retired" else canned.bring_back
    try:
        await verb(reply.code, version, visit.member.name)
    except ReplyChanged as changed:
        return await _page(visit, changed.now, 409, theirs=changed.now)
    except ReplyUnknown:
        raise web.HTTPNotFound from None
    await visit.note(action, subject=reply.code)
    return await visit.redirect("/replies", flash, name=reply.name(visit.language))
