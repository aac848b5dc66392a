"""What a feed says of one notice, before anybody knows which areas it is about.

Feeds are other people's files: every reader takes bytes of limited size, believes nothing, and
gives items and a line for each fault. One bad item spoils no other.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timezone
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.choices import fold
from bot.civic.notices import KINDS, NoticeText

MAX_BYTES = 2 * 1024 * 1024
MAX_ITEMS = 1000
MAX_TITLE, MAX_BODY, MAX_ID = 200, 1000, 300
MAX_FAULTS = 20

_WORDS = (
    ("water", r"water(leiding| off|leitung)?|vand|drink"),
    (
        "works",
        r"work|werk|riool|riolering|sewer|afgesloten|road|bau|sperr|kanal|arbejde|kloak|omleid",
    ),
    ("waste", r"waste|afval|mull|affald|container"),
    ("consultation", r"consult|inspraak|participa|burgerbeteilig|horing|bewonersavond|inloop"),
    (
        "event",
        r"event|\bmarket|\b(week|jaar|kerst)?markt\b|festival|fest|feest|marked|kermis|concert|run\b",
    ),
)


class FeedRefused(ValueError):
    """The feed as a whole cannot be used; what we have of it stays as it is."""


@dataclass(frozen=True)
class Item:
    """One entry. `places` are names, streets, postcodes or codes; `points` are (lat, lon)."""

    guid: str
    texts: Mapping[str, NoticeText]
    kind: str = "other"
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    url: str | None = None
    places: tuple[str, ...] = ()
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Reading:
    """What was read of a feed: its items, and a line for each entry that cannot be used."""

    items: tuple[Item, ...] = ()
    faults: tuple[str, ...] = field(default=())

    def with_fault(self, line: str) -> Reading:
        return replace(self, faults=(*self.faults, line)[:MAX_FAULTS])


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.hidden += tag in ("script", "style")
        if tag in ("p", "br", "div", "li"):
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style") and self.hidden > 0

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


def plain(text: object, most: int) -> str:
    """Words without markup, control characters and double spaces, at most so many characters."""
    raw = str(text or "")[: most * 20]
    if "<" in raw or "&" in raw:
        reader = _Words()
        reader.feed(html.unescape(raw) if "&lt;" in raw else raw)
        reader.close()
        raw = "".join(reader.parts)
    raw = re.sub(r"[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", " ", raw)
    raw = raw.encode("utf-8", "replace").decode("utf-8")
    words = " ".join(raw.split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def text_of(title: object, text: object) -> NoticeText:
    """Title and text as plain words of sane length."""
    return NoticeText(plain(title, MAX_TITLE), plain(text, MAX_BODY))


def kind_of(*texts: object) -> str:
    """The kind that a category or a title speaks of."""
    said = fold(" ".join(str(text or "") for text in texts))
    if said in KINDS:
        return said
    return next((kind for kind, pattern in _WORDS if re.search(pattern, said)), "other")


def web_address(value: object) -> str | None:
    """An http address of sane length, or None: nothing else is ever shown as a link."""
    text = str(value or "").strip()
    parts = urlsplit(text) if len(text) <= 500 else None
    return text if parts and parts.scheme in ("http", "https") and parts.netloc else None


def moment(value: object, zone: ZoneInfo) -> datetime | None:
    """A date or time as aware UTC; a bare one is where the city is. Raises ValueError."""
    if value in (None, ""):
        return None
    if isinstance(value, datetime):
        at = value
    elif isinstance(value, date):
        at = datetime.combine(value, time(0))
    else:
        text = str(value).strip().replace("Z", "+00:00")
        at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    if not 2000 <= at.year <= 2100:
        raise ValueError(f"the year {at.year} cannot be right")
    return at.astimezone(timezone.utc)


def position(lat: object, lon: object) -> tuple[float, float]:
    """A position in WGS84 degrees. Raises ValueError."""
    at = float(str(lat)), float(str(lon))
    if not (-90 <= at[0] <= 90 and -180 <= at[1] <= 180):
        raise ValueError("the position is not in WGS84 degrees")
    return at


def language_of(value: object, default: str) -> str:
    """Two letters of a language tag, or the default."""
    match = re.match(r"([a-z]{2})(?:[-_]|$)", str(value or "").lower())
    return match[1] if match else default
