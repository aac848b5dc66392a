"""People who wait for a person: the queue, who is there for them, and taking one of them over.

Whoever comes second is told who was first. What is said then stands in `talk`.
"""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from bot.console.known import veils_over
from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.veil import Pieces, Veil
from bot.console.visit import Visit
from bot.handover.desk import Agent
from bot.handover.front import FrontDesk
from bot.messages import ConversationId
from bot.store.handovers import Collision

ID = "{id:[0-9]{1,12}}"
PREVIEW, PREVIEW_LINES = 160, 12


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/handover", Role.READER, _queue, nav="nav.handover", order=20),
        Route("POST", "/handover/available", Role.AGENT, _available),
        Route("POST", "/handover/here", Role.AGENT, _here, live=True),
        Route("POST", "/handover/take", Role.AGENT, _take),
        Route("POST", "/handover/looked-at", Role.AGENT, _looked_at),
        Route("POST", f"/handover/{ID}/claim", Role.AGENT, _claim),
    ]


def desk_of(visit: Visit) -> FrontDesk:
    desk: FrontDesk = visit.office.more["desk"]
    return desk


def agent_of(visit: Visit) -> Agent:
    return Agent(visit.member.name, visit.member.called)


async def staff_names(visit: Visit) -> dict[str, str]:
    """How each account is called before others."""
    return {m.name: m.called for m in await visit.office.staff.everyone()}


# The queue -------------------------------------------------------------------------------------


async def _queue(visit: Visit) -> web.StreamResponse:
    desk = desk_of(visit)
    rows = await desk.handovers.queue()
    held = {row["conversation_id"] for row in rows}
    flagged = [row for row in await visit.office.journal.flagged() if row["id"] not in held]
    online, names = await desk.presence.online(), await staff_names(visit)
    now = visit.office.clock()
    flagged.sort(key=lambda row: row["flag_reason"] != "danger")  # who waits longest, after that
    shown = [(row["conversation_id"], row, row["question"]) for row in rows]
    shown += [(row["id"], row, "") for row in flagged]
    veils = await veils_over(visit, [conversation for conversation, _, _ in shown])
    for conversation, row, question in shown:
        row["preview"] = await _preview(visit, conversation, question, veils[conversation])
    return await visit.render(
        "handover/queue.html",
        waiting=[row for row in rows if row["state"] == "waiting"],
        claimed=[row for row in rows if row["state"] == "claimed"],
        left=[row for row in rows if row["state"] == "left"],
        flagged=flagged,
        online=[names.get(account, account) for account in online],
        names=names,
        available=visit.member.name in online,
        open=desk.hours.is_open(now),
        opens_at=desk.hours.next_opening(now),
    )


async def _preview(visit: Visit, conversation: ConversationId, question: str, veil: Veil) -> Pieces:
    """The citizen's last words, or the question they left, behind the veil and cut short."""
    text = question
    if not text:
        entries = await visit.office.journal.latest(conversation, PREVIEW_LINES)
        said = [e.body for e in entries if e.sender == "citizen"]
        text = next((b.get("text") or b.get("label") or "" for b in reversed(said)), "")
    veil.lifted = False  # on a page for everybody it is always drawn
    return veil.opening(str(text), PREVIEW)


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


async def _looked_at(visit: Visit) -> web.StreamResponse:
    """A flagged conversation needs nobody; one that was flagged again since stays."""
    conversation = ConversationId(visit.field("conversation")[:40])
    reason = visit.field("reason")[:60]
    try:
        at = datetime.fromisoformat(visit.field("at"))
    except ValueError:
        raise web.HTTPBadRequest from None
    if at.tzinfo is None:
        raise web.HTTPBadRequest
    if not await visit.office.journal.looked_at(conversation, reason, at):
        return await visit.redirect("/handover", "handover.flagged_anew")
    await visit.note("flag_seen", conversation, reason=reason)
    visit.office.bell.ring("desk")
    return await visit.redirect("/handover")


async def _claim(visit: Visit) -> web.StreamResponse:
    return await _claimed(visit, int(visit.part("id")))


async def _claimed(visit: Visit, handover: int) -> web.StreamResponse:
    try:
        row = await desk_of(visit).work.claim(handover, agent_of(visit))
    except Collision as what:
        if what.kind == "gone":
            raise web.HTTPNotFound from None
        key = "handover.too_late" if what.by else "handover.busy"
        by = (await staff_names(visit)).get(what.by, what.by)
        return await visit.redirect("/handover", key, by=by)
    await desk_of(visit).presence.still_here(visit.member.name)
    await visit.note("handover_claimed", row["conversation_id"], subject=str(handover))
    return await visit.redirect(f"/handover/{handover}")
