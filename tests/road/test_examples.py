"""Labelled examples: what a choice teaches is written once, whatever happens, and forgotten too."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from actions.doubt import label_of, remembered
from bot.__main__ import main
from bot.learning.files import exported
from bot.messages import Answer, Labelled, Reply
from bot.settings import ROOT, load
from bot.store import migrate, schema
from bot.store.engine import Database
from bot.store.examples import ExampleRegister, Verdict
from bot.store.journal import Journal
from bot.store.rows import LeaseLost
from tests.conftest import FakeClock
from tests.road.rooms import Rooms, Scripted, count, rows, said

SERVICE = "service/litter"
LABELLED = Labelled(
    "the street is dirty", "en", "report", SERVICE, ({"intent": "report", "topic": SERVICE},)
)
ANSWER = Answer((Reply("Where is it?"),), language="en", labelled=LABELLED)


async def test_a_choice_that_clears_up_a_doubt_is_written_with_its_turn(
    journal: Journal, database: Database
) -> None:
    rooms = Rooms(journal)
    rooms.ask(Scripted(ANSWER))
    accepted = await rooms.hear("Litter in the street")
    await rooms.answer()
    (row,) = rows(database, schema.labelled_examples)
    assert (row.text, row.language, row.intent, row.topic) == (
        "the street is dirty",
        "en",
        "report",
        SERVICE,
    )
    assert row.inbox_id == accepted.inbox_id
    assert row.conversation_id == accepted.conversation
    assert row.offered == [{"intent": "report", "topic": SERVICE}]
    assert row.state == "new"


async def test_a_turn_taken_again_by_another_worker_writes_its_example_once(
    journal: Journal, database: Database, clock: FakeClock
) -> None:
    await journal.accept(said("Litter in the street"))
    first = await journal.claim_turn("first", timedelta(seconds=30))
    assert first is not None
    clock.advance(seconds=31)
    second = await journal.claim_turn("second", timedelta(seconds=30))
    assert second is not None
    with pytest.raises(LeaseLost):
        await journal.commit_turn(first, ANSWER, [], "answered", 1.0)
    assert count(database, schema.labelled_examples) == 0
    await journal.commit_turn(second, ANSWER, [], "answered", 1.0)
    with pytest.raises(LeaseLost):
        await journal.commit_turn(first, ANSWER, [], "answered", 1.0)
    assert count(database, schema.labelled_examples) == 1


async def test_a_turn_that_forgets_writes_no_example(journal: Journal, database: Database) -> None:
    rooms = Rooms(journal)
    rooms.ask(Scripted(Answer((Reply("Done."),), language="en", forget=True, labelled=LABELLED)))
    await rooms.hear("forget me")
    await rooms.answer()
    assert count(database, schema.labelled_examples) == 0


def offer(*candidates: tuple[str, str], yes: str = "") -> dict[str, Any]:
    return {
        "kind": "offer",
        "yes": yes,
        "doubt": remembered("the street is dirty", "en", (), candidates),
    }


def test_a_chosen_candidate_is_a_label() -> None:
    made = label_of(offer(("report", SERVICE), ("ask", "answer/passport")), "report", SERVICE, True)
    assert made is not None
    assert (made["intent"], made["topic"]) == ("report", SERVICE)
    assert made["text"] == "the street is dirty"
    assert len(made["offered"]) == 2


def test_something_else_is_a_label_too() -> None:
    made = label_of(offer(("report", SERVICE)), "nlu_fallback", None, True)
    assert made is not None
    assert (made["intent"], made["topic"]) == ("none", None)


def test_yes_to_the_only_candidate_is_a_label_and_yes_to_a_person_is_none() -> None:
    assert label_of(offer(("report", SERVICE), yes="report"), "affirm", None, False) is not None
    assert label_of(offer(("report", SERVICE), yes="person"), "affirm", None, False) is None


@pytest.mark.parametrize(
    ("intent", "topic", "picked"),
    [
        ("report", SERVICE, False),  # typed, so perhaps another matter
        ("report", "service/pothole", True),  # a button of something else
        ("cancel", None, True),
        ("affirm", None, False),
        ("nlu_fallback", None, False),
    ],
)
def test_what_was_not_offered_is_no_label(intent: str, topic: str | None, picked: bool) -> None:
    two = offer(("report", SERVICE), ("ask", "answer/passport"))
    assert label_of(two, intent, topic, picked) is None
    assert label_of({}, intent, topic, picked) is None


def test_an_example_holds_no_telephone_number_and_is_not_endless() -> None:
    text = "call me on 0612345678 about the dirty street"
    entities = [{"entity": "phone", "value": "0612345678", "start": 11, "end": 21}]
    assert "0612345678" not in remembered(text, "en", entities, [("report", SERVICE)])["text"]
    assert len(remembered("x" * 4000, "en", (), [])["text"]) == 500


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExampleRegister:
    """A register with three examples, in the database that the commands use."""
    monkeypatch.setenv("LIKEWISE_DATA_DIR", str(tmp_path))
    database = Database(load().database)
    migrate.upgrade(database)
    return ExampleRegister(database)


async def fill(register: ExampleRegister, clock: FakeClock) -> None:
    journal = Journal(register.database, clock)
    for text, language, intent, topic in (
        ('the street is: "dirty" #1', "en", "report", SERVICE),
        ("stråling fra telefonen", "da", "none", None),
        ("wanneer komt de bak", "nl", "waste_day", None),
    ):
        rooms = Rooms(journal)
        rooms.ask(Scripted(Answer((Reply("x"),), labelled=Labelled(text, language, intent, topic))))
        await rooms.hear(text)
        await rooms.answer()


async def test_staff_list_accept_drop_and_export_examples(
    register: ExampleRegister, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    await fill(register, clock)
    first, second, _ = register.listed()
    assert main(["examples", "accept", str(first["id"])]) == 0
    assert main(["examples", "drop", str(second["id"])]) == 0
    assert main(["examples", "drop", "999"]) == 1
    capsys.readouterr()
    assert main(["examples", "list"]) == 0
    listed = capsys.readouterr().out
    assert "accepted" in listed
    assert "dropped" in listed
    assert "3 examples" in listed
    assert main(["examples", "export"]) == 0
    files = YAML(typ="safe").load(capsys.readouterr().out)
    assert files == {
        "data/catalogue/litter.yml": {"examples": {"en": ['the street is: "dirty" #1']}},
        "data/nlu/nl.yml": {"waste_day": {"nl": ["wanneer komt de bak"]}},
    }
    assert main(["examples", "export", "--state", "accepted"]) == 0
    assert list(YAML(typ="safe").load(capsys.readouterr().out)) == ["data/catalogue/litter.yml"]


def test_the_same_sentence_is_exported_once() -> None:
    row = {"text": "dirty", "language": "en", "intent": "report", "topic": SERVICE}
    made = YAML(typ="safe").load(exported([row, row]))
    assert made == {"data/catalogue/litter.yml": {"examples": {"en": ["dirty"]}}}


async def test_the_command_line_takes_no_personal_data_and_writes_into_the_files(
    register: ExampleRegister,
    clock: FakeClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    city = tmp_path / "city"
    shutil.copytree(ROOT / "data", city, ignore=shutil.ignore_patterns("areas"))
    monkeypatch.setenv("LIKEWISE_CITY_DIR", str(city))
    rooms = Rooms(Journal(register.database, clock))
    private = Labelled("I am Sanne Veenstra, call 06 12345678", "en", "report", SERVICE)
    rooms.ask(Scripted(Answer((Reply("x"),), labelled=private)))
    await rooms.hear("I am Sanne Veenstra")
    await rooms.answer()
    (row,) = register.listed()
    number = str(row["id"])
    assert main(["examples", "accept", number]) == 1
    assert "personal data" in capsys.readouterr().err
    assert register.listed()[0]["state"] == "new"
    assert main(["examples", "accept", number, "--text", "call [phone] about it"]) == 1
    assert main(["examples", "accept", number, "--text", "Veenstra sees rubbish"]) == 1
    assert (
        main(["examples", "accept", number, "--text", "the whole street is full of rubbish"]) == 0
    )
    capsys.readouterr()
    assert main(["examples", "write"]) == 0
    out = capsys.readouterr().out
    assert "data/catalogue/litter.yml: 1 more" in out
    assert "1 sentences written" in out
    litter = YAML(typ="safe").load((city / "catalogue/litter.yml").read_text("utf-8"))
    assert litter["examples"]["en"][-1] == "the whole street is full of rubbish"
    assert main(["examples", "write"]) == 0
    assert "0 sentences written" in capsys.readouterr().out


async def test_what_was_accepted_long_ago_with_personal_data_is_not_written(
    register: ExampleRegister, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    rooms = Rooms(Journal(register.database, clock))
    private = Labelled("mail jan@example.org about the dirt", "en", "report", SERVICE)
    rooms.ask(Scripted(Answer((Reply("x"),), labelled=private)))
    await rooms.hear("x")
    await rooms.answer()
    (row,) = register.listed()
    register.decide(row["id"], Verdict("accepted", "somebody"))
    assert main(["examples", "write"]) == 1
    assert "left out" in capsys.readouterr().out
    assert "jan@example.org" not in (ROOT / "data/catalogue/litter.yml").read_text("utf-8")
