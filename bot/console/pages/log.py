"""The log of conversations: a list with live search and filters, and one transcript."""

from __future__ import annotations

import re

from aiohttp import web
from sqlalchemy.engine import Connection

from bot.console import filters
from bot.console.known import names_of, veil_over
from bot.console.office import Office
from bot.console.pages.handover import staff_names
from bot.console.photos import room_of, shown_all
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.veil import veil_of
from bot.console.visit import Visit
from bot.store import transcript
from bot.store.reviews import MARKS, Reviews
from bot.store.talks import SORTS, TalkLog, key_of

PAGE = 50
OPENING = 240
Known = dict[str, frozenset[str]]
SHORTEST_REASON = 8
LONGEST_NOTE = 4000
_LABEL = re.compile(r"[\w][\w .:/+-]{0,39}")
_CONVERSATION = "/log/{conversation:[0-9a-f]{24}}"


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/log", Role.READER, _list, nav="nav.log", order=10),
        Route("POST", "/log/filters", Role.READER, _save),
        Route("POST", "/log/filters/{id:[0-9]{1,9}}/drop", Role.READER, _unsave),
        Route("GET", _CONVERSATION, Role.READER, _show),
        Route("POST", _CONVERSATION + "/unmask", Role.EDITOR, _unmask),
        Route("POST", _CONVERSATION + "/mask", Role.READER, _mask),
        Route("POST", _CONVERSATION + "/label", Role.AGENT, _label),
        Route("POST", _CONVERSATION + "/note", Role.AGENT, _note),
        Route("POST", _CONVERSATION + "/mark", Role.AGENT, _mark),
        Route("POST", _CONVERSATION + "/code", Role.AGENT, _code),
    ]


def _log(visit: Visit) -> TalkLog:
    return TalkLog(visit.office.archive)


def _reviews(visit: Visit) -> Reviews:
    return Reviews(visit.office.database, visit.office.clock)


async def _list(visit: Visit) -> web.StreamResponse:
    """A page of the log. Opening words are shown behind the veil."""
    picked = filters.chosen(visit.request.query, visit.office.options.zone)
    after = filters.after_of(visit.query("before"))
    log = _log(visit)

    names = names_of(visit)

    def look(c: Connection) -> tuple[list[dict[str, object]], dict[str, str], Known]:
        try:
            rows = log.page_now(c, picked.wanted, picked.sort, after, PAGE + 1)
        except ValueError:  # a key that we never gave
            rows = log.page_now(c, picked.wanted, picked.sort, None, PAGE + 1)
        shown = [str(row["conversation_id"]) for row in rows[:PAGE]]
        return rows, transcript.openings(c, shown), names.of(c, shown)

    rows, said, known = await visit.office.archive.read(look)
    older = filters.key_text(key_of(rows[PAGE - 1], picked.sort)) if len(rows) > PAGE else ""
    return await visit.render(
        "log/list.html",
        talks=rows[:PAGE],
        said={
            k: veil_of(visit, "", known.get(k, ())).opening(text, OPENING)
            for k, text in said.items()
        },
        picked=picked,
        older=older,
        first=after is None,
        choices=await log.values(),
        sorts=list(SORTS),
        saved=await _reviews(visit).saved(visit.member.id),
        ticks=filters.TICKS,
    )


async def _save(visit: Visit) -> web.StreamResponse:
    name = visit.field("name")[:60]
    picked = filters.chosen(
        {k: v for k, v in visit.form.items() if k != "name"}, visit.office.options.zone
    )
    if not name or not picked.query:
        return await visit.redirect(f"/log?{picked.query}", "log.filter_unnamed")
    await _reviews(visit).save(visit.member.id, name, picked.query)
    return await visit.redirect(f"/log?{picked.query}", "log.filter_saved", name=name)


async def _unsave(visit: Visit) -> web.StreamResponse:
    if not await _reviews(visit).unsave(visit.member.id, int(visit.part("id"))):
        raise web.HTTPNotFound
    return await visit.redirect("/log", "log.filter_dropped")


# One conversation --------------------------------------------------------------------------------


async def _talk(visit: Visit) -> dict[str, object]:
    talk = await _reviews(visit).talk(visit.part("conversation"))
    if talk is None:
        raise web.HTTPNotFound
    return talk


async def _show(visit: Visit, fault: str = "", status: int = 200) -> web.StreamResponse:
    """The transcript. Reading it is written down, once a visit and not with every refresh."""
    talk = await _talk(visit)
    conversation = visit.part("conversation")

    def look(c: Connection) -> tuple[list[transcript.Line], list[dict[str, object]]]:
        lines = transcript.lines_of(c, conversation)
        return lines, transcript.tickets_of(c, conversation)

    lines, tickets = await visit.office.archive.read(look)
    veil = await veil_over(visit, conversation)
    expected = veil.learn(lines)
    known = await room_of(visit).register.in_conversation(conversation)
    where = f"/log/{conversation}"
    if "X-Live" not in visit.request.headers and visit.request.method == "GET":
        await visit.note("read", conversation=conversation, bare=veil.lifted)
    return await visit.render(
        "log/transcript.html",
        status=status,
        talk=talk,
        lines=lines,
        tickets=tickets,
        veil=veil,
        expected=expected,
        photos={x.cursor: shown_all(x.photos, known, where, veil) for x in lines},
        fault=fault,
        staff=await staff_names(visit),
        marks=MARKS,
    )


async def _back(visit: Visit, flash: str, **values: object) -> web.StreamResponse:
    return await visit.redirect(f"/log/{visit.part('conversation')}", flash, **values)


async def _unmask(visit: Visit) -> web.StreamResponse:
    """Lift the veil in this session, for a reason that is kept."""
    await _talk(visit)
    reason = visit.field("reason")[:300]
    if len(reason) < SHORTEST_REASON:
        return await _show(visit, "log.reason_wanted", 422)
    assert visit.session is not None
    conversation = visit.part("conversation")
    await visit.note("unmasked", conversation=conversation, reason=reason)
    unmasked = {**visit.session.unmasked, conversation: reason}
    await visit.office.staff.keep(visit.session, unmasked=unmasked)
    return await _back(visit, "log.unmasked_now")


async def _mask(visit: Visit) -> web.StreamResponse:
    await _talk(visit)
    assert visit.session is not None
    left = {k: v for k, v in visit.session.unmasked.items() if k != visit.part("conversation")}
    await visit.office.staff.keep(visit.session, unmasked=left)
    return await _back(visit, "log.masked_now")


async def _label(visit: Visit) -> web.StreamResponse:
    talk, label = await _talk(visit), visit.field("label")
    there = not visit.field("off")
    if not _LABEL.fullmatch(label):
        return await _show(visit, "log.label_refused", 422)
    await _reviews(visit).label(int(str(talk["number"])), label, there)
    conversation = visit.part("conversation")
    await visit.note("labelled" if there else "label_taken_off", conversation, subject=label)
    return await _back(visit, "log.saved")


async def _note(visit: Visit) -> web.StreamResponse:
    await _talk(visit)
    text = visit.field("text")[:LONGEST_NOTE]
    if not text:
        return await _show(visit, "log.note_empty", 422)
    conversation = visit.part("conversation")
    await _reviews(visit).note(conversation, visit.member.name, text)
    await visit.note("noted", conversation)
    return await _back(visit, "log.saved")


async def _mark(visit: Visit) -> web.StreamResponse:
    """Set the marks "test", "keep" and "follow up" as they are ticked."""
    talk = await _talk(visit)
    marks = {name: bool(visit.field(name)) for name in MARKS}
    await _reviews(visit).change(int(str(talk["number"])), **marks)
    ticked = [name for name in MARKS if marks[name]]
    await visit.note("marked", visit.part("conversation"), marks=ticked)
    return await _back(visit, "log.saved")


async def _code(visit: Visit) -> web.StreamResponse:
    talk = await _talk(visit)
    theme, quality = visit.field("theme")[:60], visit.field("quality")
    if quality not in ("", "1", "2", "3", "4", "5"):
        raise web.HTTPBadRequest
    value = int(quality) if quality else None
    await _reviews(visit).change(int(str(talk["number"])), theme=theme, quality=value)
    await visit.note("coded", visit.part("conversation"), theme=theme, quality=value)
    return await _back(visit, "log.saved")
