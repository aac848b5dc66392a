"""The held-out sets: floors per language, calibration, robustness, danger words, no overlap."""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest

from bench import understanding
from bot import topics
from bot.choices import fold
from bot.reflexes import Reflexes
from bot.settings import ROOT

LANGUAGES = understanding.LANGUAGES
FLOORS = {"intent": 0.93, "topic_first": 0.90, "topic_in_three": 0.97, "out_of_scope_caught": 0.85}
CEILINGS = {"clarified": 0.12, "wrongly_rejected": 0.04}


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    made, _ = understanding.evaluate(understanding.parser())
    return made


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("figure", sorted(FLOORS))
def test_understanding_stays_above_its_floor(
    report: dict[str, Any], language: str, figure: str
) -> None:
    assert report[language][figure] >= FLOORS[figure], report[language]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("figure", sorted(CEILINGS))
def test_doubt_stays_below_its_ceiling(report: dict[str, Any], language: str, figure: str) -> None:
    assert report[language][figure] <= CEILINGS[figure], report[language]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("spoiler", sorted(understanding.SPOILERS))
def test_spoilt_writing_costs_at_most_five_points(
    report: dict[str, Any], language: str, spoiler: str
) -> None:
    assert report[language][f"lost_by_{spoiler}"] <= 0.05, report[language]


def test_confidence_is_calibrated(report: dict[str, Any]) -> None:
    assert report["calibration_error"] < 0.05


@pytest.mark.parametrize("language", LANGUAGES)
def test_held_out_sets_are_large_and_cover_every_topic_twice(language: str) -> None:
    rows = understanding.read(f"{language}.tsv")
    named = [r.topic for r in rows if r.topic]
    known = {e.topic for e in topics.examples(ROOT / "data")}
    assert len(rows) >= 400
    assert len(understanding.read(f"{language}.oos.tsv")) >= 200
    assert set(named) == known
    assert all(named.count(topic) >= 2 for topic in known)


@pytest.mark.parametrize("language", LANGUAGES)
def test_held_out_sentences_are_not_trained_on(language: str) -> None:
    trained = {fold(e.text) for e in topics.examples(ROOT / "data")}
    text = (ROOT / f"data/nlu/{language}.yml").read_text("utf-8")
    trained |= {fold(line) for line in re.findall(r"^\s+- (.+)$", text, re.MULTILINE)}
    held_out = [r.text for r in understanding.read(f"{language}.tsv")]
    held_out += [r.text for r in understanding.read(f"{language}.oos.tsv")]
    # A greeting or a "no" of one or two words is the same whoever writes it.
    shared = [text for text in held_out if len(text.split()) > 2 and fold(text) in trained]
    assert not shared


@pytest.mark.parametrize("language", LANGUAGES)
def test_danger_is_recognised_and_harmless_words_pass(language: str) -> None:
    reflexes = Reflexes.load(ROOT / "data/reflexes.yml")
    path = ROOT / f"tests/nlu/{language}.danger.tsv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    caught = {r["text"]: reflexes.match(r["text"]) == "danger" for r in rows}
    danger = [r["text"] for r in rows if r["danger"] == "1"]
    harmless = [r["text"] for r in rows if r["danger"] == "0"]
    assert len(danger) >= 40
    assert len(harmless) >= 40
    missed = [text for text in danger if not caught[text]]
    false = [text for text in harmless if caught[text]]
    assert len(missed) / len(danger) <= 0.02, missed
    assert len(false) / len(harmless) <= 0.05, false
