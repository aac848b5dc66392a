"""Words that always work: danger, "forget me", opting out and in.

They are recognised before the model and before the gate: inside forms, while a person holds the
conversation, in every language whatever the conversation speaks. The patterns are data
(`data/reflexes.yml`); matching is plain and predictable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from bot.choices import fold

_BOUND, _ANY = r"\b", r"\S*"


@dataclass(frozen=True)
class Rule:
    """A reflex: patterns that call for it, and patterns that speak of something else."""

    name: str
    pattern: re.Pattern[str]
    unless: re.Pattern[str]


class Reflexes:
    """Compiled rules in order; the first that matches wins."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules

    @classmethod
    def load(cls, path: Path) -> Reflexes:
        """Read the rules; `whole: true` means the message is nothing but these words."""
        data = YAML(typ="safe").load(path.read_text("utf-8"))
        return cls([_rule(name, entry) for name, entry in data.items()])

    def match(self, text: str) -> str:
        """The name of the reflex that these words call for, or an empty string."""
        said = fold(text)
        for rule in self.rules:
            if rule.pattern.search(said) and not rule.unless.search(said):
                return rule.name
        return ""


def _rule(name: str, entry: Mapping[str, object]) -> Rule:
    whole = bool(entry.get("whole"))
    return Rule(name, _compile(entry["words"], whole), _compile(entry.get("unless") or {}, False))


def _compile(words: object, whole: bool) -> re.Pattern[str]:
    """All patterns of all languages as one; without any it matches nothing."""
    assert isinstance(words, Mapping)
    bodies = dict.fromkeys(body for listed in words.values() for body in _patterns(listed))
    if whole:
        return re.compile(rf"^(?:{'|'.join(bodies) or '(?!)'})$")
    # What begins a word is tried at the beginnings of words only: six times as fast.
    starts = [body.removeprefix(_BOUND) for body in bodies if body.startswith(_BOUND)]
    inside = [body.removeprefix(_ANY) for body in bodies if not body.startswith(_BOUND)]
    begun = [rf"{_BOUND}(?:{'|'.join(starts)})"] if starts else []
    return re.compile("|".join([*begun, *inside]) or r"(?!)")


def _patterns(listed: Iterable[str]) -> list[str]:
    """`a * b` allows up to four words between a and b; `gas*` any ending of a word."""
    found: list[str] = []
    for words in listed:
        pieces = []
        for word in str(words).casefold().split():
            if word == "*":
                pieces.append(r"(?:\S+ ){0,4}?")
                continue
            stem = re.escape(fold(word.strip("*")))
            start = _ANY if word.startswith("*") else _BOUND
            end = _ANY if word.endswith("*") else _BOUND
            pieces.append(f"{start}{stem}{end} ?")
        found.append("".join(pieces))
    return found
