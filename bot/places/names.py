"""The names that the gazetteer knows, made from the areas and streets of the register or a file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.choices import fold
from bot.places.gazetteer import Name

_PARTS = re.compile(r"[- ](Noord|Zuid|Oost|West|Dorp)$")
"""What parts of a neighbourhood are called; without it they have one name ("Paddepoel")."""


def place_names(
    areas: Iterable[tuple[str, str, str]], streets: Iterable[tuple[str, Sequence[str]]]
) -> list[Name]:
    """From areas as (code, kind, name) and streets as (name, area codes).

    An area that comes in parts has a name for all of them; a street has one in all its towns.
    """
    names = []
    families: dict[str, list[str]] = defaultdict(list)
    for code, kind, full in areas:
        name = full.removesuffix(" e.o.")
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
