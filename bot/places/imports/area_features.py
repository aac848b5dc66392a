"""Areas with their outlines and figures out of a GeoJSON file, row by row into spools.

CBS files of any year are known; others come with a mapping. Only the figures that we keep are
looked at: origin and marital status stand in the CBS file and are never read. Figures that are not
published are left out of the row and are missing ever after.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import shapely

from bot.civic.areas import FIGURES
from bot.places.imports import mapping as maps
from bot.places.imports.faults import Faults
from bot.places.imports.positions import Misplaced, Positions
from bot.places.imports.spool import Spool

ADDED_UP = ("inhabitants", "households", "area_ha", "land_ha", "water_ha")
"""Counts of which the city has the sum of its parts; shares and averages do not add up."""
CODE_LENGTH, NAME_LENGTH = 20, 120


@dataclass
class Sums:
    """What a city would have that no file describes: the sum over its areas of one level."""

    name: str
    level: str
    year: int
    source: str
    totals: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ADDED_UP, 0))
    missing: set[str] = field(default_factory=set)


class AreaFeatures:
    """Reads the features of one file. `only` keeps the areas of one municipality."""

    def __init__(
        self,
        name: str,
        positions: Positions,
        faults: Faults,
        given: maps.Mapping | None,
        year: int | None,
        only: str = "",
    ) -> None:
        self.name, self.positions, self.faults = name, positions, faults
        self.given, self.year, self.only = given, year, only
        self.sums: dict[str, Sums] = {}
        self.water = 0

    def read(self, features: Iterator[tuple[int, Any]], areas: Spool, outlines: Spool) -> int:
        """Put good rows into the spools; the number of features read."""
        count = 0
        map_: maps.Mapping | None = None
        for line, feature in features:
            count += 1
            where = f"{self.name}:{line}"
            properties = feature.get("properties") if isinstance(feature, dict) else None
            if not isinstance(properties, dict):
                self.faults.add(where, "a feature has no properties")
                continue
            columns = {maps.plain(str(key)): value for key, value in properties.items()}
            if map_ is None:
                map_ = self._mapping(where, frozenset(columns))
                if map_ is None:
                    return count
            self._area(where, columns, feature.get("geometry"), map_, areas, outlines)
        if count == 0:
            self.faults.add(self.name, "there is no feature in it")
        return count

    def _mapping(self, where: str, columns: frozenset[str]) -> maps.Mapping | None:
        """How to read this file, seen from its first feature; None with a fault told."""
        found = self.given or maps.cbs(columns)
        if found is None:
            self.faults.add(
                where,
                "not a CBS file (no BU_CODE, WK_CODE or GM_CODE): give a --mapping",
            )
            return None
        wanted = {"code": found.columns.get("code", ()), "name": found.columns.get("name", ())}
        if self.given:
            wanted |= {n: c for n, c in found.columns.items() if n not in ("water", "year")}
            wanted |= {n: f.columns for n, f in found.figures.items()}
        missing = [
            f"{ours} ({' or '.join(theirs) or 'not in the mapping'})"
            for ours, theirs in wanted.items()
            if not any(maps.plain(column) in columns for column in theirs)
        ]
        if missing:
            self.faults.add(where, f"missing columns: {', '.join(missing)}")
            return None
        return found

    def _area(
        self,
        where: str,
        columns: Mapping[str, Any],
        geometry: Any,
        map_: maps.Mapping,
        areas: Spool,
        outlines: Spool,
    ) -> None:
        def text(name: str) -> str:
            return str(_first(columns, map_.columns.get(name, ())) or "").strip()

        city = text("city_code")
        if self.only and self.only not in (city, text("parent")):
            return
        if text("water").upper() == "JA":
            self.water += 1  # the water of an area that stands in the file once more
            return
        code, name = str(map_.constants.get("prefix", "")) + text("code"), text("name")
        for what, value, most in (("code", code, CODE_LENGTH), ("name", name, NAME_LENGTH)):
            if not value or len(value) > most or any(ord(c) < 32 for c in value):
                self.faults.add(where, f"the {what} {value[:40]!r} is empty, too long or no text")
                return
        figures = self._figures(where, code, columns, map_)
        year = self._year(where, text("year"), map_)
        if figures is None or year is None:
            return
        try:
            shape, repaired = self.positions.of_shape(geometry)
        except Misplaced as error:
            self.faults.add(where, f"{code} {name}: {error}")
            return
        if repaired:
            self.faults.warn(where, f"{code} {name}: the outline crossed itself and was repaired")
        inside = shape.representative_point()
        source = str(map_.constants.get("source", self.name)).replace("{year}", str(year))
        row = {
            "code": code,
            "kind": map_.level,
            "name": name,
            "parent": text("parent") or None,
            "postcode": text("postcode") or None,
            "figures": figures,
            "year": year,
            "source": source,
            "lat": round(inside.y, 6),
            "lon": round(inside.x, 6),
        }
        if not areas.add((code,), row, map_.level, where):
            self.faults.add(where, f"the code {code} stands in the files twice")
            return
        outline = {"area_code": code, "geometry": shapely.to_geojson(shape), "source": source}
        outlines.add((code,), outline, map_.level, where)
        if city and map_.level != "city":
            sums = Sums(text("city_name"), map_.level, year, source)
            _add_up(self.sums.setdefault(city, sums), figures)

    def _figures(
        self, where: str, code: str, columns: Mapping[str, Any], map_: maps.Mapping
    ) -> dict[str, float] | None:
        found: dict[str, float] = {}
        for name in FIGURES:
            figure = map_.figures.get(name)
            value = _first(columns, figure.columns) if figure else None
            if figure is None or value is None or value in map_.not_published:
                continue
            number = _number(value)
            if number is not None and number in map_.not_published:
                continue
            if number is None or number < 0 or (name.endswith("_pct") and number > 100):
                self.faults.add(where, f"{code}: {name} cannot be {str(value)[:40]!r}")
                return None
            scaled = round(number * figure.times, 6)
            found[name] = int(scaled) if float(scaled).is_integer() else scaled
        return found

    def _year(self, where: str, said: str, map_: maps.Mapping) -> int | None:
        """The year of the figures: given, in the file, in the mapping, or in the file's name."""
        in_name = re.search(r"(?<!\d)(19|20)\d\d(?!\d)", self.name)
        for value in (self.year, said, map_.constants.get("year"), in_name and in_name[0]):
            if value and re.fullmatch(r"(19|20)\d\d", str(value)):
                return int(value)
        if not any("of which year" in told for told in self.faults.told):
            self.faults.add(where, "of which year are the figures? Say so: --year 2024")
        return None


def _add_up(sums: Sums, figures: Mapping[str, float]) -> None:
    for figure in ADDED_UP:
        if figure in figures:
            sums.totals[figure] += figures[figure]
        else:
            sums.missing.add(figure)


def _first(columns: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        value = columns.get(maps.plain(name))
        if value is not None and not isinstance(value, (dict, list, bool)):
            return value
    return None


def _number(value: Any) -> float | None:
    try:
        number = float(str(value).replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
