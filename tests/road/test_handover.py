"""A person at the desk on the road: consent, the line, two agents, time-outs, crashes, forgetting.

Time is the fake clock; every test runs on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.bell import Bell
from bot.civic.opening import OpeningHours
from bot.handover.desk import Agent, DeskWork
from bot.handover.outlook import DeskOutlook
from bot.handover.rounds import Patience, Rounds
from bot.messages import Accepted, Answer, PersonWish, Reply, Turn
from bot.profile import Profile
from bot.settings import ROOT
from bot.store import schema
from bot.store.engine import Database
from bot.store.handovers import Collision, Handovers
from bot.store.journal import Journal
from bot.store.presence import Presence
from bot.turns import NO_PERSON
from tests.conftest import FakeClock
from tests.road.rooms import PHONE, SMS, WEB, Rooms, Scripted, claimed, count, phrasebook, rows

ANN, BEN = Agent("ann", "Ann"), Agent("ben", "Ben")
BOOK = phrasebook()
ZONE = ZoneInfo("Europe/Amsterdam")
PATIENCE = Patience(timedelta(minutes=10), timedelta(minutes=30), timedelta(minutes=20))
WAIT, QUESTION = PersonWish("wait"), PersonWish("question")


def wants(wish: PersonWish | None, flag: str = "", text: str = "ok") -> Answer:
    return Answer((Reply(text),), language="en", flag=flag, wish=wish)


@dataclass
class Desk:
    rooms: Rooms
    work: DeskWork
    presence: Presence
    rounds: Rounds
    outlook: DeskOutlook

    async def someone_waits(self, address: str = PHONE, wish: PersonWish = WAIT) -> Accepted:
        """A citizen who has agreed to talk to a person."""
        self.rooms.ask(Scripted(wants(wish, "person" if wish.kind == "wait" else "")))
        accepted = await self.rooms.hear("a person please", address=address)
        await self.rooms.answer()
        await self.rooms.send()
        self.rooms.sms.sent.clear()
        return accepted

    async def only(self) -> dict[str, Any]:
        (row,) = await self.work.handovers.queue()
        return row

    async def claimed_by_ann(self) -> tuple[Accepted, int]:
        accepted = await self.someone_waits()
        row = await self.work.claim((await self.only())["id"], ANN)
        await self.rooms.send()
        self.rooms.sms.sent.clear()
        return accepted, row["id"]

    async def heard(self) -> list[str]:
        """What reached the phone since the last look."""
        await self.rooms.send()
        texts = [text for _, text in self.rooms.sms.sent]
        self.rooms.sms.sent.clear()
        return texts


@pytest.fixture
def desk(journal: Journal, database: Database, clock: FakeClock) -> Desk:
    rooms = Rooms(journal)
    lines = {SMS: rooms.sms, WEB: rooms.web}
    bell = Bell()
    handovers, presence = Handovers(database, clock), Presence(database, clock)
    hours = Profile.load(ROOT / "data").opening(ZONE)
    return Desk(
        rooms,
        DeskWork(handovers, lines, BOOK, bell),
        presence,
        Rounds(handovers, presence, hours, PATIENCE, lines, BOOK, bell),
        DeskOutlook(presence, hours),
    )


def outlook_of(desk: Desk, accepted: Accepted | None = None) -> Any:
    return desk.outlook.outlook(accepted.conversation if accepted else "nobody")


# Asking --------------------------------------------------------------------------------------------


async def test_a_wish_opens_one_request_with_the_turn_that_carries_it(
    desk: Desk, database: Database
) -> None:
    accepted = await desk.someone_waits()
    row = await desk.only()
    assert (row["state"], row["reason"], row["language"]) == ("waiting", "asked", "en")
    assert (await desk.rooms.row(accepted))["flag_reason"] == "person"
    assert (await desk.rooms.row(accepted))["owner"] == "bot", "the bot goes on while they wait"
    assert [e["kind"] for e in await desk.work.handovers.history(row["id"])] == ["asked"]
    await desk.someone_waits()
    assert count(database, schema.handovers) == 1, "asking again keeps the place in the line"


async def failed(desk: Desk) -> Accepted:
    """A turn goes wrong, and the citizen is offered a person."""
    desk.rooms.ask(Scripted(wants(None, "failed", "sorry")))
    accepted = await desk.rooms.hear("hello")
    await desk.rooms.answer()
    return accepted


async def test_who_asks_after_a_failed_turn_asks_because_of_it(
    desk: Desk, clock: FakeClock
) -> None:
    await failed(desk)
    desk.rooms.ask(Scripted(wants(None, "", "Shall I ask a colleague?"), wants(WAIT, "person")))
    for words in ("a person please", "yes"):
        await desk.rooms.hear(words)
        await desk.rooms.answer()
    assert (await desk.only())["reason"] == "failed"
    (event,) = await desk.work.handovers.history((await desk.only())["id"])
    assert event["detail"] == "failed"


@pytest.mark.parametrize("why", ["long ago", "looked at", "its own reason"])
async def test_a_failure_is_not_the_reason_for_every_wish(
    desk: Desk, clock: FakeClock, database: Database, why: str
) -> None:
    accepted = await failed(desk)
    wish = WAIT
    if why == "long ago":
        clock.advance(minutes=31)
    elif why == "looked at":
        assert await desk.rooms.journal.looked_at(accepted.conversation, "failed")
    else:
        wish = PersonWish("wait", "misses")
    desk.rooms.ask(Scripted(wants(wish, "person")))
    await desk.rooms.hear("a person please")
    await desk.rooms.answer()
    assert (await desk.only())["reason"] == ("misses" if wish is not WAIT else "asked")


async def test_a_turn_that_is_lost_opens_no_request_and_its_replay_opens_one(
    desk: Desk, journal: Journal, database: Database, clock: FakeClock
) -> None:
    """A crash between the brain's answer and the commit: the lease runs out, another worker goes on."""
    await desk.rooms.hear("a person please")
    lost = await claimed(journal)
    clock.advance(seconds=61)
    desk.rooms.ask(Scripted(wants(WAIT, "person")))
    assert await desk.rooms.answer("b") == 1
    with pytest.raises(Exception, match=lost.conversation):
        await journal.commit_turn(lost, wants(WAIT, "person"), [], "answered", 1.0)
    assert count(database, schema.handovers) == 1


async def test_people_are_served_in_the_order_in_which_they_asked(
    desk: Desk, clock: FakeClock
) -> None:
    talks = []
    for n in range(3):
        talks.append(await desk.someone_waits(f"+3160{n}"))
        clock.advance(minutes=1)
    assert [outlook_of(desk, t).position for t in talks] == [1, 2, 3]
    assert outlook_of(desk).position == 4
    queue = await desk.work.handovers.queue()
    assert [r["conversation_id"] for r in queue] == [t.conversation for t in talks]
    await desk.work.claim(queue[0]["id"], ANN)
    assert [outlook_of(desk, t).position for t in talks[1:]] == [1, 2]


async def test_the_expected_wait_is_the_median_of_recent_ones_and_unknown_before(
    desk: Desk, clock: FakeClock
) -> None:
    for n, minutes in enumerate((2, 3, 30)):
        assert outlook_of(desk).wait_minutes is None
        await desk.someone_waits(f"+3160{n}")
        clock.advance(minutes=minutes)
        row = (await desk.work.handovers.queue())[0]
        await desk.work.claim(row["id"], ANN)
        await desk.work.close(row["id"], ANN, None)
    assert outlook_of(desk).wait_minutes == 3
    clock.advance(days=15)
    assert outlook_of(desk).wait_minutes is None


async def test_withdrawing_takes_them_out_of_the_line(desk: Desk) -> None:
    accepted = await desk.someone_waits()
    desk.rooms.ask(Scripted(wants(PersonWish("withdraw"))))
    await desk.rooms.talk("never mind")
    assert await desk.work.handovers.queue() == []
    assert (await desk.rooms.row(accepted))["flag_reason"] is None


async def test_presence_ends_by_itself_when_a_page_is_closed(desk: Desk, clock: FakeClock) -> None:
    assert not outlook_of(desk).reachable
    await desk.presence.seen("ann")
    await desk.presence.seen("ann")
    assert outlook_of(desk).reachable
    assert await desk.presence.online() == ["ann"]
    clock.advance(minutes=4)
    assert await desk.presence.still_here("ann")
    clock.advance(minutes=4)
    assert outlook_of(desk).reachable
    clock.advance(minutes=2)
    assert not outlook_of(desk).reachable
    assert not await desk.presence.still_here("ann"), "an old page brings nobody back"
    await desk.presence.seen("ann")
    await desk.presence.left("ann")
    assert await desk.presence.online() == []


# A question for later ------------------------------------------------------------------------------


async def test_the_next_words_are_kept_as_the_question_and_never_reach_the_brain(
    desk: Desk,
) -> None:
    accepted = await desk.someone_waits(wish=QUESTION)
    assert await desk.work.handovers.queue() == [], "nothing is asked yet"
    brain = Scripted()
    desk.rooms.ask(brain)
    said = await desk.rooms.talk("1. What does a /permit cost?")
    assert said == [BOOK.text("utter_question_kept", "en")]
    assert brain.turns == []
    row = await desk.only()
    assert (row["state"], row["question"]) == ("left", "1. What does a /permit cost?")
    kept = await desk.rooms.row(accepted)
    assert (kept["owner"], kept["flag_reason"]) == ("bot", "question")


@pytest.mark.parametrize("words", ["never mind", "laat maar", "cancel"])
async def test_never_mind_is_no_question(desk: Desk, words: str) -> None:
    accepted = await desk.someone_waits(wish=QUESTION)
    brain = Scripted(wants(PersonWish("withdraw")))
    desk.rooms.ask(brain)
    await desk.rooms.talk(words)
    assert [t.payload for t in brain.turns] == [NO_PERSON]
    assert (await desk.rooms.row(accepted))["owner"] == "bot"
    assert await desk.work.handovers.queue() == []


async def test_a_false_alarm_of_danger_does_not_swallow_the_question(desk: Desk) -> None:
    await desk.someone_waits(wish=QUESTION)
    desk.rooms.ask(Scripted(wants(None)))
    await desk.rooms.talk("there is a fire safety rule, which one?")
    assert (await desk.only())["question"] == "there is a fire safety rule, which one?"


async def test_possible_danger_gets_the_number_and_the_question_is_kept(desk: Desk) -> None:
    await desk.someone_waits(wish=QUESTION)
    desk.rooms.ask(Scripted(replace(wants(None), caution=True)))
    told = [phrasebook().text(p, "en") for p in ("utter_danger_possible", "utter_question_kept")]
    assert await desk.rooms.talk("there is a fire, or is that only a barbecue?") == told
    assert (await desk.only())["question"] == "there is a fire, or is that only a barbecue?"


async def test_danger_is_danger_even_where_a_question_was_asked_for(desk: Desk) -> None:
    accepted = await desk.someone_waits(wish=QUESTION)
    desk.rooms.ask(Scripted(wants(None, "danger", "call 112")))
    assert await desk.rooms.talk("my house is on fire") == ["call 112"]
    assert (await desk.rooms.row(accepted))["flag_reason"] == "danger"
    assert await desk.work.handovers.queue() == []


async def test_a_left_question_is_answered_once_on_the_own_channel(desk: Desk) -> None:
    await desk.someone_waits(wish=QUESTION)
    await desk.rooms.talk("When do you open?")
    desk.rooms.sms.sent.clear()
    row = await desk.only()
    await desk.work.answer_left(row["id"], ANN, Reply("At nine."), row["version"])
    with pytest.raises(Collision) as collision:
        await desk.work.answer_left(row["id"], BEN, Reply("At ten."), row["version"])
    assert (collision.value.kind, collision.value.by) == ("answered", "ann")
    assert await desk.heard() == ["At nine."]
    assert desk.rooms.sms.sent == []


async def test_a_second_question_joins_the_first(desk: Desk) -> None:
    for words in ("First?", "Second?"):
        await desk.someone_waits(wish=QUESTION)
        await desk.rooms.talk(words)
    assert (await desk.only())["question"] == "First?\n\nSecond?"


# Two agents ----------------------------------------------------------------------------------------


async def test_of_two_agents_one_gets_it_and_the_other_hears_who(desk: Desk) -> None:
    accepted = await desk.someone_waits()
    handover = (await desk.only())["id"]
    done = await asyncio.gather(
        desk.work.claim(handover, ANN), desk.work.claim(handover, BEN), return_exceptions=True
    )
    won = [r for r in done if isinstance(r, dict)]
    lost = [r for r in done if isinstance(r, Collision)]
    assert len(won) == len(lost) == 1
    assert (lost[0].kind, lost[0].by) == ("claimed", won[0]["claimed_by"])
    assert (await desk.rooms.row(accepted))["owner"] == won[0]["claimed_by"]
    shown = {"ann": "Ann", "ben": "Ben"}[won[0]["claimed_by"]]
    assert await desk.heard() == [BOOK.text("utter_handover_claimed", "en", agent=shown)]


async def test_only_the_holder_answers(desk: Desk) -> None:
    _, handover = await desk.claimed_by_ann()
    for act in (
        desk.work.say(handover, BEN, Reply("hi"), None),
        desk.work.close(handover, BEN, None),
        desk.work.give_back(handover, BEN, None),
        desk.work.pass_on(handover, BEN, BEN, None),
    ):
        with pytest.raises(Collision):
            await act
    assert await desk.heard() == []


async def test_a_stale_page_is_refused_with_what_happened(desk: Desk) -> None:
    _, handover = await desk.claimed_by_ann()
    seen = (await desk.only())["version"]
    await desk.work.say(handover, ANN, Reply("one"), seen)
    with pytest.raises(Collision) as collision:
        await desk.work.say(handover, ANN, Reply("one again, from another tab"), seen)
    assert (collision.value.kind, collision.value.by) == ("said", "ann")
    assert await desk.heard() == ["one"]


async def test_handing_to_a_colleague_changes_who_may_answer(desk: Desk) -> None:
    accepted, handover = await desk.claimed_by_ann()
    await desk.work.pass_on(handover, ANN, BEN, None)
    with pytest.raises(Collision) as collision:
        await desk.work.say(handover, ANN, Reply("still me"), None)
    assert (collision.value.kind, collision.value.by) == ("passed", "ann")
    await desk.work.say(handover, BEN, Reply("Ben here"), None)
    assert await desk.heard() == [BOOK.text("utter_handover_passed", "en", agent="Ben"), "Ben here"]
    assert (await desk.rooms.row(accepted))["owner"] == "ben"


async def test_the_bot_is_silent_while_a_person_talks_and_speaks_again_after(desk: Desk) -> None:
    accepted, handover = await desk.claimed_by_ann()
    assert await desk.rooms.talk("are you there?") == []
    row = await desk.only()
    assert row["unanswered_since"] is not None
    await desk.work.give_back(handover, ANN, row["version"])
    assert await desk.heard() == [BOOK.text("utter_handover_back", "en")]
    desk.rooms.ask(Scripted(wants(None, text="the bot")))
    assert await desk.rooms.talk("hello?") == ["the bot"]
    assert (await desk.rooms.row(accepted))["owner"] == "bot"
    assert await desk.work.handovers.queue() == []


async def test_an_answer_that_the_bot_is_making_comes_before_the_person_and_none_after(
    desk: Desk,
) -> None:
    accepted = await desk.someone_waits()
    handover = (await desk.only())["id"]
    claim: list[asyncio.Task[Any]] = []

    class Slow:
        async def answer(self, turn: Turn) -> Answer:
            claim.append(asyncio.create_task(desk.work.claim(handover, ANN)))
            for _ in range(20):
                await asyncio.sleep(0)
            return wants(None, text="last words of the bot")

    desk.rooms.ask(Slow())
    await desk.rooms.hear("one more thing")
    await desk.rooms.answer()
    await claim[0]
    assert await desk.heard() == [
        "last words of the bot",
        BOOK.text("utter_handover_claimed", "en", agent="Ann"),
    ]
    assert (await desk.rooms.row(accepted))["owner"] == "ann"


async def test_a_turn_whose_lease_ran_out_says_nothing_after_the_person(
    desk: Desk, journal: Journal, clock: FakeClock
) -> None:
    await desk.someone_waits()
    await desk.rooms.hear("slow one")
    slow = await claimed(journal)
    clock.advance(seconds=61)
    await desk.work.claim((await desk.only())["id"], ANN)
    with pytest.raises(Exception, match=slow.conversation):
        await journal.commit_turn(slow, wants(None), [], "answered", 1.0)


async def test_an_agent_enters_a_conversation_unasked_through_the_same_door(desk: Desk) -> None:
    accepted = await desk.rooms.hear("hello")
    await desk.rooms.answer()
    first = await desk.work.handovers.take(accepted.conversation, "ann")
    assert await desk.work.handovers.take(accepted.conversation, "ben") == first
    await desk.work.claim(first, ANN)
    with pytest.raises(Collision):
        await desk.work.claim(first, BEN)


# Time ----------------------------------------------------------------------------------------------


async def test_a_silent_agent_gives_the_conversation_back_once_and_staff_are_told(
    desk: Desk, clock: FakeClock
) -> None:
    accepted, handover = await desk.claimed_by_ann()
    await desk.work.say(handover, ANN, Reply("one moment"), None)
    clock.advance(minutes=25)  # the agent spoke last: nobody waits for them
    assert await desk.rounds.step() == 0
    await desk.rooms.hear("and?")
    await desk.rooms.answer()
    clock.advance(minutes=9)
    assert await desk.rounds.step() == 0
    clock.advance(minutes=2)
    assert await desk.rounds.step() == 1
    assert await desk.rounds.step() == 0
    assert await desk.heard() == ["one moment", BOOK.text("utter_handover_agent_silent", "en")]
    row = await desk.rooms.row(accepted)
    assert (row["owner"], row["flag_reason"]) == ("bot", "unanswered")
    with pytest.raises(Collision) as collision:
        await desk.work.say(handover, ANN, Reply("here I am"), None)
    assert collision.value.kind == "timed_out"


async def test_a_silent_citizen_ends_the_talk_and_one_who_just_wrote_does_not(
    desk: Desk, clock: FakeClock, database: Database
) -> None:
    accepted, handover = await desk.claimed_by_ann()
    await desk.work.say(handover, ANN, Reply("anything else?"), None)
    clock.advance(minutes=31)
    overdue = await desk.presence.overdue(clock(), clock() - timedelta(minutes=30), clock())
    assert [r["due"] for r in overdue] == ["citizen"]
    await desk.rooms.hear("yes, wait")
    await desk.rooms.answer()
    assert not await desk.rounds._end(overdue[0]), "they wrote after the round had begun"
    assert (await desk.only())["state"] == "claimed"
    await desk.work.say(handover, ANN, Reply("go on"), None)
    clock.advance(minutes=31)
    assert await desk.rounds.step() == 1
    assert (await desk.heard())[-1] == BOOK.text("utter_handover_citizen_silent", "en")
    assert (await desk.rooms.row(accepted))["owner"] == "bot"
    assert rows(database, schema.handovers)[0].state == "closed"


async def test_whom_nobody_claims_becomes_a_left_question(desk: Desk, clock: FakeClock) -> None:
    await desk.someone_waits()
    clock.advance(minutes=19)
    assert await desk.rounds.step() == 0
    clock.advance(minutes=2)
    assert await desk.rounds.step() == 1
    assert await desk.rounds.step() == 0
    assert await desk.heard() == [BOOK.text("utter_handover_late", "en")]
    assert (await desk.only())["state"] == "left"
    await desk.work.claim((await desk.only())["id"], ANN)  # still there to be taken


async def test_when_the_desk_closes_those_who_wait_are_told_at_once(
    desk: Desk, clock: FakeClock
) -> None:
    clock.advance(hours=6, minutes=59)  # 15:59 UTC, a minute before the desk closes at 17:00
    await desk.someone_waits()
    assert await desk.rounds.step() == 0
    clock.advance(minutes=2)
    assert await desk.rounds.step() == 1
    assert await desk.heard() == [BOOK.text("utter_handover_late", "en")]


async def test_two_rounds_at_once_say_it_once(desk: Desk, clock: FakeClock) -> None:
    await desk.someone_waits()
    clock.advance(minutes=21)
    assert sum(await asyncio.gather(desk.rounds.step(), desk.rounds.step())) == 1
    assert await desk.heard() == [BOOK.text("utter_handover_late", "en")]


# Forgetting ----------------------------------------------------------------------------------------


async def test_forgetting_takes_the_request_with_it_even_while_a_person_talks(
    desk: Desk, database: Database
) -> None:
    accepted, handover = await desk.claimed_by_ann()
    desk.rooms.ask(Scripted(Answer((Reply("gone"),), language="en", forget=True)))
    assert await desk.rooms.talk("forget me") == ["gone"]
    desk.rooms.sms.sent.clear()
    assert count(database, schema.handovers) == count(database, schema.handover_events) == 0
    assert (await desk.rooms.row(accepted))["owner"] == "bot"
    with pytest.raises(Collision) as collision:
        await desk.work.say(handover, ANN, Reply("hello?"), None)
    assert collision.value.kind == "gone"
    assert await desk.heard() == []


async def test_typing_rings_for_the_holder_only(desk: Desk) -> None:
    _, handover = await desk.claimed_by_ann()
    shown: list[str] = []

    async def typing(to: str) -> None:
        shown.append(to)

    desk.rooms.sms.typing = typing  # type: ignore[method-assign]
    await desk.work.typing(handover, BEN)
    assert shown == []
    await desk.work.typing(handover, ANN)
    assert shown == [PHONE]
    desk.rooms.sms.typing_error = RuntimeError("no such method")
    del desk.rooms.sms.typing  # type: ignore[method-assign]
    await desk.work.typing(handover, ANN)  # in nobody's way


def test_opening_hours_are_never_open_when_nothing_is_known() -> None:
    hours = OpeningHours({}, ZONE)
    clock = FakeClock()
    assert not hours.is_open(clock())
    assert hours.next_opening(clock()) is None
