"""The purge: what is old loses its words everywhere, what is awaited stays, and a crash goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from bot.civic.tickets import NewTicket, State
from bot.keeping.daily import last_due, time_of_day
from bot.keeping.purge import Limits, Purge, Purged, PurgeRuns
from bot.messages import Answer, Reply
from bot.photos.store import FolderStore, StoreUnavailable, photo_name
from bot.settings import ROOT, SettingsError, load
from bot.store import retention, schema
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.operations import Operations
from bot.store.photos import PhotoRegister
from bot.store.registers import TicketRegister
from tests.conftest import FakeClock
from tests.road.rooms import Echo, Rooms, Scripted, count, out, rows
from tests.road.test_erasure import WORDS, a_talk, rasa_table, scan

__all__ = ["rasa_table"]  # a fixture
LIMITS = Limits.of_days(90, 365)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


async def at_once(_: float) -> None:
    """The pause between steps, without one."""


def purge_of(database: Database, clock: FakeClock, folder: Path, limits: Limits = LIMITS) -> Purge:
    return Purge(database, clock, FolderStore(folder), limits, pause=at_once)


@pytest.fixture
def purge(database: Database, clock: FakeClock, tmp_path: Path) -> Purge:
    return purge_of(database, clock, tmp_path / "photos")


@pytest.fixture
def rooms(journal: Journal) -> Rooms:
    return Rooms(journal)


def ids(database: Database) -> list[str]:
    query = sa.select(schema.conversations.c.id).order_by(schema.conversations.c.id)
    return database.read_now(lambda c: list(c.execute(query).scalars()))


def mark(database: Database, conversation: str, **values: Any) -> None:
    talks = schema.talks
    change = talks.update().where(talks.c.conversation_id == conversation).values(**values)
    database.write_now(lambda c: c.execute(change))


def left(database: Database, *words: str) -> set[tuple[str, str]]:
    return {
        (table, word)
        for table, text in scan(database).items()
        for word in words or WORDS
        if word in text
    }


def finish(database: Database, clock: FakeClock, number: int) -> None:
    TicketRegister(database, clock).move(
        rows(database, schema.tickets)[number].reference, State.FIXED, "desk"
    )


# What goes -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("rasa_table")
async def test_no_word_of_an_old_conversation_is_left_in_any_table(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge
) -> None:
    talk = await a_talk(rooms, database, clock, "+31600000001")
    finish(database, clock, 0)
    assert "events" in {table for table, _ in left(database)}
    clock.advance(days=366)
    assert await purge.once() == Purged(conversations=1, removed=1, reports=1)
    assert left(database, *WORDS, "+31600000001", talk) == set(), "the address goes, too"
    (ticket,) = rows(database, schema.tickets)
    assert (ticket.details, ticket.contact, ticket.conversation_id) == ("a deep hole", None, None)
    assert ids(database) == []


@pytest.mark.usefixtures("rasa_table")
async def test_while_a_report_is_awaited_the_words_go_and_the_way_to_the_citizen_stays(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge
) -> None:
    talk = await a_talk(rooms, database, clock, "+31600000001")
    clock.advance(days=91)
    assert await purge.once() == Purged(conversations=1)
    found = left(database, "Bartholomew", "aubergine", "bart@example.org", "53.218", "Cornelia")
    assert found == set()
    assert ids(database) == [talk]
    (ticket,) = rows(database, schema.tickets)
    assert (ticket.conversation_id, ticket.contact) == (talk, "+31611112222")
    assert count(database, schema.ticket_followers) == 1
    (kept,) = database.read_now(lambda c: c.execute(sa.select(schema.talks)).all())
    assert (kept.messages, kept.tickets) == (0, 1)
    assert await purge.once() == Purged(), "an empty conversation is not emptied again"

    finish(database, clock, 0)
    clock.advance(days=364)
    assert (await purge.once()).reports == 0
    clock.advance(days=2)
    assert await purge.once() == Purged(conversations=1, removed=1, reports=1)
    assert left(database, talk, "+31611112222") == set()


async def test_what_staff_wrote_and_what_was_learnt_and_rated_goes_too(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge
) -> None:
    accepted = await rooms.handled("hello")
    talk, now = accepted.conversation, clock()
    number = database.read_now(
        lambda c: c.execute(sa.select(schema.talks.c.number)).scalar_one()
    )  # fmt: skip
    request = {"conversation_id": talk, "state": "left", "question": "canary", "waiting_since": now}
    new: list[tuple[sa.Table, dict[str, Any]]] = [
        (
            schema.talk_notes,
            {"conversation_id": talk, "by": "ann", "text": "canary", "written_at": now},
        ),
        (schema.talk_facets, {"facet": "label", "value": "canary", "number": number}),
        (
            schema.labelled_examples,
            {
                "inbox_id": accepted.inbox_id,
                "conversation_id": talk,
                "text": "canary",
                "language": "en",
                "intent": "none",
                "offered": [],
                "labelled_at": now,
            },
        ),
        (schema.handovers, request),
        (
            schema.ratings,
            {
                "conversation_id": talk,
                "about": "answer",
                "asked_at": now,
                "comment_inbox_id": accepted.inbox_id,
            },
        ),
        (
            schema.web_sessions,
            {
                "token_hash": "canary",
                "conversation_id": talk,
                "created_at": now,
                "expires_at": now + timedelta(days=300),
            },
        ),
        (
            schema.reports,
            {"channel": "sms", "state": "sent", "reported_at": now, "provider_id": "canary"},
        ),
        (
            schema.remembered_areas,
            {"conversation_id": talk, "area_code": "canary", "agreed_at": now},
        ),
    ]
    for table, values in new:
        database.write_now(lambda c, t=table, v=values: c.execute(t.insert().values(v)))
    mark(database, talk, theme="canary")
    assert {table for table, _ in left(database, "canary")} >= {table.name for table, _ in new} - {
        "ratings"
    }
    clock.advance(days=91)
    assert (await purge.once()).removed == 1
    assert left(database, "canary", talk) == set()
    assert count(database, schema.ratings) == 0


def test_every_table_that_names_a_conversation_is_emptied_or_has_a_rule() -> None:
    """A new table with a key to conversations goes with the words, unless `_TIES` names it."""
    from bot.store.erasure import _ROAD, _TIES

    tables = {
        table.name
        for table in schema.metadata.sorted_tables
        if any(key.column.table.name == "conversations" for key in table.foreign_keys)
    }
    assert set(_ROAD + _TIES) <= tables | {"conversations"}, "no rule for a table that is gone"
    others = {
        table.name
        for table in schema.metadata.sorted_tables
        if "conversation_id" in table.columns and table.name not in tables
    }
    assert others == {"audit", "ticket_events", "ticket_lookups"}, "these have no key and a rule"


async def test_the_files_lose_the_words_as_well(tmp_path: Path, clock: FakeClock) -> None:
    from bot.store import migrate

    path = tmp_path / "one.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    rooms = Rooms(Journal(database, clock))
    await rooms.talk("quagmirelike")
    clock.advance(days=91)
    await rooms.talk("something young", address="+31600000002")
    assert any(b"quagmirelike" in p.read_bytes() for p in tmp_path.glob("one.db*"))
    assert (await purge_of(database, clock, tmp_path / "photos").once()).removed == 1
    assert not any(b"quagmirelike" in p.read_bytes() for p in tmp_path.glob("one.db*"))
    database.close()


async def test_searching_finds_no_purged_word_and_still_the_young_ones(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge
) -> None:
    from bot.store.search import question
    from bot.store.talks import TalkLog, Wanted

    await rooms.talk("an old aubergine")
    clock.advance(days=91)
    await rooms.talk("a young aubergine", address="+31600000002")
    log = TalkLog(database)
    assert len(await log.page(Wanted(words=question("aubergine")))) == 2
    await purge.once()
    assert len(await log.page(Wanted(words=question("aubergine")))) == 1
    assert await log.page(Wanted(words=question("old"))) == []


# What stays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("younger", "goes"), [(timedelta(0), False), (timedelta(seconds=1), True)])
async def test_the_limit_is_exact_and_counts_from_the_last_message(
    rooms: Rooms,
    database: Database,
    clock: FakeClock,
    purge: Purge,
    younger: timedelta,
    goes: bool,
) -> None:
    await rooms.talk("first")
    clock.advance(days=50)
    await rooms.talk("second")
    clock.now += timedelta(days=90) + younger
    assert (await purge.once()).removed == int(goes)
    assert bool(left(database, "second")) is not goes


async def test_an_agents_word_makes_a_conversation_younger_and_the_citys_news_does_not(
    rooms: Rooms, journal: Journal, database: Database, clock: FakeClock, purge: Purge
) -> None:
    answered = await rooms.hear("canary one", address="+31600000001")
    told = await rooms.handled("canary two", address="+31600000002")
    clock.advance(days=60)
    await journal.say(answered.conversation, out("your passport is ready"))
    await journal.say(told.conversation, out("works in your street"), notice_key="notice-1")
    await rooms.send()
    clock.advance(days=31)
    assert (await purge.once()).conversations == 1
    assert left(database, "canary two") == set()
    assert left(database, "canary one", "passport") != set()
    assert left(database, "works in your street") != set(), "young news stay until they are old"
    clock.advance(days=60)
    assert (await purge.once()).removed == 2
    assert ids(database) == []


async def test_what_is_still_to_be_answered_or_sent_is_not_lost(
    rooms: Rooms, journal: Journal, database: Database, clock: FakeClock, purge: Purge
) -> None:
    await rooms.hear("unanswered", address="+31600000001")
    unsent = await rooms.hear("hello", address="+31600000002")
    clock.advance(days=91)
    assert await purge.once() == Purged()
    await rooms.answer()  # the first one is answered now, and makes its conversation young
    await journal.say(unsent.conversation, out("news"), notice_key="n")
    clock.advance(days=91)
    assert await purge.once() == Purged(), "its replies are not sent yet"
    await rooms.send()
    assert (await purge.once()).removed == 2


async def test_a_conversation_that_a_worker_holds_is_left_alone(
    rooms: Rooms, journal: Journal, database: Database, clock: FakeClock, purge: Purge
) -> None:
    await rooms.talk("hello")
    clock.advance(days=91)
    lease = clock() + timedelta(seconds=30)
    held = schema.conversations.update().values(lease_by="w", lease_until=lease)
    database.write_now(lambda c: c.execute(held))
    assert await purge.once() == Purged()
    clock.advance(seconds=31)
    assert (await purge.once()).removed == 1


@pytest.mark.usefixtures("rasa_table")
async def test_what_staff_marked_to_keep_stays_whole_with_its_report(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge
) -> None:
    talk = await a_talk(rooms, database, clock, "+31600000001")
    finish(database, clock, 0)
    mark(database, talk, keep=True)
    before = scan(database)
    clock.advance(days=2000)
    assert await purge.once() == Purged()
    after = scan(database)
    del after["marks"], before["marks"]
    assert after == before
    mark(database, talk, keep=False)
    assert (await purge.once()).removed == 1
    assert left(database) == set()


async def test_who_follows_an_area_goes_on_following(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge
) -> None:
    accepted = await rooms.handled("canary")
    follow = schema.area_subscriptions.insert().values(
        conversation_id=accepted.conversation, area_code="BU1", created_at=clock()
    )
    database.write_now(lambda c: c.execute(follow))
    clock.advance(days=91)
    assert await purge.once() == Purged(conversations=1)
    assert ids(database) == [accepted.conversation]
    assert left(database, "canary") == set()
    rooms.ask(Scripted(Answer((Reply("welcome back"),), language="en")))
    assert await rooms.talk("hello again") == ["welcome back"]


async def test_open_reports_keep_their_people_however_old(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge
) -> None:
    TicketRegister(database, clock).open(
        NewTicket("k1", None, "pothole", "streets", "en", "Oosterstraat 12", True, contact="a@b.c")
    )
    clock.advance(days=4000)
    assert (await purge.once()).reports == 0
    assert rows(database, schema.tickets)[0].contact == "a@b.c"
    finish(database, clock, 0)
    clock.advance(days=366)
    assert (await purge.once()).reports == 1
    assert rows(database, schema.tickets)[0].contact is None


async def test_the_audit_log_and_opt_outs_stay(
    rooms: Rooms, journal: Journal, database: Database, clock: FakeClock, purge: Purge
) -> None:
    from bot.store.audit import AuditLog

    accepted = await rooms.handled("hello")
    await journal.set_opt_out("sms", "+31600000001", True)  # type: ignore[arg-type]
    await AuditLog(database, clock).add("log_read", conversation=accepted.conversation)
    clock.advance(days=400)
    assert (await purge.once()).removed == 1
    assert count(database, schema.audit) == 1
    assert count(database, schema.opt_outs) == 1


@pytest.mark.parametrize("limits", [Limits.of_days(0, 0)])
async def test_zero_keeps_for_ever(
    rooms: Rooms, database: Database, clock: FakeClock, tmp_path: Path, limits: Limits
) -> None:
    await rooms.talk("hello")
    clock.advance(days=4000)
    work = purge_of(database, clock, tmp_path, limits)
    assert await work.once() == Purged()
    assert await work.due() == Purged()


# Photos --------------------------------------------------------------------------------------------


async def with_photo(
    rooms: Rooms, database: Database, clock: FakeClock, store: FolderStore, ticket: bool
) -> str:
    """A conversation with a stored photo, of a ticket or of none; the photo's id."""
    accepted = await rooms.handled("hello")
    number = None
    if ticket:
        TicketRegister(database, clock).open(
            NewTicket("k1", accepted.conversation, "pothole", "streets", "en", "Here 1", True)
        )
        number = rows(database, schema.tickets)[0].id
    photo = "ab" * 16
    new = schema.photos.insert().values(
        id=photo,
        conversation_id=accepted.conversation,
        ticket_id=number,
        channel="sms",
        state="stored",
        created_at=clock(),
        share="s",
    )
    database.write_now(lambda c: c.execute(new))
    for small in (True, False):
        await store.put(photo_name(photo, small), b"canary")
    return photo


async def test_photos_go_from_the_store_with_their_conversation(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge, tmp_path: Path
) -> None:
    await with_photo(rooms, database, clock, FolderStore(tmp_path / "photos"), ticket=False)
    clock.advance(days=91)
    assert await purge.once() == Purged(conversations=1, removed=1, photos=1)
    assert [p for p in (tmp_path / "photos").rglob("*") if p.is_file()] == []
    assert count(database, schema.photos) == 0


async def test_photos_of_a_report_stay_as_long_as_its_people(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge, tmp_path: Path
) -> None:
    photo = await with_photo(
        rooms, database, clock, FolderStore(tmp_path / "photos"), ticket=True
    )  # fmt: skip
    clock.advance(days=91)
    assert await purge.once() == Purged(conversations=1)
    assert PhotoRegister(database, clock).get(photo) is not None
    finish(database, clock, 0)
    clock.advance(days=366)
    assert await purge.once() == Purged(conversations=1, removed=1, reports=1, photos=1)
    assert [p for p in (tmp_path / "photos").rglob("*") if p.is_file()] == []


async def test_a_store_that_gives_no_answer_leaves_the_files_to_the_photo_room(
    rooms: Rooms, database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    class Down(FolderStore):
        async def delete(self, name: str) -> None:
            raise StoreUnavailable("down")

    await with_photo(rooms, database, clock, FolderStore(tmp_path), ticket=False)
    clock.advance(days=91)
    purge = Purge(database, clock, Down(tmp_path), LIMITS, pause=at_once)
    assert await purge.once() == Purged(conversations=1, removed=1)
    assert [(r.state, r.share) for r in rows(database, schema.photos)] == [("erased", None)]
    assert (await purge_of(database, clock, tmp_path).once()).photos == 1


# Steps, crashes, two at once -----------------------------------------------------------------------


async def fill(rooms: Rooms, number: int) -> None:
    for n in range(number):
        await rooms.hear(f"canary {n}", address=f"+316{n:08d}")
    await rooms.answer()
    await rooms.send()


async def test_it_goes_in_small_steps_and_turns_are_answered_between_them(
    rooms: Rooms,
    database: Database,
    clock: FakeClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "ERASED_AT_ONCE", 2)
    monkeypatch.setattr(retention, "LOOKED_AT", 3)
    await fill(rooms, 9)
    clock.advance(days=91)
    left_after: list[int] = []

    async def meanwhile(_: float) -> None:
        left_after.append(count(database, schema.conversations))
        if len(left_after) == 2:
            await rooms.talk("young canary", address="+31699999999")

    purge = Purge(database, clock, FolderStore(tmp_path), LIMITS, pause=meanwhile)
    assert (await purge.once()).removed == 9
    assert left_after[0] == 9, "the step for tickets, of which there are none"
    assert all(b - a <= 2 for a, b in zip(left_after[3:], left_after[2:]))
    assert [e.address for e in database.read_now(_addresses)] == ["+31699999999"]


def _addresses(c: Any) -> Any:
    return c.execute(sa.select(schema.conversations.c.address)).all()


async def test_a_step_that_breaks_leaves_nothing_half_done_and_the_next_purge_goes_on(
    rooms: Rooms,
    database: Database,
    clock: FakeClock,
    purge: Purge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "ERASED_AT_ONCE", 2)
    await fill(rooms, 5)
    clock.advance(days=91)
    from bot.store import erasure

    honest, calls = erasure.remove, 0

    def breaks(c: Any, conversation: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise RuntimeError("power cut")
        honest(c, conversation)

    monkeypatch.setattr(erasure, "remove", breaks)
    with pytest.raises(RuntimeError):
        await purge.once()
    assert count(database, schema.conversations) == 3, "two went, the step that broke took none"
    assert count(database, schema.inbox) == 3
    assert (await Operations(database, clock).marks())["purge"] is None, "it is not done"
    assert (await purge.once()).removed == 3
    assert left(database, "canary") == set()
    assert (await Operations(database, clock).marks())["purge"] is not None


async def test_one_process_purges_at_a_time_and_a_dead_ones_lease_runs_out(
    rooms: Rooms, database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    await fill(rooms, 1)
    clock.advance(days=91)
    dead, alive = (purge_of(database, clock, tmp_path) for _ in range(2))
    assert await dead.retention.take_lease(dead.name)
    with pytest.raises(PurgeRuns):
        await alive.once()
    clock.advance(minutes=9)
    assert await dead.retention.take_lease(dead.name), "it is at it and takes it again"
    clock.advance(minutes=9)
    with pytest.raises(PurgeRuns):
        await alive.once()
    clock.advance(minutes=2)
    assert (await alive.once()).removed == 1


KILLED = """
import asyncio, os, signal, sys
from datetime import datetime, timedelta, timezone
from bot.keeping.purge import Limits, Purge
from bot.photos.store import FolderStore
from bot.store import erasure, retention
from bot.store.engine import Database

retention.ERASED_AT_ONCE = 2
honest, calls = erasure.remove, 0
def dies(c, conversation):
    global calls
    calls += 1
    honest(c, conversation)
    if calls == 4:
        os.kill(os.getpid(), signal.SIGKILL)
erasure.remove = dies
now = datetime.fromisoformat(sys.argv[2])
purge = Purge(Database(sys.argv[1]), lambda: now, FolderStore(sys.argv[3]), Limits.of_days(90, 365))
asyncio.run(purge.once())
"""


@pytest.mark.crash
async def test_a_killed_purge_is_gone_on_with(
    rooms: Rooms, database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    await fill(rooms, 6)
    clock.advance(days=91)
    url = database.engine.url.render_as_string(hide_password=False)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, url, clock().isoformat(), str(tmp_path)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("LIKEWISE_")},
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    assert count(database, schema.conversations) == 4
    assert count(database, schema.inbox) == 4
    purge = purge_of(database, clock, tmp_path)
    with pytest.raises(PurgeRuns):
        await purge.once()
    clock.advance(minutes=11)
    assert (await purge.once()).removed == 4
    assert left(database, "canary") == set()


# Telling, the time of day, the command -------------------------------------------------------------


@pytest.mark.usefixtures("rasa_table")
async def test_a_dry_run_tells_what_goes_and_changes_nothing(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge
) -> None:
    await a_talk(rooms, database, clock, "+31600000001")
    finish(database, clock, 0)
    rooms.ask(Echo())
    await rooms.talk("old", address="+31600000002")
    clock.advance(days=366)
    await rooms.talk("young", address="+31600000003")
    before = scan(database)
    assert await purge.due() == Purged(conversations=2, reports=1)
    assert scan(database) == before
    done = await purge.once()
    assert (done.conversations, done.reports) == (2, 1)


async def test_the_mark_says_when_and_what(
    rooms: Rooms, database: Database, clock: FakeClock, purge: Purge
) -> None:
    await rooms.talk("hello")
    clock.advance(days=91)
    await purge.once()
    found = (await Operations(database, clock).marks())["purge"]
    assert found is not None
    assert found[0] == clock()
    told = json.loads(found[1])
    assert told == {"conversations": 1, "removed": 1, "reports": 0, "photos": 0}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-01-10T02:29:59", "2026-01-09T02:30:00"),  # a second before half past three
        ("2026-01-10T02:30:00", "2026-01-10T02:30:00"),
        ("2026-07-10T01:30:00", "2026-07-10T01:30:00"),  # summer time
        ("2026-10-25T12:00:00", "2026-10-25T02:30:00"),  # the night the clocks go back
        ("2026-10-25T01:30:00", "2026-10-24T01:30:00"),
    ],
)
def test_the_moment_of_the_day_is_the_citys(now: str, due: str) -> None:
    assert last_due(time(3, 30), utc(now), AMSTERDAM) == utc(due)


@pytest.mark.parametrize("text", ["half past three", "25:00", "3", "03:60", "03.30"])
def test_a_time_of_day_that_is_none_names_the_setting(text: str) -> None:
    with pytest.raises(ValueError):
        time_of_day(text)
    with pytest.raises(SettingsError, match="LIKEWISE_PURGE_AT"):
        load(purge_at=text)


async def test_it_runs_once_a_day_and_makes_up_for_a_missed_night(
    database: Database, clock: FakeClock, purge: Purge
) -> None:
    at, started = time(3, 30), clock()  # ten in the morning where the city is
    assert await purge.run_when_due(at, AMSTERDAM, started) is None, (
        "not at once at the first start"
    )
    clock.advance(hours=17)
    assert await purge.run_when_due(at, AMSTERDAM, started) is None
    clock.advance(hours=1)
    assert await purge.run_when_due(at, AMSTERDAM, started) == Purged()
    assert await purge.run_when_due(at, AMSTERDAM, started) is None
    clock.advance(days=3, hours=7)  # three nights without a server; started at eleven
    assert await purge.run_when_due(at, AMSTERDAM, clock()) == Purged()
    assert await purge.run_when_due(at, AMSTERDAM, clock()) is None


async def test_of_two_servers_only_one_does_the_night(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    one, two = (purge_of(database, clock, tmp_path) for _ in range(2))
    started = clock()
    clock.advance(hours=20)
    assert await one.run_when_due(time(3, 30), AMSTERDAM, started) == Purged()
    with pytest.raises(PurgeRuns):
        await two.once(since=last_due(time(3, 30), clock(), AMSTERDAM))
    assert await two.run_when_due(time(3, 30), AMSTERDAM, started) is None


def test_the_command_purges_and_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bot.__main__ import main

    monkeypatch.setenv("LIKEWISE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIKEWISE_RETENTION_DAYS", "30")
    assert main(["migrate"]) == 0
    path = tmp_path / "likewise.db"
    database = Database(f"sqlite:///{path}")
    old = datetime.now(timezone.utc) - timedelta(days=31)
    database.write_now(
        lambda c: c.execute(
            schema.conversations.insert().values(
                id="one", channel="sms", address="+31600000001", created_at=old
            )
        )
    )
    database.close()
    assert main(["purge", "--dry-run"]) == 0
    assert "would go  1 conversations; people of 0 reports" in capsys.readouterr().out
    assert main(["purge"]) == 0
    assert "purged    1 conversations (1 wholly)" in capsys.readouterr().out
    assert main(["purge"]) == 0
    assert "purged    0 conversations" in capsys.readouterr().out


async def test_the_loop_of_a_server_purges_each_night_and_outlives_errors(
    rooms: Rooms, database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    nights: list[datetime] = []
    broken = True

    class Stop(Exception):
        pass

    async def an_hour(seconds: float) -> None:
        """The pause of the loop is an hour here; those between steps are none."""
        nonlocal broken
        if seconds < 1:
            return
        done = (await Operations(database, clock).marks())["purge"]
        if done is not None and done[0] not in nights:
            nights.append(done[0])
        if len(nights) == 3:
            raise Stop
        clock.advance(hours=1)
        work.retention.database = database
        if broken and clock.now.day == 3:
            work.retention.database = None  # type: ignore[assignment]
            broken = False

    work = Purge(database, clock, FolderStore(tmp_path), LIMITS, pause=an_hour)
    with pytest.raises(Stop):
        await work.run(time(3, 30), AMSTERDAM)
    assert not broken
    assert [night.date().isoformat() for night in nights] == [
        "2026-03-03",
        "2026-03-04",
        "2026-03-05",
    ]


async def test_a_purge_that_slept_longer_than_its_lease_stops(
    rooms: Rooms, database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    await fill(rooms, 1)
    clock.advance(days=91)
    other = purge_of(database, clock, tmp_path)

    async def sleeps(_: float) -> None:
        clock.advance(minutes=11)
        await other.retention.take_lease(other.name)

    slow = Purge(database, clock, FolderStore(tmp_path), LIMITS, pause=sleeps)
    with pytest.raises(PurgeRuns):
        await slow.once()
    assert count(database, schema.conversations) == 1


async def test_staff_read_that_nothing_is_kept_of_an_emptied_conversation(
    database: Database, clock: FakeClock, purge: Purge
) -> None:
    from tests.console.desk import Counter, office_of
    from tests.console.talks import talk

    counter = Counter(office_of(database, clock))
    conversation = await talk(counter.office, "+31600000001", ("canary", "fine"))
    database.write_now(lambda c: c.execute(schema.outbox.update().values(state="sent")))
    follow = schema.area_subscriptions.insert().values(
        conversation_id=conversation, area_code="BU1", created_at=clock()
    )
    database.write_now(lambda c: c.execute(follow))
    clock.advance(days=91)
    assert await purge.once() == Purged(conversations=1)
    await counter.open()
    ann = await counter.signed_in("Ann", "reader")
    await ann.get(f"/log/{conversation}")
    assert ann.status == 200
    assert "nothing was said, or it is no longer kept" in ann.text
    assert "canary" not in ann.text
    await counter.close()
