"""The nearest of many positions, through a spatial index (shapely's STR tree).

Built once from things with a position; a look-up takes microseconds. Distances are metres on the
flat map of the city (see `shapes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
import shapely

from bot.places.shapes import FlatMap

T = TypeVar("T")
FIRST_REACH_METRES = 250.0


def on_earth(lat: float, lon: float) -> bool:
    """False for what is no position at all, and for NaN."""
    return abs(lat) <= 90 and abs(lon) <= 180


class Nearest(Generic[T]):
    """Things at positions, given as (thing, lat, lon)."""

    def __init__(self, map_: FlatMap, things: Sequence[tuple[T, float, float]]) -> None:
        self.map = map_
        self.things = [thing for thing, _, _ in things]
        lat = np.array([lat for _, lat, _ in things], dtype=np.float64)
        lon = np.array([lon for _, _, lon in things], dtype=np.float64)
        x, y = map_.flat(lat, lon)
        self.points = np.column_stack([x, y]) if len(things) else np.empty((0, 2))
        self._tree = shapely.STRtree(shapely.points(self.points))

    def __len__(self) -> int:
        return len(self.things)

    def one(self, lat: float, lon: float) -> tuple[T, float] | None:
        """The nearest thing and its distance; None when there is nothing at all."""
        if not self.things or not on_earth(lat, lon):
            return None
        x, y = self.map.flat(lat, lon)
        i = int(self._tree.nearest(shapely.Point(x, y)))
        return self.things[i], float(np.hypot(*(self.points[i] - (x, y))))

    def some(self, lat: float, lon: float, n: int) -> list[tuple[T, float]]:
        """The `n` nearest, nearest first."""
        if not self.things or n < 1 or not on_earth(lat, lon):
            return []
        x, y = self.map.flat(lat, lon)
        here = shapely.Point(x, y)
        nearest = self.points[int(self._tree.nearest(here))]
        reach = max(FIRST_REACH_METRES, 2 * float(np.hypot(*(nearest - (x, y)))))
        found = self._tree.query(here, predicate="dwithin", distance=reach)
        while len(found) < min(n, len(self.things)):
            reach *= 2
            found = self._tree.query(here, predicate="dwithin", distance=reach)
        metres = np.hypot(*(self.points[found] - (x, y)).T)
        order = np.lexsort((found, metres))[:n]
        return [(self.things[int(found[i])], float(metres[i])) for i in order]

    def within(self, lat: float, lon: float, metres: float) -> list[tuple[T, float]]:
        """Everything at most this far away, nearest first."""
        if not self.things or not on_earth(lat, lon):
            return []
        x, y = self.map.flat(lat, lon)
        found = self._tree.query(shapely.Point(x, y), predicate="dwithin", distance=metres)
        far = np.hypot(*(self.points[found] - (x, y)).T)
        return [(self.things[int(found[i])], float(far[i])) for i in np.lexsort((found, far))]
