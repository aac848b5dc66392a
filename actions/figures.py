"""Figures in words: which one a question is about, and how a value is said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from babel.numbers import format_decimal

from actions.city import City
from bot.choices import fold
from bot.civic.areas import Area

OVERVIEW = ("inhabitants", "households", "density_per_km2", "area_ha")
AGES = ("age_0_14_pct", "age_15_24_pct", "age_25_44_pct", "age_45_64_pct", "age_65_up_pct")
COMPARED = (*OVERVIEW, "household_size", "age_0_14_pct", "age_65_up_pct")
RATIOS = frozenset(
    {"density_per_km2", "household_size", *AGES}
    | {f"{kind}_pct" for kind in ("single_households", "households_with_children")}
    | {"households_without_children_pct"}
)
"""Figures that can be compared between a neighbourhood and a whole city."""
NOT_KEPT, NOT_KNOWN, MAP = "origin", "none", "map"
"""Not figures of an area: what we refuse, what nobody gave us, and the wish for a map."""

_UNKNOWN = re.compile(
    r"income|earn|rich|poor\b|house price|property value|rent\b|crime|burglar|safe|green|\btrees?\b"
    r"|air quality|noise|unemploy|benefits|\bcars?\b|\bwomen\b|education level"
    r"|inkomen|verdien|\brijk|\barm(e|ste)?\b|huizenprij|woz|\bhuur|criminal|inbra|veilig"
    r"|\bgroen(er|ste?|e)?\b|\bbomen\b|luchtkwal|geluid|werkloos|uitkering|\bautos?\b|vrouwen|opleiding"
    r"|einkommen|verdien|reich|arm(e|ste)?\b|hauspreis|miete|kriminal|einbru|sicher|\bgrun|\bbaume\b"
    r"|luftqual|larm|arbeitslos|frauen|bildung"
    r"|indkomst|tjen|\brig(e|est)|fattig|huspris|husleje|kriminal|indbrud|tryg|\bgron(ne\w*|t)?\b|\btraeer\b"
    r"|luftkval|stoj|arbejdslos|\bbiler\b|kvinder|uddannelse"
)
_MAP = re.compile(r"\b(map|kaart|kaartje|plattegrond|karte|stadtplan|landkarte|kort|landkort)\b")
_OLDEST = re.compile(r"oldest|oudste|alteste|aeldste")
_DENSEST = re.compile(r"densest|densely|crowded|dichtst|drukste|dichteste|taettest")
_YOUNGEST = re.compile(r"youngest|jongste|jungste|yngste")


def beside_figures(text: str) -> str | None:
    """`map` or `none` where a question is about neither figure nor refusal of ours."""
    said = fold(text)
    if _MAP.search(said):
        return MAP
    return NOT_KNOWN if _UNKNOWN.search(said) else None


def superlative(text: str) -> str | None:
    """The figure behind "the oldest", "the youngest" and "the densest" neighbourhood."""
    said = fold(text)
    if _OLDEST.search(said):
        return "age_65_up_pct"
    if _DENSEST.search(said):
        return "density_per_km2"
    return "age_0_14_pct" if _YOUNGEST.search(said) else None


def number(value: float, language: str) -> str:
    return str(format_decimal(value, locale=language))


def value_words(city: City, figure: str, value: float | None, language: str) -> str:
    """A value with its unit, or that it is not published."""
    if value is None:
        return city.text("utter_not_published", language)
    if figure.endswith("_pct"):
        return f"{number(value, language)} %"
    if figure.endswith("_ha"):
        return city.text("utter_unit_ha", language, value=number(value, language))
    return number(value, language)


def name_of(city: City, figure: str, language: str) -> str:
    """What a figure is called in a list or a picture."""
    return city.text(f"utter_name_{figure}", language)


def years(areas: Sequence[Area]) -> str:
    """The years of the figures: "2017", or "2017, 2019" where they differ."""
    return ", ".join(str(y) for y in sorted({a.year for a in areas if a.year}))


def sources(areas: Sequence[Area]) -> str:
    """The sources of the figures, each once."""
    return "; ".join(dict.fromkeys(a.source for a in areas if a.source))


def publisher(area: Area) -> str:
    """Who publishes the figures: the part of the source before its first comma."""
    return area.source.split(",")[0].split(" / ")[0] or "–"
