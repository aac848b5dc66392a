"""The turn room with small fake brains: gate, choices, reflexes, failures, held-back parts."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from bot.messages import Address, Answer, Attachment, Choice, Place, Reply, Turn
from bot.reflexes import Reflexes, Rule
from bot.store import schema
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.turns import BY_HEART, MAX_ATTEMPTS, BrainUnavailable
from tests.conftest import FakeClock
from tests.road.rooms import (
    PHONE,
    SMS,
    WEB,
    Broken,
    Echo,
    Rooms,
    Scripted,
    count,
    phrasebook,
    rows,
)

BOOK = phrasebook()
DISCLOSURE = BOOK.text("utter_disclosure", "en")
QUESTION = Reply(
    "Which one?", (Choice("", "Red bin", "/pick{}"), Choice("", "Green bin", '/pick{"n": 2}'))
)


@pytest.fixture
def rooms(journal: Journal) -> Rooms:
    return Rooms(journal)


def phrase(key: str, language: str = "en") -> str:
    return BOOK.text(key, language)


# The plain road ------------------------------------------------------------------------------------


async def test_a_message_is_answered_and_sent_once(rooms: Rooms) -> None:
    accepted = await rooms.hear("hello")
    assert await rooms.answer() == 1
    assert await rooms.send() == 2
    assert rooms.sms.sent == [(PHONE, DISCLOSURE), (PHONE, "you said hello")]
    assert await rooms.answer() == await rooms.send() == 0
    assert [e.state for e in await rooms.entries(accepted)] == ["done", "sent", "sent"]


async def test_the_first_reply_says_that_a_machine_answers_and_only_the_first(rooms: Rooms) -> None:
    assert await rooms.talk("one") == [DISCLOSURE, "you said one"]
    assert await rooms.talk("two") == ["you said two"]
    assert [t.first for t in rooms.brain.turns] == [True, False]  # type: ignore[attr-defined]


async def test_the_brain_knows_the_conversation_and_never_the_number(rooms: Rooms) -> None:
    accepted = await rooms.hear("hello", in_group=True)
    await rooms.answer()
    (turn,) = rooms.brain.turns  # type: ignore[attr-defined]
    assert turn.conversation == accepted.conversation
    assert turn.message_id == f"inbox-{accepted.inbox_id}"
    assert turn.context == {"in_group": True}
    assert PHONE not in repr(turn)


async def test_a_turn_without_replies_sends_the_apology_and_a_flag(rooms: Rooms) -> None:
    rooms.ask(Scripted(Answer((), language="nl")))
    accepted = await rooms.hear("hallo")
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-1] == phrase("utter_apology", "nl")
    assert (await rooms.row(accepted))["flag_reason"] == "failed"


async def test_two_workers_share_the_conversations_and_answer_each_message_once(
    rooms: Rooms, database: Database
) -> None:
    busy: set[str] = set()

    class Careful(Echo):
        async def answer(self, turn: Turn) -> Answer:
            assert turn.conversation not in busy, "two turns of one conversation at once"
            busy.add(turn.conversation)
            await asyncio.sleep(0)
            busy.discard(turn.conversation)
            return await super().answer(turn)

    rooms.ask(Careful())
    talks = [await rooms.hear("0", address=f"+3160{n}") for n in range(4)]
    for n in range(1, 5):
        for line in range(4):
            await rooms.hear(str(n), address=f"+3160{line}")
    await asyncio.gather(*(rooms.answer(f"w{n}") for n in range(3)))
    await rooms.answer("w0")
    assert count(database, schema.turns) == 20
    for talk in talks:
        said = (await rooms.bot_texts(talk))[1:]
        assert said == [f"you said {n}" for n in range(5)]


async def test_a_failing_typing_signal_is_in_nobodys_way(rooms: Rooms) -> None:
    rooms.sms.typing_error = RuntimeError("no such method")
    assert await rooms.talk("hello") == [DISCLOSURE, "you said hello"]


async def test_a_turn_that_outlives_its_lease_is_kept_once_by_the_other_worker(
    rooms: Rooms, clock: FakeClock, database: Database
) -> None:
    class Slow(Echo):
        async def answer(self, turn: Turn) -> Answer:
            if not self.turns:
                self.turns.append(turn)
                clock.advance(seconds=61)
                assert await rooms.turns.step("b"), "another worker takes it over meanwhile"
            return await super().answer(turn)

    rooms.ask(Slow())
    accepted = await rooms.hear("hello")
    assert await rooms.answer("a") == 1
    assert await rooms.bot_texts(accepted) == [DISCLOSURE, "you said hello"]
    assert count(database, schema.turns) == 1
    assert (await rooms.row(accepted))["lease_by"] is None


# Failures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError("boom"), BrainUnavailable("starting")])
async def test_a_failing_brain_is_asked_again_later_and_later_then_the_bot_apologises(
    rooms: Rooms, clock: FakeClock, database: Database, error: Exception
) -> None:
    brain = Broken(error)
    rooms.ask(brain)
    accepted = await rooms.hear("hello")
    for attempt in range(1, MAX_ATTEMPTS):
        assert await rooms.answer() == 1
        assert brain.asked == attempt
        assert await rooms.bot_texts(accepted) == []
        wait = 2.0 ** (attempt - 1)
        clock.advance(seconds=wait - 0.5)
        assert await rooms.answer() == 0, "too early"
        clock.advance(seconds=0.5)
    assert await rooms.answer() == 1
    assert await rooms.bot_texts(accepted) == [DISCLOSURE, phrase("utter_apology")]
    assert (await rooms.row(accepted))["flag_reason"] == "failed"
    (turn,) = rows(database, schema.turns)
    assert turn.outcome == "failed"
    clock.advance(hours=1)
    assert await rooms.answer() == 0


async def test_a_brain_that_comes_back_answers_and_nothing_is_flagged(
    rooms: Rooms, clock: FakeClock
) -> None:
    rooms.ask(Scripted(BrainUnavailable(), Answer((Reply("here I am"),), language="en")))
    accepted = await rooms.hear("hello")
    await rooms.answer()
    clock.advance(seconds=1)
    await rooms.answer()
    assert await rooms.bot_texts(accepted) == [DISCLOSURE, "here I am"]
    row = await rooms.row(accepted)
    assert row["flagged_at"] is None


async def test_while_one_message_is_tried_again_the_next_one_waits_for_it(
    rooms: Rooms, clock: FakeClock
) -> None:
    rooms.ask(
        Scripted(RuntimeError(), *(Answer((Reply(t),), language="en") for t in ("one", "two")))
    )
    accepted = await rooms.hear("1")
    await rooms.hear("2")
    assert await rooms.answer() == 1
    clock.advance(seconds=1)
    assert await rooms.answer() == 2
    assert (await rooms.bot_texts(accepted))[1:] == ["one", "two"]


async def test_a_failing_commit_is_tried_again(
    rooms: Rooms, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = await rooms.hear("hello")
    with monkeypatch.context() as patch:
        patch.setattr(rooms.sms, "render", lambda *_: 1 / 0)
        await rooms.answer()
    clock.advance(seconds=1)
    await rooms.answer()
    assert await rooms.bot_texts(accepted) == [DISCLOSURE, "you said hello"]


# Choices -------------------------------------------------------------------------------------------


async def ask_question(rooms: Rooms) -> list[Choice]:
    """Let the bot ask; the choices as they were stored."""
    rooms.ask(Scripted(Answer((QUESTION,), language="en")))
    accepted = await rooms.hear("question please")
    await rooms.answer()
    kept = Reply.from_json((await rooms.row(accepted))["open_reply"])
    assert len({c.id for c in kept.choices}) == 2
    assert all(c.id for c in kept.choices)
    return list(kept.choices)


@pytest.mark.parametrize("typed", ["2", " 2. ", "green bin", "GREEN BIN!", "two"])
async def test_a_number_or_label_is_the_choice_that_was_offered(rooms: Rooms, typed: str) -> None:
    await ask_question(rooms)
    brain = Echo()
    rooms.ask(brain)
    await rooms.talk(typed)
    assert [t.payload for t in brain.turns] == ['/pick{"n": 2}']


async def test_a_choice_by_id_carries_its_payload_and_its_label(rooms: Rooms) -> None:
    _, green = await ask_question(rooms)
    brain = Echo()
    rooms.ask(brain)
    accepted = await rooms.hear(choice=green.id)
    await rooms.answer()
    assert [(t.text, t.payload) for t in brain.turns] == [("Green bin", '/pick{"n": 2}')]
    entries = await rooms.entries(accepted)
    assert [e.body["label"] for e in entries if e.body.get("choice")] == ["Green bin"]


@pytest.mark.parametrize("payload", ['/intent{"x":1}', "/forget_me", '/forget_me{"decided":"yes"}'])
async def test_what_a_citizen_types_is_never_a_payload(rooms: Rooms, payload: str) -> None:
    await ask_question(rooms)
    brain = Echo()
    rooms.ask(brain)
    await rooms.talk(payload)
    accepted = await rooms.hear(choice=payload)
    await rooms.answer()
    (turn,) = brain.turns  # the second one is an unknown choice and never gets there
    assert (turn.text, turn.payload) == (payload, "")
    assert phrase("utter_stale_choice") in await rooms.bot_texts(accepted)


async def test_a_stale_choice_repeats_the_open_question_and_its_choices_still_work(
    rooms: Rooms,
) -> None:
    old, _ = await ask_question(rooms)
    _, green = await ask_question(rooms)
    brain = Echo()
    rooms.ask(brain)
    accepted = await rooms.hear(choice=old.id)
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-2:] == [phrase("utter_stale_choice"), QUESTION.text]
    assert brain.turns == []
    await rooms.hear(choice=green.id)
    await rooms.answer()
    assert [t.payload for t in brain.turns] == [green.payload]


async def test_an_unknown_choice_in_a_new_conversation_gets_a_normal_reply(rooms: Rooms) -> None:
    accepted = await rooms.hear(choice="nonsense")
    await rooms.answer()
    assert await rooms.bot_texts(accepted) == [DISCLOSURE, phrase("utter_stale_choice")]


async def test_a_choice_tapped_twice_counts_once(rooms: Rooms) -> None:
    red, _ = await ask_question(rooms)
    brain = Echo()
    rooms.ask(brain)
    accepted = await rooms.hear(choice=red.id)
    await rooms.hear(choice=red.id)
    await rooms.answer()
    assert len(brain.turns) == 1
    assert phrase("utter_stale_choice") in await rooms.bot_texts(accepted)


async def test_commands_places_pictures_and_the_unreadable_each_get_their_answer(
    rooms: Rooms,
) -> None:
    brain = Echo()
    rooms.ask(brain)
    accepted = await rooms.hear(command="report")
    await rooms.hear(place=Place(53.2, 6.5))
    await rooms.hear(attachments=(Attachment("photo", "file-1"),))
    await rooms.hear(attachments=(Attachment("document", "file-2"),))
    await rooms.hear(unsupported="sticker")
    await rooms.answer()
    assert [(t.payload, t.place, len(t.photos)) for t in brain.turns] == [
        ("/report", None, 0),
        ("", Place(53.2, 6.5), 0),
        ("/inform", None, 1),
    ]
    texts = await rooms.bot_texts(accepted)
    assert phrase("utter_photo_kept") in texts
    assert texts[-1] == phrase("utter_unsupported")


# A person holds the conversation -------------------------------------------------------------------


async def test_a_held_conversation_gets_no_reply_from_the_bot(
    rooms: Rooms, database: Database
) -> None:
    accepted = await rooms.hear("hello")
    await rooms.answer()
    before = await rooms.bot_texts(accepted)
    await rooms.journal.set_owner(accepted.conversation, "Kim")
    brain = Echo()
    rooms.ask(brain)
    await rooms.hear("are you there?")
    await rooms.hear(choice="nonsense")
    await rooms.hear(unsupported="sticker")
    assert await rooms.answer() == 3
    assert await rooms.bot_texts(accepted) == before
    assert brain.turns == []
    assert [r.outcome for r in rows(database, schema.turns)][1:] == ["held"] * 3
    await rooms.journal.set_owner(accepted.conversation, "bot")
    await rooms.hear("and now?")
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-1] == "you said and now?"


@pytest.mark.parametrize("words", ["I smell gas in the hallway", "er is brand in de keuken"])
@pytest.mark.parametrize(
    ("flag", "caution", "heard"),
    [("danger", False, ["call"]), ("", False, []), ("", True, [phrase("utter_danger_possible")])],
)
async def test_danger_is_answered_while_a_person_holds_it_and_a_false_alarm_is_not(
    rooms: Rooms, words: str, flag: str, caution: bool, heard: list[str]
) -> None:
    accepted = await rooms.hear("hello")
    await rooms.answer()
    before = await rooms.bot_texts(accepted)
    await rooms.journal.set_owner(accepted.conversation, "Kim")
    said = Answer((Reply("call"),), language="en", flag=flag, caution=caution)
    brain = Scripted(said)
    rooms.ask(brain)
    await rooms.hear(words)
    await rooms.answer()
    assert [t.context for t in brain.turns] == [{"reflex": "danger"}]
    assert await rooms.bot_texts(accepted) == before + heard


@pytest.mark.parametrize("words", ["forget me", "vergeet mij", "VERGEET MIJ!"])
async def test_privacy_words_work_while_a_person_holds_it(rooms: Rooms, words: str) -> None:
    accepted = await rooms.hear("hello")
    await rooms.answer()
    await rooms.journal.set_owner(accepted.conversation, "Kim")
    brain = Echo()
    rooms.ask(brain)
    await rooms.hear(words)
    await rooms.answer()
    assert [t.payload for t in brain.turns] == ["/forget_me"]
    assert (await rooms.bot_texts(accepted))[-1] == f"you said {words}"


@pytest.mark.parametrize("brain_works", [True, False])
async def test_forget_me_can_be_confirmed_while_a_person_holds_it_and_without_a_brain(
    rooms: Rooms, database: Database, brain_works: bool
) -> None:
    asked = Answer((BOOK.reply("utter_forget_me", "en"),), language="en")
    done = Answer((BOOK.reply("utter_forgotten", "en"),), language="en", forget=True)
    accepted = await rooms.hear("my name is Bartholomew")
    await rooms.answer()
    await rooms.journal.set_owner(accepted.conversation, "Kim")
    rooms.ask(Scripted(asked, done) if brain_works else Broken(BrainUnavailable()))
    await rooms.hear("forget me")
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-1] == phrase("utter_forget_me")
    yes = Reply.from_json((await rooms.row(accepted))["open_reply"]).choices[0]
    await rooms.hear(choice=yes.id)
    await rooms.answer()
    assert await rooms.bot_texts(accepted) == [phrase("utter_forgotten")]
    assert [r.body for r in rows(database, schema.inbox)] == [{"erased": True}] * 3


# Reflexes without a brain --------------------------------------------------------------------------


async def test_danger_is_answered_and_flagged_when_the_brain_is_down(rooms: Rooms) -> None:
    rooms.ask(Broken(RuntimeError("no model")))
    accepted = await rooms.hear("there is a fire in my kitchen")
    assert await rooms.answer() == 1
    assert await rooms.bot_texts(accepted) == [DISCLOSURE, phrase("utter_danger")]
    assert (await rooms.row(accepted))["flag_reason"] == "danger"


async def test_possible_danger_gets_the_emergency_number_before_the_answer(rooms: Rooms) -> None:
    rooms.ask(Scripted(Answer((Reply("Where is it?"),), "en", caution=True)))
    accepted = await rooms.hear("the pole is humming and feels warm")
    assert await rooms.answer() == 1
    said = [DISCLOSURE, phrase("utter_danger_possible"), "Where is it?"]
    assert await rooms.bot_texts(accepted) == said
    assert (await rooms.row(accepted))["flag_reason"] == "possible_danger"


@pytest.mark.parametrize("reason", ["danger", "failed"])
async def test_possible_danger_takes_no_other_flag_down(
    rooms: Rooms, clock: FakeClock, reason: str
) -> None:
    rooms.ask(Scripted(Answer((Reply("one"),), "en", flag=reason)))
    accepted = await rooms.hear("first")
    await rooms.answer()
    before = await rooms.row(accepted)
    clock.advance(minutes=1)
    rooms.ask(Scripted(Answer((Reply("two"),), "en", caution=True)))
    await rooms.hear("second")
    await rooms.answer()
    after = await rooms.row(accepted)
    assert (after["flag_reason"], after["flagged_at"]) == (reason, before["flagged_at"])


async def test_a_flag_that_went_up_again_is_not_taken_down_unseen(
    rooms: Rooms, clock: FakeClock
) -> None:
    possible = Answer((Reply("Where?"),), "en", caution=True)
    rooms.ask(Scripted(possible, possible))
    accepted = await rooms.hear("the pole hums")
    await rooms.answer()
    seen = await rooms.row(accepted)
    clock.advance(minutes=1)
    await rooms.hear("and it is warm")
    await rooms.answer()
    talk = accepted.conversation
    assert not await rooms.journal.looked_at(talk, "possible_danger", seen["flagged_at"])
    now = await rooms.row(accepted)
    assert now["flag_reason"] == "possible_danger"
    assert not await rooms.journal.looked_at(talk, "danger", now["flagged_at"])
    assert await rooms.journal.looked_at(talk, "possible_danger", now["flagged_at"])
    assert not await rooms.journal.looked_at(talk, "possible_danger", now["flagged_at"])
    assert (await rooms.row(accepted))["flagged_at"] is None


async def test_saying_no_keeps_everything_when_the_brain_is_down(rooms: Rooms) -> None:
    rooms.ask(Broken(BrainUnavailable()))
    accepted = await rooms.hear("forget me")
    await rooms.answer()
    await rooms.hear("2")
    await rooms.answer()
    texts = await rooms.bot_texts(accepted)
    assert texts == [DISCLOSURE, phrase("utter_forget_me"), phrase("utter_not_forgotten")]


def test_every_choice_of_the_forget_question_is_known_by_heart_in_every_language() -> None:
    for language in BOOK.languages:
        reply = BOOK.reply("utter_forget_me", language)
        assert reply.choices
        for choice in reply.choices:
            assert choice.payload in BY_HEART, language
    for key in BY_HEART.values():
        assert phrase(key)


async def test_a_danger_word_inside_an_open_question_is_not_taken_for_a_choice(
    rooms: Rooms,
) -> None:
    fire = replace(QUESTION, choices=(Choice("", "There is a fire", "/pick{}"),))
    rooms.ask(Scripted(Answer((fire,), language="en")))
    await rooms.talk("question please")
    brain = Echo()
    rooms.ask(brain)
    await rooms.talk("there is a fire")
    assert [(t.payload, t.context) for t in brain.turns] == [("", {"reflex": "danger"})]


# Opting out ----------------------------------------------------------------------------------------


async def test_stop_opts_out_says_so_and_nothing_else_is_sent_until_start(
    rooms: Rooms, database: Database
) -> None:
    await rooms.talk("hello")
    assert await rooms.talk("STOP") == [phrase("utter_opted_out")]
    assert await rooms.talk("hello?") == []
    (last,) = [r for r in rows(database, schema.outbox) if r.code == "opted_out"]
    assert last.state == "refused"
    assert await rooms.talk("start") == [phrase("utter_opted_in")]
    assert await rooms.talk("hello!") == ["you said hello!"]


async def test_stop_works_twice_and_while_a_person_holds_the_conversation(rooms: Rooms) -> None:
    accepted = await rooms.handled("hello")
    await rooms.journal.set_owner(accepted.conversation, "Kim")
    assert await rooms.talk("stop") == [phrase("utter_opted_out")]
    assert await rooms.talk("afmelden") == [phrase("utter_opted_out")]


async def test_stop_on_a_channel_without_opt_out_is_a_word_like_others(rooms: Rooms) -> None:
    brain = Echo()
    rooms.ask(brain)
    await rooms.hear("stop", channel=WEB, address=Address("w"))
    await rooms.answer()
    assert [t.text for t in brain.turns] == ["stop"]


async def test_an_opt_out_concerns_one_address_of_one_channel(rooms: Rooms) -> None:
    await rooms.talk("stop")
    assert await rooms.talk("hello", address=Address("+31600000002")) == [
        DISCLOSURE,
        "you said hello",
    ]
    await rooms.journal.set_opt_out(SMS, PHONE, out=False)
    await rooms.journal.set_opt_out(SMS, PHONE, out=True)
    await rooms.journal.set_opt_out(SMS, PHONE, out=True)
    assert await rooms.talk("hello") == []


# Held-back parts -----------------------------------------------------------------------------------


class Long(Echo):
    """Every answer comes in three parts."""

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        return Answer((Reply(f"{turn.text} 1|{turn.text} 2|{turn.text} 3"),), language="en")


async def test_more_releases_the_held_parts_one_by_one_and_then_is_a_word(rooms: Rooms) -> None:
    word = Rule("more", re.compile("^more$"), re.compile("(?!)"))
    rooms.turns.reflexes = Reflexes([*rooms.turns.reflexes.rules, word])
    brain = Long()
    rooms.ask(brain)
    assert await rooms.talk("a") == [DISCLOSURE, "a 1"]
    assert await rooms.talk("more") == ["a 2"]
    assert await rooms.talk("MORE") == ["a 3"]
    assert len(brain.turns) == 1
    assert await rooms.talk("more") == ["more 1"]


async def test_held_parts_are_unseen_until_released_and_dropped_by_another_question(
    rooms: Rooms, database: Database
) -> None:
    rooms.ask(Long())
    accepted = await rooms.hear("a")
    await rooms.answer()
    assert await rooms.bot_texts(accepted) == [DISCLOSURE, "a 1"]
    await rooms.hear("b")
    await rooms.answer()
    await rooms.send()
    states = {r.payload["text"]: r.state for r in rows(database, schema.outbox)}
    assert (states["a 2"], states["a 3"]) == ("cancelled", "cancelled")
    assert (states["b 1"], states["b 2"]) == ("sent", "held")


async def test_a_released_part_gets_a_new_cursor_that_a_reader_has_not_passed(
    rooms: Rooms, journal: Journal
) -> None:
    rooms.ask(Long())
    accepted = await rooms.hear("a")
    await rooms.answer()
    seen = (await rooms.entries(accepted))[-1].cursor
    claim_by = "a"
    asked = await rooms.hear("more please")
    claim = await journal.claim_turn(claim_by, rooms.turns.lease)
    assert claim is not None
    assert claim.holds_more
    await journal.commit_turn(claim, Answer(()), [], "more", 1.0, held="release")
    news = [e.body["text"] for e in await journal.entries(asked.conversation, seen)]
    assert news == ["more please", "a 2"]
