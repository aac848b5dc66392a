"""A notice as somebody types it into a form: read, checked, and every fault named by its field.

Times are typed as the clocks of the city show them. Nothing is guessed: a place that we do not
know, an hour that the clocks skip, or an end before the beginning is a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.civic.areas import Area
from bot.civic.notices import KINDS, NewNotice, NoticeText
from bot.notices.item import MAX_BODY, MAX_TITLE, moment, plain, web_address
from bot.notices.placing import MOST_AREAS, Finder, named, placed_names

PARTS = ("kind", "place", "begins", "ends", "url")


@dataclass(frozen=True)
class Draft:
    """What stands in the form. `areas` are codes that were ticked; texts are by language."""

    key: str
    areas: tuple[str, ...]
    parts: Mapping[str, str]
    titles: Mapping[str, str]
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Checked:
    """The notice that the form describes, or its faults: field and kind, in the form's order."""

    notice: NewNotice
    faults: tuple[tuple[str, str], ...]


def check(
    draft: Draft,
    areas: Sequence[Area],
    finder: Finder | None,
    languages: Sequence[str],
    zone: ZoneInfo,
    now: datetime,
) -> Checked:
    """Read the form. The first of `languages` is the one that must have a title."""
    faults: list[tuple[str, str]] = []
    texts = _texts(draft, languages, faults)
    codes = _codes(draft, areas, finder, faults)
    begins = _time(draft, "begins", zone, faults)
    ends = _time(draft, "ends", zone, faults)
    if begins and ends and ends <= begins:
        faults.append(("ends", "order"))
    elif ends and ends <= now:
        faults.append(("ends", "over"))
    url = web_address(draft.parts.get("url", ""))
    if draft.parts.get("url") and not url:
        faults.append(("url", "address"))
    kind = draft.parts.get("kind", "")
    if kind not in KINDS:
        faults.append(("kind", "kind"))
    notice = NewNotice(draft.key, tuple(codes), kind, texts, begins, ends, url)
    return Checked(notice, tuple(faults))


def _texts(
    draft: Draft, languages: Sequence[str], faults: list[tuple[str, str]]
) -> dict[str, NoticeText]:
    found: dict[str, NoticeText] = {}
    for n, language in enumerate(languages):
        title, text = draft.titles.get(language, ""), draft.texts.get(language, "")
        if len(title) > MAX_TITLE:
            faults.append((f"title_{language}", "long"))
        if len(text) > MAX_BODY:
            faults.append((f"text_{language}", "long"))
        said = NoticeText(plain(title, MAX_TITLE), plain(text, MAX_BODY))
        if said.title:
            found[language] = said
        elif n == 0 or said.text:
            faults.append((f"title_{language}", "title"))
    return found


def _codes(
    draft: Draft, areas: Sequence[Area], finder: Finder | None, faults: list[tuple[str, str]]
) -> list[str]:
    known = {area.code for area in areas}
    codes = [code for code in draft.areas if code in known]
    place = draft.parts.get("place", "").strip()
    if place:
        found = named(place, finder) if finder is not None else []
        found = found or [c for cs in placed_names([place], areas).values() for c in cs]
        if not found:
            faults.append(("place", "unknown"))
        codes += found
    elif not codes:
        faults.append(("place", "nowhere"))
    codes = list(dict.fromkeys(codes))
    if len(codes) > MOST_AREAS:
        faults.append(("place", "many"))
    return codes[:MOST_AREAS]


def _time(
    draft: Draft, name: str, zone: ZoneInfo, faults: list[tuple[str, str]]
) -> datetime | None:
    text = draft.parts.get(name, "")
    try:
        at = moment(text, zone)
        bare = datetime.fromisoformat(text) if text else None
    except ValueError:
        faults.append((name, "time"))
        return None
    if at and bare and (bare.tzinfo or at.astimezone(zone).replace(tzinfo=None) != bare):
        faults.append((name, "skipped" if bare.tzinfo is None else "time"))
        return None
    return at


def grouped(areas: Iterable[Area]) -> list[tuple[Area, list[Area]]]:
    """What lies in no district (the city), then districts with their neighbourhoods, by name."""
    listed = sorted(areas, key=lambda a: a.name.casefold())
    tops = {a.code for a in listed if any(b.parent == a.code for b in listed)}
    inner = {a.code for a in listed if a.code not in tops and a.parent in tops}
    groups = [
        (a, [b for b in listed if b.parent == a.code and b.code in inner])
        for a in listed
        if a.code not in inner
    ]
    return sorted(groups, key=lambda group: bool(group[1]))
