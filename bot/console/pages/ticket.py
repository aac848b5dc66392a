"""One ticket: what is known, what happened, and everything staff do with it.

A change of state shows first what each person who follows will read, in their language and on their
channel, exactly as it will be sent. Forms carry the version that was seen; a ticket that changed
since is left alone and shown again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import web

from bot.civic.tickets import (
    NEEDS_FACT,
    NEEDS_TEXT,
    TRANSITIONS,
    MoveRefused,
    State,
    Ticket,
    TicketChanged,
    TicketUnknown,
    find_reference,
)
from bot.console.known import veil_over
from bot.console.office import Office
from bot.console.pages.handover import staff_names
from bot.console.pages.tickets import (
    areas_of,
    desks_of,
    on_thread,
    places_of,
    read_date,
    service_of,
)
from bot.console.photos import room_of, shown
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.visit import Visit
from bot.messages import ChannelName
from bot.tickets.words import news

REF = "{ref:LW-[0-9]{4}-[0-9]{5,6}}"
LONGEST = 1000
PREVIEWS = 6
GIVEN = ("state", "text", "planned_for", "passed_to", "into")
"""Fields of the form for a new state; an address may carry the state, as the board's does."""


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", f"/tickets/{REF}", Role.READER, _show),
        Route("POST", f"/tickets/{REF}/move", Role.AGENT, _move),
        Route("POST", f"/tickets/{REF}/route", Role.AGENT, _route),
        Route("POST", f"/tickets/{REF}/due", Role.AGENT, _due),
        Route("POST", f"/tickets/{REF}/note", Role.AGENT, _note),
    ]


async def _ticket(visit: Visit) -> Ticket:
    found: Ticket | None = await on_thread(visit.office.tickets.find, visit.part("ref"))
    if found is None:
        raise web.HTTPNotFound
    return found


async def _show(
    visit: Visit, fault: str = "", previews: Any = None, status: int = 200
) -> web.StreamResponse:
    ticket = await _ticket(visit)
    register = visit.office.tickets
    history = await on_thread(register.history, ticket.reference)
    # The citizen's own words are behind the veil for those who do not handle reports.
    veil = await veil_over(visit, ticket.conversation, bare=visit.may(Role.AGENT))
    where = f"/tickets/{ticket.reference}"
    photos = await room_of(visit).register.in_ticket(ticket.reference)
    if "X-Live" not in visit.request.headers and not fault and previews is None:
        await visit.note("ticket_read", ticket.conversation, subject=ticket.reference)
    return await visit.render(
        "tickets/ticket.html",
        status=status,
        ticket=ticket,
        place=(await places_of(visit, [ticket]))[ticket.reference],
        details=veil.pieces(ticket.details),
        photos=[shown(p, where, visit.may(Role.AGENT)) for p in photos],
        service=service_of(visit, ticket),
        area=(await areas_of(visit)).get(ticket.area_code or ""),
        desks=desks_of(visit),
        history=[row | {"said": veil.pieces(row["text"])} for row in history],
        names=await staff_names(visit),
        followers=await on_thread(register.followers, ticket.reference),
        moves=[s for s in State if s in TRANSITIONS[ticket.state] and s is not State.WITHDRAWN],
        today=register.today(),
        given={name: visit.field(name) or visit.query(name) for name in GIVEN},
        back=_way_back(visit),
        fault=fault,
        previews=previews,
        most=LONGEST,
    )


def _way_back(visit: Visit) -> str:
    """The board or list that this page was opened from, with its filters; else the list."""
    return visit.way_back(visit.field("back") or visit.query("back"), "")


async def _move(visit: Visit) -> web.StreamResponse:
    """Show what would be told, or do it."""
    ticket, version = await _ticket(visit), visit.version()
    try:
        state = State(visit.field("state"))
    except ValueError:
        raise web.HTTPBadRequest from None
    text = visit.field("text")
    planned_for = read_date(visit.field("planned_for"))
    into = find_reference(visit.field("into"))
    fault = _lacks(state, text, planned_for, visit.field("passed_to"), into)
    if not fault and state not in TRANSITIONS[ticket.state]:
        fault = "tickets.fault_state"
    if fault:
        return await _show(visit, fault, status=422)
    facts = {
        "planned_for": planned_for.isoformat() if planned_for else None,
        "passed_to": visit.field("passed_to")[:200],
        "duplicate_of": into,
    }
    facts = {k: v for k, v in facts.items() if k == NEEDS_FACT.get(state)}
    if visit.field("do") != "move":
        previews = await _previews(visit, ticket, state, text, facts)
        return await _show(visit, previews=previews)
    return await _change(
        visit,
        partial(
            visit.office.tickets.move,
            ticket.reference,
            state,
            visit.member.name,
            text,
            planned_for=planned_for if "planned_for" in facts else None,
            passed_to=facts.get("passed_to") or "",
            duplicate_of=into if "duplicate_of" in facts else None,
            version=version,
        ),
        "ticket_move",
        "tickets.moved",
        state=state.value,
    )


def _lacks(state: State, text: str, planned_for: Any, passed_to: str, into: str | None) -> str:
    """What the state needs and the form does not have."""
    if len(text) > LONGEST:
        return "tickets.fault_long"
    if state in NEEDS_TEXT and not text:
        return "tickets.fault_text"
    given = {"planned_for": planned_for, "passed_to": passed_to, "duplicate_of": into}
    needed = NEEDS_FACT.get(state)
    return f"tickets.fault_{needed}" if needed and not given[needed] else ""


async def _previews(
    visit: Visit, ticket: Ticket, state: State, text: str, facts: dict[str, Any]
) -> list[dict[str, Any]]:
    """What each follower would get, by channel and language; the same text once, with how many."""
    found: dict[tuple[str, str, bool], int] = {}
    for follower in await on_thread(visit.office.tickets.followers, ticket.reference):
        row = await visit.office.journal.conversation(follower.conversation)
        if row is None or row["channel"] not in visit.office.connectors:
            continue
        language = row["language"] or follower.language or visit.office.phrasebook.primary
        key = (row["channel"], language, follower.reporter)
        found[key] = found.get(key, 0) + 1
    previews = []
    for (channel, language, own), people in sorted(found.items())[:PREVIEWS]:
        reply = news(
            visit.office.phrasebook,
            visit.office.catalogue,
            language,
            ticket,
            "moved",
            state,
            text,
            facts,
            own=own,
        )
        payloads = visit.office.connectors[ChannelName(channel)].render(reply, language)
        previews.append(
            {
                "channel": channel,
                "language": language,
                "own": own,
                "people": people,
                "parts": [str(p.get("text") or p.get("body") or reply.text) for p in payloads],
                "choices": [c.label for c in reply.choices],
            }
        )
    return previews


async def _route(visit: Visit) -> web.StreamResponse:
    ticket, desk, version = await _ticket(visit), visit.field("desk"), visit.version()
    if desk not in desks_of(visit):
        raise web.HTTPBadRequest
    work = partial(visit.office.tickets.route, ticket.reference, desk, visit.member.name, version)
    return await _change(visit, work, "ticket_route", "tickets.routed", desk=desk)


async def _due(visit: Visit) -> web.StreamResponse:
    ticket, version, text = await _ticket(visit), visit.version(), visit.field("due")
    due = read_date(text)
    if text and due is None:
        return await _show(visit, "tickets.date_wrong", status=422)
    work = partial(visit.office.tickets.set_due, ticket.reference, due, visit.member.name, version)
    return await _change(visit, work, "ticket_due", "tickets.due_set")


async def _note(visit: Visit) -> web.StreamResponse:
    ticket, text = await _ticket(visit), visit.field("note")
    if not text or len(text) > LONGEST:
        return await _show(visit, "tickets.fault_note", status=422)
    public = visit.field("public") == "yes"
    work = partial(visit.office.tickets.note, ticket.reference, text, visit.member.name, public)
    return await _change(visit, work, "ticket_note", "tickets.noted", public=public)


async def _change(
    visit: Visit, work: Any, action: str, flash: str, **detail: object
) -> web.StreamResponse:
    """Do it, write it into the audit log, and go back to the ticket."""
    ref = visit.part("ref")
    try:
        await on_thread(work)
    except TicketChanged:
        return await _show(visit, "tickets.fault_changed", status=409)
    except TicketUnknown:
        return await _show(visit, "tickets.fault_duplicate_of", status=422)
    except MoveRefused:
        return await _show(visit, "tickets.fault_state", status=422)
    await visit.note(action, None, ref, **detail)
    visit.office.bell.ring("console:tickets")
    return await visit.redirect(_way_back(visit) or f"/tickets/{ref}", flash)
