"""Forgetting: no word of a forgotten conversation is left in any table, Rasa's own included."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bot.civic.tickets import NewTicket
from bot.messages import Answer, Choice, ConversationId, Labelled, Place, Reply, Understanding
from bot.store import schema
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.registers import TicketRegister
from tests.conftest import FakeClock
from tests.road.rooms import Rooms, Scripted, count, rows

WORDS = ("Bartholomew", "aubergine", "bart@example.org", "+31611112222", "53.218", "Cornelia")


def scan(database: Database) -> dict[str, str]:
    """Everything readable in every table of the database, Rasa's own tables included."""

    def work(c: Any) -> dict[str, str]:
        tables = sa.inspect(c).get_table_names()
        return {
            table: "\n".join(
                str(value)
                for row in c.execute(sa.text(f'SELECT * FROM "{table}"'))
                for value in row
                if value is not None
            )
            for table in tables
        }

    return database.read_now(work)


@pytest.fixture
def rasa_table(database: Database) -> None:
    """Rasa's tracker table with words in it, as its SQL tracker store makes it."""
    text = (
        "CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id VARCHAR(255) NOT NULL, "
        "type_name VARCHAR(255) NOT NULL, timestamp FLOAT, intent_name VARCHAR(255), "
        "action_name VARCHAR(255), data TEXT)"
    )
    database.write_now(lambda c: c.execute(sa.text(text)))


def remember(database: Database, number: int, conversation: str, words: str) -> None:
    insert = sa.text("INSERT INTO events (id, sender_id, type_name, data) VALUES (:n, :s, 'u', :d)")
    database.write_now(
        lambda c: c.execute(insert, {"n": number, "s": conversation, "d": f'{{"text": "{words}"}}'})
    )


async def a_talk(
    rooms: Rooms, database: Database, clock: FakeClock, address: str
) -> ConversationId:
    """A conversation full of words, with a ticket; returns its id."""
    understood = Understanding(
        "report", 0.9, entities=({"entity": "name", "value": "Bartholomew", "start": 0, "end": 9},)
    )
    answer = Answer(
        (
            Reply("Dear Bartholomew, an aubergine?|Or Cornelia?"),
            Reply("Pick", (Choice("", "aubergine", '/pick{"x": "Cornelia"}'),)),
        ),
        language="en",
        understanding=understood,
        flag="person",
        labelled=Labelled("Cornelia has an aubergine", "en", "none"),
    )
    rooms.ask(Scripted(*[answer] * 3))
    accepted = await rooms.hear("I am Bartholomew, bart@example.org", address=address)
    await rooms.hear(place=Place(53.218, 6.567, "Cornelia"), address=address)
    await rooms.hear("aubergine", address=address)
    await rooms.answer()
    await rooms.send()
    remember(database, accepted.inbox_id, accepted.conversation, "Bartholomew says aubergine")
    TicketRegister(database, clock).open(
        NewTicket(
            request_key=f"inbox-{accepted.inbox_id}",
            conversation=accepted.conversation,
            service="pothole",
            desk="streets",
            language="en",
            place="Oosterstraat 12",
            place_known=True,
            details="a deep hole",
            contact="+31611112222",
        )
    )
    return accepted.conversation


async def forget(rooms: Rooms, address: str) -> None:
    rooms.ask(Scripted(Answer((Reply("Done."),), language="en", forget=True)))
    await rooms.hear("yes, forget Bartholomew and the aubergine", address=address)
    await rooms.answer()
    await rooms.send()


@pytest.mark.usefixtures("rasa_table")
async def test_no_word_of_a_forgotten_conversation_is_left_in_any_table(
    journal: Journal, database: Database, clock: FakeClock
) -> None:
    rooms = Rooms(journal)
    await a_talk(rooms, database, clock, "+31600000001")
    full = scan(database)
    found = {word for word in WORDS for text in full.values() if word in text}
    assert found == set(WORDS), "the scan finds what is there"
    assert "Bartholomew" in full["events"]

    await forget(rooms, "+31600000001")

    left = {
        (table, word) for table, text in scan(database).items() for word in WORDS if word in text
    }
    assert left == set()


@pytest.mark.usefixtures("rasa_table")
async def test_other_conversations_and_the_ticket_without_its_reporter_stay(
    journal: Journal, database: Database, clock: FakeClock
) -> None:
    rooms = Rooms(journal)
    gone = await a_talk(rooms, database, clock, "+31600000001")
    stays = await a_talk(rooms, database, clock, "+31600000002")
    before = await journal.entries(stays)
    await forget(rooms, "+31600000001")
    assert await journal.entries(stays) == before
    first, second = rows(database, schema.tickets)
    assert (first.conversation_id, first.contact, first.details) == (None, None, "a deep hole")
    assert (second.conversation_id, second.contact) == (stays, "+31611112222")
    assert gone not in scan(database)["events"]
    assert stays in scan(database)["events"]


@pytest.mark.usefixtures("rasa_table")
async def test_after_forgetting_the_citizen_sees_only_the_word_that_it_was_done(
    journal: Journal, database: Database, clock: FakeClock
) -> None:
    rooms = Rooms(journal)
    gone = await a_talk(rooms, database, clock, "+31600000001")
    seen = (await journal.entries(gone))[-1].cursor
    await forget(rooms, "+31600000001")
    lines = await journal.entries(gone)
    assert [e.body["text"] for e in lines] == ["Done."]
    assert lines[0].cursor > seen, "a reader who followed along still gets it"
    assert lines[0].final


@pytest.mark.usefixtures("rasa_table")
async def test_a_forgotten_message_delivered_again_is_not_handled_again(
    journal: Journal, database: Database, clock: FakeClock
) -> None:
    rooms = Rooms(journal)
    await rooms.hear("I am Bartholomew", external="tg-1")
    await rooms.answer()
    await forget(rooms, "+31600000001")
    again = await rooms.hear("I am Bartholomew", external="tg-1")
    assert again.duplicate
    assert await rooms.answer() == 0
    assert "Bartholomew" not in "".join(scan(database).values())


async def test_a_message_that_waits_behind_the_wish_is_still_answered(
    journal: Journal, database: Database
) -> None:
    """No table of Rasa's exists here: a bot that never spoke can forget, too."""
    rooms = Rooms(journal)
    done = Answer((Reply("Done."),), language="en", forget=True)
    rooms.ask(Scripted(done, Answer((Reply("Hello again"),), language="en")))
    accepted = await rooms.hear("forget Bartholomew")
    await rooms.hear("hello")
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-1] == "Hello again"
    assert count(database, schema.turns) == 2


async def test_held_parts_are_forgotten_too(journal: Journal, database: Database) -> None:
    rooms = Rooms(journal)
    rooms.ask(Scripted(Answer((Reply("dear|Bartholomew"),), language="en")))
    await rooms.hear("hello")
    await rooms.answer()
    assert "Bartholomew" in scan(database)["outbox"]
    await forget(rooms, "+31600000001")
    assert "Bartholomew" not in "".join(scan(database).values())
