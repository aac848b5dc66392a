"""A notice in words: its title, when it counts, its text, and the language if it is another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from bot.civic.areas import Area
from bot.civic.notices import Notice, spoken
from bot.messages import Link, Reply
from bot.phrases import Phrasebook

_DAY = {"en": "d MMMM", "nl": "d MMMM", "de": "d. MMMM", "da": "d. MMMM"}
LONGEST = 300


def notice_line(
    notice: Notice, language: str, order: Sequence[str], book: Phrasebook, zone: ZoneInfo
) -> str:
    """One notice as a line of a list. `order`: languages to fall back on."""
    other, words = spoken(notice.texts, language, order)
    text = words.text.strip()
    if len(text) > LONGEST:
        text = text[:LONGEST].rsplit(" ", 1)[0].rstrip(".,;: ") + " …"
    note = ""
    if other != language:
        name = book.text(f"utter_language_{other}", language) if known(other, book) else other
        note = " " + book.text("utter_notice_other_language", language, language_name=name)
    when = when_words(notice, language, book, zone)
    return book.text(
        "utter_notice_line",
        language,
        title=words.title.strip(),
        when=f" ({when})" if when else "",
        text=f": {text}" if text else "",
        note=note,
    )


def push_reply(
    notice: Notice,
    area: Area,
    language: str,
    order: Sequence[str],
    book: Phrasebook,
    zone: ZoneInfo,
) -> Reply:
    """What a follower of `area` reads of a new notice."""
    line = notice_line(notice, language, order, book, zone)
    said = book.reply("utter_notice_push", language, area=area.name, list=line)
    link = Link(notice.url, notice.url.split("/")[2]) if notice.url else None
    return Reply(said.text, link=link)


def known(language: str, book: Phrasebook) -> bool:
    """Does the book have a name for this language?"""
    return f"utter_language_{language}" in book.books[book.primary]


def when_words(notice: Notice, language: str, book: Phrasebook, zone: ZoneInfo) -> str:
    """When a notice counts, or "" when it does not say."""
    begin, end = notice.begins_at, notice.ends_at
    if begin and end:
        if end - begin == timedelta(days=1) and _midnight(begin, zone):
            return _said(begin, language, zone)  # a whole day
        last = end - timedelta(seconds=1) if _midnight(end, zone) else end
        if begin.astimezone(zone).date() == last.astimezone(zone).date():
            until = format_time(end.astimezone(zone), "HH:mm", locale=language)
            return f"{_said(begin, language, zone)}–{until}"
        return book.text(
            "utter_notice_between",
            language,
            begin=_said(begin, language, zone),
            end=_said(last, language, zone, clock=not _midnight(end, zone)),
        )
    if begin:
        return book.text("utter_notice_from", language, begin=_said(begin, language, zone))
    if end:
        return book.text("utter_notice_until", language, end=_said(end, language, zone))
    return ""


def _midnight(at: datetime, zone: ZoneInfo) -> bool:
    local = at.astimezone(zone)
    return (local.hour, local.minute) == (0, 0)


def _said(at: datetime, language: str, zone: ZoneInfo, clock: bool = True) -> str:
    local = at.astimezone(zone)
    day = str(format_date(local.date(), _DAY.get(language, "d MMMM"), locale=language))
    if not clock or _midnight(at, zone):
        return day
    return f"{day} {format_time(local, 'HH:mm', locale=language)}"
