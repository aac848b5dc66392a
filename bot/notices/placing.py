"""On which areas a feed's item lies: by code, name, street, postcode or position."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from bot.choices import fold
from bot.civic.areas import Area, AreaHit, Street
from bot.civic.notices import NewNotice
from bot.notices.item import Item

MOST_AREAS = 40


class Finder(Protocol):
    """What is asked of the finder; see `bot.places.finder`."""

    def area(self, code: str) -> Area | None: ...
    def areas_named(self, name: str) -> list[Area]: ...
    def streets_named(self, name: str) -> list[Street]: ...
    def postcode(self, text: str) -> list[Area]: ...
    def area_at(self, lat: float, lon: float) -> AreaHit | None: ...


def placed(item: Item, finder: Finder) -> NewNotice:
    """The item as a notice; without any area when it lies in none of ours."""
    codes: dict[str, None] = {}
    for lat, lon in item.points:
        hit = finder.area_at(lat, lon)
        if hit is not None:
            codes[hit.area.code] = None
    for place in () if codes else item.places:
        codes |= dict.fromkeys(named(place, finder))
    return NewNotice(
        guid=item.guid,
        area_codes=tuple(list(codes)[:MOST_AREAS]),
        kind=item.kind,
        texts=item.texts,
        begins_at=item.begins_at,
        ends_at=item.ends_at,
        url=item.url,
    )


def placed_names(names: Iterable[str], areas: Iterable[Area]) -> dict[str, list[str]]:
    """The codes for each code or exact name of an area, as a clerk writes it."""
    listed = list(areas)
    return {
        name: [a.code for a in listed if name == a.code or fold(name) == fold(a.name)]
        for name in names
    }


def named(place: str, finder: Finder) -> list[str]:
    """Codes of what a place names: the whole of it, else each part between commas."""
    for words in (place, *re.split(r"[,;/]", place)):
        name = words.strip()
        if not name:
            continue
        if finder.area(name):
            return [name]
        areas = finder.areas_named(name)
        if areas:
            return [area.code for area in areas]
        street = re.sub(r"\s+\d+\s?[a-zA-Z]?$", "", name)  # without its house number
        codes = [code for one in finder.streets_named(street) for code in one.area_codes]
        if codes:
            return codes
        if re.fullmatch(r"\d{4}(\s?[A-Za-z]{2})?", name):
            found = [area.code for area in finder.postcode(name)]
            if found:
                return found
    return []
