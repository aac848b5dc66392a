"""What has a shape rather than a name, as Rasa entities: numbers of places, references, contacts.

Streets, areas and landmarks come from the gazetteer; postcodes, lamp-posts and house numbers from
`numbers`, dates from `moments`. Telephone numbers are checked by `phonenumbers`, so that a
reference or a date is not taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from phonenumbers import Leniency, PhoneNumberMatcher

from bot.brain.moments import find_dates
from bot.brain.numbers import house_number, lamp_posts, overlaps, postcodes
from bot.civic.tickets import find_reference
from bot.places.gazetteer import Match
from bot.settings import load

REGION = "NL"
"""Where a number without a country code is dialled (ISO 3166); others need their "+"."""
_REFERENCE = re.compile(r"\bLW\s?[-–]?\s?\d{4}\s?[-–]?\s?\d{1,6}\b", re.IGNORECASE)
_BARE_REFERENCE = re.compile(r"(?<![\w+-])20\d\d-\d{5}(?![\w-])")
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
"""A telephone number has at least seven digits near one another."""


@lru_cache
def _zone() -> ZoneInfo:
    return load().zone


def _entity(kind: str, value: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    return {
        "entity": kind,
        "value": value,
        "start": start,
        "end": end,
        "extractor": "PlaceExtractor",
        **more,
    }


def find_patterns(
    text: str, names: Sequence[Match], today: date | None = None
) -> list[dict[str, Any]]:
    """Entities in Rasa's form: the names found by a gazetteer, and everything with a shape."""
    found = [
        _entity(
            m.name.kind,
            m.name.name,
            m.start,
            m.end,
            confidence_entity=round(m.score, 3),
            codes=list(m.name.codes),
        )
        for m in names
    ]
    for match in _EMAIL.finditer(text):
        found.append(_entity("email", match[0], match.start(), match.end()))
    if re.search(r"\d", text):
        found += _numbers(text, found)
    now = today or datetime.now(_zone()).date()
    for day, start, end in find_dates(text, now):
        if not overlaps((start, end), _spans(found)):
            found.append(_entity("date", day.isoformat(), start, end))
    return sorted(found, key=lambda e: (int(e["start"]), int(e["end"])))


def _spans(found: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(int(e["start"]), int(e["end"])) for e in found]


def _numbers(text: str, names: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Everything made of digits; what is one thing is not another."""
    found: list[dict[str, Any]] = []
    taken = _spans(names)
    for pattern in (_REFERENCE, _BARE_REFERENCE):
        for match in pattern.finditer(text):
            value = find_reference(match[0]) or find_reference(f"LW-{match[0]}")
            if value and not overlaps(match.span(), taken):
                found.append(_entity("ticket_reference", value, match.start(), match.end()))
                taken.append(match.span())
    for kind, values in (("lamp_post", lamp_posts(text)), ("postcode", postcodes(text))):
        for value, start, end in values:
            if not overlaps((start, end), taken):
                found.append(_entity(kind, value, start, end))
                taken.append((start, end))
    if _DIGITS.search(text):
        for call in PhoneNumberMatcher(text, REGION, leniency=Leniency.VALID):
            if not overlaps((call.start, call.end), taken):
                value = re.sub(r"[^\d+]", "", call.raw_string)
                found.append(_entity("phone", value, call.start, call.end))
                taken.append((call.start, call.end))
    ends = [int(e["end"]) for e in names if e["entity"] == "street"]
    number = house_number(text, ends, taken)
    if number:
        found.append(_entity("house_number", *number))
    return found
