"""Following by SMS or Telegram on both databases: codes and links are right once, soon, and rarely."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from bot.brain.nlg import phrasebook
from bot.channel import Connector
from bot.civic.tickets import NewTicket, State, TicketUnknown, TooManyFollowRequests
from bot.messages import ChannelName, ConversationId
from bot.settings import load
from bot.store import schema
from bot.store.engine import Database
from bot.store.erasure import erase
from bot.store.journal import Journal
from bot.store.registers import TicketRegister
from bot.store.tickets.joining import CODE_ATTEMPTS, REQUESTS_A_DAY
from bot.tickets.following import Following
from tests.conftest import FakeClock
from tests.road.rooms import SMS, WEB, Line, Rooms, rows, said

NUMBER = "+31612345678"


@pytest.fixture
def tickets(database: Database, clock: FakeClock) -> TicketRegister:
    return TicketRegister(database, clock)


@pytest.fixture
def following(tickets: TicketRegister, journal: Journal) -> Following:
    lines: dict[ChannelName, Connector] = {SMS: Line(SMS), WEB: Line(WEB)}
    return Following(tickets, journal, lines, phrasebook(load()), "NL", lambda: "CityBot")


@pytest.fixture
async def ann(journal: Journal) -> ConversationId:
    return (await journal.accept(said("hi", "ann-1", address="ann"))).conversation


@pytest.fixture
async def eve(journal: Journal) -> ConversationId:
    return (await journal.accept(said("hi", "eve-1", address="eve"))).conversation


@pytest.fixture
def ref(tickets: TicketRegister, ann: ConversationId) -> str:
    return tickets.open(NewTicket("k", ann, "pothole", "roads", "en", "Vismarkt", True)).reference


def code_sent(database: Database) -> str:
    text = rows(database, schema.outbox)[-1].reply["text"]
    found = re.search(r"\b\d{6}\b", text)
    assert found
    return found[0]


async def test_the_right_code_lets_the_number_follow_and_its_news_goes_there(
    tickets: TicketRegister, following: Following, ann: ConversationId, ref: str, journal: Journal
) -> None:
    following.by_sms(ref, ann, NUMBER, "en")
    code = code_sent(journal.database)
    assert code not in str(rows(journal.database, schema.follow_requests)[0])
    assert len(tickets.followers(ref)) == 1, "asking joins nobody"
    assert following.confirm(ann, f" {code[:3]} {code[3:]} ", "en") == ref
    theirs = {f.conversation for f in tickets.followers(ref)} - {ann}
    (row,) = [await journal.conversation(c) for c in theirs]
    assert row is not None
    assert (row["channel"], row["address"]) == ("sms", NUMBER)
    assert following.confirm(ann, code, "en") is None, "once"
    tickets.move(ref, State.FIXED, "Kim")
    assert {n.conversation for n in tickets.untold()} == {ann, *theirs}


async def test_guessing_a_code_ends_after_a_few_tries_even_with_the_right_one(
    following: Following, ann: ConversationId, ref: str, tickets: TicketRegister
) -> None:
    following.by_sms(ref, ann, NUMBER, "en")
    code = code_sent(tickets.database)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    with ThreadPoolExecutor(4) as threads:
        tries = [threads.submit(following.confirm, ann, wrong, "en") for _ in range(CODE_ATTEMPTS)]
        assert [t.result(60) for t in tries] == [None] * CODE_ATTEMPTS
    assert following.confirm(ann, code, "en") is None
    assert len(tickets.followers(ref)) == 1


async def test_a_code_is_good_for_its_own_conversation_and_a_quarter_of_an_hour(
    following: Following, ann: ConversationId, eve: ConversationId, ref: str,
    tickets: TicketRegister, clock: FakeClock,
) -> None:  # fmt: skip
    following.by_sms(ref, ann, NUMBER, "en")
    code = code_sent(tickets.database)
    assert following.confirm(eve, code, "en") is None
    clock.advance(minutes=16)
    assert following.confirm(ann, code, "en") is None


async def test_codes_are_rare_for_a_conversation_and_for_a_number(
    following: Following, ann: ConversationId, eve: ConversationId, ref: str,
    tickets: TicketRegister, clock: FakeClock,
) -> None:  # fmt: skip
    tickets.follow(ref, eve)
    for _ in range(REQUESTS_A_DAY):
        following.by_sms(ref, ann, NUMBER, "en")
    sent = len(rows(tickets.database, schema.outbox))
    for who, number in ((ann, "+31687654321"), (eve, NUMBER)):
        with pytest.raises(TooManyFollowRequests):
            following.by_sms(ref, who, number, "en")
    assert len(rows(tickets.database, schema.outbox)) == sent
    clock.advance(days=1, minutes=1)
    following.by_sms(ref, ann, NUMBER, "en")


async def test_nobody_asks_for_a_report_that_they_do_not_follow(
    following: Following, eve: ConversationId, ref: str
) -> None:
    for reference in (ref, "LW-2026-09999"):
        with pytest.raises(TicketUnknown):
            following.by_sms(reference, eve, NUMBER, "en")
        with pytest.raises(TicketUnknown):
            following.link(reference, eve)


async def test_a_link_works_once_and_for_half_an_hour(
    following: Following, ann: ConversationId, eve: ConversationId, ref: str,
    tickets: TicketRegister, clock: FakeClock,
) -> None:  # fmt: skip
    url = following.link(ref, ann)
    assert url.startswith("https://t.me/CityBot?start=")
    token = url.partition("=")[2]
    assert re.fullmatch(r"[A-Za-z0-9_-]{24,64}", token), "what Telegram's /start can carry"
    assert token not in str(rows(tickets.database, schema.follow_requests))
    with ThreadPoolExecutor(4) as threads:
        opened = [threads.submit(following.redeem, token, eve, "en") for _ in range(4)]
        assert sorted(str(o.result(60)) for o in opened) == [ref, "None", "None", "None"]
    assert tickets.follows(ref, eve)
    late = following.link(ref, ann).partition("=")[2]
    clock.advance(minutes=31)
    assert following.redeem(late, eve, "en") is None
    for hostile in ("", "x" * 5000, "'; --", "\x00"):
        assert following.redeem(hostile, eve, "en") is None


async def test_a_number_is_forgotten_with_its_own_conversation_and_after_two_days(
    following: Following, ann: ConversationId, ref: str, tickets: TicketRegister, clock: FakeClock
) -> None:
    following.by_sms(ref, ann, NUMBER, "en")
    following.link(ref, ann)
    code = code_sent(tickets.database)
    following.confirm(ann, code, "en")
    (theirs,) = {f.conversation for f in tickets.followers(ref)} - {ann}
    tickets.database.write_now(lambda c: erase(c, theirs))
    left = rows(tickets.database, schema.follow_requests)
    assert [row.channel for row in left] == ["telegram"], "only what has no number"
    assert {f.conversation for f in tickets.followers(ref)} == {ann}
    clock.advance(days=3)
    assert tickets.purge_requests(timedelta(days=2)) == 1


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("06 12345678", NUMBER),
        ("06-12 34 56 78", NUMBER),
        ("+31 6 12345678", NUMBER),
        ("my number is 0612345678", NUMBER),
        ("+45 20 12 34 56", "+4520123456"),
        ("112", None),
        ("not a number", None),
        ("0" * 500, None),
    ],
)
def test_numbers_are_read_as_people_write_them(
    following: Following, typed: str, number: str | None
) -> None:
    assert following.number(typed) == number


async def test_start_with_a_token_of_ours_goes_to_the_brain_as_that_and_only_then(
    journal: Journal,
) -> None:
    rooms = Rooms(journal)
    heard: list[Any] = rooms.brain.turns  # type: ignore[attr-defined]
    for n, (argument, payload) in enumerate(
        [
            ("A" * 32, '/ticket_status{"decided": "link"}'),
            ("A" * 23, "/greet"),
            ("A" * 65, "/greet"),
            ("somebody's words, more than enough", "/greet"),
        ]
    ):
        await rooms.hear(external=f"s{n}", command="start", argument=argument)
        await rooms.answer()
        assert heard[-1].payload == payload
