"""The held-out sets: floors per language, calibration, robustness, danger words, no overlap."""

from __future__ import annotations

import csv
import re
import time
from typing import Any

import pytest

from bench import understanding
from bot import topics
from bot.brain import training
from bot.choices import fold
from bot.reflexes import Reflexes
from bot.settings import ROOT, load

pytestmark = pytest.mark.timeout(1500)
LANGUAGES = understanding.LANGUAGES
# Regression floors: a little below what the model reaches. docs/benchmarks.md has the targets beside
# the figures.
FLOORS = {
    "intent": {"en": 0.93, "nl": 0.93, "de": 0.93, "da": 0.93},
    "topic_first": {"en": 0.90, "nl": 0.90, "de": 0.90, "da": 0.90},
    "topic_in_three": {"en": 0.975, "nl": 0.975, "de": 0.975, "da": 0.975},
    "out_of_scope_caught": {"en": 0.90, "nl": 0.86, "de": 0.89, "da": 0.84},
    "danger_heard": {"en": 0.97, "nl": 0.97, "de": 0.95, "da": 0.97},
    "danger_alone": {"en": 0.95, "nl": 0.88, "de": 0.90, "da": 0.91},
}
CEILINGS = {
    "clarified": {"en": 0.12, "nl": 0.12, "de": 0.12, "da": 0.12},
    "wrongly_rejected": {"en": 0.04, "nl": 0.04, "de": 0.04, "da": 0.04},
    "false_alarms": {"en": 0.05, "nl": 0.07, "de": 0.05, "da": 0.09},
    "false_cautions": {"en": 0.12, "nl": 0.12, "de": 0.12, "da": 0.12},
    "cautioned": {"en": 0.03, "nl": 0.03, "de": 0.04, "da": 0.03},
}


@pytest.fixture(scope="module")
def parse() -> understanding.Parse:
    return understanding.parser()


@pytest.fixture(scope="module")
def report(parse: understanding.Parse) -> dict[str, Any]:
    made, _ = understanding.evaluate(parse)
    return made


def test_the_model_is_small(parse: understanding.Parse) -> None:
    assert training.model_path(load()).stat().st_size < 30_000_000


def test_a_thousand_lines_are_parsed_in_half_a_minute(parse: understanding.Parse) -> None:
    rows = [row.text for language in LANGUAGES for row in understanding.read(f"{language}.tsv")]
    parse(rows[0])
    started = time.thread_time()  # what other tests take of the machine does not count
    for text in rows[:1000]:
        parse(text)
    assert time.thread_time() - started < 30


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("figure", sorted(FLOORS))
def test_understanding_stays_above_its_floor(
    report: dict[str, Any], language: str, figure: str
) -> None:
    assert report[language][figure] >= FLOORS[figure][language], report[language]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("figure", sorted(CEILINGS))
def test_doubt_stays_below_its_ceiling(report: dict[str, Any], language: str, figure: str) -> None:
    assert report[language][figure] <= CEILINGS[figure][language], report[language]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("spoiler", sorted(understanding.SPOILERS))
def test_spoilt_writing_costs_at_most_five_points(
    report: dict[str, Any], language: str, spoiler: str
) -> None:
    assert report[language][f"lost_by_{spoiler}"] <= 0.05, report[language]


def test_confidence_is_calibrated(report: dict[str, Any]) -> None:
    assert report["calibration_error"] < 0.05


def test_danger_is_heard_and_near_misses_are_answered(report: dict[str, Any]) -> None:
    """The targets over the four languages together."""

    def mean(figure: str) -> float:
        return sum(float(report[language][figure]) for language in LANGUAGES) / len(LANGUAGES)

    assert mean("danger_heard") >= 0.98
    assert mean("false_alarms") <= 0.05


@pytest.mark.parametrize(
    "text",
    [
        "when will the gas main in our street be renewed",
        "wanneer wordt de gasleiding in onze straat vernieuwd",
        "wann wird die Gasleitung in unserer Straße erneuert",
        "hvornår bliver gasledningen i vores gade udskiftet",
    ],
)
def test_a_question_about_gas_is_no_report_of_its_smell(
    parse: understanding.Parse, text: str
) -> None:
    found = parse(text)
    assert found["intent"] != "danger"
    assert (found["decision"], found["topic"]) != ("answer", "service/gas-smell")


@pytest.mark.parametrize(
    "text",
    [
        "it smells of gas in our street",
        "het ruikt naar gas in onze straat",
        "es riecht nach Gas in unserer Straße",
        "der lugter af gas i vores gade",
    ],
)
def test_a_smell_of_gas_is_believed(parse: understanding.Parse, text: str) -> None:
    assert understanding.warns(parse(text))


def test_a_word_that_may_mean_two_things_is_asked_back(parse: understanding.Parse) -> None:
    found = parse("the bill")
    assert found["decision"] == "clarify"
    assert len(found["candidates"]) > 1
    assert parse("parking permit")["decision"] == "answer"


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
    trained = {
        fold(e.text) for e in [*topics.examples(ROOT / "data"), *topics.names(ROOT / "data")]
    }
    text = (ROOT / f"data/nlu/{language}.yml").read_text("utf-8")
    trained |= {fold(line) for line in re.findall(r"^\s+- (.+)$", text, re.MULTILINE)}
    held_out = [r.text for r in understanding.read(f"{language}.tsv")]
    held_out += [r.text for r in understanding.read(f"{language}.oos.tsv")]
    # A greeting or a "no" of one or two words is the same whoever writes it.
    shared = [text for text in held_out if len(text.split()) > 2 and fold(text) in trained]
    assert not shared


@pytest.mark.parametrize("language", LANGUAGES)
def test_held_out_danger_sentences_are_not_trained_on(language: str) -> None:
    trained = {
        fold(text)
        for texts in topics.danger_sentences(ROOT / "data", language).values()
        for text in texts
    }
    held_out = [r.text for r in understanding.read(f"{language}.danger.tsv")]
    shared = [text for text in held_out if len(text.split()) > 2 and fold(text) in trained]
    assert not shared


@pytest.mark.parametrize("language", LANGUAGES)
def test_danger_sets_are_large_enough(language: str) -> None:
    path = ROOT / f"tests/nlu/{language}.danger.tsv"
    with path.open(encoding="utf-8", newline="") as lines:
        marks = [r["danger"] for r in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert marks.count("1") >= 40
    assert marks.count("0") >= 40


def test_danger_is_heard_without_the_brain() -> None:
    reflexes = Reflexes.load(ROOT / "data/reflexes.yml")
    for text in ("I smell gas", "er is brand", "jemand ist bewusstlos", "der er ild i huset"):
        assert reflexes.match(text) == "danger", text
    assert reflexes.match("how do I renew my passport") == ""
