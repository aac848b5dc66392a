"""Opening hours in OpenStreetMap's notation, said in a language: "Mo-Fr 10:00-17:00; Sa off".

Only names of days are put into words; what is not understood stays as the city wrote it.
See https://wiki.openstreetmap.org/wiki/Key:opening_hours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
NAMES: Mapping[str, tuple[str, ...]] = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "nl": ("ma", "di", "wo", "do", "vr", "za", "zo"),
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "da": ("man.", "tirs.", "ons.", "tors.", "fre.", "lør.", "søn."),
}
_DAY = re.compile(r"\b(Mo|Tu|We|Th|Fr|Sa|Su)\b")


def spoken_hours(hours: str, language: str, always: str, closed: str, holidays: str) -> str:
    """The hours in words; `always`, `closed` and `holidays` are the words of the language."""
    text = hours.strip()
    if text == "24/7":
        return always
    names = NAMES.get(language, NAMES["en"])
    text = _DAY.sub(lambda m: names[DAYS.index(m[1])], text)
    text = re.sub(r"\bPH\b", holidays, text)
    text = re.sub(r"\b(off|closed)\b", closed, text)
    return re.sub(r"\s*;\s*", ", ", text.rstrip("; "))
