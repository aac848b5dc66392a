"""What the pictures of a conversation show: figures of areas side by side, ages, a small map.

Everything that is drawn is decided here and kept as a specification; drawing happens later and
elsewhere (see `bot.pictures`). Each picture comes with words that say the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from actions.city import City
from bot.civic.areas import Area, Outline
from bot.pictures.specs import Chart, Group, Map, Mark, Ring, Shape, Spec

METRES_PER_DEGREE = 111_195.0
MOST_DOTS = 2500
MOST_STREETS = 12
MOST_NEIGHBOURS = 12
NAMED_IN_WORDS = 8


@dataclass(frozen=True)
class Drawn:
    """The address of a picture and the words that say what it shows."""

    url: str
    alt: str


def chart(
    city: City,
    language: str,
    title: str,
    names: Sequence[str],
    groups: Sequence[Group],
    footnote: str,
    shared: bool = False,
    marked: int | None = None,
) -> Drawn:
    """A chart of bars and its words."""
    spec = Chart(title, tuple(names), tuple(groups), footnote, shared, marked)
    if len(names) == 1:
        lines = [f"{g.heading} {g.words[0]}" for g in groups]
    else:
        lines = [
            f"{g.heading}: " + ", ".join(f"{n} {w}" for n, w in zip(names, g.words)) for g in groups
        ]
    alt = city.text(
        "utter_picture_alt_chart",
        language,
        title=title,
        lines="; ".join(lines),
        footnote=footnote.rstrip("."),
    )
    return _kept(city, spec, alt)


def area_map(city: City, language: str, area: Area) -> Drawn | None:
    """A map of an area among its neighbours; None when nothing is known of where it lies."""
    outline = city.places.outline(area.code)
    corners = [p for part in outline.parts for ring in part for p in ring] if outline else []
    if outline is None or not corners:
        return None
    east, north = [x for x, _ in corners], [y for _, y in corners]
    flat = _Flat((min(north) + max(north)) / 2, (min(east) + max(east)) / 2)
    reach = max(math.hypot(*flat.metres(x, y)) for x, y in corners) * 1.25
    around, approximate = [], outline.approximate
    for neighbour in city.places.neighbours(area.code)[:MOST_NEIGHBOURS]:
        border = city.places.outline(neighbour.code)
        if border:
            around.append(flat.shape(neighbour.name, border))
            approximate = approximate or border.approximate
    posts = city.places.lamp_posts_within(flat.lat, flat.lon, reach)
    every = max(1, math.ceil(len(posts) / MOST_DOTS))
    lamps: dict[str, int] = {}
    for post in posts:
        if post.area_code == area.code or area.kind != "neighbourhood":
            lamps[post.street] = lamps.get(post.street, 0) + 1
    streets = sorted(
        (s for s in city.places.streets_of(area.code) if s.lat is not None and s.lon is not None),
        key=lambda s: (-lamps.get(s.name, 0), s.name),
    )[:MOST_STREETS]
    footnote = city.text("utter_picture_map_source", language)
    if approximate:
        footnote = city.text("utter_picture_approximate", language) + "\n" + footnote
    spec = Map(
        city.text("utter_picture_map", language, area=area.name),
        flat.shape(area.name, outline),
        tuple(around),
        tuple(flat.metres(p.lon, p.lat) for p in posts[::every]),
        tuple(Mark(s.name, flat.metres(s.lon or 0.0, s.lat or 0.0)) for s in streets),
        footnote,
    )
    alt = city.text(
        "utter_picture_alt_map",
        language,
        area=area.name,
        neighbours=", ".join(shape.name for shape in around) or "–",
        streets=", ".join(s.name for s in streets[:NAMED_IN_WORDS]) or "–",
        footnote=footnote.replace("\n", " "),
    )
    return _kept(city, spec, alt)


class _Flat:
    """Degrees to whole metres around a position."""

    def __init__(self, lat: float, lon: float) -> None:
        self.lat, self.lon = lat, lon

    def metres(self, lon: float, lat: float) -> tuple[int, int]:
        east = (lon - self.lon) * METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        return round(east), round((lat - self.lat) * METRES_PER_DEGREE)

    def shape(self, name: str, outline: Outline) -> Shape:
        rings: list[Ring] = [
            tuple(self.metres(x, y) for x, y in ring) for part in outline.parts for ring in part
        ]
        corners = [p for ring in rings for p in ring] or [(0, 0)]
        middle = (
            (min(x for x, _ in corners) + max(x for x, _ in corners)) // 2,
            (min(y for _, y in corners) + max(y for _, y in corners)) // 2,
        )
        return Shape(name, tuple(rings), middle)


def _kept(city: City, spec: Spec, alt: str) -> Drawn:
    return Drawn(city.neighbourhood.pictures.keep(spec), alt)
