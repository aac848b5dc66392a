"""The log's filters as they stand in the address: read, checked, and written back.

Everything a person chose is in the address, so that a page can be bookmarked, sent to a colleague,
or kept as a saved filter. A value that cannot be used is left out, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from bot.console.visit import clean
from bot.store.search import question
from bot.store.talks import FLAGS, SORTS, Wanted

LOW = 0.5
"""Below this confidence the bot asks or hands over (see `bot.brain.understanding`)."""
TEXTS = ("channel", "language", "intent", "topic", "area", "label", "theme")
TICKS = (*FLAGS, "low")
NAMES = (*TEXTS, *TICKS, "q", "from", "to", "ticket", "test", "quality", "sort")
_ID = re.compile(r"(?=[0-9a-f]*\d)[0-9a-f]{6,24}")


@dataclass(frozen=True)
class Chosen:
    """What was chosen: as values of the form, and as what the log is asked."""

    values: Mapping[str, str]
    wanted: Wanted
    sort: str

    @property
    def query(self) -> str:
        """The query of the address, without what is empty."""
        return urlencode({k: v for k, v in self.values.items() if v})

    @property
    def count(self) -> int:
        """How many filters are in force, beside the words."""
        return sum(1 for k, v in self.values.items() if v and k not in ("q", "sort"))


def chosen(query: Mapping[str, str], zone: ZoneInfo) -> Chosen:
    """Read the filters of an address."""
    given = {name: clean(query.get(name, "")).strip()[:300] for name in NAMES}
    values = {name: given[name][:80] for name in TEXTS}
    values |= {name: "1" if given[name] else "" for name in TICKS}
    values["q"] = given["q"]
    since, until = _day(given["from"]), _day(given["to"])
    values["from"] = since.isoformat() if since else ""
    values["to"] = until.isoformat() if until else ""
    values["ticket"] = given["ticket"] if given["ticket"] in ("yes", "no") else ""
    values["test"] = given["test"] if given["test"] in ("yes", "all") else ""
    values["quality"] = given["quality"] if given["quality"] in "12345" else ""
    values["sort"] = given["sort"] if given["sort"] in SORTS and given["sort"] != "newest" else ""
    by_id = bool(_ID.fullmatch(values["q"]))
    wanted = Wanted(
        words=None if by_id else question(values["q"]),
        beginning_of_id=values["q"] if by_id else "",
        since=_midnight(since, zone) if since else None,
        until=_midnight(until + timedelta(days=1), zone) if until else None,
        below=LOW if values["low"] else None,
        with_ticket={"yes": True, "no": False}.get(values["ticket"]),
        test={"yes": True, "all": None}.get(values["test"], False),
        quality=int(values["quality"]) if values["quality"] else None,
        flags=frozenset(flag for flag in FLAGS if values[flag]),
        **{name: values[name] for name in TEXTS},
    )
    return Chosen(values, wanted, values["sort"] or "newest")


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2100 else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def after_of(text: str) -> tuple[str, int] | None:
    """The key after which a page begins: `value~number`, as `key_text` writes it."""
    value, _, number = text.rpartition("~")
    if not value or not (number.isascii() and number.isdecimal() and len(number) < 16):
        return None
    return value, int(number)


def key_text(key: tuple[str, int]) -> str:
    return f"{key[0]}~{key[1]}"
