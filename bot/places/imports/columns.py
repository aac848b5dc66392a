"""The columns of every kind of rows, written down once, with what may stand in them.

A reader makes a value of the text in a cell or raises ValueError with what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.civic.areas import FIGURES
from bot.civic.waste import WASTES
from bot.places.imports.mapping import LEVELS, plain

ROLES = ("desk", "councillor", "neighbourhood_manager")


@dataclass(frozen=True)
class Column:
    """`read` makes the value or raises ValueError; `names` are other headings it goes by."""

    name: str
    read: Callable[[str], Any]
    needed: bool = False
    names: tuple[str, ...] = ()


def _text(most: int, empty: Any = "") -> Callable[[str], Any]:
    def read(value: str) -> Any:
        if len(value) > most:
            raise ValueError(f"is longer than {most} characters")
        if any(ord(c) < 32 for c in value):
            raise ValueError("holds a line break or a control character")
        return value or empty

    return read


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"is none of {', '.join(allowed)}")
        return value

    return read


def _word(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", value):
        raise ValueError("is no plain word such as library or public_toilet")
    return value


def _codes(value: str) -> list[str]:
    return list(dict.fromkeys(code.strip() for code in value.split(";") if code.strip()))


def _number(value: str) -> float | None:
    return float(value.replace(",", ".")) if value else None


def _figure(value: str) -> float | None:
    number = _number(value)
    if number is None or number == -99999999:
        return None
    if not 0 <= number < 1e12:
        raise ValueError("is no figure")
    return int(number) if number.is_integer() else number


def _whole(least: int, most: int) -> Callable[[str], int | None]:
    def read(value: str) -> int | None:
        number = int(value) if value else None
        if number is not None and not least <= number <= most:
            raise ValueError(f"is not between {least} and {most}")
        return number

    return read


def _date(value: str) -> str | None:
    return date.fromisoformat(value).isoformat() if value else None


def _yes(value: str) -> bool:
    return value.strip().lower() in ("true", "yes", "1", "ja")


def _link(value: str) -> str | None:
    if value and not re.match(r"https?://[^\s<>\"']+$", value):
        raise ValueError("is no web address")
    return _text(500, None)(value)  # type: ignore[no-any-return]


POSITION = (
    Column("lat", _number, names=("latitude", "y")),
    Column("lon", _number, names=("longitude", "lng", "x")),
)
_CONTACT = (
    Column("phone", _text(40, None)),
    Column("url", _link, names=("website", "link")),
    Column("address", _text(200)),
    Column("opening_hours", _text(300)),
    Column("sample", _yes),
    Column("source", _text(300)),
)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "areas": (
        Column("code", _text(20), needed=True),
        Column("kind", _one_of(LEVELS), needed=True),
        Column("name", _text(120), needed=True),
        Column("parent", _text(20, None)),
        Column("postcode", _text(200, None)),
        *(Column(figure, _figure) for figure in FIGURES),
        Column("year", _whole(1900, 2100)),
        Column("source", _text(300)),
        *POSITION,
    ),
    "streets": (
        Column("name", _text(120), needed=True, names=("street",)),
        Column("town", _text(80)),
        Column("area_codes", _codes, names=("area_code", "neighbourhood_code")),
        *POSITION,
    ),
    "lamp_posts": (
        Column("number", _text(40), needed=True, names=("mast",)),
        Column("street", _text(120)),
        Column("area_code", _text(20, None)),
        *POSITION,
    ),
    "facilities": (
        Column("code", _text(60)),
        Column("kind", _word, needed=True),
        Column("name", _text(160), needed=True),
        *POSITION,
        *_CONTACT,
    ),
    "officials": (
        Column("area_code", _text(20), needed=True),
        Column("role", _one_of(ROLES), needed=True),
        Column("name", _text(160), needed=True),
        Column("email", _text(200, None)),
        *_CONTACT,
    ),
    "collections": (
        Column("area_code", _text(20), needed=True),
        Column("waste", _one_of(WASTES), needed=True),
        Column("first_date", _date, needed=True),
        Column("every_weeks", _whole(1, 52), needed=True),
        Column("sample", _yes),
    ),
    "collection_exceptions": (
        Column("area_code", _text(20), needed=True),
        Column("waste", _one_of(WASTES), needed=True),
        Column("planned_on", _date),
        Column("collected_on", _date),
        Column("reason", _text(200)),
        Column("sample", _yes),
    ),
}
KEYS = {
    "areas": ("code",),
    "outlines": ("area_code",),
    "streets": ("name", "town"),
    "lamp_posts": ("number", "street", "lat", "lon"),
    "facilities": ("code",),
    "officials": ("area_code", "role", "name"),
    "collections": ("area_code", "waste"),
    "collection_exceptions": ("area_code", "waste", "planned_on", "collected_on"),
}
SCOPES = {"areas": "kind", "facilities": "kind", "officials": "role"}
"""The column by whose values a load replaces; other kinds are replaced as a whole."""
PLACED = ("lamp_posts", "facilities")
"""Kinds that are nothing without a position."""


def kind_of(header: Iterable[str]) -> str:
    """The kind of rows whose needed columns all stand in a header; empty when none or unclear."""
    has = {plain(name) for name in header}
    found = []
    for kind, columns in COLUMNS.items():
        needed = [c for c in columns if c.needed or (kind in PLACED and c in POSITION)]
        if all(has & {plain(n) for n in (c.name, *c.names)} for c in needed):
            found.append((len(needed), kind))
    found.sort(reverse=True)
    if not found or (len(found) > 1 and found[0][0] == found[1][0]):
        return ""
    return found[0][1]
