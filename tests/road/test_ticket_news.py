"""News of tickets on both databases: told once, in the reader's language, at a decent hour; and a
choice in it can be picked from the moment that it has left."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from bot import topics
from bot.brain.nlg import phrasebook
from bot.civic.tickets import NewTicket, State
from bot.messages import Answer, ConversationId, Reply
from bot.quiet import QuietHours
from bot.settings import ROOT, load
from bot.store import schema
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.registers import TicketRegister
from bot.store.tickets.news import MAX_ATTEMPTS
from bot.telling import Teller
from bot.tickets.news import TicketNews
from tests.conftest import FakeClock
from tests.road.rooms import SMS, WEB, Rooms, Scripted, rows, said

BOOK = phrasebook(load())
CATALOGUE = topics.load_catalogue(ROOT / "data")


@pytest.fixture
def tickets(database: Database, clock: FakeClock) -> TicketRegister:
    return TicketRegister(database, clock)


@pytest.fixture
def rooms(journal: Journal) -> Rooms:
    return Rooms(journal)


@pytest.fixture
def news(tickets: TicketRegister, rooms: Rooms, journal: Journal) -> TicketNews:
    quiet = QuietHours.of("21:00-08:00", ZoneInfo("Europe/Amsterdam"))
    teller = Teller(journal, {SMS: rooms.sms, WEB: rooms.web}, "en", quiet)
    return TicketNews(tickets, teller, BOOK, CATALOGUE)


async def a_ticket(
    journal: Journal, tickets: TicketRegister, language: str = "nl", who: str = "+31600000001"
) -> tuple[str, ConversationId]:
    conversation = (await journal.accept(said("hi", f"m-{who}", address=who))).conversation
    set_language(journal.database, conversation, language)
    ticket = tickets.open(
        NewTicket(
            f"k-{who}", conversation, "street-light", "lighting", language, "Oosterstraat 12", True
        )
    )
    return ticket.reference, conversation


def set_language(database: Database, conversation: str, language: str) -> None:
    table = schema.conversations
    database.write_now(
        lambda c: c.execute(
            table.update().where(table.c.id == conversation).values(language=language)
        )
    )


def outbox(database: Database) -> list[Any]:
    return rows(database, schema.outbox)


@pytest.mark.parametrize("language", ["en", "nl", "de", "da"])
@pytest.mark.parametrize("state", sorted(State))
async def test_every_public_state_is_told_in_the_readers_language(
    journal: Journal, tickets: TicketRegister, news: TicketNews, language: str, state: State
) -> None:
    if state is State.RECEIVED:
        return
    ref, _ = await a_ticket(journal, tickets, language)
    other, _ = await a_ticket(journal, tickets, language, "+31600000002")
    facts: dict[str, Any] = {
        State.PLANNED: {"planned_for": date(2026, 4, 1)},
        State.PASSED_ON: {"passed_to": "Provincie"},
        State.DUPLICATE: {"duplicate_of": other},
    }.get(state, {})
    if state is State.REOPENED:
        tickets.move(ref, State.FIXED, "Kim")
    tickets.move(ref, state, "Kim", "because of the frost", **facts)
    await news.tell()
    told = outbox(journal.database)[-1].reply
    assert "{" not in told["text"]
    assert ref in told["text"]
    assert "because of the frost" in told["text"]
    for fact in ("Provincie" if facts.get("passed_to") else "", facts.get("duplicate_of") or ""):
        assert fact in told["text"]
    assert len(told["choices"]) == (2 if state is State.FIXED else 0)


async def test_news_is_told_once_to_each_however_often_the_teller_is_killed(
    journal: Journal, tickets: TicketRegister, news: TicketNews
) -> None:
    ref, ann = await a_ticket(journal, tickets)
    bob = (await journal.accept(said("hi", "m-bob", address="+31600000009"))).conversation
    tickets.follow(ref, bob, "de")
    tickets.move(ref, State.IN_PROGRESS, "Kim")
    waiting = tickets.untold()
    assert {n.conversation for n in waiting} == {ann, bob}
    # Killed after queueing and before striking out: the notes are still there.
    for item in waiting:
        await news.teller.push(item.conversation, lambda language: Reply("told"), item.key)
    await news.tell()
    await news.tell()
    assert tickets.untold() == []
    assert len(outbox(journal.database)) == 2
    assert {row.conversation_id for row in outbox(journal.database)} == {ann, bob}


async def test_who_follows_reads_that_it_is_not_their_own_report(
    journal: Journal, tickets: TicketRegister, news: TicketNews
) -> None:
    ref, _ = await a_ticket(journal, tickets, "en")
    bob = (await journal.accept(said("hi", "m-bob", address="+31600000009"))).conversation
    set_language(journal.database, bob, "en")
    tickets.follow(ref, bob)
    tickets.note(ref, "The crew comes on Monday.", "Kim", public=True)
    tickets.note(ref, "Ann calls every day, be kind.", "Kim")
    await news.tell()
    texts = [row.reply["text"] for row in outbox(journal.database)]
    assert sorted("follow" in text for text in texts) == [False, True]
    assert all("Monday" in text and "be kind" not in text for text in texts)


async def test_news_waits_for_the_morning_and_an_answer_at_night_does_not(
    journal: Journal, tickets: TicketRegister, news: TicketNews, rooms: Rooms, clock: FakeClock
) -> None:
    ref, ann = await a_ticket(journal, tickets)
    await rooms.answer()
    await rooms.send()
    before = len(outbox(journal.database))
    clock.now = datetime(2026, 3, 2, 22, 0, tzinfo=timezone.utc)
    tickets.move(ref, State.FIXED, "Kim")
    await news.tell()
    assert await rooms.send() == 0
    night = await journal.conversation(ann)
    assert night is not None
    assert not (night["open_reply"] or {}).get("choices"), "nobody picks what nobody has read"
    rooms.ask(Scripted(Answer((Reply("Good evening"),), language="nl")))
    await rooms.hear("hello?", external="night")
    await rooms.answer()
    assert await rooms.send() > 0, "the waiting news holds up no answer"
    assert outbox(journal.database)[before].state == "queued"
    clock.now = datetime(2026, 3, 3, 7, 0, tzinfo=timezone.utc)
    await rooms.send()
    assert outbox(journal.database)[before].state == "sent"
    morning = await journal.conversation(ann)
    assert morning is not None
    assert len(morning["open_reply"]["choices"]) == 2


async def test_a_number_typed_days_later_is_the_answer_to_is_it_fixed(
    journal: Journal, tickets: TicketRegister, news: TicketNews, rooms: Rooms, clock: FakeClock
) -> None:
    ref, _ = await a_ticket(journal, tickets)
    await rooms.answer()
    tickets.move(ref, State.FIXED, "Kim")
    await news.tell()
    await rooms.send()
    clock.advance(days=5)
    brain = Scripted(Answer((Reply("Why?"),), language="nl"))
    rooms.ask(brain)
    await rooms.hear("2", external="later")
    await rooms.answer()
    payload = brain.turns[-1].payload
    assert payload.startswith("/ticket_status{")
    meant = json.loads(payload.removeprefix("/ticket_status"))
    assert meant == {"ticket_reference": ref, "decided": "not_fixed"}


async def test_a_late_target_is_told_honestly_and_once(
    journal: Journal, tickets: TicketRegister, news: TicketNews, clock: FakeClock
) -> None:
    ref, _ = await a_ticket(journal, tickets, "en")
    tickets.set_due(ref, clock().date(), "Kim")
    clock.advance(days=1)
    for _ in range(3):  # as after restarts
        again = TicketNews(tickets, news.teller, BOOK, CATALOGUE)
        again.watch()
        await again.tell()
    (row,) = outbox(journal.database)
    assert "Monday 2 March" in row.reply["text"]
    assert "sorry" in row.reply["text"]


async def test_news_for_somebody_who_is_gone_or_unreachable_is_struck_out(
    journal: Journal, tickets: TicketRegister, news: TicketNews
) -> None:
    ref, ann = await a_ticket(journal, tickets)
    table = schema.conversations
    journal.database.write_now(
        lambda c: c.execute(table.update().where(table.c.id == ann).values(channel="fax"))
    )
    tickets.move(ref, State.IN_PROGRESS, "Kim")
    assert await news.tell() == 1
    assert tickets.untold() == []
    assert outbox(journal.database) == []


async def test_news_that_cannot_be_put_into_words_rests_after_some_attempts_and_stops_no_other(
    journal: Journal, tickets: TicketRegister, news: TicketNews
) -> None:
    ref, _ = await a_ticket(journal, tickets)
    tickets.move(ref, State.IN_PROGRESS, "Kim")
    other, _ = await a_ticket(journal, tickets, "nl", "+31600000002")
    tickets.move(other, State.IN_PROGRESS, "Kim")
    journal.database.write_now(  # a service that was taken out of the catalogue is no fault ...
        lambda c: c.execute(sa.text("UPDATE tickets SET service = 'gone' WHERE request_key = 'k-+31600000001'"))
    )  # fmt: skip
    real, refs = news._words, []

    def words(item: Any) -> Any:
        refs.append(item.ticket.reference)
        if item.ticket.reference == ref:
            raise ValueError("no words")
        return real(item)

    news._words = words  # type: ignore[method-assign]
    for _ in range(MAX_ATTEMPTS + 3):
        await news.tell()
    assert refs.count(ref) == MAX_ATTEMPTS
    assert tickets.given_up() == 1
    assert len(outbox(journal.database)) == 1
