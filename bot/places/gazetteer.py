"""Names of streets and areas in running text, with typing errors forgiven.

A gazetteer is built from names and knows nothing of a database or of Rasa. Exact names win, longest
first; what is left is compared letter by letter, but only where the words are not everyday words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from bot.choices import fold

LONGEST = 5
FUZZY_SCORE = 84.0
"""Least letter similarity (0 to 100) that still counts as a typing error."""
LONGER_BONUS = 0.06
"""What each further word of a name counts: two words nearly right beat one that is right."""
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


Token = tuple[int, int, str]
"""Offsets of a word and its folded form."""
Hit = tuple[float, int, int, Name]
"""Score, first word, number of words, and the name they are."""


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
        self._by_letter: dict[str, list[str]] = defaultdict(list)
        for alias in self._exact:
            self._by_letter[alias[:1]].append(alias)

    def find(self, text: str, eager: bool = False) -> list[Match]:
        """Names in the order of the text. `eager`: the text is an answer to "where?".

        Beside an exact name nothing is taken for a typing error, but a name within a longer one
        that is misspelt gives way to it: "Verlende Visserstraat" is not Visserstraat.
        """
        tokens = [(m.start(), m.end(), fold(m[0])) for m in _TOKEN.finditer(text)]
        tokens = _without_idioms(text, [token for token in tokens if token[2]])
        exact = self._exactly(text, tokens, eager)
        hits = exact + self._nearly([token[2] for token in tokens], exact, eager)
        taken = [False] * len(tokens)
        found = []
        for score, i, size, name in sorted(
            hits, key=lambda hit: (-hit[0] - LONGER_BONUS * (hit[2] - 1), hit[1])
        ):
            if not any(taken[i : i + size]):
                taken[i : i + size] = [True] * size
                found.append(Match(name, tokens[i][0], tokens[i + size - 1][1], score))
        return sorted(found, key=lambda match: match.start)

    def _exactly(self, text: str, tokens: Sequence[Token], eager: bool) -> list[Hit]:
        """Exact names, the longest at each place."""
        taken = [False] * len(tokens)
        hits: list[Hit] = []
        for size in range(min(LONGEST, len(tokens)), 0, -1):
            for i in range(len(tokens) - size + 1):
                if any(taken[i : i + size]):
                    continue
                window = " ".join(token[2] for token in tokens[i : i + size])
                name = self._exact.get(window)
                if name and self._plausible(text, tokens, i, window, eager):
                    hits.append((1.0, i, size, name))
                    taken[i : i + size] = [True] * size
        return hits

    def _plausible(
        self,
        text: str,
        tokens: Sequence[Token],
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

    def _nearly(self, words: list[str], exact: list[Hit], eager: bool) -> list[Hit]:
        """Names with typing errors; beside exact ones only longer names that hold one of them."""
        hits: list[Hit] = []
        for size in range(min(LONGEST, len(words)), 0, -1):
            for i in range(len(words) - size + 1):
                held = [e for e in exact if e[1] < i + size and i < e[1] + e[2]]
                longer = len(held) == 1 and i <= held[0][1] and held[0][2] < size
                if (held and not longer) or (exact and not held and not eager):
                    continue
                hit = self._near(words[i : i + size], eager)
                if hit and not (longer and held[0][3].name == hit[1].name):
                    hits.append((hit[0], i, size, hit[1]))
        return hits

    def _near(self, words: list[str], eager: bool) -> tuple[float, Name] | None:
        window = " ".join(words)
        if len(window) < 5 or window.isdigit() or (len(words) > 1 and words[-1].isdigit()):
            return None
        if all(word in self.everyday or word in _CUE for word in words):
            return None
        floor = FUZZY_SCORE if eager or len(window) >= 8 else FUZZY_SCORE + 2
        # People rarely get the first letter wrong, and a twentieth of the names is quicker to see.
        like = self._by_letter.get(window[0], ())
        hit = process.extractOne(window, like, scorer=fuzz.ratio, score_cutoff=floor)
        if not hit:
            return None
        for word, its in ((words[0], hit[0].split()[0]), (words[-1], hit[0].split()[-1])):
            if len(words) > 1 and word in _CUE and word != its:
                return None  # "op Ostrstraat": the small word is not part of the name
        return hit[1] / 100, self._exact[hit[0]]


_IDIOMS = (("op", "de", "hoogte"),)
"""Everyday turns of phrase that hold the name of an area, when they are written small."""


def _without_idioms(text: str, tokens: list[Token]) -> list[Token]:
    """The tokens, with those of an idiom made into what is no name."""
    made = list(tokens)
    for idiom in _IDIOMS:
        for i in range(len(tokens) - len(idiom) + 1):
            part = tokens[i : i + len(idiom)]
            small = text[part[-1][0]].islower()
            if small and tuple(token[2] for token in part) == idiom:
                made[i : i + len(idiom)] = [(start, end, "-") for start, end, _ in part]
    return made


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
