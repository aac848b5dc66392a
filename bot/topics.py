"""Topics are data: the service catalogue and the answer library as YAML that a clerk can read.

One file is one topic (`data/catalogue/*.yml`, `data/answers/*.yml`). Reading checks each file and
names the file and what is wrong with it; nothing is loaded from a folder with a faulty file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from bot.civic.answers import AnswerTopic
from bot.civic.catalogue import Catalogue, Option, Question, Service

SAME_WITHIN_METRES = 50
"""How near another report may be to be about the same thing, unless the service says otherwise."""


class TopicError(ValueError):
    """A topic file cannot be used; the message names the file and the fault."""


@dataclass(frozen=True)
class Example:
    """A sentence that a citizen would type for a topic."""

    text: str
    language: str
    intent: str
    topic: str
    danger: bool = False
    """Of a service that is about danger itself."""


def _files(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    yaml = YAML(typ="safe")
    for path in sorted(folder.glob("*.yml")):
        try:
            data = yaml.load(path.read_text("utf-8"))
        except (YAMLError, UnicodeDecodeError) as error:
            raise TopicError(f"{path.name}: {error}") from error
        if not isinstance(data, Mapping):
            raise TopicError(f"{path.name}: a topic file is a table of keys")
        if data.get("code") != path.stem:
            raise TopicError(f"{path.name}: code must be {path.stem!r}, the name of the file")
        yield path, data


def _words(path: Path, data: Mapping[str, Any], key: str) -> dict[str, str]:
    words = data.get(key)
    if not isinstance(words, Mapping) or not words:
        raise TopicError(f"{path.name}: {key} must give the words by language")
    return {str(language): str(text).strip() for language, text in words.items() if text}


def _date(path: Path, value: Any, key: str) -> date | None:
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise TopicError(f"{path.name}: {key} must be a date such as 2027-12-31") from error


def load_catalogue(folder: Path) -> Catalogue:
    """The services of `folder/catalogue`."""
    return Catalogue(_service(path, data) for path, data in _files(folder / "catalogue"))


def _service(path: Path, data: Mapping[str, Any]) -> Service:
    days = data.get("target_days")
    if not isinstance(days, int) or days < 0:
        raise TopicError(f"{path.name}: target_days must be a number of working days")
    radius = data.get("same_within_metres", SAME_WITHIN_METRES)
    if isinstance(radius, bool) or not isinstance(radius, int) or radius < 0:
        raise TopicError(f"{path.name}: same_within_metres must be a number of metres")
    return Service(
        code=str(data["code"]),
        desk=str(data.get("desk") or ""),
        target_days=days,
        danger=bool(data.get("danger")),
        names=_words(path, data, "names"),
        descriptions=_words(path, data, "descriptions"),
        questions=tuple(_question(path, entry) for entry in data.get("questions") or ()),
        radius=float(radius),
    )


def _question(path: Path, entry: Mapping[str, Any]) -> Question:
    return Question(
        key=str(entry["key"]),
        ask=_words(path, entry, "ask"),
        options=tuple(
            Option(str(o["id"]), {str(k): str(v) for k, v in o.items() if k != "id"})
            for o in entry.get("choices") or ()
        ),
    )


def load_answers(folder: Path) -> dict[str, AnswerTopic]:
    """The answers of `folder/answers`, by code."""
    return {str(d["code"]): _answer(path, d) for path, d in _files(folder / "answers")}


def _answer(path: Path, data: Mapping[str, Any]) -> AnswerTopic:
    source = data.get("source") or {}
    sample = bool(data.get("sample"))
    if not sample and not source.get("url"):
        raise TopicError(f"{path.name}: an answer without a source must be marked sample: true")
    return AnswerTopic(
        code=str(data["code"]),
        owner=str(data.get("owner") or ""),
        sample=sample,
        source_url=None if sample else str(source["url"]),
        checked_at=_date(path, source.get("checked_at"), "source.checked_at"),
        valid_until=_date(path, data.get("valid_until"), "valid_until"),
        names=_words(path, data, "names"),
        texts=_words(path, data, "texts"),
    )


def _blanks(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any], Example]]:
    """Each topic's file with an example that has no words yet: services are reported, answers are
    asked for."""
    for kind, prefix, intent in (("catalogue", "service", "report"), ("answers", "answer", "ask")):
        for path, data in _files(folder / kind):
            topic, danger = f"{prefix}/{path.stem}", bool(data.get("danger"))
            yield path, data, Example("", "", intent, topic, danger)


def examples(folder: Path) -> list[Example]:
    """Every example sentence of every topic."""
    found = []
    for path, data, blank in _blanks(folder):
        by_language = data.get("examples")
        if not isinstance(by_language, Mapping):
            raise TopicError(f"{path.name}: examples must be lists by language")
        for language, texts in by_language.items():
            found += [
                replace(blank, text=str(text).strip(), language=str(language))
                for text in texts or ()
            ]
    return found


REPORTING = {
    "en": "I want to report: {}",
    "nl": "Ik wil iets melden: {}",
    "de": "Ich möchte etwas melden: {}",
    "da": "Jeg vil gerne anmelde: {}",
}
"""How a report begins: what is reported must weigh more than that it is."""


def names(folder: Path) -> list[Example]:
    """Names and descriptions of every topic: they say what a topic is about, as an example does."""
    found: dict[str, Example] = {}
    for _, data, blank in _blanks(folder):
        for key in ("names", "descriptions"):
            for language, text in (data.get(key) or {}).items():
                texts = [str(text)]
                if blank.intent == "report" and key == "names" and language in REPORTING:
                    texts.append(REPORTING[language].format(text))
                for said in texts:
                    found.setdefault(said, replace(blank, text=said, language=str(language)))
    return list(found.values())


def danger_sentences(folder: Path, language: str) -> dict[str, list[str]]:
    """`danger` and `harmless` sentences of a language; none when the city has no such file."""
    path = folder / "danger" / f"{language}.yml"
    if not path.exists():
        return {}
    data = YAML(typ="safe").load(path.read_text("utf-8"))
    return {
        label: [str(text) for text in data.get(label) or ()] for label in ("danger", "harmless")
    }
