"""From what a person types to a full-text question that both databases take.

Nothing of the typed text reaches a query language as syntax: it is cut into words, accents and
signs fall away, and every word is quoted. `"some words"` in quotes is a phrase; the last word may
be the beginning of one, so that results follow the typing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MOST_TEXT = 300
MOST_WORDS = 8
SHORTEST_BEGINNING = 2
_PART = re.compile(r'"([^"]*)"?|([^"\s]+)')
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Question:
    """Phrases of words, all of which a message must hold; the last may be a beginning."""

    phrases: tuple[tuple[str, ...], ...]
    beginning: bool

    def fts5(self) -> str:
        """As FTS5 wants it."""
        parts = [f'"{" ".join(words)}"' for words in self.phrases]
        return " AND ".join(parts) + ("*" if self.beginning else "")

    def tsquery(self) -> str:
        """As `to_tsquery('simple', ...)` wants it."""
        parts = [" <-> ".join(f"'{word}'" for word in words) for words in self.phrases]
        return " & ".join(parts) + (":*" if self.beginning else "")


def plain(text: str) -> str:
    """Lower case without accents, as both indexes keep words."""
    apart = unicodedata.normalize("NFD", text.lower())
    return "".join(ch for ch in apart if not unicodedata.combining(ch))


def question(text: str) -> Question | None:
    """What is looked for, or None when there is no word in it."""
    phrases: list[tuple[str, ...]] = []
    quoted = False
    for match in _PART.finditer(plain(text[:MOST_TEXT])):
        words = tuple(_WORD.findall(match[1] if match[1] is not None else match[2]))
        if not words:
            continue
        phrases.append(words)
        quoted = match[1] is not None
    kept: list[tuple[str, ...]] = []
    count = 0
    for words in phrases:
        room = MOST_WORDS - count
        if room <= 0:
            quoted = True  # the last word kept is not the last one typed
            break
        kept.append(words[:room])
        count += len(kept[-1])
    if not kept:
        return None
    beginning = not quoted and len(kept[-1][-1]) >= SHORTEST_BEGINNING
    return Question(tuple(kept), beginning)
