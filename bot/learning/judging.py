"""What staff may make of a labelled sentence: plain words, one line, nobody's personal data."""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.masking import Masker

LONGEST, SHORTEST = 300, 2
_MARKS = re.compile(r"[\[\]{}<>|\\]")
"""Rasa's marks for entities, and those of a place that the veil hid."""
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff\ufeff]"
)


def tidy(text: str) -> str:
    """On one line, without what cannot be seen."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def fault_of(text: str, masker: Masker, known: Collection[str] = ()) -> str:
    """Why this cannot be an example: "empty", "long", "marks", "personal"; "" when it can.

    `known` are the names that the conversation is known to hold.
    """
    if sum(ch.isalpha() for ch in text) < SHORTEST:
        return "empty"
    if len(text) > LONGEST:
        return "long"
    if _MARKS.search(text):
        return "marks"
    return "personal" if masker.spans(text, known) else ""
