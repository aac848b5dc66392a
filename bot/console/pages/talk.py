"""One conversation in person: what was said, and the agent's answer with or without a picture.

Every form names the version of the request that the agent saw. When somebody was faster, nothing
is sent, the typed text stays in its box, and the page says what happened. A picture that could be
read stays too: it waits in the photo room until it is sent or left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.channel import PhotoRefused, PhotoUnavailable
from bot.console.known import veil_over
from bot.console.office import Office
from bot.console.pages.handover import ID, agent_of, desk_of
from bot.console.photos import ShownPhoto, room_of, shown, shown_all
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.veil import Veil
from bot.console.visit import Visit
from bot.handover.desk import Agent
from bot.handover.wording import unfilled
from bot.messages import MAX_TEXT, ChannelName, ConversationId, Entry, Picture, Reply
from bot.photos.sharing import SharedPictures
from bot.store.canned import CannedReply
from bot.store.handovers import Collision
from bot.store.transcript import drawn_of, tickets_of

LINES = 400
MAX_ALT = 200
"""Longest words for a picture; a caption on Telegram holds 1,024."""


def routes(office: Office) -> list[Route]:
    most = office.more["photos"].max_bytes
    return [
        Route("GET", f"/handover/{ID}", Role.AGENT, _talk),
        Route("POST", f"/handover/{ID}/say", Role.AGENT, _say, most_bytes=most),
        Route("POST", f"/handover/{ID}/typing", Role.AGENT, _typing, live=True),
        Route("POST", f"/handover/{ID}/pass", Role.AGENT, _pass_on),
        Route("POST", f"/handover/{ID}/back", Role.AGENT, _back),
        Route("POST", f"/handover/{ID}/close", Role.AGENT, _close),
    ]


@dataclass(frozen=True)
class Draft:
    """What the agent is about to say: `photo` is the id of a picture that waits to be sent."""

    text: str = ""
    photo: str = ""
    alt: str = ""
    fault: str = ""


async def _row(visit: Visit) -> dict[str, Any]:
    row = await desk_of(visit).handovers.find(int(visit.part("id")))
    if row is None:
        raise web.HTTPNotFound
    return row


async def _talk(
    visit: Visit, draft: Draft = Draft(), what: Collision | None = None
) -> web.StreamResponse:
    desk, row = desk_of(visit), await _row(visit)
    mine = row["state"] == "claimed" and row["claimed_by"] == visit.member.name
    veil = await veil_over(visit, row["conversation_id"], bare=mine)
    language = row["spoken"] or row["language"] or visit.office.phrasebook.primary
    entries = await visit.office.journal.latest(row["conversation_id"], LINES)
    room = room_of(visit)
    known = await room.register.in_conversation(row["conversation_id"])
    where = f"/handover/{row['id']}"
    if "X-Live" not in visit.request.headers and not draft.fault:
        await visit.note("handover_read", row["conversation_id"], subject=str(row["id"]))
    canned = await _canned(visit, row["conversation_id"], language)
    chosen = visit.query("canned")
    everyone = await visit.office.staff.everyone()
    return await visit.render(
        "handover/talk.html",
        status=409 if what else 422 if draft.fault else 200,
        row=row,
        lines=[
            _line(entry, veil) | {"photos": shown_all(_photos(entry), known, where, veil)}
            for entry in entries
        ],
        events=await desk.handovers.history(row["id"]),
        mine=mine,
        veiled_now=not veil.lifted,
        question=veil.pieces(row["question"] or ""),
        spoken=language,
        canned=canned,
        names={m.name: m.called for m in everyone},
        colleagues=[m for m in everyone if m.name != visit.member.name and _answers(m)],
        online=await desk.presence.online(),
        typed=draft.text or next((text for c, text in canned if c.code == chosen), ""),
        draft=draft,
        waiting_picture=_waiting(visit, known, draft, where),
        fault=draft.fault,
        what=what,
        most=MAX_TEXT,
        most_alt=MAX_ALT,
        most_bytes=room.max_bytes,
    )


async def _canned(visit: Visit, conversation: str, language: str) -> list[tuple[CannedReply, str]]:
    """The standard replies in the citizen's language, filled in as far as it is known."""
    values = dict(visit.office.phrasebook.values.get(language, {}))
    values["agent"] = agent_of(visit).shown
    tickets = await visit.office.archive.read(lambda c: tickets_of(c, conversation))
    if tickets:
        values["reference"] = tickets[-1]["reference"]
    return [(c, c.text(language, values)) for c in await desk_of(visit).canned.all()]


def _answers(member: Any) -> bool:
    return member.disabled_at is None and Role.of(member.role) >= Role.AGENT


def _waiting(visit: Visit, known: Any, draft: Draft, where: str) -> ShownPhoto | None:
    """The picture of the draft, shown beside the form."""
    return shown(known.get(draft.photo), where, True, draft.alt) if draft.photo else None


def _line(entry: Entry, veil: Veil) -> dict[str, Any]:
    """A line of the conversation as both sides saw it; bare only for who holds it."""
    body = entry.body
    reply = body.get("reply") or {}
    text = body.get("text") or body.get("label") or reply.get("text") or ""
    place = body.get("place")
    return {
        "cursor": entry.cursor,
        "sender": entry.sender,
        "at": entry.at,
        "text": veil.pieces(str(text)),
        "place": place,
        "drawn": [(src, veil.words(alt)) for src, alt in drawn_of(reply)],
        "choices": [veil.words(c["label"]) for c in reply.get("choices") or ()],
        "link": reply.get("link"),
        "state": entry.state if entry.sender != "citizen" else "",
    }


def _photos(entry: Entry) -> list[tuple[str, str]]:
    """Ids of the pictures in our store that came or went with a line, with their words."""
    attached = entry.body.get("attachments") or ()
    image = (entry.body.get("reply") or {}).get("image") or {}
    named = [(str(part.get("photo") or ""), "") for part in attached]
    return named + ([(str(image["photo"]), str(image["alt"]))] if image.get("photo") else [])


def _address(visit: Visit) -> str:
    return f"/handover/{int(visit.part('id'))}"


# Saying something --------------------------------------------------------------------------------


async def _say(visit: Visit) -> web.StreamResponse:
    """Answer in person; a left question is answered without claiming it first."""
    desk, row, version = desk_of(visit), await _row(visit), visit.version()
    draft = await _draft(visit, row)
    reply = Reply(draft.text)
    if draft.photo and not draft.fault:
        picture = await _picture(visit, row, draft)
        if picture is None:
            draft = Draft(draft.text, "", draft.alt, "handover.picture_gone")
        reply = Reply(draft.text, image=picture)
    if draft.fault:
        return await _talk(visit, draft)
    verb = desk.work.answer_left if row["state"] == "left" else desk.work.say
    try:
        await verb(row["id"], agent_of(visit), reply, version)
    except Collision as what:
        return await _collided(visit, what, draft)
    detail = {"picture": draft.photo[:8]} if draft.photo else {}
    await visit.note("handover_said", row["conversation_id"], str(row["id"]), **detail)
    if row["state"] == "left":
        return await visit.redirect("/handover", "handover.answered_flash")
    return await visit.redirect(_address(visit))


async def _draft(visit: Visit, row: dict[str, Any]) -> Draft:
    """What stands in the form; a new picture is read and stored at once, and so not lost again."""
    text, alt = visit.field("text"), " ".join(visit.field("alt").split())
    photo, fault = "", ""
    if "picture" in visit.files:
        photo, fault = await _taken(visit, row)
    elif "picture" in visit.too_large:
        fault = "handover.picture_too_large"
    if not photo and not visit.field("drop"):
        photo = await _kept(visit, row)
    if not fault:
        fault = _lacks(visit, row, text, photo, alt)
    return Draft(text, photo, alt[:MAX_ALT], fault)


async def _taken(visit: Visit, row: dict[str, Any]) -> tuple[str, str]:
    """The id of the uploaded picture once it is stored, or what is wrong with it."""
    conversation, channel = ConversationId(row["conversation_id"]), ChannelName(row["channel"])
    with visit.files["picture"].file as file:
        content = file.read()
    try:
        room = room_of(visit)
        return await room.take(conversation, content, channel, visit.member.name), ""
    except PhotoRefused as refused:
        return "", f"handover.picture_{refused.code.removeprefix('photo_')}"
    except PhotoUnavailable:
        return "", "handover.picture_later"


async def _kept(visit: Visit, row: dict[str, Any]) -> str:
    """The id of the picture that waits since an earlier try; only one's own, only for this talk."""
    wanted = visit.field("photo")
    found = await room_of(visit).find(wanted) if len(wanted) == 32 else None
    mine = found is not None and found.sent_by == visit.member.name and found.state == "stored"
    return wanted if mine and found and found.conversation == row["conversation_id"] else ""


def _lacks(visit: Visit, row: dict[str, Any], text: str, photo: str, alt: str) -> str:
    """What must be changed before this can be said; empty when nothing."""
    if not text and not photo:
        return "handover.text_empty"
    if len(text) > MAX_TEXT:
        return "handover.too_long"
    if unfilled(text):
        return "handover.unfilled"
    if photo and not alt:
        return "handover.picture_no_alt"
    if len(alt) > MAX_ALT:
        return "handover.picture_long_alt"
    limits = visit.office.connectors[ChannelName(row["channel"])].limits
    if photo and not limits.pictures and not visit.office.options.public_url:
        return "handover.picture_no_address"
    return ""


async def _picture(visit: Visit, row: dict[str, Any], draft: Draft) -> Picture | None:
    shared: SharedPictures = visit.office.more["shared"]
    return await shared.picture(draft.photo, row["conversation_id"], draft.alt)


async def _typing(visit: Visit) -> web.StreamResponse:
    await desk_of(visit).work.typing(int(visit.part("id")), agent_of(visit))
    return visit.dress(web.Response(status=204))


async def _pass_on(visit: Visit) -> web.StreamResponse:
    version = visit.version()
    wanted = visit.field("colleague")
    found = next((m for m in await visit.office.staff.everyone() if m.name == wanted), None)
    if found is None or not _answers(found) or wanted == visit.member.name:
        return await _talk(visit, Draft(fault="handover.no_colleague"))
    desk, row = desk_of(visit), await _row(visit)
    try:
        await desk.work.pass_on(row["id"], agent_of(visit), Agent(wanted, found.called), version)
    except Collision as what:
        return await _collided(visit, what, Draft())
    detail = {"to": wanted}
    await visit.note("handover_passed", row["conversation_id"], str(row["id"]), **detail)
    return await visit.redirect("/handover", "handover.passed_flash", to=found.called)


async def _back(visit: Visit) -> web.StreamResponse:
    return await _end(visit, "handover_returned", "handover.returned_flash")


async def _close(visit: Visit) -> web.StreamResponse:
    return await _end(visit, "handover_closed", "handover.closed_flash")


async def _end(visit: Visit, action: str, flash: str) -> web.StreamResponse:
    desk, row = desk_of(visit), await _row(visit)
    verb = desk.work.close if action == "handover_closed" else desk.work.give_back
    try:
        await verb(row["id"], agent_of(visit), visit.version())
    except Collision as what:
        return await _collided(visit, what, Draft())
    await visit.note(action, row["conversation_id"], subject=str(row["id"]))
    return await visit.redirect("/handover", flash)


async def _collided(visit: Visit, what: Collision, draft: Draft) -> web.StreamResponse:
    """Somebody was faster: nothing was sent; say what happened and keep what was typed."""
    if what.kind == "gone":
        return await visit.redirect("/handover", "handover.gone")
    draft = Draft(draft.text, draft.photo, draft.alt, "handover.collision")
    return await _talk(visit, draft, what)
