"""Topics are data: counts, languages, samples that promise nothing, and clear faults."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from bot import topics
from bot.settings import ROOT

DATA = ROOT / "data"
LANGUAGES = {"en", "nl", "de", "da"}
ANSWERS = topics.load_answers(DATA)
SERVICES = topics.load_catalogue(DATA).services
EXAMPLES = topics.examples(DATA)
PLACEHOLDERS = {"city", "desk_phone", "desk_email", "desk_address", "opening_hours"}
MIN_EXAMPLES = {"en": 8, "nl": 8, "de": 5, "da": 5}


def test_there_are_enough_topics() -> None:
    assert len(SERVICES) >= 35
    assert len(ANSWERS) >= 120


def test_every_topic_speaks_and_is_asked_for_in_four_languages() -> None:
    for topic in [*SERVICES.values(), *ANSWERS.values()]:
        assert set(topic.names) == LANGUAGES, topic.code
        assert all(len(name) <= 32 for name in topic.names.values()), topic.names
    counts = Counter((e.topic, e.language) for e in EXAMPLES)
    for topic in {e.topic for e in EXAMPLES}:
        for language, least in MIN_EXAMPLES.items():
            assert counts[topic, language] >= least, (topic, language)


def test_answers_have_their_texts() -> None:
    for answer in ANSWERS.values():
        assert {"en", "nl"} <= set(answer.texts), answer.code
    for language in ("de", "da"):
        assert sum(language in a.texts for a in ANSWERS.values()) >= 60


def test_names_of_topics_differ_within_a_language() -> None:
    for language in LANGUAGES:
        names = Counter(t.names[language] for t in [*SERVICES.values(), *ANSWERS.values()])
        assert not [name for name, n in names.items() if n > 1]


def test_samples_state_no_amount_deadline_or_link() -> None:
    for answer in ANSWERS.values():
        if answer.sample:
            assert answer.source_url is None
            for text in answer.texts.values():
                assert not re.search(r"https?://|www\.|€|\d", text), (answer.code, text)


def test_verified_answers_carry_source_and_date() -> None:
    for answer in ANSWERS.values():
        if not answer.sample:
            assert answer.source_url
            assert answer.source_url.startswith("https://www.rijksoverheid.nl/"), answer.code
            assert answer.checked_at is not None


def test_answers_use_known_placeholders_only() -> None:
    for answer in ANSWERS.values():
        for text in answer.texts.values():
            assert set(re.findall(r"\{(\w+)\}", text)) <= PLACEHOLDERS, answer.code


def test_no_example_stands_under_two_topics() -> None:
    seen: dict[tuple[str, str], str] = {}
    for e in EXAMPLES:
        key = (e.language, e.text.lower())
        assert seen.setdefault(key, e.topic) == e.topic, (e.text, seen[key], e.topic)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("code: other\n", "code must be"),
        ("- a\n- list\n", "table of keys"),
        ("code: x\nowner: [\n", "x.yml"),
        ("code: x\nsample: false\nnames: {en: X}\ntexts: {en: X}\n", "sample: true"),
        ("code: x\nsample: true\ntexts: {en: X}\n", "names"),
        ("code: x\nsample: true\nnames: {en: X}\ntexts: {en: X}\nvalid_until: soon\n", "date"),
    ],
)
def test_a_faulty_file_is_named_with_its_fault(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "x.yml").write_text(text, "utf-8")
    with pytest.raises(topics.TopicError, match=fault):
        topics.load_answers(tmp_path)
