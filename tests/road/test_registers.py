"""The registers on both databases: tickets opened once and moved by the table, answers, areas."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timezone
from typing import Any

import pytest

from bot.civic.answers import AnswerTopic
from bot.civic.tickets import NEEDS_TEXT, TRANSITIONS, MoveRefused, NewTicket, State
from bot.messages import ConversationId
from bot.store import schema
from bot.store.city import AnswerRegister
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.registers import TicketRegister, TicketUnknown
from tests.conftest import FakeClock
from tests.road.rooms import count, rows, said


@pytest.fixture
def tickets(database: Database, clock: FakeClock) -> TicketRegister:
    return TicketRegister(database, clock)


@pytest.fixture
async def conversation(journal: Journal) -> ConversationId:
    return (await journal.accept(said("hello"))).conversation


def new(conversation: str, key: str = "inbox-1") -> NewTicket:
    return NewTicket(
        request_key=key,
        conversation=conversation,
        service="street-light",
        desk="light",
        language="nl",
        place="Oosterstraat 12",
        place_known=True,
        details="één lamp",
        area_code="BU00140001",
        lat=53.2,
        lon=6.5,
    )


def facts(target: State) -> dict[str, Any]:
    """What a move into this state needs besides a text."""
    return {
        State.PLANNED: {"planned_for": date(2026, 4, 1)},
        State.PASSED_ON: {"passed_to": "Province"},
        State.DUPLICATE: {"duplicate_of": "LW-2026-00001"},
    }.get(target, {})


async def test_a_request_opens_one_ticket_however_often_it_is_sent(
    tickets: TicketRegister, conversation: ConversationId, database: Database
) -> None:
    first = tickets.open(new(conversation))
    again = tickets.open(replace(new(conversation), details="other words"))
    assert again == first
    assert first.reference == "LW-2026-00001"
    assert (first.state, first.details) == (State.RECEIVED, "één lamp")
    assert count(database, schema.tickets) == count(database, schema.ticket_events) == 1


async def test_a_request_that_comes_ten_times_at_once_opens_one_ticket_and_wastes_no_number(
    tickets: TicketRegister, conversation: ConversationId, database: Database
) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(10) as threads:
        got = await asyncio.gather(
            *(
                loop.run_in_executor(threads, tickets.open, new(conversation, f"inbox-{n % 2}"))
                for n in range(20)
            )
        )
    assert {t.reference for t in got} == {"LW-2026-00001", "LW-2026-00002"}
    assert count(database, schema.tickets) == count(database, schema.ticket_events) == 2
    assert tickets.open(new(conversation, "inbox-9")).reference == "LW-2026-00003"


async def test_numbers_are_dense_and_begin_anew_each_year(
    tickets: TicketRegister, conversation: ConversationId, clock: FakeClock
) -> None:
    first = [tickets.open(new(conversation, f"a{n}")).reference for n in range(3)]
    assert first == [f"LW-2026-0000{n}" for n in (1, 2, 3)]
    clock.now = datetime(2027, 1, 2, tzinfo=timezone.utc)
    assert tickets.open(new(conversation, "b")).reference == "LW-2027-00001"


async def test_tickets_are_found_by_reference_by_conversation_and_newest_first(
    tickets: TicketRegister, conversation: ConversationId
) -> None:
    one, two = (tickets.open(new(conversation, f"a{n}")) for n in range(2))
    assert tickets.find(one.reference) == one
    assert tickets.find("LW-2026-99999") is None
    assert tickets.of_conversation(conversation) == [two, one]
    assert tickets.of_conversation("nobody") == []
    tickets.move(one.reference, State.IN_PROGRESS, "Kim")
    assert [t.reference for t in tickets.newest(["in_progress"])] == [one.reference]
    assert [t.reference for t in tickets.newest()] == [two.reference, one.reference]
    assert len(tickets.newest(limit=1)) == 1


@pytest.mark.parametrize("start", list(State))
async def test_every_move_of_the_table_happens_and_no_other(
    tickets: TicketRegister, conversation: ConversationId, database: Database, start: State
) -> None:
    tickets.open(new(conversation, "main"))  # LW-2026-00001, which others may be duplicates of
    for target in State:
        ticket = tickets.open(new(conversation, f"{target}"))
        database.write_now(
            lambda c, t=ticket: c.execute(  # type: ignore[misc]
                schema.tickets.update().where(schema.tickets.c.id == t.id).values(state=start.value)
            )
        )
        if target in TRANSITIONS[start]:
            moved, event = tickets.move(ticket.reference, target, "Kim", "because", **facts(target))
            assert moved.state is target
            assert tickets.history(ticket.reference)[-1]["id"] == event
        else:
            with pytest.raises(MoveRefused):
                tickets.move(ticket.reference, target, "Kim", "because", **facts(target))
            unmoved = tickets.find(ticket.reference)
            assert unmoved is not None
            assert unmoved.state is start
            assert len(tickets.history(ticket.reference)) == 1


@pytest.mark.parametrize("state", sorted(NEEDS_TEXT))
async def test_a_state_that_needs_a_reason_is_refused_without_one(
    tickets: TicketRegister, conversation: ConversationId, state: State
) -> None:
    ticket = tickets.open(new(conversation))
    for empty in ("", "  \n"):
        with pytest.raises(MoveRefused):
            tickets.move(ticket.reference, state, "Kim", empty)
    assert len(tickets.history(ticket.reference)) == 1
    assert tickets.move(ticket.reference, state, "Kim", "a reason")[0].state is state


async def test_events_are_only_ever_appended(
    tickets: TicketRegister, conversation: ConversationId, database: Database, clock: FakeClock
) -> None:
    ticket = tickets.open(new(conversation))
    seen = rows(database, schema.ticket_events)
    clock.advance(hours=1)
    for act in (
        lambda: tickets.move(ticket.reference, State.PLANNED, "Kim", **facts(State.PLANNED)),
        lambda: tickets.note(ticket.reference, "call back", "Ada"),
        lambda: tickets.move(ticket.reference, State.FIXED, "Kim"),
        lambda: tickets.open(new(conversation)),
        lambda: tickets.move(ticket.reference, State.REOPENED, "Kim"),
    ):
        act()
        now = rows(database, schema.ticket_events)
        assert now[: len(seen)] == seen
        seen = now
    story = [
        (e["kind"], e["state"], e["public"], e["by"]) for e in tickets.history(ticket.reference)
    ]
    assert story == [
        ("opened", "received", True, "citizen"),
        ("moved", "planned", True, "Kim"),
        ("note", None, False, "Ada"),
        ("moved", "fixed", True, "Kim"),
        ("moved", "reopened", True, "Kim"),
    ]
    moved = tickets.find(ticket.reference)
    assert moved is not None
    assert moved.changed_at == clock()
    assert moved.created_at == ticket.created_at


async def test_two_clerks_who_close_at_once_close_once(
    tickets: TicketRegister, conversation: ConversationId
) -> None:
    ticket = tickets.open(new(conversation))

    def close() -> bool:
        try:
            tickets.move(ticket.reference, State.FIXED, "Kim")
        except MoveRefused:
            return False
        return True

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(4) as threads:
        done = await asyncio.gather(*(loop.run_in_executor(threads, close) for _ in range(4)))
    assert sorted(done) == [False, False, False, True]
    assert [e["kind"] for e in tickets.history(ticket.reference)] == ["opened", "moved"]


def test_an_unknown_reference_is_said_to_be_unknown(tickets: TicketRegister) -> None:
    with pytest.raises(TicketUnknown):
        tickets.move("LW-2026-00001", State.FIXED, "Kim")
    with pytest.raises(TicketUnknown):
        tickets.note("LW-2026-00001", "?", "Kim")
    assert tickets.history("LW-2026-00001") == []


# Answers and areas ---------------------------------------------------------------------------------


def answer(code: str, text: str) -> AnswerTopic:
    return AnswerTopic(
        code=code,
        owner="desk",
        sample=True,
        source_url=None,
        checked_at=None,
        valid_until=None,
        names={"en": code},
        texts={"en": text},
    )


def test_loading_answers_again_updates_them_and_leaves_edited_ones_alone(
    database: Database, clock: FakeClock
) -> None:
    register = AnswerRegister(database, clock)
    assert register.load([answer("a", "one"), answer("b", "one")]) == []
    table = schema.answers
    database.write_now(
        lambda c: c.execute(
            table.update()
            .where(table.c.code == "a")
            .values(texts={"en": "by a clerk"}, edited_at=clock())
        )
    )
    assert register.load([answer("a", "two"), answer("b", "two"), answer("c", "two")]) == ["a"]
    texts = {code: register.get(code).texts["en"] for code in "abc"}  # type: ignore[union-attr]
    assert texts == {"a": "by a clerk", "b": "two", "c": "two"}
    assert register.load([answer("a", "three")]) == ["a"]
    assert register.get("b") is None
    assert register.names() == {"answer/a": {"en": "a"}}
