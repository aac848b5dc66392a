"""Exact addresses: a street with a house number, or a postcode with one.

A street alone is a place in the city and stays readable; with a house number it is someone's home.
Streets come from the city's register; others are known by how street names end in four languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NUMBER = r"(?:nr\.?|no\.?|nummer|number)?\s?\d{1,4}(?!\d|[:.]\d|\s?(?:uur|uhr|o'clock|am|pm|kl|meter|m\b|jaar|euro|€|%|cm|km|lamp|lantaarn|bomen|keer))(?:\s?[-/]?\s?(?:[a-z](?![\w])|\d{1,3}(?=\W|$)|bis|hs|[IVX]{1,4}(?!\w)))?"
_ENDING = (
    r"[^\W\d_][\w'’.-]*(?:straat|laan|weg|plein|kade|singel|gracht|dijk|steeg|hof|pad|markt|wal|dreef|plantsoen|diep|"
    r"straße|strasse|str\.|allee|platz|gasse|ring|ufer|damm|gade(?:n)?|vej(?:en)?|stræde|plads(?:en)?|torv(?:et)?|alle|allé|vænge)"
)
_TAIL = r"(?:[^\W\d_][\w'’.-]*\s){0,2}(?:Street|Road|Avenue|Lane|Drive|Close|Straße|Allee|Platz|Weg|Vej|Gade|Allé)"
_FRONT = re.compile(
    r"(?<![\w-])\d{1,4}\s?[a-zA-Z]?,?\s(?:[A-Z][\w'’.-]*\s){1,3}(?:Street|Road|Avenue|Lane|Drive|Close)\b"
)
_SHAPE = re.compile(rf"(?<![\w-])(?:(?i:{_ENDING})|{_TAIL}),?\s{_NUMBER}", re.UNICODE)
_POSTCODE = re.compile(
    r"(?<![\w-])[1-9]\d{3}\s?[A-Z]{2}\s?,?\s(?:nr\.?\s|nummer\s|huisnummer\s)?\d{1,4}(?:\s?[a-zA-Z](?!\w))?(?![\w:.]\d)"
)


class Addresses:
    """Finds exact addresses; `streets` are the names of the register."""

    def __init__(self, streets: Iterable[str]) -> None:
        self._known = {_fold(name) for name in streets if len(name) > 3}
        self._longest = max((len(name.split()) for name in self._known), default=0)
        self._number = re.compile(rf",?\s{_NUMBER}", re.IGNORECASE)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Spans of street with house number."""
        for pattern in (_SHAPE, _FRONT, _POSTCODE):
            yield from (match.span() for match in pattern.finditer(text))
        yield from self._of_register(text)

    def is_street(self, name: str) -> bool:
        """Whether this is a street of the register, and so nobody's name."""
        return _fold(name) in self._known

    def _of_register(self, text: str) -> Iterator[tuple[int, int]]:
        words = list(re.finditer(r"[^\s,;:!?()]+", text))
        for at, first in enumerate(words):
            for size in range(min(self._longest, len(words) - at), 0, -1):
                last = words[at + size - 1]
                if _fold(text[first.start() : last.end()]) in self._known:
                    number = self._number.match(text, last.end())
                    if number:
                        yield first.start(), number.end()
                    break


def _fold(name: str) -> str:
    return " ".join(name.casefold().split())
