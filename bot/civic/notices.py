"""Notices: what goes on in an area for a time, such as road works or a market.

A notice lies on one or more areas and counts for everything inside them. It has a text in one or
more languages; who speaks another one gets a text that there is and is told its language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.civic.areas import Area

KINDS = ("works", "water", "waste", "event", "consultation", "other")
"""What a notice can be about; anything else a feed says is `other`."""
SOON = timedelta(days=30)
"""A notice that begins later than this is not told yet when somebody asks."""


@dataclass(frozen=True)
class NoticeText:
    """What a notice says in one language."""

    title: str
    text: str = ""


@dataclass(frozen=True)
class NewNotice:
    """A notice to be kept. `guid` is unique within its feed; `ends_at` None means until further
    news. Raises nothing: `fault` says what is wrong with it."""

    guid: str
    area_codes: tuple[str, ...]
    kind: str
    texts: Mapping[str, NoticeText]
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    url: str | None = None

    def fault(self) -> str:
        """Why this is no notice, or ""."""
        if not self.guid:
            return "it has no id"
        if not any(text.title.strip() for text in self.texts.values()):
            return "it has no title"
        if not self.area_codes:
            return "it lies in no area of ours"
        if self.begins_at and self.ends_at and self.ends_at < self.begins_at:
            return "it ends before it begins"
        return ""


@dataclass(frozen=True)
class Notice(NewNotice):
    """A notice as it is kept."""

    id: int = 0
    feed: str = ""

    def current(self, now: datetime) -> bool:
        """Is it going on, or will it soon?"""
        over = self.ends_at is not None and self.ends_at <= now
        return not over and (self.begins_at is None or self.begins_at <= now + SOON)


def spoken(
    texts: Mapping[str, NoticeText], language: str, order: Sequence[str]
) -> tuple[str, NoticeText]:
    """(language, text): the text in `language`, else in the first of `order` that there is."""
    for code in (language, *order, *sorted(texts)):
        if code in texts and texts[code].title.strip():
            return code, texts[code]
    raise KeyError(language)


def lineage(area: Area, areas: Mapping[str, Area]) -> list[str]:
    """The codes of an area and of everything it lies in, smallest first."""
    codes = [area.code]
    while area.parent and area.parent in areas and area.parent not in codes:
        area = areas[area.parent]
        codes.append(area.code)
    return codes


def reached(area_codes: Iterable[str], areas: Iterable[Area]) -> set[str]:
    """The codes of all areas that a notice on `area_codes` is news for: those areas, everything in
    them, and the districts and the city that they lie in."""
    known = {area.code: area for area in areas}
    wanted = set(area_codes)
    found = {c for c in known if wanted & set(lineage(known[c], known))}
    for code in wanted & known.keys():
        found |= set(lineage(known[code], known))
    return found
