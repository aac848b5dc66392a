"""What has a shape rather than a name: house numbers, postcodes, references, telephone, e-mail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bot.civic.tickets import find_reference
from bot.places.gazetteer import Match

_REFERENCE = re.compile(r"\bLW\s?[-–]?\s?\d{4}\s?[-–]?\s?\d{1,6}\b", re.IGNORECASE)
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_PHONE = re.compile(r"(?<![\w-])\+?\d[\d\s()/.-]{7,16}\d(?!\w)")
_POSTCODE = re.compile(r"\b([1-9]\d{3})\s?([A-Za-z]{2})\b(?!\w)")
_AFTER_STREET = re.compile(
    r"^[\s,]*(?:(?:number|nummer|huisnummer|nr|no|hausnummer)\.?\s*)?(\d{1,4}(?:\s?[a-zA-Z](?!\w))?)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\b(?:number|nummer|huisnummer|nr|no|hausnummer|husnummer)\.?\s*(\d{1,4}(?:\s?[a-zA-Z](?!\w))?)\b",
    re.IGNORECASE,
)
_BARE_NUMBER = re.compile(
    r"^\W*(?:(?:no|nee|nein|nej)\W+)?(\d{1,4}\s?[a-zA-Z]?)\W*$", re.IGNORECASE
)


def _entity(kind: str, value: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    return {
        "entity": kind,
        "value": value,
        "start": start,
        "end": end,
        "extractor": "PlaceExtractor",
        **more,
    }


def find_patterns(text: str, names: Sequence[Match]) -> list[dict[str, Any]]:
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
    for match in _REFERENCE.finditer(text):
        value = find_reference(match[0])
        if value:
            found.append(_entity("ticket_reference", value, match.start(), match.end()))
    for match in _EMAIL.finditer(text):
        found.append(_entity("email", match[0], match.start(), match.end()))
    for match in _POSTCODE.finditer(text):
        value = match[1] + match[2].upper()
        found.append(_entity("postcode", value, match.start(), match.end()))
    taken = [(e["start"], e["end"]) for e in found]
    for match in _PHONE.finditer(text):
        if not any(s < match.end() and match.start() < e for s, e in taken):
            value = re.sub(r"[^\d+]", "", match[0])
            found.append(_entity("phone", value, match.start(), match.end()))
    found += _house_number(text, names)
    return sorted(found, key=lambda e: (int(e["start"]), int(e["end"])))


def _house_number(text: str, names: Sequence[Match]) -> list[dict[str, Any]]:
    """The number behind a street, or one that is named as such; at most one a message."""
    for name in names:
        if name.name.kind == "street":
            match = _AFTER_STREET.match(text[name.end :])
            if match:
                start = name.end + match.start(1)
                return [_entity("house_number", match[1].strip(), start, start + len(match[1]))]
    for pattern in (_NUMBER, _BARE_NUMBER):
        matches = list(pattern.finditer(text))
        if matches:
            match = matches[-1]  # "not number 40 but number 44"
            return [_entity("house_number", match[1].strip(), match.start(1), match.end(1))]
    return []
