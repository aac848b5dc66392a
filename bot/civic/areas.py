"""Areas and streets: what the city is made of, and which figures are known of each part.

A figure that the source does not publish is None and is said to be missing; nothing here guesses.
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
class Spot:
    """A place as a citizen named it, as far as we could make it out."""

    text: str
    known: bool
    street: str | None = None
    house_number: str | None = None
    area_code: str | None = None
    lat: float | None = None
    lon: float | None = None
