"""What the city is made of: areas with their figures, streets, lamp-posts, facilities, officials.

A figure that the source does not publish is None and is said to be missing; nothing here guesses.
What is computed and not known for certain says so: a hit that is not exact, an outline that is
approximate. All positions are WGS84 degrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FIGURES = (
    "inhabitants",
    "households",
    "density_per_km2",
    "age_0_14_pct",
    "age_15_24_pct",
    "age_25_44_pct",
    "age_45_64_pct",
    "age_65_up_pct",
    "single_households_pct",
    "households_without_children_pct",
    "households_with_children_pct",
    "household_size",
    "area_ha",
    "land_ha",
    "water_ha",
)
"""The figures we answer on, by the column that holds them. Origin and marital status are not among
them on purpose: they are neither imported nor answered."""


@dataclass(frozen=True)
class Area:
    """A city, district or neighbourhood with its published figures."""

    code: str
    kind: str
    name: str
    parent: str | None
    postcode: str | None
    figures: Mapping[str, float]
    year: int | None
    source: str
    lat: float | None = None
    lon: float | None = None

    def figure(self, name: str) -> float | None:
        """The published figure, or None when the source does not publish it."""
        return self.figures.get(name)


@dataclass(frozen=True)
class Street:
    """A street with the codes of the areas it runs through; none when they are unknown."""

    name: str
    town: str
    area_codes: tuple[str, ...]
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True)
class Facility:
    """Something citizens look for: a library, a playground. `sample` marks one that is invented.

    `opening_hours` is text as the city wrote it, preferably in OpenStreetMap's notation
    ("Mo-Fr 10:00-17:00; Sa 10:00-14:00"); empty when unknown.
    """

    code: str
    kind: str
    name: str
    lat: float
    lon: float
    address: str = ""
    opening_hours: str = ""
    phone: str | None = None
    url: str | None = None
    sample: bool = False
    source: str = ""


@dataclass(frozen=True)
class LampPost:
    """A lamp-post by the number it carries; a few numbers stand on more than one post."""

    number: str
    street: str
    area_code: str | None
    lat: float
    lon: float


@dataclass(frozen=True)
class Official:
    """Who is there for an area: `role` is desk, councillor or neighbourhood_manager."""

    area_code: str
    role: str
    name: str
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    address: str = ""
    opening_hours: str = ""
    sample: bool = False
    source: str = ""


Ring = tuple[tuple[float, float], ...]
"""A closed line of (lon, lat)."""


@dataclass(frozen=True)
class Outline:
    """The border of an area: for each part its outer ring and then its holes.

    `approximate`: computed from streets and lamp-posts, because the city loaded no border.
    """

    area_code: str
    parts: tuple[tuple[Ring, ...], ...]
    approximate: bool


@dataclass(frozen=True)
class AreaHit:
    """The neighbourhood at a position. Inside its border `exact` is true and `metres` is 0;
    else it is the area of the nearest lamp-post or street, `metres` away."""

    area: Area
    exact: bool
    metres: float


@dataclass(frozen=True)
class Crossing:
    """Where two streets meet, as good as their lamp-posts tell; `metres` lie between those."""

    streets: tuple[Street, Street]
    lat: float
    lon: float
    area_code: str | None
    metres: float


@dataclass(frozen=True)
class Spot:
    """A place as a citizen named it, as far as we could make it out."""

    text: str
    known: bool
    street: str | None = None
    house_number: str | None = None
    area_code: str | None = None
    lat: float | None = None
    lon: float | None = None
