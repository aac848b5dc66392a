"""Names of streets and areas in running text, with typing errors forgiven.

A gazetteer is built from names and knows nothing of a database or of Rasa. Exact names win, longest
first; what is left is compared letter by letter, but only where the words are not everyday words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from bot.choices import fold

LONGEST = 5
FUZZY_SCORE = 84.0
"""Least letter similarity (0 to 100) that still counts as a typing error."""
_TOKEN = re.compile(r"[\w']+(?:\.[\w]+)*", re.UNICODE)
_ARTICLE = re.compile(r"^(de|het|the|t|den|der|die|das) ")
_ARTICLES = frozenset(["de", "het", "the", "t", "den", "der", "die", "das", "dem"])
_KIND_WORD = re.compile(r"^(wijk|buurt|neighbourhood|district|stadtteil|viertel|bydel|kvarter) ")
_CUE = frozenset(
    [
        "in",
        "at",
        "on",
        "near",
        "from",
        "around",
        "to",
        "wijk",
        "buurt",
        "op",
        "aan",
        "bij",
        "van",
        "naar",
        "om",
        "te",
        "uit",
        "district",
        "neighbourhood",
        "area",
        "street",
        "straat",
        "auf",
        "im",
        "an",
        "der",
        "beim",
        "nahe",
        "aus",
        "viertel",
        "stadtteil",
        "pa",
        "ved",
        "fra",
        "til",
        "bydel",
    ]
)


@dataclass(frozen=True)
class Name:
    """One thing that has a name: `kind` is street, area or landmark; `codes` are its areas."""

    kind: str
    name: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Match:
    """A name found in a text, by character offsets; `score` is 1.0 for the exact name."""

    name: Name
    start: int
    end: int
    score: float


class Gazetteer:
    """Looks names up. `everyday` are words that alone are no typing error of a name."""

    def __init__(self, names: Iterable[Name], everyday: frozenset[str] = frozenset()) -> None:
        self.names = list(names)
        self.everyday = everyday
        self._exact: dict[str, Name] = {}
        for name in self.names:
            for alias in aliases(name):
                held = self._exact.get(alias)
                if held is None or (held.kind != "area" and name.kind == "area"):
                    self._exact[alias] = name
        self._aliases = list(self._exact)

    def find(self, text: str, eager: bool = False) -> list[Match]:
        """Names in the order of the text. `eager`: the text is an answer to "where?"."""
        tokens = [(m.start(), m.end(), fold(m[0])) for m in _TOKEN.finditer(text)]
        tokens = [token for token in tokens if token[2]]
        taken = [False] * len(tokens)
        found: list[Match] = []
        for size in range(min(LONGEST, len(tokens)), 0, -1):
            for i in range(len(tokens) - size + 1):
                if any(taken[i : i + size]):
                    continue
                window = " ".join(token[2] for token in tokens[i : i + size])
                name = self._exact.get(window)
                if name and self._plausible(text, tokens, i, window, eager):
                    found.append(Match(name, tokens[i][0], tokens[i + size - 1][1], 1.0))
                    taken[i : i + size] = [True] * size
        if not found or eager:
            found += self._fuzzy(tokens, taken, eager)
        return sorted(found, key=lambda match: match.start)

    def _plausible(
        self,
        text: str,
        tokens: Sequence[tuple[int, int, str]],
        i: int,
        window: str,
        eager: bool,
    ) -> bool:
        """An everyday word is a name only when capitalised, after a cue, or the whole message."""
        if eager or " " in window or window not in self.everyday:
            return True
        before = [token[2] for token in tokens[:i]]
        while before and before[-1] in _ARTICLES:
            before.pop()
        after_cue = bool(before) and before[-1] in _CUE
        alone = not before and all(t[2].isdigit() for t in tokens[i + 1 :])
        return after_cue or alone or (i > 0 and text[tokens[i][0]].isupper())

    def _fuzzy(
        self, tokens: Sequence[tuple[int, int, str]], taken: list[bool], eager: bool
    ) -> list[Match]:
        best: list[tuple[float, int, int, Name]] = []
        for size in (3, 2, 1):
            for i in range(len(tokens) - size + 1):
                words = [token[2] for token in tokens[i : i + size]]
                window = " ".join(words)
                if any(taken[i : i + size]) or len(window) < 5 or window.isdigit():
                    continue
                if all(word in self.everyday or word in _CUE for word in words):
                    continue
                if size > 1 and (words[0] in _CUE or words[-1].isdigit() or words[-1] in _CUE):
                    continue
                floor = FUZZY_SCORE if eager or len(window) >= 8 else FUZZY_SCORE + 2
                hit = process.extractOne(
                    window, self._aliases, scorer=fuzz.ratio, score_cutoff=floor
                )
                if hit and hit[0][0] == window[0]:
                    best.append((hit[1] / 100, i, size, self._exact[hit[0]]))
        found = []
        for score, i, size, name in sorted(best, key=lambda b: (-b[0], -b[2])):
            if not any(taken[i : i + size]):
                taken[i : i + size] = [True] * size
                found.append(Match(name, tokens[i][0], tokens[i + size - 1][1], score))
        return found


def aliases(name: Name) -> list[str]:
    """The ways a name is written: folded, without its article, and areas with a kind word."""
    plain = fold(name.name)
    forms = [plain]
    bare = _ARTICLE.sub("", plain)
    if bare != plain and len(bare) > 3:
        forms.append(bare)
    joined = plain.replace(" ", "")
    if name.kind == "street" and joined != plain:
        forms.append(joined)
    return forms


def without_places(text: str, places: Iterable[tuple[int, int]]) -> str:
    """What a text says beside the places at these offsets and the small words before them."""
    rest = text
    for start, end in sorted(places, reverse=True):
        before = rest[:start].split()
        while before and fold(before[-1]) in _SMALL:
            before.pop()
        rest = f"{' '.join(before)} {rest[end:]}"
    return rest.strip(" ,;:.!-") if re.search(r"\w", rest) else ""


_SMALL = _CUE | _ARTICLES | {"", "i", "number", "nummer", "nr", "no", "huisnummer", "hausnummer"}
