"""The nearest street to a position, by the streets' own positions (their middle)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.civic.areas import Street

METRES_PER_DEGREE = 111_195.0
"""Length of a degree of latitude on a sphere of 6,371 km."""


class StreetIndex:
    """Built from streets with positions; distances are good to a few metres within a city."""

    def __init__(self, streets: Sequence[Street]) -> None:
        self.streets = [s for s in streets if s.lat is not None and s.lon is not None]
        self._lat = np.array([s.lat for s in self.streets], dtype=np.float64)
        self._lon = np.array([s.lon for s in self.streets], dtype=np.float64)

    def nearest_street(self, lat: float, lon: float) -> tuple[Street, float] | None:
        """The street whose middle is nearest, and the distance in metres."""
        if not self.streets:
            return None
        north = (self._lat - lat) * METRES_PER_DEGREE
        east = (self._lon - lon) * METRES_PER_DEGREE * np.cos(np.radians(lat))
        squared = north * north + east * east
        best = int(np.argmin(squared))
        return self.streets[best], float(np.sqrt(squared[best]))
