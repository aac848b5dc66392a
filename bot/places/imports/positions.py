"""Coordinates of any reference system become WGS84 degrees, and shapes become valid ones.

A file that declares one system and holds another is the commonest fault of all; it is found by
looking at the numbers and refused, because a city that lies in the sea answers nothing. The grid of
a country is known to `pyproj` with the area it is made for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry import MultiPolygon, Polygon, shape

DECIMALS = 6
"""Of a degree: a tenth of a metre."""
REPAIR_LIMIT = 0.01
"""A self-crossing outline is repaired when that changes its area by no more than this share."""


class Misplaced(ValueError):
    """A position or a shape cannot be used; the message says why."""


class Positions:
    """`crs` is anything pyproj knows: "EPSG:28992", a URN, or empty for WGS84."""

    def __init__(self, crs: str = "") -> None:
        try:
            self._crs = pyproj.CRS.from_user_input(crs or "OGC:CRS84")
        except pyproj.exceptions.CRSError:
            raise Misplaced(f"unknown coordinate system {crs[:80]!r}") from None
        self.name = crs or "WGS84"
        self.degrees = bool(self._crs.is_geographic)
        self._change = pyproj.Transformer.from_crs(self._crs, "OGC:CRS84", always_xy=True)
        area = self._crs.area_of_use
        self._bounds = None if self.degrees or area is None else area.bounds

    def of_point(self, x: float, y: float) -> tuple[float, float]:
        """(lat, lon) of a position. Raises Misplaced when it cannot be in this system."""
        if self.degrees and abs(x) <= 180 and abs(y) <= 90:
            return round(y, DECIMALS), round(x, DECIMALS)
        changed = self._changed(np.array([[x, y]], dtype=np.float64))
        return float(changed[0, 1]), float(changed[0, 0])

    def of_shape(self, geometry: Any) -> tuple[Any, float]:
        """A Polygon or MultiPolygon in degrees, and the share of area that a repair changed.

        `geometry` is GeoJSON's. Raises Misplaced when there is no usable outline in it.
        """
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        if kind not in ("Polygon", "MultiPolygon"):
            raise Misplaced(f"an outline is a Polygon or MultiPolygon, not {kind or 'nothing'}")
        try:
            found = shapely.force_2d(shape(geometry))
        except (
            ValueError,
            TypeError,
            IndexError,
            KeyError,
            AttributeError,
            shapely.errors.ShapelyError,
        ):
            raise Misplaced("the outline's coordinates cannot be read") from None
        if found.is_empty:
            raise Misplaced("the outline is empty")
        found = shapely.transform(found, self._changed)
        return _valid(found)

    def _changed(self, xy: Any) -> Any:
        if not np.isfinite(xy).all():
            raise Misplaced("a coordinate is no finite number")
        x, y = np.abs(xy[:, 0]), np.abs(xy[:, 1])
        if self.degrees and ((x > 180).any() or (y > 90).any()):
            first = ", ".join(f"{v:.7g}" for v in xy[0])
            raise Misplaced(
                f"coordinates like {first} are no degrees, but the file is read as {self.name}. "
                "Is it in a national grid? Then name it, e.g. --crs EPSG:28992"
            )
        if not self.degrees and (x <= 180).all() and (y <= 90).all():
            raise Misplaced(
                f"coordinates like {xy[0, 0]:.5g}, {xy[0, 1]:.5g} are degrees, but the file is "
                f"read as {self.name}. Is it WGS84? Then say --crs EPSG:4326"
            )
        lon, lat = self._change.transform(xy[:, 0], xy[:, 1])
        changed = np.round(np.column_stack([lon, lat]), DECIMALS)
        if not np.isfinite(changed).all() or not self._within(changed):
            raise Misplaced(
                f"coordinates lie outside the area of {self.name}; is that the right one?"
            )
        return changed

    def _within(self, degrees: Any) -> bool:
        if self._bounds is None:
            return True
        west, south, east, north = self._bounds
        lon, lat = degrees[:, 0], degrees[:, 1]
        return bool(
            ((lon >= west - 1) & (lon <= east + 1) & (lat >= south - 1) & (lat <= north + 1)).all()
        )


def _valid(found: Any) -> tuple[Any, float]:
    if found.is_valid:
        return found, 0.0
    reason = shapely.is_valid_reason(found)
    repaired = _polygons(shapely.make_valid(found))
    before = float(sum(abs(Polygon(p.exterior).area) for p in _parts(found)))
    if repaired is None or before <= 0:
        raise Misplaced(f"the outline crosses itself ({reason}) and encloses nothing")
    share = abs(repaired.area - found.area) / repaired.area
    if share > REPAIR_LIMIT:
        raise Misplaced(
            f"the outline crosses itself ({reason}); a repair would change its area by "
            f"{share:.0%}, so it has to be drawn anew"
        )
    return repaired, max(share, 1e-12)


def _parts(found: Any) -> list[Any]:
    return list(found.geoms) if isinstance(found, MultiPolygon) else [found]


def _polygons(found: Any) -> Any | None:
    """What of a repaired shape has an area."""
    flat = [p for p in getattr(found, "geoms", [found]) for p in getattr(p, "geoms", [p])]
    polygons = [p for p in flat if isinstance(p, Polygon) and p.area > 0]
    if not polygons:
        return None
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def declared_crs(members: Any) -> str:
    """The name in a `crs` member, or empty; RFC 7946 has none and means WGS84."""
    try:
        name = members["crs"]["properties"]["name"]
    except (KeyError, TypeError):
        return ""
    return name if isinstance(name, str) else ""
