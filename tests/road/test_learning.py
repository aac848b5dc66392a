"""Accepted sentences go into the data files: once, in their place, with everything else untouched."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bot import topics
from bot.learning.files import _with, examples_in, exported, intents_of, write
from bot.learning.judging import fault_of, tidy
from bot.masking import Masker
from bot.settings import ROOT


def row(text: str, language: str = "en", intent: str = "ask", topic: str | None = None) -> Any:
    return {"text": text, "language": language, "intent": intent, "topic": topic}


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A city's folder of its own, with the files of ours."""
    for name in ("answers", "catalogue", "nlu"):
        shutil.copytree(ROOT / "data" / name, tmp_path / name)
    return tmp_path


def test_sentences_of_topics_and_intents_find_their_files(city: Path) -> None:
    before = {path: path.read_text("utf-8") for path in city.rglob("*.yml")}
    rows = [
        row("my pass has a hole: what now?", "en", "ask", "answer/passport"),
        row('het "rijbewijs" van mijn buurman', "nl", "ask", "answer/passport"),
        row("der Müll liegt hier #überall", "de", "report", "service/litter"),
        row("hvornår bliver det hentet", "da", "waste_day"),
    ]
    done = write(rows, city)
    assert not done.faults
    assert done.added == {
        "data/answers/passport.yml": 2,
        "data/catalogue/litter.yml": 1,
        "data/nlu/da.yml": 1,
    }
    known = {(e.text, e.language, e.topic) for e in topics.examples(city)}
    for one in rows[:3]:
        assert (one["text"], one["language"], one["topic"]) in known, "training reads it"
    danish = (city / "nlu/da.yml").read_text("utf-8")
    assert "hvornår bliver det hentet" in (examples_in(danish, "waste_day", nlu=True) or [])
    for path, text in before.items():
        now = path.read_text("utf-8").splitlines()
        assert [line for line in now if line in set(text.splitlines())] == text.splitlines(), path


def test_a_second_writing_adds_nothing(city: Path) -> None:
    rows = [row("Where do I get my pass", "en", "ask", "answer/passport")] * 2
    assert write(rows, city).added == {"data/answers/passport.yml": 1}
    assert write([row("where do i get my PASS", "en", "ask", "answer/passport")], city).added == {}


def test_what_staff_decided_counts_and_not_what_was_chosen(city: Path) -> None:
    decided = row("the rubbish is everywhere", "en", "ask", "answer/passport") | {
        "edited": "rubbish everywhere here",
        "meant_intent": "report",
        "meant_topic": "service/litter",
    }
    assert write([decided], city).added == {"data/catalogue/litter.yml": 1}
    made = YAML(typ="safe").load(exported([decided]))
    assert made == {"data/catalogue/litter.yml": {"examples": {"en": ["rubbish everywhere here"]}}}


def test_a_language_without_a_list_gets_one(city: Path) -> None:
    text = "code: x\nexamples:\n  en:\n    - one\nother: 1\n"
    made, fault = _with(text, [row("zwei", "de")], nlu=False)
    assert not fault
    assert made == "code: x\nexamples:\n  en:\n    - one\n  de:\n    - zwei\nother: 1\n"


@pytest.mark.parametrize(
    "one",
    [
        row("a", "en", "ask", "answer/no-such-answer"),
        row("a", "en", "ask", "answer/../../secret"),
        row("a", "xx", "waste_day"),
        row("a", "en", "no_such_intent"),
    ],
)
def test_what_has_no_place_is_named_and_nothing_is_written(city: Path, one: Any) -> None:
    before = {path: path.read_text("utf-8") for path in city.rglob("*.*")}
    done = write([one], city)
    assert len(done.faults) == 1
    assert done.added == {}
    assert {path: path.read_text("utf-8") for path in city.rglob("*.*")} == before


def test_sentences_that_fitted_nothing_are_not_written(city: Path) -> None:
    assert write([row("a", "en", "none")], city).added == {}


@settings(max_examples=150)
@given(st.text(min_size=1, max_size=60))
def test_whatever_was_typed_reads_back_as_it_was_or_is_left_out(said: str) -> None:
    said = tidy(said)
    if fault_of(said, Masker()):
        return
    topic = "examples:\n  en:\n    - one\n  nl:\n    - een\n"
    made, fault = _with(topic, [row(said)], nlu=False)
    assert fault or said.casefold() == "one" or examples_in(made, "en", False) == ["one", said]
    assert examples_in(made, "nl", False) == ["een"]
    rasa = "nlu:\n- intent: ask\n  examples: |\n    - one\n\n- intent: greet\n  examples: |\n    - hi\n"
    made, fault = _with(rasa, [row(said)], nlu=True)
    assert fault or said.casefold() == "one" or examples_in(made, "ask", True) == ["one", said]
    assert examples_in(made, "greet", True) == ["hi"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("my bin is full", ""),
        ("", "empty"),
        ("12 !", "empty"),
        ("x" * 301, "long"),
        ("[bin](service) is full", "marks"),
        ("ask [name] about it", "marks"),
        ("call me on 06 12345678", "personal"),
        ("my name is Sanne Veenstra and my bin is full", "personal"),
        ("tell Sanne", "personal"),
    ],
)
def test_what_may_be_learnt(text: str, fault: str) -> None:
    assert fault_of(text, Masker(), {"Sanne"}) == fault


def test_intents_come_from_the_files() -> None:
    found = intents_of(ROOT / "data", "en")
    assert {"waste_day", "ticket_status", "greet"} <= set(found)
    assert intents_of(ROOT / "data", "xx") == []
