"""Typing errors undone, as far as one can without a dictionary: by the words of the training data.

A word that no example knows is replaced by a known one that is one letter away (two in long words;
a swap of neighbours counts once). The classifier then hears the message both ways.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA

_WORD = re.compile(r"[^\W\d_]+")
SHORTEST = 4
LONG = 9


class Speller:
    """Knows words and how often examples use them."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts
        self._candidates = [word for word, n in counts.items() if n >= 2 and len(word) >= SHORTEST]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Speller:
        counts = Counter(word for text in texts for word in _WORD.findall(text))
        return cls(dict(sorted(counts.items())))

    def correct(self, text: str) -> str:
        """The text with unknown words replaced by near known ones; others stay as they are."""
        return _WORD.sub(lambda match: self._word(match[0]), text)

    def _word(self, word: str) -> str:
        if len(word) < SHORTEST or word in self.counts:
            return word
        most = 2 if len(word) >= LONG else 1
        found = process.extract(
            word, self._candidates, scorer=OSA.distance, score_cutoff=most, limit=8
        )
        near = [(distance, -self.counts[known], known) for known, distance, _ in found]
        return min(near)[2] if near else word
