"""A ticket's life on both databases: events for good, merging, followers, look-ups, search."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.civic.tickets import (
    CLOSED,
    TRANSITIONS,
    MoveRefused,
    NewTicket,
    State,
    TicketChanged,
    TicketUnknown,
    TooManyLookups,
    replay,
)
from bot.messages import ConversationId
from bot.store import schema
from bot.store.engine import Database
from bot.store.erasure import erase
from bot.store.journal import Journal
from bot.store.registers import TicketFilter, TicketRegister
from bot.store.tickets.following import LOOKUPS_A_DAY
from bot.store.tickets.rows import standing_of
from tests.conftest import FakeClock
from tests.road.rooms import count, rows, said


@pytest.fixture
def tickets(database: Database, clock: FakeClock) -> TicketRegister:
    return TicketRegister(database, clock)


@pytest.fixture
async def ann(journal: Journal) -> ConversationId:
    return (await journal.accept(said("hello", "ann-1", address="ann"))).conversation


@pytest.fixture
async def bob(journal: Journal) -> ConversationId:
    return (await journal.accept(said("hello", "bob-1", address="bob"))).conversation


def new(conversation: str | None, key: str = "inbox-1", **values: Any) -> NewTicket:
    made = NewTicket(
        request_key=key,
        conversation=conversation,
        service="street-light",
        desk="lighting",
        language="nl",
        place="Oosterstraat 12",
        place_known=True,
        street="Oosterstraat",
        lat=53.2170,
        lon=6.5680,
    )
    return replace(made, **values)


def told(database: Database) -> list[tuple[int, str]]:
    table = schema.ticket_news
    query = sa.select(table).order_by(table.c.event_id, table.c.conversation_id)
    return database.read_now(lambda c: [(r.event_id, r.conversation_id) for r in c.execute(query)])


# Events for good -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM ticket_events",
        "UPDATE ticket_events SET state = 'fixed'",
        "UPDATE ticket_events SET text = 'something else'",
        "UPDATE ticket_events SET by = 'nobody'",
        "UPDATE ticket_events SET happened_at = '2020-01-01 00:00:00'",
        "UPDATE ticket_events SET facts = NULL",
        "UPDATE ticket_events SET conversation_id = 'somebody'",
        "UPDATE ticket_events SET public = NOT public, text = ''",
    ],
)
async def test_the_database_itself_refuses_to_change_or_delete_an_event(
    tickets: TicketRegister, ann: ConversationId, database: Database, change: str
) -> None:
    ticket = tickets.open(new(ann))
    tickets.move(ticket.reference, State.CANNOT_FIX, "Kim", "too deep")
    before = rows(database, schema.ticket_events)
    with pytest.raises(sa.exc.DBAPIError, match="ticket events are never"):
        database.write_now(lambda c: c.execute(sa.text(change.replace(" by ", ' "by" '))))
    assert rows(database, schema.ticket_events) == before


async def test_forgetting_takes_the_citizens_words_out_of_events_and_leaves_the_desks(
    tickets: TicketRegister, ann: ConversationId, database: Database
) -> None:
    ticket = tickets.open(new(ann))
    tickets.move(ticket.reference, State.FIXED, "Kim", "new bulb")
    tickets.reopen(ticket.reference, ann, "I, Bartholomew, still sit in the dark")
    database.write_now(lambda c: erase(c, ann))
    story = [(e["kind"], e["state"], e["text"], e["conversation_id"])
             for e in tickets.history(ticket.reference)]  # fmt: skip
    assert story == [
        ("opened", "received", "", None),
        ("moved", "fixed", "new bulb", None),
        ("moved", "reopened", "", None),
    ]
    assert tickets.followers(ticket.reference) == []
    assert told(database) == []


# Moves ---------------------------------------------------------------------------------------------


async def test_a_state_without_its_fact_is_refused_and_changes_nothing(
    tickets: TicketRegister, ann: ConversationId
) -> None:
    ticket = tickets.open(new(ann))
    for state in (State.PLANNED, State.PASSED_ON, State.DUPLICATE):
        with pytest.raises(MoveRefused):
            tickets.move(ticket.reference, state, "Kim", "a text is not enough")
    assert tickets.find(ticket.reference) == ticket


async def test_what_belonged_to_a_state_ends_with_it(
    tickets: TicketRegister, ann: ConversationId
) -> None:
    ref = tickets.open(new(ann)).reference
    planned, _ = tickets.move(ref, State.PLANNED, "Kim", planned_for=date(2026, 4, 1))
    assert planned.planned_for == date(2026, 4, 1)
    passed, _ = tickets.move(ref, State.PASSED_ON, "Kim", passed_to=" Province ")
    assert (passed.planned_for, passed.passed_to) == (None, "Province")
    fixed, _ = tickets.move(ref, State.FIXED, "Kim")
    assert (fixed.passed_to, fixed.is_open) == ("", False)
    again, _ = tickets.reopen(ref, ann, "no")
    assert (again.reopened_count, again.is_open) == (1, True)


async def test_a_stale_reader_does_not_overwrite_what_changed_meanwhile(
    tickets: TicketRegister, ann: ConversationId
) -> None:
    ticket = tickets.open(new(ann))
    tickets.route(ticket.reference, "roads", "Kim", version=ticket.version)
    for change in (
        lambda: tickets.move(ticket.reference, State.FIXED, "Ada", version=ticket.version),
        lambda: tickets.route(ticket.reference, "green", "Ada", version=ticket.version),
        lambda: tickets.set_due(ticket.reference, None, "Ada", version=ticket.version),
    ):
        with pytest.raises(TicketChanged):
            change()
    now = tickets.find(ticket.reference)
    assert now is not None
    assert (now.desk, now.state) == ("roads", State.RECEIVED)


async def test_many_at_once_change_what_can_be_changed_and_say_what_cannot(
    tickets: TicketRegister, ann: ConversationId
) -> None:
    one, two = (tickets.open(new(ann, f"k{n}")).reference for n in range(2))
    tickets.move(two, State.FIXED, "Kim")
    done = tickets.bulk(
        [one, two, "LW-2026-09999", one], lambda r: tickets.move(r, State.FIXED, "Kim")
    )
    assert [(d.reference, d.refusal) for d in done] == [
        (one, ""),
        (two, "utter_ticket_move_refused"),
        ("LW-2026-09999", "utter_ticket_unknown"),
    ]


moves = st.lists(
    st.tuples(
        st.sampled_from(["move", "withdraw", "reopen", "route", "due", "note", "merge"]),
        st.sampled_from(list(State)),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=12,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=moves)
def test_no_path_leaves_the_table_and_history_replays_to_the_same_standing(
    tickets: TicketRegister, ann: ConversationId, bob: ConversationId, steps: list[Any]
) -> None:
    database = tickets.database
    number = count(database, schema.tickets)
    refs = [tickets.open(new(ann, f"p{number}-{n}")).reference for n in range(3)]
    for act, state, which, flag in steps:
        ref, other = refs[which], refs[(which + 1) % 3]
        before = tickets.find(ref)
        assert before is not None
        try:
            _step(tickets, act, state, ref, other, ann if flag else bob, flag)
        except (MoveRefused, TicketUnknown):
            assert tickets.find(ref) == before, "what is refused changes nothing"
            continue
        after = tickets.find(ref)
        assert after is not None
        assert after.state == before.state or after.state in TRANSITIONS[before.state]
    for ref in refs:
        ticket = tickets.find(ref)
        assert ticket is not None
        assert replay(tickets.story(ref)) == standing_of(ticket)
        assert (ticket.state is State.DUPLICATE) == (ticket.duplicate_of is not None)


def _step(
    tickets: TicketRegister, act: str, state: State, ref: str, other: str, who: str, flag: bool
) -> None:
    text = "because" if flag else ""
    if act == "move":
        tickets.move(
            ref, state, "Kim", text,
            planned_for=date(2026, 4, 1) if flag else None, passed_to="Province" if flag else "",
        )  # fmt: skip
    elif act == "withdraw":
        tickets.withdraw(ref, who)
    elif act == "reopen":
        tickets.reopen(ref, who, text)
    elif act == "route":
        tickets.route(ref, "roads" if flag else "green", "Kim")
    elif act == "due":
        tickets.set_due(ref, date(2026, 5, 1) if flag else None, "Kim")
    elif act == "note":
        tickets.note(ref, "a note", "Kim", public=flag)
    else:
        tickets.merge(ref, other, "Kim")


# Merging and followers -----------------------------------------------------------------------------


async def test_merging_moves_followers_keeps_both_histories_and_tells_everyone_once(
    tickets: TicketRegister, ann: ConversationId, bob: ConversationId, database: Database
) -> None:
    main = tickets.open(new(ann, "main")).reference
    double = tickets.open(new(bob, "double")).reference
    merged, event = tickets.merge(double, main, "Kim")
    assert (merged.state, merged.duplicate_of) == (State.DUPLICATE, main)
    assert told(database) == [(event, bob)]
    assert {f.conversation for f in tickets.followers(main)} == {ann, bob}
    assert [e["kind"] for e in tickets.history(double)] == ["opened", "moved"]
    assert [(e["kind"], e["facts"]) for e in tickets.history(main)][1:] == [
        ("merged", {"duplicate": double})
    ]
    _, fixed = tickets.move(main, State.FIXED, "Kim")
    assert {t for t in told(database) if t[0] == fixed} == {(fixed, ann), (fixed, bob)}
    assert tickets.follow(double, bob) is False, "to follow a duplicate is to follow the other"


@pytest.mark.parametrize("into", ["itself", "nothing", "duplicate"])
async def test_a_merge_into_itself_nothing_or_another_duplicate_is_refused(
    tickets: TicketRegister, ann: ConversationId, into: str
) -> None:
    one, two, three = (tickets.open(new(ann, f"k{n}")).reference for n in range(3))
    tickets.merge(three, two, "Kim")
    target = {"itself": one, "nothing": "LW-2026-09999", "duplicate": three}[into]
    with pytest.raises((MoveRefused, TicketUnknown)):
        tickets.merge(one, target, "Kim")
    ticket = tickets.find(one)
    assert ticket is not None
    assert ticket.state is State.RECEIVED


async def test_two_who_merge_the_same_pair_crosswise_never_wait_in_a_ring(
    tickets: TicketRegister, ann: ConversationId
) -> None:
    one, two = (tickets.open(new(ann, f"k{n}")).reference for n in range(2))
    done = await at_once(
        *[lambda: tickets.merge(one, two, "Kim"), lambda: tickets.merge(two, one, "Ada")] * 3
    )
    assert sum(done) == 1
    states = sorted(t.state.value for t in (tickets.find(one), tickets.find(two)) if t)
    assert states == ["duplicate", "received"]


async def at_once(*acts: Callable[[], object]) -> list[bool]:
    """Run in threads at the same time; which ones were not refused. Bounded by a time-out."""

    def run(act: Callable[[], object]) -> bool:
        try:
            act()
        except (MoveRefused, TicketUnknown):
            return False
        return True

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(len(acts)) as threads:
        work = [loop.run_in_executor(threads, run, act) for act in acts]
        return list(await asyncio.wait_for(asyncio.gather(*work), 60))


async def test_staff_and_citizen_at_once_lose_nothing_and_the_last_event_wins(
    tickets: TicketRegister, ann: ConversationId, database: Database
) -> None:
    for round_ in range(6):
        ref = tickets.open(new(ann, f"r{round_}")).reference
        done = await at_once(
            lambda ref=ref: tickets.withdraw(ref, ann),  # type: ignore[misc]
            lambda ref=ref: tickets.move(ref, State.FIXED, "Kim"),  # type: ignore[misc]
            lambda ref=ref: tickets.move(ref, State.IN_PROGRESS, "Ada"),  # type: ignore[misc]
            lambda ref=ref: tickets.note(ref, "seen", "Ada"),  # type: ignore[misc]
        )
        history = tickets.history(ref)
        assert done[3]
        assert len(history) == 1 + sum(done), "one event for everything that was not refused"
        ticket = tickets.find(ref)
        assert ticket is not None
        last = [e["state"] for e in history if e["kind"] != "note"][-1]
        assert ticket.state.value == last
        assert ticket.state in CLOSED
        assert replay(tickets.story(ref)) == standing_of(ticket)


async def test_two_citizens_who_report_the_same_thing_at_once_both_get_a_ticket_that_can_merge(
    tickets: TicketRegister, ann: ConversationId, bob: ConversationId
) -> None:
    await at_once(lambda: tickets.open(new(ann, "a")), lambda: tickets.open(new(bob, "b")))
    (hers,) = tickets.of_conversation(ann)
    (his,) = tickets.of_conversation(bob)
    assert hers.reference != his.reference
    seen = tickets.near("street-light", 53.2170, 6.5680, "Oosterstraat", 50)
    assert {n.reference for n in seen} == {hers.reference, his.reference}
    tickets.merge(his.reference, hers.reference, "Kim")
    (left,) = tickets.near("street-light", 53.2170, 6.5680, "Oosterstraat", 50)
    assert (left.reference, left.followers) == (hers.reference, 2)


# Near by -------------------------------------------------------------------------------------------


async def test_near_by_means_the_same_service_open_and_within_the_radius(
    tickets: TicketRegister, ann: ConversationId, bob: ConversationId
) -> None:
    close = tickets.open(new(ann, "close", lat=53.2171)).reference
    tickets.open(new(ann, "far", lat=53.2200))
    tickets.open(new(ann, "other", service="pothole"))
    gone = tickets.open(new(ann, "gone")).reference
    tickets.move(gone, State.FIXED, "Kim")
    words = tickets.open(
        new(ann, "words", lat=None, lon=None, place_known=False, place="bij mij, Jansen, voor de deur")
    ).reference  # fmt: skip
    found = tickets.near("street-light", 53.2170, 6.5680, "oosterstraat", 50)
    assert [n.reference for n in found] == [close, words]
    assert found[0].metres == pytest.approx(11.1, abs=0.2)
    assert (found[1].metres, found[1].place) == (None, "Oosterstraat"), "own words are private"
    by_street = tickets.near("street-light", None, None, "Oosterstraat", 50, limit=9)
    assert len(by_street) == 3
    assert tickets.near("street-light", None, None, None, 50) == []
    tickets.follow(close, bob, "de")
    left = tickets.near("street-light", 53.2170, 6.5680, None, 50, conversation=bob)
    assert close not in [n.reference for n in left]
    assert tickets.near("street-light", 53.2170, 6.5680, None, 50)[0].followers == 2


async def test_following_is_once_and_ends_when_asked(
    tickets: TicketRegister, ann: ConversationId, bob: ConversationId, database: Database
) -> None:
    ref = tickets.open(new(ann)).reference
    assert [tickets.follow(ref, bob, "da") for _ in range(2)] == [True, False]
    assert [(f.conversation, f.reporter) for f in tickets.followers(ref)] == [
        (ann, True),
        (bob, False),
    ]
    assert [t.reference for t in tickets.followed_by(bob)] == [ref]
    assert tickets.followed_by(ann) == []
    assert [tickets.unfollow(ref, bob) for _ in range(2)] == [True, False]
    assert tickets.unfollow("LW-2026-09999", bob) is False
    tickets.move(ref, State.IN_PROGRESS, "Kim")
    assert [c for _, c in told(database)] == [ann]
    with pytest.raises(TicketUnknown):
        tickets.follow("LW-2026-09999", bob)


async def test_only_the_reporter_withdraws_and_only_followers_reopen(
    tickets: TicketRegister, ann: ConversationId, bob: ConversationId, database: Database
) -> None:
    ref = tickets.open(new(ann)).reference
    with pytest.raises(TicketUnknown):
        tickets.withdraw(ref, bob)
    tickets.follow(ref, bob)
    _, event = tickets.withdraw(ref, ann)
    assert told(database) == [(event, bob)], "who withdrew knows it"
    with pytest.raises(TicketUnknown):
        tickets.reopen(ref, "stranger", "mine")
    tickets.reopen(ref, bob, "still dark")
    with pytest.raises(MoveRefused):
        tickets.reopen(ref, bob, "still dark")


async def test_guessing_references_ends_after_a_few_a_day_alike_for_known_and_unknown(
    tickets: TicketRegister, ann: ConversationId, bob: ConversationId, clock: FakeClock
) -> None:
    ref = tickets.open(new(ann)).reference
    for n in range(LOOKUPS_A_DAY):
        found = tickets.look_up(ref if n % 2 else f"LW-2026-0900{n}", bob)
        assert (found is None) == (n % 2 == 0)
    for guess in (ref, "LW-2026-09999"):
        with pytest.raises(TooManyLookups):
            tickets.look_up(guess, bob)
    assert tickets.look_up(ref, ann) is not None, "own ones are never counted"
    tickets.follow(ref, bob)
    assert tickets.look_up(ref, bob) is not None, "nor followed ones"
    tickets.unfollow(ref, bob)
    clock.advance(days=1)
    assert tickets.look_up(ref, bob) is not None
    clock.advance(days=3)
    assert tickets.purge_lookups(timedelta(days=1)) == 2


# Search --------------------------------------------------------------------------------------------


async def test_filters_combine_and_hostile_text_is_only_text(
    tickets: TicketRegister, ann: ConversationId
) -> None:
    one = tickets.open(new(ann, "1", details="100% dark_side", area_code="BU1")).reference
    two = tickets.open(new(ann, "2", service="pothole", desk="roads", area_code="BU2")).reference
    tickets.move(two, State.IN_PROGRESS, "Kim")
    find = lambda **f: [t.reference for t in tickets.search(TicketFilter(**f)).tickets]  # noqa: E731
    assert find() == [two, one]
    assert find(states=["in_progress"], desks=["roads"], services=["pothole"], areas=["BU2"]) == [
        two
    ]
    assert find(states=["in_progress"], areas=["BU1"]) == []
    assert find(text="100% DARK_side") == [one]
    assert find(text="100%x") == find(text="dark%") == find(text="'; drop table tickets; --") == []
    assert find(text="\x00" + "a" * 5000) == []
    assert find(text=one[-5:]) == [one]
    assert tickets.count_by_state()[State.IN_PROGRESS] == 1


async def test_pages_hold_under_new_rows_in_every_order(
    tickets: TicketRegister, ann: ConversationId
) -> None:
    refs = [tickets.open(new(ann, f"k{n}")).reference for n in range(7)]
    for n, ref in enumerate(refs):
        if n % 3:
            tickets.set_due(ref, date(2026, 3, 10 - n), "Kim")
    for sort in ("newest", "oldest", "due"):
        whole = [t.reference for t in tickets.search(TicketFilter(), sort, limit=50).tickets]  # type: ignore[arg-type]
        seen: list[str] = []
        after: str | None = None
        while True:
            page = tickets.search(TicketFilter(), sort, after, limit=2)  # type: ignore[arg-type]
            seen += [t.reference for t in page.tickets]
            if len(seen) == 2:
                tickets.open(new(ann, f"later-{sort}"))
            after = page.after
            if after is None:
                break
        assert [r for r in seen if r in whole] == whole
        assert len(seen) == len(set(seen))
    for wrong in ("x", "9999-99-99.1", "1" * 40):
        with pytest.raises(ValueError):
            tickets.search(TicketFilter(), "due", wrong)


# The watchdog --------------------------------------------------------------------------------------


async def test_a_target_that_passes_in_silence_is_told_once_and_a_new_target_anew(
    tickets: TicketRegister, ann: ConversationId, clock: FakeClock, database: Database
) -> None:
    ref = tickets.open(new(ann)).reference
    tickets.set_due(ref, clock().date(), "Kim")
    assert tickets.watch() == [], "the last day is not over"
    clock.advance(days=1)
    assert tickets.search(TicketFilter(overdue=True)).total == 1
    ((late, event),) = tickets.watch()
    assert late.reference == ref
    assert told(database) == [(event, ann)]
    assert tickets.watch() == []
    tickets.set_due(ref, clock().date(), "Kim")
    clock.advance(days=1)
    assert len(tickets.watch()) == 1
    tickets.set_due(ref, clock().date() - timedelta(days=9), "Kim")
    tickets.move(ref, State.FIXED, "Kim")
    assert tickets.watch() == [], "what is closed is not late"


async def test_who_knows_a_planned_date_to_come_is_not_told_of_the_target(
    tickets: TicketRegister, ann: ConversationId, clock: FakeClock, database: Database
) -> None:
    ref = tickets.open(new(ann)).reference
    tickets.set_due(ref, clock().date(), "Kim")
    tickets.move(ref, State.PLANNED, "Kim", planned_for=clock().date() + timedelta(days=30))
    before = told(database)
    clock.advance(days=1)
    assert len(tickets.watch()) == 1
    assert told(database) == before
    assert tickets.history(ref)[-1]["public"] in (False, 0)


async def test_two_watchdogs_and_one_that_was_killed_tell_once(
    tickets: TicketRegister, ann: ConversationId, clock: FakeClock, database: Database
) -> None:
    refs = [tickets.open(new(ann, f"k{n}")).reference for n in range(6)]
    for ref in refs:
        tickets.set_due(ref, clock().date(), "Kim")
    clock.advance(days=2)
    assert len(tickets.watch(limit=2)) == 2, "killed after two"
    await at_once(tickets.watch, tickets.watch, tickets.watch)
    overdue = [e for e in rows(database, schema.ticket_events) if e.kind == "overdue"]
    assert len(overdue) == len({e.ticket_id for e in overdue}) == 6
    assert len(told(database)) == 6
