"""Tickets as a list, a board and a map, and what can be done to many at once.

Filters stand in the address and combine; they hold for all three views. The register blocks, so it
is asked on a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from bot.civic.tickets import (
    CLOSED,
    NEEDS_FACT,
    NEEDS_TEXT,
    OPEN,
    TRANSITIONS,
    MoveRefused,
    State,
    Ticket,
    TicketChanged,
    TicketUnknown,
)
from bot.console import undoing
from bot.console.city_map import draw
from bot.console.known import veils_over
from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.veil import Pieces
from bot.console.visit import Visit
from bot.store.city import CityRegister
from bot.store.registers import TicketFilter

T = TypeVar("T")
VIEWS = ("list", "board", "map")
SORTS = ("newest", "oldest", "due")
PAGE, COLUMN, MOST_AT_ONCE = 50, 30, 200
FILTERS = ("q", "state", "desk", "service", "area", "overdue", "sort")
PLAIN = frozenset(State) - set(NEEDS_FACT) - NEEDS_TEXT - {State.WITHDRAWN}
"""States that need nothing but the move; withdrawing is the citizen's."""
BOARD = [s for s in State if s in OPEN]


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/tickets", Role.READER, _tickets, nav="nav.tickets", order=30),
        Route("POST", "/tickets/bulk", Role.AGENT, _bulk),
        Route("POST", "/tickets/undo", Role.AGENT, _undo),
    ]


async def on_thread(work: Any, *args: Any, **kwargs: Any) -> Any:
    """Ask the register, which blocks, without holding up the server."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(work, *args, **kwargs))


def desks_of(visit: Visit) -> dict[str, str]:
    """The desks by code, with their names in the reader's language."""
    desks = getattr(visit.office.tickets.rules, "desks", {})
    named = {code: in_words(desk.names, visit.language, code) for code, desk in desks.items()}
    for service in visit.office.catalogue.services.values():
        named.setdefault(service.desk, service.desk)
    return dict(sorted(named.items(), key=lambda item: item[1].casefold()))


def in_words(names: Any, language: str, otherwise: str) -> str:
    return str(names.get(language) or next(iter(names.values()), otherwise))


def service_of(visit: Visit, ticket: Ticket) -> str:
    service = visit.office.catalogue.get(ticket.service)
    return service.name(visit.language) if service else ticket.service


async def areas_of(visit: Visit) -> dict[str, Any]:
    return {a.code: a for a in await on_thread(CityRegister(visit.office.archive).areas)}


async def places_of(visit: Visit, tickets: Sequence[Ticket]) -> dict[str, Pieces]:
    """Where each report is, by reference. Exact addresses are for those who handle reports."""
    if visit.may(Role.AGENT):
        return {ticket.reference: [(ticket.place, "")] for ticket in tickets}
    veils = await veils_over(visit, [ticket.conversation for ticket in tickets])
    found = {}
    for ticket in tickets:
        veil = veils[ticket.conversation or ""]
        veil.lifted = False
        where = ticket.place if ticket.place_known else (ticket.street or "")
        found[ticket.reference] = veil.pieces(where)
    return found


def _chosen(visit: Visit, name: str, allowed: Any) -> list[str]:
    value = visit.query(name)
    return [value] if value in allowed else []


async def _tickets(visit: Visit) -> web.StreamResponse:
    view = visit.query("view") if visit.query("view") in VIEWS else "list"
    areas, desks = await areas_of(visit), desks_of(visit)
    services = {c: s.name(visit.language) for c, s in visit.office.catalogue.services.items()}
    chosen_state = visit.query("state")
    wanted = TicketFilter(
        states=_chosen(visit, "state", {s.value for s in State}),
        desks=_chosen(visit, "desk", desks),
        services=_chosen(visit, "service", services),
        areas=_chosen(visit, "area", areas),
        text=visit.query("q"),
        overdue=visit.query("overdue") == "yes",
        only_open=chosen_state in ("", "open"),
    )
    register = visit.office.tickets
    values: dict[str, Any] = {}
    if view == "list":
        sort = visit.query("sort") if visit.query("sort") in SORTS else "newest"
        try:
            after = visit.query("before") or None
            page = await on_thread(register.search, wanted, sort, after, PAGE)
            values |= {"page": page, "places": await places_of(visit, page.tickets)}
        except (ValueError, OverflowError):
            raise web.HTTPBadRequest from None
    elif view == "board":
        columns = []
        counts = await on_thread(register.count_by_state, wanted)
        for state in BOARD if not wanted.states else [State(wanted.states[0])]:
            one = TicketFilter(**{**vars(wanted), "states": [state.value], "only_open": False})
            page = await on_thread(register.search, one, "due", None, COLUMN)
            columns.append((state, counts[state], page.tickets))
        values["columns"] = columns
        values["closings"] = [state for state in State if state in CLOSED - {State.WITHDRAWN}]
        values["legal"] = {
            s: " ".join(n.value for n in TRANSITIONS[s] - {State.WITHDRAWN, s}) for s in State
        }
        values["moves"] = {
            s: [n for n in State if n in TRANSITIONS[s] & PLAIN and n is not s] for s in State
        }
    else:
        counted = await on_thread(_by_area, register, wanted)
        kinds = [a for a in areas.values() if a.kind == "neighbourhood"] or list(areas.values())
        outlines = await on_thread(
            _outlines, visit.office.more.get("places"), [a.code for a in kinds]
        )
        values["map"] = draw(kinds, outlines, counted)
        listed = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        values["counted"] = [(c, areas[c].name if c in areas else "", n) for c, n in listed]
    return await visit.render(
        "tickets/list.html",
        view=view,
        first=not visit.query("before"),
        areas=areas,
        desks=desks,
        services=dict(sorted(services.items(), key=lambda item: item[1].casefold())),
        states=list(State),
        given={name: visit.query(name) for name in FILTERS},
        link=partial(_link, visit),
        service_of=partial(service_of, visit),
        today=visit.office.tickets.today(),
        plain=[s for s in State if s in PLAIN - {State.RECEIVED}],
        **values,
    )


def _outlines(places: Any, codes: list[str]) -> dict[str, Any]:
    """The borders that the place finder knows; approximate ones where a city has loaded none."""
    finder = places() if places is not None else None
    found = {code: finder.outline(code) for code in codes} if finder is not None else {}
    return {code: outline for code, outline in found.items() if outline is not None}


def _by_area(register: Any, wanted: TicketFilter) -> dict[str, int]:
    """How many tickets lie in each area, "" for those without one."""
    counted: dict[str, int] = {}
    after = None
    for _ in range(40):  # 20,000 tickets; a city with more open ones filters first
        page = register.search(wanted, "newest", after, 500)
        for ticket in page.tickets:
            code = ticket.area_code or ""
            counted[code] = counted.get(code, 0) + 1
        after = page.after
        if after is None:
            break
    return counted


def _link(visit: Visit, **changes: str) -> str:
    """The query of this page with some values changed, without the place in the list."""
    pairs = {name: visit.query(name) for name in (*FILTERS, "view")} | changes
    return urlencode({name: value for name, value in pairs.items() if value})


# Many at once ----------------------------------------------------------------------------------


async def _bulk(visit: Visit) -> web.StreamResponse:
    """Change many; each is a change of its own, and one that is refused stops no other."""
    refs = list(dict.fromkeys(visit.fields("ref")))[:MOST_AT_ONCE]
    what, by, register = visit.field("what"), visit.member.name, visit.office.tickets
    back = "/tickets?" + _kept(visit)
    before = {r: t for r in refs if (t := await on_thread(register.find, r)) is not None}
    if not before:
        return await visit.redirect(back, "tickets.none_chosen")
    if what == "route" and visit.field("desk") in desks_of(visit):
        change = partial(_route, register, visit.field("desk"), by)
    elif what == "due":
        due = read_date(visit.field("due"))
        if due is None:
            return await visit.redirect(back, "tickets.date_wrong")
        change = partial(_due, register, due, by)
    elif what == "move" and visit.field("state") in {s.value for s in PLAIN}:
        change = partial(_move, register, State(visit.field("state")), by)
    else:
        raise web.HTTPBadRequest
    done = await on_thread(register.bulk, list(before), change)
    changed = [d for d in done if d.ticket is not None]
    for one in changed:
        await visit.note(f"ticket_{what}", subject=one.reference, bulk=True)
    visit.office.bell.ring("console:tickets")
    return await visit.render(
        "tickets/done.html",
        what=what,
        done=done,
        changed=len(changed),
        back=back,
        undo=undoing.ticket(visit, what, [(before[d.reference], d.ticket) for d in changed]),
        minutes=undoing.MINUTES,
    )


def _route(register: Any, desk: str, by: str, ref: str) -> tuple[Ticket, int]:
    result: tuple[Ticket, int] = register.route(ref, desk, by)
    return result


def _due(register: Any, due: date, by: str, ref: str) -> tuple[Ticket, int]:
    result: tuple[Ticket, int] = register.set_due(ref, due, by)
    return result


def _move(register: Any, state: State, by: str, ref: str) -> tuple[Ticket, int]:
    result: tuple[Ticket, int] = register.move(ref, state, by)
    return result


def _kept(visit: Visit) -> str:
    """The filters of the list that the form came from."""
    allowed = {name: visit.field(f"kept_{name}") for name in (*FILTERS, "view")}
    return urlencode({name: value for name, value in allowed.items() if value})


async def _undo(visit: Visit) -> web.StreamResponse:
    """Take a bulk change back where nobody changed the ticket since, and the table has a way."""
    plan = undoing.read(visit, visit.field("undo"))
    if plan is None:
        return await visit.redirect("/tickets", "tickets.undo_late")
    undone, kept = 0, 0
    for step in plan:
        try:
            await on_thread(undoing.back, visit.office.tickets, step, visit.member.name)
        except (MoveRefused, TicketChanged, TicketUnknown):
            kept += 1
        else:
            undone += 1
            await visit.note("ticket_undone", subject=step.reference, what=step.what)
    visit.office.bell.ring("console:tickets")
    return await visit.redirect("/tickets", "tickets.undone", undone=undone, kept=kept)


def read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
