"""A map of tickets, drawn by us: borders where a city has loaded them, else a dot for each area.

Pure: areas, borders and numbers come in, shapes in the units of an SVG come out. Nothing is fetched
from anywhere else, and the same numbers stand in a list for those who cannot see the map.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from bot.civic.areas import Area

WIDTH = 1000.0
MARGIN = 44.0
SMALLEST, LARGEST = 13.0, 25.0
LEVELS = 4


@dataclass(frozen=True)
class Spot:
    """One area: its middle, the circle that tells the number, and its border as an SVG path."""

    code: str
    name: str
    count: int
    x: float
    y: float
    radius: float
    level: int
    path: str = ""


@dataclass(frozen=True)
class CityMap:
    width: float
    height: float
    spots: tuple[Spot, ...]


def draw(
    areas: Iterable[Area], outlines: Mapping[str, str], counts: Mapping[str, int]
) -> CityMap | None:
    """The map; None when no area has a position. Areas with most tickets are drawn first, so that
    small circles lie on top of large ones."""
    shown = [a for a in areas if a.lat is not None and a.lon is not None]
    if not shown:
        return None
    borders = {a.code: _geometry(outlines[a.code]) for a in shown if a.code in outlines}
    points = [(a.lon or 0.0, a.lat or 0.0) for a in shown]
    for border in borders.values():
        if border is not None and not border.is_empty:
            west, south, east, north = border.bounds
            points += [(west, south), (east, north)]
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    narrow = math.cos(math.radians((south + north) / 2))
    scale = (WIDTH - 2 * MARGIN) / max((east - west) * narrow, north - south, 1e-6)
    height = (north - south) * scale + 2 * MARGIN
    width = (east - west) * narrow * scale + 2 * MARGIN

    def place(lon: float, lat: float) -> tuple[float, float]:
        return round(MARGIN + (lon - west) * narrow * scale, 1), round(
            MARGIN + (north - lat) * scale, 1
        )

    most = max(counts.values(), default=0)
    spots = []
    for area in shown:
        count = counts.get(area.code, 0)
        x, y = place(area.lon or 0.0, area.lat or 0.0)
        share = math.sqrt(count / most) if most else 0.0
        spots.append(
            Spot(
                area.code,
                area.name,
                count,
                x,
                y,
                round(SMALLEST + (LARGEST - SMALLEST) * share, 1) if count else 5.0,
                math.ceil(LEVELS * count / most) if count else 0,
                _path(borders.get(area.code), place),
            )
        )
    return CityMap(width, height, tuple(sorted(spots, key=lambda s: (-s.count, s.code))))


def _geometry(text: str) -> BaseGeometry | None:
    try:
        return shape(json.loads(text)).simplify(0.0001)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # a border that cannot be read leaves its dot


def _path(border: BaseGeometry | None, place: object) -> str:
    if border is None or border.is_empty or not callable(place):
        return ""
    rings = []
    for polygon in getattr(border, "geoms", [border]):
        if polygon.geom_type == "Polygon":
            rings += [polygon.exterior, *polygon.interiors]
    return " ".join(
        "M" + "L".join("{} {}".format(*place(lon, lat)) for lon, lat, *_ in ring.coords) + "Z"
        for ring in rings
    )
