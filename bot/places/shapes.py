"""Borders of areas: loaded ones as they are, missing ones computed and marked as approximate.

Everything is measured on a flat map of the city in metres, which is good to a few metres within
some tens of kilometres; positions come in and go out as WGS84 degrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from bot.civic.areas import Outline, Ring

METRES_PER_DEGREE = 111_195.0
"""Length of a degree of latitude on a sphere of 6,371 km."""
HULL_RATIO = 0.25
"""How closely a computed border follows its points: 0 is tightest, 1 the convex hull."""
MARGIN_METRES = 25.0
"""From the lamp-posts, which stand in the street, to the back of the houses."""


class FlatMap:
    """Degrees to metres east and north of a middle, and back."""

    def __init__(self, lat: float, lon: float) -> None:
        self.lat, self.lon = lat, lon
        self.per_lon = METRES_PER_DEGREE * float(np.cos(np.radians(lat)))

    def flat(self, lat: Any, lon: Any) -> tuple[Any, Any]:
        """Works on numbers and on arrays of them."""
        return (lon - self.lon) * self.per_lon, (lat - self.lat) * METRES_PER_DEGREE

    def degrees(self, x: float, y: float) -> tuple[float, float]:
        """(lat, lon) of a place on the map."""
        return y / METRES_PER_DEGREE + self.lat, x / self.per_lon + self.lon

    def flatten(self, shape: Any) -> Any:
        """A shape in (lon, lat) degrees, on this map."""
        return shapely.transform(shape, lambda xy: np.column_stack(self.flat(xy[:, 1], xy[:, 0])))

    def globe(self, shape: Any) -> Any:
        """A shape of this map in (lon, lat) degrees, to about a metre."""

        def back(xy: Any) -> Any:
            lat, lon = self.degrees(xy[:, 0], xy[:, 1])
            return np.column_stack([np.round(lon, 5), np.round(lat, 5)])

        return shapely.transform(shape, back)


def hull(points: Sequence[tuple[float, float]]) -> Any | None:
    """A border around points on a flat map; None when there are none."""
    if not points:
        return None
    around = shapely.concave_hull(shapely.MultiPoint(points), ratio=HULL_RATIO)
    return around.buffer(MARGIN_METRES).simplify(5.0)


def outline_of(area_code: str, shape: Any, approximate: bool) -> Outline:
    """A Polygon or MultiPolygon in (lon, lat) degrees as plain rings."""
    parts = shape.geoms if isinstance(shape, MultiPolygon) else [shape]
    return Outline(area_code, tuple(_rings(part) for part in parts), approximate)


def _rings(polygon: Polygon) -> tuple[Ring, ...]:
    return tuple(
        tuple((float(x), float(y)) for x, y in ring.coords)
        for ring in (polygon.exterior, *polygon.interiors)
    )


def middle(positions: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """The mean of (lat, lon) positions; (0, 0) when there are none."""
    listed = list(positions)
    if not listed:
        return 0.0, 0.0
    lat, lon = np.mean(np.array(listed, dtype=np.float64), axis=0)
    return float(lat), float(lon)
