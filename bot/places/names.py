"""The names that the gazetteer knows, and the everyday words that alone are none of them.

Names are made from the areas and streets of the register, or of the files that seed it. Everyday
words come from the training examples; they are counted once, at training, and held against the
names of whatever city is loaded.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.choices import fold
from bot.places.gazetteer import Name, aliases

_PARTS = re.compile(r"[- ](Noord|Zuid|Oost|West|Dorp)$")
"""What parts of a neighbourhood are called; without it they have one name ("Paddepoel")."""


LEAST = 3
"""A word of fewer examples than this is not everyday."""


@dataclass(frozen=True)
class Words:
    """How many examples hold a word at all, and how many write it without a capital."""

    counts: Mapping[str, int]
    small: Mapping[str, int]


def count_words(texts: Iterable[str]) -> Words:
    """Only words that can be everyday are kept."""
    counts: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in texts:
        found = set(re.findall(r"\w+", text))
        counts.update({word.lower() for word in found})
        small.update(word for word in found if word == word.lower())
    kept = {word: count for word, count in sorted(counts.items()) if count >= LEAST}
    return Words(kept, {word: small[word] for word in kept if small[word]})


def everyday_words(words: Words, names: Iterable[Name]) -> frozenset[str]:
    """Words that alone are no name and no typing error of one.

    A name that the examples mention is not everyday for that; it is ("centrum", "want") only when
    people mostly write it without a capital.
    """
    known = {alias for name in names for alias in aliases(name)}
    return frozenset(
        word
        for word, count in words.counts.items()
        if word not in known or (count >= 5 and 2 * words.small.get(word, 0) >= count)
    )


def place_names(
    areas: Iterable[tuple[str, str, str]], streets: Iterable[tuple[str, Sequence[str]]]
) -> list[Name]:
    """From areas as (code, kind, name) and streets as (name, area codes).

    An area that comes in parts has a name for all of them; a street has one in all its towns.
    """
    listed = list(areas)
    taken = {fold(full) for _, _, full in listed}
    names = []
    families: dict[str, list[str]] = defaultdict(list)
    for code, kind, full in listed:
        # "Helpman e.o." (and around) is called Helpman, unless Helpman is an area of its own.
        short = full.removesuffix(" e.o.")
        name = full if short != full and fold(short) in taken else short
        names.append(Name("area", name, (code,)))
        if kind == "neighbourhood" and _PARTS.search(name):
            families[_PARTS.sub("", name)].append(code)
    known = {fold(n.name) for n in names}
    names += [
        Name("area", stem, tuple(codes))
        for stem, codes in families.items()
        if fold(stem) not in known
    ]
    codes_of: dict[str, list[str]] = defaultdict(list)
    for name, area_codes in streets:
        codes_of[name] += area_codes
    names += [Name("street", name, tuple(dict.fromkeys(c))) for name, c in codes_of.items()]
    return names
