"""The ticket pages with forms alone, on both databases: lists, moves with their preview, bulk."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from bot.civic.areas import Area, Outline
from bot.civic.tickets import TRANSITIONS, NewTicket, State, Ticket
from bot.console import undoing
from bot.console.city_map import draw
from bot.console.office import Office
from bot.messages import Address, Inbound
from bot.store import schema
from tests.conftest import FakeClock
from tests.console.desk import Browser, Counter
from tests.road.rooms import SMS


async def reported(office: Office, key: str = "1", **values: Any) -> Ticket:
    """A ticket of somebody with a telephone."""
    said = Inbound(SMS, f"m{key}", Address(f"+3161111{key}"), text="hello")
    conversation = (await office.journal.accept(said)).conversation
    parts = {"service": "pothole", "desk": "roads", "place": "Oosterstraat 12", "language": "nl"}
    new = NewTicket(key, conversation, place_known=True, **{**parts, **values})  # type: ignore[arg-type]
    return office.tickets.open(new)


async def submit(browser: Browser, ending: str, **values: str) -> Browser:
    form = next(f for f in browser.forms if f.action.endswith(ending))
    await browser.post(form.action.removeprefix("/console"), form.values | values)
    return browser


def waiting_notices(office: Office) -> int:
    table = schema.ticket_news
    return len(office.database.read_now(lambda c: c.execute(table.select()).all()))


async def test_filters_combine_and_live_in_the_address(counter: Counter, office: Office) -> None:
    one = await reported(office, "1")
    two = await reported(office, "2", service="graffiti", desk="cleaning", place="Vismarkt 3")
    office.tickets.move(two.reference, State.FIXED, "x")
    ann = await counter.signed_in("Ann", "reader")
    for query, shown in (
        ("", {one.reference}),
        ("?state=all", {one.reference, two.reference}),
        ("?state=fixed", {two.reference}),
        ("?state=all&q=vismarkt", {two.reference}),
        ("?state=all&desk=roads&service=pothole", {one.reference}),
        ("?state=all&desk=roads&service=graffiti", set()),
        ("?state=nonsense", {one.reference}),
    ):
        await ann.get("/tickets" + query)
        assert ann.status == 200
        assert set(re.findall(r"LW-\d{4}-\d{5}(?=</a>)", ann.text)) == (
            shown if query != "?state=nonsense" else shown | {two.reference}
        ), query


@pytest.mark.parametrize(
    "words", ["%27%20OR%201=1--", "%25", "_", "%00", "<script>", "x" * 3000, "%F0%9F%92%A9", "\\"]
)
@pytest.mark.parametrize("view", ["list", "board", "map"])
async def test_hostile_search_finds_nothing_and_breaks_nothing(
    counter: Counter, office: Office, words: str, view: str
) -> None:
    await reported(office)
    ann = await counter.signed_in("Ann", "reader")
    await ann.get(f"/tickets?q={words}&view={view}")
    assert ann.status == 200
    assert "<script>" not in ann.text.replace('<script type="module"', "")
    for cursor in ("x", "-1", "9" * 40, "2026-13-01.1"):
        await ann.get(f"/tickets?before={cursor}")
        assert ann.status in (200, 400)


async def test_paging_holds_while_new_tickets_come_in(counter: Counter, office: Office) -> None:
    for n in range(60):
        await reported(office, str(n))
    ann = await counter.signed_in("Ann", "reader")
    await ann.get("/tickets")
    first = re.findall(r"LW-\d{4}-\d{5}(?=</a>)", ann.text)
    older = re.search(r'rel="next" href="/console([^"]+)"', ann.text)
    assert older is not None
    await reported(office, "new")
    await ann.get(older[1].replace("&amp;", "&"))
    second = re.findall(r"LW-\d{4}-\d{5}(?=</a>)", ann.text)
    assert (len(first), len(second)) == (50, 10)
    assert not set(first) & set(second)


async def test_a_move_shows_what_each_follower_will_read_and_then_does_it(
    counter: Counter, office: Office
) -> None:
    ticket = await reported(office)
    ann = await counter.signed_in("Ann", "agent")
    await ann.get(f"/tickets/{ticket.reference}")
    values = {"state": "planned", "planned_for": "2026-03-10", "text": "We bellen u <b>niet</b>."}
    await submit(ann, "/move", **values, do="preview")
    assert "Nothing has been changed yet" in ann.text
    assert "dinsdag 10 maart" in ann.text, "in the reporter's language"
    assert "We bellen u &lt;b&gt;niet&lt;/b&gt;." in ann.text
    assert office.tickets.find(ticket.reference).state is State.RECEIVED  # type: ignore[union-attr]
    assert waiting_notices(office) == 0
    await submit(ann, "/move", **values, do="move")
    assert ann.status == 303, ann.text
    now = office.tickets.find(ticket.reference)
    assert now is not None
    assert (now.state, now.planned_for) == (State.PLANNED, date(2026, 3, 10))
    assert waiting_notices(office) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": "planned"}, "Give the day of the work"),
        ({"state": "planned", "planned_for": "soon"}, "Give the day of the work"),
        ({"state": "passed_on"}, "Name the organisation"),
        ({"state": "cannot_fix"}, "This state needs a text"),
        ({"state": "duplicate", "into": "the other one"}, "Give the number of another report"),
        ({"state": "duplicate", "into": "LW-2026-99999"}, "Give the number of another report"),
        ({"state": "reopened"}, "cannot go to this state"),
        ({"state": "in_progress", "text": "x" * 1001}, "The text is too long"),
    ],
)
async def test_what_a_state_needs_is_asked_for(
    counter: Counter, office: Office, values: dict[str, str], words: str
) -> None:
    ticket = await reported(office)
    ann = await counter.signed_in("Ann", "agent")
    await ann.get(f"/tickets/{ticket.reference}")
    await submit(ann, "/move", **values, do="move")
    assert ann.status == 422
    assert words in ann.text
    assert office.tickets.find(ticket.reference).state is State.RECEIVED  # type: ignore[union-attr]


async def test_merging_sends_the_followers_to_the_other_ticket(
    counter: Counter, office: Office
) -> None:
    one, two = await reported(office, "1"), await reported(office, "2")
    ann = await counter.signed_in("Ann", "agent")
    await ann.get(f"/tickets/{two.reference}")
    await submit(ann, "/move", state="duplicate", into=one.reference, do="move")
    assert ann.status == 303
    assert {f.conversation for f in office.tickets.followers(one.reference)} == {
        one.conversation,
        two.conversation,
    }


async def test_a_form_of_before_a_colleagues_change_does_nothing(
    counter: Counter, office: Office
) -> None:
    ticket = await reported(office)
    ann = await counter.signed_in("Ann", "agent")
    await ann.get(f"/tickets/{ticket.reference}")
    office.tickets.route(ticket.reference, "cleaning", "ben")
    for ending, values in (
        ("/move", {"state": "fixed", "do": "move"}),
        ("/route", {"desk": "roads"}),
        ("/due", {"due": "2026-04-01"}),
    ):
        form = next(f for f in ann.forms if f.action.endswith(ending))
        await ann.post(
            form.action.removeprefix("/console"), form.values | values | {"version": "1"}
        )
        assert ann.status == 409, ending
        assert "Somebody has changed this report" in ann.text
    now = office.tickets.find(ticket.reference)
    assert now is not None
    assert (now.state, now.desk, now.due_on) == (State.RECEIVED, "cleaning", ticket.due_on)


async def test_notes_are_internal_unless_said_otherwise(counter: Counter, office: Office) -> None:
    ticket = await reported(office)
    ann = await counter.signed_in("Ann", "agent")
    for public in ("", "yes"):
        await ann.get(f"/tickets/{ticket.reference}")
        values = {"note": f"note {public}"} | ({"public": public} if public else {})
        await submit(ann, "/note", **values)
        assert ann.status == 303
    notes = [e for e in office.tickets.history(ticket.reference) if e["kind"] == "note"]
    assert [(n["text"], n["public"]) for n in notes] == [("note", False), ("note yes", True)]
    assert waiting_notices(office) == 1


async def test_readers_do_not_see_contact_and_read_details_behind_the_veil(
    counter: Counter, office: Office
) -> None:
    ticket = await reported(office, contact="jan@example.org", details="Bel 06-12345678 op")
    reader = await counter.signed_in("Rita", "reader")
    await reader.get(f"/tickets/{ticket.reference}")
    assert "jan@example.org" not in reader.text
    assert "12345678" not in reader.text
    assert "/move" not in reader.text
    agent = await counter.signed_in("Ann", "agent")
    await agent.get(f"/tickets/{ticket.reference}")
    assert "jan@example.org" in agent.text


# Many at once --------------------------------------------------------------------------------------


async def bulk(browser: Browser, refs: list[str], **values: str) -> Browser:
    await browser.get("/tickets?state=all")
    data: Any = [("token", browser.token), *(("ref", r) for r in refs), *values.items()]
    async with browser.http.post(
        browser.base + "/console/tickets/bulk", data=data, allow_redirects=False
    ) as answer:
        return await browser._took(answer)


async def undo(browser: Browser) -> Browser:
    await submit(browser, "/undo")
    return await browser.follow()


async def test_a_bulk_route_is_taken_back_but_for_what_was_changed_since(
    counter: Counter, office: Office
) -> None:
    one, two = await reported(office, "1"), await reported(office, "2")
    ann = await counter.signed_in("Ann", "agent")
    await bulk(ann, [one.reference, two.reference, "LW-2026-99999"], what="route", desk="cleaning")
    assert "2 reports changed" in ann.text
    office.tickets.note(two.reference, "seen", "ben", public=True)
    await undo(ann)
    assert "1 taken back, 1 left as they are." in ann.text
    desks = [office.tickets.find(t.reference).desk for t in (one, two)]  # type: ignore[union-attr]
    assert desks == ["roads", "cleaning"]
    kinds = [e["kind"] for e in office.tickets.history(one.reference)]
    assert kinds == ["opened", "routed", "routed"], "taking back is a change of its own"


async def test_a_bulk_close_is_taken_back_by_reopening(counter: Counter, office: Office) -> None:
    one = await reported(office)
    ann = await counter.signed_in("Ann", "agent")
    await bulk(ann, [one.reference], what="move", state="fixed")
    assert "People who were told stay told" in ann.text
    await undo(ann)
    assert office.tickets.find(one.reference).state is State.REOPENED  # type: ignore[union-attr]


async def test_what_cannot_be_taken_back_says_so(counter: Counter, office: Office) -> None:
    one = await reported(office)
    ann = await counter.signed_in("Ann", "agent")
    await bulk(ann, [one.reference], what="move", state="in_progress")
    assert "This cannot be taken back" in ann.text
    assert undoing.way_back(State.RECEIVED, State.IN_PROGRESS) is None
    assert undoing.way_back(State.PLANNED, State.IN_PROGRESS) is None, "it would need a date"
    assert undoing.way_back(State.REOPENED, State.FIXED) is State.REOPENED


async def test_undo_ends_after_minutes_and_belongs_to_its_person(
    counter: Counter, office: Office, clock: FakeClock
) -> None:
    one = await reported(office)
    ann, ben = await counter.signed_in("Ann", "agent"), await counter.signed_in("Ben", "agent")
    await bulk(ann, [one.reference], what="route", desk="cleaning")
    plan = next(f for f in ann.forms if f.action.endswith("/undo")).values["undo"]
    await ben.get("/tickets")
    for forged in (plan, plan[:-1] + "0", "x", "", "é.é", plan.split(".")[0]):
        await ben.get("/tickets")
        await ben.post("/tickets/undo", {"undo": forged})
        await ben.follow()
        assert "too late" in ben.text
    clock.advance(minutes=undoing.MINUTES, seconds=1)
    await undo(ann)
    assert "too late" in ann.text
    assert office.tickets.find(one.reference).desk == "cleaning"  # type: ignore[union-attr]


async def test_nothing_chosen_changes_nothing(counter: Counter, office: Office) -> None:
    await reported(office)
    ann = await counter.signed_in("Ann", "agent")
    await bulk(ann, [], what="route", desk="cleaning")
    await ann.follow()
    assert "Choose at least one report first." in ann.text


# The map -------------------------------------------------------------------------------------------


def area(code: str, lat: float | None, lon: float | None) -> Area:
    return Area(code, "neighbourhood", code.lower(), None, None, {}, None, "", lat, lon)


def test_the_map_places_areas_and_sizes_them_by_their_number() -> None:
    ring = ((6.5, 53.2), (6.6, 53.2), (6.6, 53.3), (6.5, 53.2))
    areas = [area("A", 53.20, 6.50), area("B", 53.25, 6.60), area("C", None, None)]
    drawn = draw(areas, {"A": Outline("A", ((ring,),), approximate=True)}, {"A": 1, "B": 4})
    assert drawn is not None
    b, a = drawn.spots
    assert (b.code, b.count, a.count) == ("B", 4, 1)
    assert b.radius > a.radius
    assert b.x > a.x, "east is right"
    assert b.y < a.y, "north is up"
    assert a.path.startswith("M")
    assert b.path == ""
    assert all(0 <= s.x <= drawn.width and 0 <= s.y <= drawn.height for s in drawn.spots)
    assert draw([area("C", None, None)], {}, {}) is None


async def test_from_the_board_one_comes_back_to_the_board_and_nowhere_else(
    counter: Counter, office: Office
) -> None:
    ann = await counter.signed_in("Ann", "agent")
    board = "/tickets?view=board&desk=roads"
    for number, (back, lands) in enumerate(
        [
            (board, board),
            ("//evil.example", ""),
            ("https://evil.example", ""),
            ("/\\evil.example", ""),
            ("javascript:alert(1)", ""),
            ("/tickets\r\nSet-Cookie: a=b", ""),
        ]
    ):
        one = await reported(office, f"{number}0")
        path = f"/tickets/{one.reference}"
        await ann.get(path)
        given = {"state": "in_progress", "version": str(one.version), "back": back}
        await ann.post(f"{path}/move", {**given, "do": "preview"})
        assert ann.status == 200
        assert "evil" not in ann.text
        await ann.post(f"{path}/move", {**given, "do": "move"})
        assert ann.status == 303
        assert ann.location == (lands or path), back
    await ann.get(f"{path}?state=planned&back=//evil.example&text=%3Cscript%3E")
    assert 'value="planned" selected' in ann.text
    assert '"//evil' not in ann.text
    assert '"/console//evil' not in ann.text
    assert "<script>" not in ann.text.replace('<script type="module"', "")


async def test_a_card_says_where_it_may_go(counter: Counter, office: Office) -> None:
    one = await reported(office, "1")
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/tickets?view=board")
    card = re.search(
        rf'data-reference="{one.reference}" data-from="received" data-to="([a-z_ ]+)"', ann.text
    )
    assert card is not None
    allowed = {state.value for state in TRANSITIONS[State.RECEIVED]} - {"withdrawn"}
    assert set(card[1].split()) == allowed
    reader = await counter.signed_in("Rita", "reader")
    await reader.get("/tickets?view=board")
    assert "data-reference" not in reader.text
    assert "board.js" not in reader.text
