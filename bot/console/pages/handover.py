"""People who wait for a person: the queue, and a page on which an agent talks with one of them.

Every form names the version of the request that the agent saw. When somebody was faster, nothing
is sent, the typed text stays in its box, and the page says what happened.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.console.office import Office
from bot.console.photos import room_of, shown_all
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.veil import Veil, veil_of
from bot.console.visit import Visit
from bot.handover.desk import Agent
from bot.handover.front import FrontDesk
from bot.messages import MAX_TEXT, Entry, Reply
from bot.store.handovers import Collision
from bot.store.transcript import drawn_of

ID = "{id:[0-9]{1,12}}"
LINES = 400
PREVIEW, PREVIEW_LINES = 160, 12


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/handover", Role.READER, _queue, nav="nav.handover", order=20),
        Route("POST", "/handover/available", Role.AGENT, _available),
        Route("POST", "/handover/here", Role.AGENT, _here, live=True),
        Route("POST", "/handover/take", Role.AGENT, _take),
        Route("GET", f"/handover/{ID}", Role.AGENT, _talk),
        Route("POST", f"/handover/{ID}/claim", Role.AGENT, _claim),
        Route("POST", f"/handover/{ID}/say", Role.AGENT, _say),
        Route("POST", f"/handover/{ID}/typing", Role.AGENT, _typing, live=True),
        Route("POST", f"/handover/{ID}/pass", Role.AGENT, _pass_on),
        Route("POST", f"/handover/{ID}/back", Role.AGENT, _back),
        Route("POST", f"/handover/{ID}/close", Role.AGENT, _close),
    ]


def desk_of(visit: Visit) -> FrontDesk:
    desk: FrontDesk = visit.office.more["desk"]
    return desk


def agent_of(visit: Visit) -> Agent:
    return named(visit.member.name)


def named(account: str) -> Agent:
    """An agent with the name that citizens see: "noor.jansen" is Noor Jansen."""
    words = account.split("@")[0].replace(".", " ").replace("_", " ").split()
    return Agent(account, " ".join(w[:1].upper() + w[1:] for w in words) or account)


# The queue -------------------------------------------------------------------------------------


async def _queue(visit: Visit) -> web.StreamResponse:
    desk = desk_of(visit)
    rows = await desk.handovers.queue()
    held = {row["conversation_id"] for row in rows}
    flagged = [row for row in await visit.office.journal.flagged() if row["id"] not in held]
    online = await desk.presence.online()
    now = visit.office.clock()
    for row in rows:
        row["preview"] = await _preview(visit, row)
    return await visit.render(
        "handover/queue.html",
        waiting=[row for row in rows if row["state"] == "waiting"],
        claimed=[row for row in rows if row["state"] == "claimed"],
        left=[row for row in rows if row["state"] == "left"],
        flagged=flagged,
        online=online,
        available=visit.member.name in online,
        open=desk.hours.is_open(now),
        opens_at=desk.hours.next_opening(now),
    )


async def _preview(visit: Visit, row: dict[str, Any]) -> str:
    """The citizen's last words, or the question they left, behind the veil and cut short."""
    text = row["question"]
    if not text:
        entries = await visit.office.journal.latest(row["conversation_id"], PREVIEW_LINES)
        said = [e.body for e in entries if e.sender == "citizen"]
        text = next((b.get("text") or b.get("label") or "" for b in reversed(said)), "")
    words = Veil(veil_of(visit).masker, frozenset(), lifted=False).words(str(text))
    return words if len(words) <= PREVIEW else words[: PREVIEW - 1].rstrip() + "…"


async def _available(visit: Visit) -> web.StreamResponse:
    """Say that one is there for citizens, or no longer."""
    desk = desk_of(visit)
    if visit.field("there") == "yes":
        await desk.presence.seen(visit.member.name)
    else:
        await desk.presence.left(visit.member.name)
    visit.office.bell.ring("desk")
    return await visit.redirect("/handover")


async def _here(visit: Visit) -> web.StreamResponse:
    """An open page says that its agent is still there."""
    there = await desk_of(visit).presence.still_here(visit.member.name)
    return visit.dress(web.json_response({"available": there}))


async def _take(visit: Visit) -> web.StreamResponse:
    """Enter a conversation that asked for nobody, e.g. one that failed or speaks of danger."""
    desk = desk_of(visit)
    row = await visit.office.journal.conversation(visit.field("conversation") or "-")
    if row is None:
        raise web.HTTPNotFound
    handover = await desk.handovers.take(row["id"], visit.member.name)
    return await _claimed(visit, handover)


# One conversation ------------------------------------------------------------------------------


async def _row(visit: Visit) -> dict[str, Any]:
    row = await desk_of(visit).handovers.find(int(visit.part("id")))
    if row is None:
        raise web.HTTPNotFound
    return row


async def _talk(
    visit: Visit, typed: str = "", fault: str = "", what: Collision | None = None
) -> web.StreamResponse:
    desk, row = desk_of(visit), await _row(visit)
    language = row["spoken"] or row["language"] or visit.office.phrasebook.primary
    entries = await visit.office.journal.latest(row["conversation_id"], LINES)
    known = await room_of(visit).register.in_conversation(row["conversation_id"])
    where = f"/handover/{row['id']}"
    if "X-Live" not in visit.request.headers and not fault:
        await visit.note("handover_read", row["conversation_id"], subject=str(row["id"]))
    values = {
        **visit.office.phrasebook.values.get(language, {}),
        "agent": agent_of(visit).shown,
    }
    canned = [(c, c.text(language, values)) for c in await desk.canned.all()]
    chosen = visit.query("canned")
    typed = typed or next((text for c, text in canned if c.code == chosen), "")
    mine = row["state"] == "claimed" and row["claimed_by"] == visit.member.name
    return await visit.render(
        "handover/talk.html",
        status=409 if what else 422 if fault else 200,
        row=row,
        lines=[
            _line(entry) | {"photos": shown_all(_photos(entry), known, where, True)}
            for entry in entries
        ],
        events=await desk.handovers.history(row["id"]),
        mine=mine,
        spoken=language,
        canned=canned,
        colleagues=[
            m.name
            for m in await visit.office.staff.everyone()
            if m.name != visit.member.name
            and m.disabled_at is None
            and Role.of(m.role) >= Role.AGENT
        ],
        online=await desk.presence.online(),
        typed=typed,
        fault=fault,
        what=what,
        most=MAX_TEXT,
    )


def _line(entry: Entry) -> dict[str, Any]:
    """A line of the conversation as both sides saw it."""
    body = entry.body
    reply = body.get("reply") or {}
    text = body.get("text") or body.get("label") or reply.get("text") or ""
    place = body.get("place")
    return {
        "cursor": entry.cursor,
        "sender": entry.sender,
        "at": entry.at,
        "text": text,
        "place": place,
        "drawn": drawn_of(reply),
        "choices": [c["label"] for c in reply.get("choices") or ()],
        "link": reply.get("link"),
        "state": entry.state if entry.sender != "citizen" else "",
    }


def _photos(entry: Entry) -> list[tuple[str, str]]:
    """Ids of the pictures in our store that came or went with a line, with their words."""
    attached = entry.body.get("attachments") or ()
    image = (entry.body.get("reply") or {}).get("image") or {}
    named = [(str(part.get("photo") or ""), "") for part in attached]
    return named + ([(str(image["photo"]), str(image["alt"]))] if image.get("photo") else [])


def _version(visit: Visit) -> int:
    version = visit.field("version")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise web.HTTPBadRequest
    return int(version)


def _address(visit: Visit) -> str:
    return f"/handover/{int(visit.part('id'))}"


async def _claim(visit: Visit) -> web.StreamResponse:
    return await _claimed(visit, int(visit.part("id")))


async def _claimed(visit: Visit, handover: int) -> web.StreamResponse:
    try:
        row = await desk_of(visit).work.claim(handover, agent_of(visit))
    except Collision as what:
        if what.kind == "gone":
            raise web.HTTPNotFound from None
        key = "handover.too_late" if what.by else "handover.busy"
        return await visit.redirect("/handover", key, by=what.by)
    await desk_of(visit).presence.still_here(visit.member.name)
    await visit.note("handover_claimed", row["conversation_id"], subject=str(handover))
    return await visit.redirect(f"/handover/{handover}")


async def _say(visit: Visit) -> web.StreamResponse:
    """Answer in person; a left question is answered without claiming it first."""
    desk, row, text = desk_of(visit), await _row(visit), visit.field("text")
    version = _version(visit)
    if not text or len(text) > MAX_TEXT:
        return await _talk(visit, text, "handover.text_empty" if not text else "handover.too_long")
    verb = desk.work.answer_left if row["state"] == "left" else desk.work.say
    try:
        await verb(row["id"], agent_of(visit), Reply(text), version)
    except Collision as what:
        return await _collided(visit, what, text)
    await visit.note("handover_said", row["conversation_id"], subject=str(row["id"]))
    if row["state"] == "left":
        return await visit.redirect("/handover", "handover.answered_flash")
    return await visit.redirect(_address(visit))


async def _typing(visit: Visit) -> web.StreamResponse:
    await desk_of(visit).work.typing(int(visit.part("id")), agent_of(visit))
    return visit.dress(web.Response(status=204))


async def _pass_on(visit: Visit) -> web.StreamResponse:
    version = _version(visit)
    wanted = visit.field("colleague")
    found = [m for m in await visit.office.staff.everyone() if m.name == wanted]
    fits = found and found[0].disabled_at is None and Role.of(found[0].role) >= Role.AGENT
    if not fits or wanted == visit.member.name:
        return await _talk(visit, visit.field("text"), "handover.no_colleague")
    desk, row = desk_of(visit), await _row(visit)
    try:
        await desk.work.pass_on(row["id"], agent_of(visit), named(wanted), version)
    except Collision as what:
        return await _collided(visit, what, "")
    detail = {"to": wanted}
    await visit.note("handover_passed", row["conversation_id"], str(row["id"]), **detail)
    return await visit.redirect("/handover", "handover.passed_flash", to=wanted)


async def _back(visit: Visit) -> web.StreamResponse:
    return await _end(visit, "handover_returned", "handover.returned_flash")


async def _close(visit: Visit) -> web.StreamResponse:
    return await _end(visit, "handover_closed", "handover.closed_flash")


async def _end(visit: Visit, action: str, flash: str) -> web.StreamResponse:
    desk, row = desk_of(visit), await _row(visit)
    verb = desk.work.close if action == "handover_closed" else desk.work.give_back
    try:
        await verb(row["id"], agent_of(visit), _version(visit))
    except Collision as what:
        return await _collided(visit, what, "")
    await visit.note(action, row["conversation_id"], subject=str(row["id"]))
    return await visit.redirect("/handover", flash)


async def _collided(visit: Visit, what: Collision, text: str) -> web.StreamResponse:
    """Somebody was faster: nothing was sent; say what happened and keep what was typed."""
    if what.kind == "gone":
        return await visit.redirect("/handover", "handover.gone")
    return await _talk(visit, text, "handover.collision", what)
