"""Being asked whether it helped: once, at a natural end, and whatever the answer nothing is lost.

Time is the fake clock; the tests of the road run on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.bell import Bell
from bot.handover.desk import Agent, DeskWork
from bot.messages import Answer, Choice, PersonWish, Reply, Understanding
from bot.phrases import Phrasebook
from bot.rating import Ratings, read
from bot.settings import ROOT
from bot.store import schema
from bot.store.engine import Database
from bot.store.erasure import erase
from bot.store.handovers import Handovers
from bot.store.journal import Journal
from tests.conftest import FakeClock
from tests.road.rooms import SMS, WEB, Rooms, Scripted, count, phrasebook, rows

REST = timedelta(days=30)
HELPED = Answer(
    (Reply("The library opens at nine."),),
    language="en",
    understanding=Understanding("ask", 0.9, "library", actions=("action_answer",)),
)
FILED = Answer(
    (Reply("Your report is LW-2026-00001."),),
    language="en",
    understanding=Understanding("affirm", 1.0, actions=("report_form", "action_submit_report")),
)


def courtesy(intent: str, language: str = "en") -> Answer:
    return Answer(
        (phrasebook().reply(f"utter_{intent}", language),),
        language=language,
        understanding=Understanding(intent, 0.95, actions=("action_chat",)),
    )


THANKS, BYE = courtesy("thanks"), courtesy("goodbye")


@pytest.fixture
def rooms(journal: Journal, clock: FakeClock) -> Rooms:
    made = Rooms(journal)
    made.turns.ratings = Ratings(phrasebook(), clock, REST)
    return made


async def helped_and_thanked(rooms: Rooms, *more: Answer | Exception) -> Scripted:
    """The citizen got an answer, said thanks and was asked."""
    brain = Scripted(HELPED, THANKS, *more)
    rooms.ask(brain)
    await rooms.talk("when does the library open")
    heard = await rooms.talk("thanks")
    assert heard == ["You are welcome. Did I help you?"]
    return brain


# Asking --------------------------------------------------------------------------------------------


async def test_thanks_after_an_answer_are_answered_and_asked_in_one_message(
    rooms: Rooms, database: Database
) -> None:
    await helped_and_thanked(rooms)
    (row,) = rows(database, schema.ratings)
    assert (row.about, row.helped, row.inbox_id) == ("answer", None, None)


async def test_a_goodbye_asks_too_and_only_one_of_both_does(
    rooms: Rooms, database: Database
) -> None:
    rooms.ask(Scripted(HELPED, BYE, THANKS))
    await rooms.talk("when does the library open")
    (heard,) = await rooms.talk("bye")
    assert heard.startswith("Goodbye!")
    assert heard.endswith("did I help you?")
    assert await rooms.talk("thanks") == ["You are welcome. Is there anything else?"]
    assert count(database, schema.ratings) == 1


async def test_a_report_that_was_sent_is_followed_by_the_question(rooms: Rooms) -> None:
    rooms.ask(Scripted(FILED))
    heard = await rooms.talk("yes, send it")
    assert heard[-2:] == ["Your report is LW-2026-00001.", "One short question: did this go well?"]


async def test_nobody_is_asked_again_within_the_rest(
    rooms: Rooms, clock: FakeClock, database: Database
) -> None:
    await helped_and_thanked(rooms, FILED, FILED)
    clock.advance(days=29)
    await rooms.talk("another report")
    assert count(database, schema.ratings) == 1
    clock.advance(days=2)
    await rooms.talk("and another")
    assert [row.about for row in rows(database, schema.ratings)] == ["answer", "report"]


@pytest.mark.parametrize(
    "answers",
    [
        [THANKS],  # nothing was answered before
        [courtesy("greet"), THANKS],
        [Answer((Reply("Call 112"),), "en", flag="danger"), HELPED, THANKS],
        [HELPED, replace(THANKS, caution=True)],
        [
            Answer((Reply("Call 112"),), "en", understanding=Understanding("danger", 1.0)),
            HELPED,
            THANKS,
        ],
        [Answer((Reply("A colleague was asked."),), "en", wish=PersonWish("wait")), HELPED, THANKS],
        [Answer((Reply("A colleague looks."),), "en", flag="correction"), HELPED, THANKS],
    ],
)
async def test_it_is_not_asked_without_help_near_danger_or_while_a_person_is_wanted(
    rooms: Rooms, database: Database, answers: list[Answer]
) -> None:
    rooms.ask(Scripted(*answers))
    for _ in answers:
        await rooms.talk("words")
    assert count(database, schema.ratings) == 0


async def test_it_is_not_asked_where_another_question_stands_open(
    rooms: Rooms, database: Database
) -> None:
    next_one = Reply("Shall I go on with the next?", (Choice("", "Broken light", "/report"),))
    rooms.ask(Scripted(Answer((*FILED.replies, next_one), "en", understanding=FILED.understanding)))
    await rooms.talk("yes, send it")
    assert count(database, schema.ratings) == 0


async def test_it_is_not_asked_in_a_group_nor_when_switched_off(
    rooms: Rooms, database: Database, clock: FakeClock
) -> None:
    rooms.ask(Scripted(FILED, FILED))
    await rooms.talk("yes", in_group=True)
    rooms.turns.ratings = Ratings(phrasebook(), clock, timedelta(0))
    await rooms.talk("yes")
    assert count(database, schema.ratings) == 0


async def test_old_help_is_not_asked_about(
    rooms: Rooms, database: Database, clock: FakeClock
) -> None:
    rooms.ask(Scripted(HELPED, THANKS))
    await rooms.talk("when does the library open")
    clock.advance(days=2)
    await rooms.talk("thanks")
    assert count(database, schema.ratings) == 0


# Answering -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["1", "yes", "Yes, it did!", "YES thank you", "\U0001f44d"])
async def test_a_yes_in_any_shape_is_a_good_rating(
    rooms: Rooms, database: Database, words: str
) -> None:
    brain = await helped_and_thanked(rooms)
    assert await rooms.talk(words) == ["Thank you. That is good to know."]
    (row,) = rows(database, schema.ratings)
    assert row.helped is True
    assert row.rated_at
    assert row.inbox_id
    (talk,) = talks(database)
    assert (talk.rated_well, talk.rated_low) == (True, False)
    assert len(brain.turns) == 2, "the brain is not asked about a rating"


async def test_a_picked_button_is_a_rating_and_an_old_one_is_told_so(
    rooms: Rooms, database: Database
) -> None:
    await helped_and_thanked(rooms)
    (conversation,) = rows(database, schema.conversations)
    no = conversation.open_reply["choices"][1]["id"]
    heard = await rooms.talk(choice=no)
    assert heard[0].startswith("I am sorry.")
    await rooms.talk(choice=no)
    assert [row.helped for row in rows(database, schema.ratings)] == [False]
    (talk,) = talks(database)
    assert (talk.rated_well, talk.rated_low) == (False, True)


@pytest.mark.parametrize("yes", ["yes, please answer", "yes", "1"])
async def test_after_a_no_one_sentence_is_kept_and_can_still_be_answered(
    rooms: Rooms, database: Database, yes: str
) -> None:
    brain = await helped_and_thanked(rooms, HELPED)
    await rooms.talk("no")
    heard = await rooms.talk("I still do not know if it opens on Sunday")
    assert heard[0].startswith("Thank you. We will read this")
    (row,) = rows(database, schema.ratings)
    kept = {r.id: r.body for r in rows(database, schema.inbox)}
    assert kept[row.comment_inbox_id]["text"] == "I still do not know if it opens on Sunday"
    assert await rooms.talk(yes) == ["The library opens at nine."]
    assert brain.turns[-1].text == "I still do not know if it opens on Sunday"
    assert brain.turns[-1].payload == ""


@pytest.mark.parametrize(
    "words", ["when does the pool open?", "my bin was not emptied at Oosterstraat 5", "thanks"]
)
async def test_what_is_no_rating_is_an_ordinary_message(
    rooms: Rooms, database: Database, words: str
) -> None:
    brain = await helped_and_thanked(rooms, HELPED)
    assert await rooms.talk(words) == ["The library opens at nine."]
    assert brain.turns[-1].text == words
    assert [row.helped for row in rows(database, schema.ratings)] == [None]


@pytest.mark.parametrize("words", ["when does the pool open?", "thanks", "hello"])
async def test_after_a_no_a_question_or_a_courtesy_is_no_comment(
    rooms: Rooms, database: Database, words: str
) -> None:
    brain = await helped_and_thanked(rooms, HELPED)
    await rooms.talk("no")
    assert await rooms.talk(words) == ["The library opens at nine."]
    assert brain.turns[-1].text == words
    assert [row.comment_inbox_id for row in rows(database, schema.ratings)] == [None]


async def test_words_long_after_a_no_are_no_comment(
    rooms: Rooms, database: Database, clock: FakeClock
) -> None:
    brain = await helped_and_thanked(rooms, HELPED)
    await rooms.talk("no")
    clock.advance(minutes=31)
    await rooms.talk("my street light is broken")
    assert brain.turns[-1].text == "my street light is broken"
    assert [row.comment_inbox_id for row in rows(database, schema.ratings)] == [None]


@pytest.mark.parametrize("words", ["skip", "1", "never mind", "no thanks"])
async def test_a_comment_can_be_skipped(rooms: Rooms, database: Database, words: str) -> None:
    await helped_and_thanked(rooms)
    await rooms.talk("no")
    assert await rooms.talk(words) == ["All right. You can always write to me."]
    (row,) = rows(database, schema.ratings)
    assert (row.helped, row.comment_inbox_id) == (False, None)


async def test_a_comment_needs_no_answer(rooms: Rooms, database: Database) -> None:
    brain = await helped_and_thanked(rooms)
    await rooms.talk("no")
    await rooms.talk("it was too slow")
    assert await rooms.talk("no") == ["All right. You can always write to me."]
    assert len(brain.turns) == 2


async def test_who_would_rather_not_say_rates_nothing(rooms: Rooms, database: Database) -> None:
    await helped_and_thanked(rooms)
    assert await rooms.talk("no thank you") == ["All right. You can always write to me."]
    assert [row.helped for row in rows(database, schema.ratings)] == [None]


async def test_a_payload_typed_by_a_citizen_rates_nothing(rooms: Rooms, database: Database) -> None:
    brain = await helped_and_thanked(rooms, HELPED)
    await rooms.talk('/rate{"helped": true}')
    assert brain.turns[-1].text == '/rate{"helped": true}'
    assert [row.helped for row in rows(database, schema.ratings)] == [None]


async def test_danger_and_forget_me_work_while_the_question_stands_open(
    rooms: Rooms, database: Database
) -> None:
    gone = Answer((Reply("Deleted."),), "en", forget=True)
    brain = await helped_and_thanked(rooms, Answer((Reply("Call 112"),), "en", flag="danger"), gone)
    await rooms.talk("no")
    await rooms.talk("I smell gas")
    assert brain.turns[-1].text == "I smell gas"
    await rooms.talk("forget me")
    assert count(database, schema.ratings) == 0


async def test_a_turn_taken_twice_asks_once(
    rooms: Rooms, journal: Journal, database: Database, clock: FakeClock
) -> None:
    rooms.ask(Scripted(FILED))
    await rooms.hear("yes, send it")
    lost = await journal.claim_turn("first", timedelta(seconds=30))
    clock.advance(seconds=31)
    assert lost is not None
    await rooms.answer("second")
    assert count(database, schema.ratings) == 1


async def test_forgetting_takes_ratings_and_their_marks_along(
    rooms: Rooms, database: Database
) -> None:
    await helped_and_thanked(rooms)
    await rooms.talk("no")
    (conversation,) = rows(database, schema.conversations)
    database.write_now(lambda c: erase(c, conversation.id))
    assert count(database, schema.ratings) == 0
    (talk,) = talks(database)
    assert (talk.rated_well, talk.rated_low) == (False, False)


# After a person ------------------------------------------------------------------------------------

ANN = Agent("ann", "Ann")


async def closed_talk(rooms: Rooms, database: Database, clock: FakeClock) -> Any:
    """A talk with Ann that she closed."""
    work = DeskWork(
        Handovers(database, clock),
        {SMS: rooms.sms, WEB: rooms.web},
        phrasebook(),
        Bell(),
        Ratings(phrasebook(), clock, REST),
    )
    rooms.ask(Scripted(Answer((Reply("ok"),), "en", flag="person", wish=PersonWish("wait"))))
    await rooms.talk("a person please")
    (row,) = await work.handovers.queue()
    await work.claim(row["id"], ANN)
    await rooms.talk("hello")  # held for Ann
    rooms.sms.sent.clear()
    await work.close(row["id"], ANN, None)
    await rooms.send()
    return work


async def test_closing_a_talk_asks_about_the_person_and_hears_the_answer(
    rooms: Rooms, database: Database, clock: FakeClock
) -> None:
    await closed_talk(rooms, database, clock)
    texts = [text for _, text in rooms.sms.sent]
    assert texts[-1] == "One short question: did my colleague help you?"
    assert await rooms.talk("2") != []
    (row,) = rows(database, schema.ratings)
    assert (row.about, row.helped) == ("person", False)


async def test_closing_after_a_rating_asks_nothing_more(
    rooms: Rooms, database: Database, clock: FakeClock
) -> None:
    await helped_and_thanked(rooms)
    await rooms.talk("yes")
    await closed_talk(rooms, database, clock)
    assert "did my colleague" not in rooms.sms.sent[-1][1]
    assert count(database, schema.ratings) == 1


# Reading -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        ("ja hoor", "helped"),
        ("Ja, sehr gut", "helped"),
        ("ja, det gjorde det", "helped"),
        ("nee helaas", "not_helped"),
        ("niet echt", "not_helped"),
        ("leider nicht", "not_helped"),
        ("nej, slet ikke", "not_helped"),
        ("desværre ikke", "not_helped"),
        ("nej tak", "skip"),
        ("nee, dank u", "skip"),
        ("\U0001f44e", "not_helped"),
        ("\U0001f44d\U0001f3fd", "helped"),
        ("", None),
        ("yes?", None),
        ("no, my bin is still full", None),
        ("ja und wann öffnet das Rathaus", None),
        ("good morning", None),
    ],
)
def test_short_answers_in_four_languages(words: str, heard: str | None) -> None:
    assert read(words) == heard


@pytest.mark.parametrize("language", ["en", "nl", "de", "da"])
def test_every_choice_of_every_language_is_heard(language: str) -> None:
    book = Phrasebook.load(ROOT / "data" / "phrases", (language,))
    ratings = Ratings(book, FakeClock(), REST)
    for about in ("report", "person"):
        yes, no = ratings.question(about, language).choices
        heard = [ratings.picked(c.payload, language) for c in (yes, no)]
        assert [step.rating.helped for step in heard if step and step.rating] == [True, False]
    step = ratings.picked(no.payload, language)
    assert step is not None
    assert step.reply is not None
    skip, person = step.reply.choices
    assert person.payload == "/person"
    assert ratings.picked(person.payload, language) is None
    commented = ratings.said("it was slow", step.reply.choices, language)
    assert commented is not None
    assert commented.reply is not None
    again = ratings.picked(commented.reply.choices[0].payload, language)
    assert again is not None
    assert again.words == "it was slow"


def talks(database: Database) -> list[Any]:
    return database.read_now(lambda c: c.execute(sa.select(schema.talks)).all())
