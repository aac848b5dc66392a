"""Which area a position lies in, what its border looks like, and which areas touch it.

Where the city loaded borders these are exact. Where it did not, a border is computed around the
area's lamp-posts and streets and marked as approximate, and a position belongs to the area of what
stands nearest to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import shapely

from bot.civic.areas import Area, AreaHit, LampPost, Outline, Street
from bot.places.nearest import Nearest, on_earth
from bot.places.shapes import FlatMap, hull, outline_of

TOUCH_METRES = 30.0
"""Borders closer than this touch: each side of a road may be its own border."""
TOUCH_APPROXIMATE_METRES = 150.0
"""Computed borders stop at the houses; a canal or a park may lie between neighbours."""
FAR_METRES = 800.0
"""Without borders, a position farther than this from any lamp-post has no area."""
EDGE_METRES = 3000.0
"""Without borders, a position farther than this from any street of ours is outside the city."""


class Borders:
    """`outlines` are GeoJSON geometries by area code, as the city loaded them."""

    def __init__(
        self,
        map_: FlatMap,
        areas: Sequence[Area],
        streets: Iterable[Street],
        lamp_posts: Sequence[LampPost],
        outlines: Mapping[str, str],
    ) -> None:
        self.map = map_
        self.areas = {area.code: area for area in areas}
        self.smallest = _smallest(areas)
        self._loaded = {code: _shape(text) for code, text in outlines.items() if code in self.areas}
        self._flat = {code: map_.flatten(shape) for code, shape in self._loaded.items()}
        self._codes = [code for code in self._flat if code in self.smallest]
        shapes = [self._flat[code] for code in self._codes]
        shapely.prepare(shapes)
        self._tree = shapely.STRtree(shapes)
        marks = list(_marks(streets, lamp_posts))
        self._points = _points(map_, self.areas, marks)
        self._marks: Nearest[str] = Nearest(map_, marks)
        self._hulls: dict[str, Any | None] = {}

    def area_at(self, lat: float, lon: float) -> AreaHit | None:
        """The smallest area at a position; None outside the city."""
        if not on_earth(lat, lon):
            return None
        x, y = self.map.flat(lat, lon)
        here = shapely.Point(x, y)
        found = self._tree.query(here, predicate="intersects")
        if len(found):
            code = min(self._codes[int(i)] for i in found)  # on a shared border: always the same
            return AreaHit(self.areas[code], exact=True, metres=0.0)
        nearest = self._marks.one(lat, lon)
        if nearest is None or nearest[1] > FAR_METRES:
            return None
        code = nearest[0]
        if code not in self.smallest or code in self._flat:
            return None
        return AreaHit(self.areas[code], exact=False, metres=nearest[1])

    def inside_city(self, lat: float, lon: float) -> bool:
        """Inside a loaded border or, where some are missing, near anything of the city's."""
        if self.area_at(lat, lon) is not None:
            return True
        if self.smallest and self.smallest <= self._flat.keys():
            return False
        nearest = self._marks.one(lat, lon)
        return nearest is not None and nearest[1] <= EDGE_METRES

    def outline(self, code: str) -> Outline | None:
        """The border of an area; None for an unknown one or one without any position."""
        if code in self._loaded:
            return outline_of(code, self._loaded[code], approximate=False)
        shape = self._shape_of(code)
        if shape is None:
            return None
        return outline_of(code, self.map.globe(shape), approximate=True)

    def neighbours(self, code: str) -> list[Area]:
        """The areas of the same kind that touch this one, by name."""
        area, shape = self.areas.get(code), self._shape_of(code)
        if area is None or shape is None:
            return []
        near = TOUCH_METRES if code in self._flat else TOUCH_APPROXIMATE_METRES
        found = []
        for other in self.areas.values():
            if other.kind == area.kind and other.code != code:
                its = self._shape_of(other.code)
                if its is not None and shapely.dwithin(shape, its, near):
                    found.append(other)
        return sorted(found, key=lambda a: a.name)

    def _shape_of(self, code: str) -> Any | None:
        if code in self._flat:
            return self._flat[code]
        if code not in self._hulls:
            self._hulls[code] = hull(self._points.get(code, ()))
        return self._hulls[code]


def _shape(text: str) -> Any:
    return shapely.from_geojson(text)


def _smallest(areas: Iterable[Area]) -> frozenset[str]:
    """The codes of the areas that no other area lies in."""
    listed = list(areas)
    parents = {area.parent for area in listed}
    return frozenset(area.code for area in listed if area.code not in parents)


def _marks(
    streets: Iterable[Street], lamp_posts: Sequence[LampPost]
) -> Iterator[tuple[str, float, float]]:
    """What is known of the ground: (area code or "", lat, lon).

    A street's middle counts only where it has no lamp-posts and lies in one area at most.
    """
    for post in lamp_posts:
        yield post.area_code or "", post.lat, post.lon
    lit = {post.street for post in lamp_posts}
    for street in streets:
        if street.name in lit or len(street.area_codes) > 1:
            continue
        if street.lat is not None and street.lon is not None:
            yield "".join(street.area_codes), street.lat, street.lon


def _points(
    map_: FlatMap, areas: Mapping[str, Area], marks: Iterable[tuple[str, float, float]]
) -> dict[str, list[tuple[float, float]]]:
    """The marks of each area, on the flat map, by its code and its parents'."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for first, lat, lon in marks:
        code: str | None = first
        while code and code in areas:
            found[code].append(map_.flat(lat, lon))
            code = areas[code].parent
    return dict(found)
