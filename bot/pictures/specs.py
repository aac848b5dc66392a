"""What a picture shows, as plain values: everything that is drawn stands in the specification.

A specification is named by a hash of its content, so the same picture has the same address, a
picture with other figures has another one, and nobody can ask for a picture that we did not make.
Positions are whole metres east and north of the picture's own origin.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Union

Ring = tuple[tuple[int, int], ...]
"""A closed line of (east, north) in metres."""


@dataclass(frozen=True)
class Group:
    """One figure of all that is compared: a value and its words for each name of the chart.

    A value is None where nothing is published; its words say so.
    """

    heading: str
    values: tuple[float | None, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """Bars, group by group. `names` are what the bars of each group stand for; with one name the
    headings alone say it. `shared`: one scale for all groups. `marked` is a group to point out.
    """

    title: str
    names: tuple[str, ...]
    groups: tuple[Group, ...]
    footnote: str
    shared: bool = False
    marked: int | None = None


@dataclass(frozen=True)
class Shape:
    """An area on a map, with the place for its name."""

    name: str
    rings: tuple[Ring, ...]
    at: tuple[int, int]


@dataclass(frozen=True)
class Mark:
    """A point on a map. `kind`: `street` (its name only), `place`, or `you`."""

    name: str
    at: tuple[int, int]
    kind: str = "street"


@dataclass(frozen=True)
class Map:
    """An area among its neighbours. `dots` are what shows where streets run: lamp-posts."""

    title: str
    area: Shape
    neighbours: tuple[Shape, ...]
    dots: tuple[tuple[int, int], ...]
    marks: tuple[Mark, ...]
    footnote: str


Spec = Union[Chart, Map]


def to_json(spec: Spec) -> dict[str, Any]:
    """The specification as JSON values."""
    return {"kind": "chart" if isinstance(spec, Chart) else "map", **asdict(spec)}


def from_json(data: Mapping[str, Any]) -> Spec:
    """The specification that `to_json` gave. Raises KeyError or TypeError for anything else."""
    if data["kind"] == "chart":
        return Chart(
            data["title"],
            tuple(data["names"]),
            tuple(
                Group(g["heading"], tuple(g["values"]), tuple(g["words"])) for g in data["groups"]
            ),
            data["footnote"],
            bool(data["shared"]),
            data["marked"],
        )
    return Map(
        data["title"],
        _shape(data["area"]),
        tuple(_shape(one) for one in data["neighbours"]),
        tuple((x, y) for x, y in data["dots"]),
        tuple(Mark(m["name"], (m["at"][0], m["at"][1]), m["kind"]) for m in data["marks"]),
        data["footnote"],
    )


def _shape(data: Mapping[str, Any]) -> Shape:
    rings = tuple(tuple((x, y) for x, y in ring) for ring in data["rings"])
    return Shape(data["name"], rings, (data["at"][0], data["at"][1]))


def name_of(spec: Spec) -> str:
    """The name of the picture: 160 bits of a hash of all that it shows."""
    canonical = json.dumps(to_json(spec), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()[:40]
