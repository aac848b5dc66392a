"""A map of tickets, drawn by us: borders of the areas, and a circle for each that has some.

Pure: areas, borders and numbers come in, shapes in the units of an SVG come out. Nothing is fetched
from anywhere else, and the same numbers stand in a list for those who cannot see the map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.civic.areas import Area, Outline

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
    areas: Iterable[Area], outlines: Mapping[str, Outline], counts: Mapping[str, int]
) -> CityMap | None:
    """The map; None when no area has a position. Areas with most tickets are drawn first, so that
    small circles lie on top of large ones."""
    shown = [a for a in areas if a.lat is not None and a.lon is not None]
    if not shown:
        return None
    points = [(a.lon or 0.0, a.lat or 0.0) for a in shown]
    for area in shown:
        points += [p for polygon in _polygons(outlines, area.code) for p in polygon[0]]
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
                _path(_polygons(outlines, area.code), place),
            )
        )
    return CityMap(width, height, tuple(sorted(spots, key=lambda s: (-s.count, s.code))))


Position = tuple[float, float]
Polygons = Sequence[Sequence[Sequence[Position]]]


def _polygons(outlines: Mapping[str, Outline], code: str) -> Polygons:
    """The border as polygons of rings of (lon, lat); none when it is not known."""
    outline = outlines.get(code)
    return [p for p in outline.parts if p] if outline else []


def _path(polygons: Polygons, place: Callable[[float, float], Position]) -> str:
    rings = []
    for polygon in polygons:
        for ring in polygon:
            steps = list(dict.fromkeys(place(lon, lat) for lon, lat in ring))
            rings.append("M" + "L".join(f"{x} {y}" for x, y in steps) + "Z")
    return " ".join(rings)
