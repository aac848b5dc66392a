"""Plain language: no text that a citizen reads goes over the budget of its language.

The budget has three parts: the mean and the longest sentence in words, and LIX (sentence length
plus the share of words of more than six letters, Björnsson 1968, as `textstat` counts it). German
and Danish write compounds as one word, so they are allowed more long words than English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import textstat

from bot.civic.catalogue import Service
from bot.phrases import fill
from bot.profile import Profile
from bot.settings import ROOT
from bot.topics import load_answers, load_catalogue
from tests.test_phrases import BOOKS, LANGUAGES

DATA = ROOT / "data"
MEAN_SENTENCE = 14.0
LONGEST_SENTENCE = 20
LIX = {"en": 40.0, "nl": 42.0, "de": 44.0, "da": 42.0}
"""LIX below 40 is easy to read, 50 is a newspaper; below thirty words it says little."""
LEAST_WORDS_FOR_LIX = 30
_SENTENCE = re.compile(r"(?<=[.?!:])\s+|\n+\s*•?\s*")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")


def sentences(text: str) -> list[str]:
    """Sentences and lines of a list, without bullets."""
    return [part for part in _SENTENCE.split(text) if _WORD.search(part)]


def faults(text: str, language: str) -> list[str]:
    """What is over the budget in a text; empty when it is plain."""
    lengths = [len(_WORD.findall(sentence)) for sentence in sentences(text)]
    if not lengths:
        return []
    found = []
    mean = sum(lengths) / len(lengths)
    if len(lengths) > 1 and mean > MEAN_SENTENCE:
        found.append(f"{mean:.1f} words a sentence")
    if max(lengths) > LONGEST_SENTENCE:
        found.append(f"a sentence of {max(lengths)} words")
    plain = ". ".join(sentence.strip(" .") for sentence in sentences(text)) + "."
    if sum(lengths) >= LEAST_WORDS_FOR_LIX and textstat.lix(plain) > LIX[language]:
        found.append(f"LIX {textstat.lix(plain):.0f}")
    return found


def texts(language: str) -> Iterator[tuple[str, str]]:
    """Everything that citizens read in a language, with where it stands."""
    city = Profile.load(DATA).values(language)
    for key, entries in BOOKS[language].items():
        yield key, fill(str(entries[0].get("text") or ""), city)
    for answer in load_answers(DATA).values():
        if language in answer.texts:
            yield f"answers/{answer.code}", fill(answer.texts[language], city)
    for service in load_catalogue(DATA).services.values():
        yield f"catalogue/{service.code}", service.descriptions[language]
        for question in service.questions:
            yield f"catalogue/{service.code}/{question.key}", question.ask[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_keeps_to_the_budget(language: str) -> None:
    over = {where: faults(text, language) for where, text in texts(language)}
    assert {where: found for where, found in over.items() if found} == {}


def test_officialese_is_over_the_budget() -> None:
    text = (
        "Pursuant to the municipal regulations concerning residential registration, applicants are "
        "required to provide documentation establishing residential circumstances, notwithstanding "
        "any previously submitted declarations, within the statutory period mentioned hereinafter. "
        "Noncompliance constitutes an administrative infringement punishable under applicable law."
    )
    assert len(faults(text, "en")) == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_services_speak_every_language_down_to_their_choices(language: str) -> None:
    services: list[Service] = list(load_catalogue(DATA).services.values())
    for service in services:
        for words in (service.names, service.descriptions):
            assert words[language].strip(), service.code
        for question in service.questions:
            assert question.ask[language].strip(), (service.code, question.key)
            labels = [option.labels[language] for option in question.options]
            assert len(set(labels)) == len(labels), (service.code, question.key)
            assert all(0 < len(label) <= 28 for label in labels), (service.code, labels)


def test_answers_use_the_same_placeholders_in_every_language() -> None:
    from bot.phrases import placeholders

    different = {}
    for answer in load_answers(DATA).values():
        used = {language: placeholders(text) for language, text in answer.texts.items()}
        if len({frozenset(names) for names in used.values()}) > 1:
            different[answer.code] = used
    assert different == {}
