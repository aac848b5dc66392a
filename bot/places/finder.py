"""One place to ask where something is: streets, areas, crossings, lamp-posts, facilities.

A finder is a picture of the register at one moment, built once and only read. It knows no database
and no Rasa, and never guesses silently: what is computed and not known says so (see the values in
`bot.civic.areas`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rapidfuzz import fuzz, process

from bot.choices import fold
from bot.civic.areas import Area, AreaHit, Crossing, Facility, LampPost, Outline, Street
from bot.places.borders import Borders
from bot.places.gazetteer import Name, aliases
from bot.places.names import place_names
from bot.places.nearest import Nearest
from bot.places.shapes import FlatMap, middle

CROSSING_METRES = 60.0
"""Streets whose nearest lamp-posts are farther apart than this do not cross."""
LIKE_SCORE = 75.0
"""Least letter similarity (0 to 100) of a name that is offered for a misspelt one."""
_KIND_WORD = re.compile(r"^(?:de |the )?(?:wijk|buurt|neighbou?rhood|district|stadtteil|viertel) ")


class PlaceFinder:
    """`outlines` are GeoJSON geometries by area code; none for a city that loaded no borders."""

    def __init__(
        self,
        areas: Sequence[Area],
        streets: Sequence[Street],
        lamp_posts: Sequence[LampPost] = (),
        facilities: Sequence[Facility] = (),
        outlines: Mapping[str, str] | None = None,
    ) -> None:
        positions = [(p.lat, p.lon) for p in lamp_posts] or [
            (s.lat, s.lon) for s in streets if s.lat is not None and s.lon is not None
        ]
        self.map = FlatMap(*middle(positions))
        self.areas = {area.code: area for area in areas}
        self.borders = Borders(self.map, areas, streets, lamp_posts, outlines or {})
        self.names = place_names(
            [(a.code, a.kind, a.name) for a in areas], [(s.name, s.area_codes) for s in streets]
        )
        self._streets: dict[str, list[Street]] = defaultdict(list)
        for street in streets:
            for alias in aliases(Name("street", street.name)):
                self._streets[alias].append(street)
        self._areas: dict[str, list[Area]] = defaultdict(list)
        for name in self.names:
            if name.kind == "area":
                for alias in aliases(name):
                    self._areas[alias] += [self.areas[code] for code in name.codes]
        lit = {post.street for post in lamp_posts}
        marks = [(p.street, p.lat, p.lon) for p in lamp_posts if p.street]
        marks += [
            (s.name, s.lat, s.lon)
            for s in streets
            if s.name not in lit and s.lat is not None and s.lon is not None
        ]
        self._marks: Nearest[str] = Nearest(self.map, marks)
        self._posts = Nearest(self.map, [(p, p.lat, p.lon) for p in lamp_posts])
        self._posts_of: dict[str, list[LampPost]] = defaultdict(list)
        self._by_number: dict[str, list[LampPost]] = defaultdict(list)
        for post in lamp_posts:
            self._posts_of[fold(post.street)].append(post)
            self._by_number[_number(post.number)].append(post)
        kinds: dict[str, list[tuple[Facility, float, float]]] = defaultdict(list)
        for facility in facilities:
            kinds[facility.kind].append((facility, facility.lat, facility.lon))
        self._facilities = {kind: Nearest(self.map, rows) for kind, rows in kinds.items()}
        self._landmarks: dict[str, list[Facility]] = defaultdict(list)
        for facility in facilities:
            self._landmarks[fold(facility.name)].append(facility)

    # By name

    def area(self, code: str) -> Area | None:
        return self.areas.get(code)

    def areas_named(self, name: str) -> list[Area]:
        """The areas of this name: "de Hoogte", "Hoogte", "wijk Paddepoel" (all its parts)."""
        plain = fold(name)
        found = self._areas.get(plain) or self._areas.get(_KIND_WORD.sub("", plain)) or []
        return list({area.code: area for area in found}.values())

    def streets_named(self, name: str) -> list[Street]:
        """The streets of exactly this name, one for each town that has it."""
        return list(dict.fromkeys(self._streets.get(fold(name), ())))

    def streets_like(self, text: str, limit: int = 3) -> list[Street]:
        """Streets whose names are most like a misspelt one, best first; none when none is near."""
        plain = fold(text)
        found: dict[Street, None] = dict.fromkeys(self.streets_named(text))
        for alias, _, _ in process.extract(
            plain, list(self._streets), scorer=fuzz.ratio, limit=limit, score_cutoff=LIKE_SCORE
        ):
            found |= dict.fromkeys(self._streets[alias])
        return list(found)[:limit]

    def landmark(self, name: str) -> list[Facility]:
        """Facilities of this name, or the one most like it."""
        plain = fold(name)
        if plain in self._landmarks:
            return list(self._landmarks[plain])
        hit = process.extractOne(plain, list(self._landmarks), scorer=fuzz.ratio, score_cutoff=86)
        return list(self._landmarks[hit[0]]) if hit else []

    def postcode(self, text: str) -> list[Area]:
        """The neighbourhoods whose postcode begins with these four digits: none, one or several."""
        match = re.match(r"\s*(\d{4})", text)
        if not match:
            return []
        return [
            area
            for area in self.areas.values()
            if area.postcode and match[1] in area.postcode.split(";")
        ]

    def lamp_post(self, number: str, street: str | None = None) -> list[LampPost]:
        """Lamp-posts with this number, zeros and dashes forgiven; only those in `street` if given.

        In a known street the last part of the number is enough ("post 12 in Kerklaan").
        """
        key = _number(number)
        found = list(self._by_number.get(key, ()))
        if not found and key.isdigit():
            found = [
                post
                for full, posts in self._by_number.items()
                if full.replace("-", "") == key
                for post in posts
            ]
        if street is None:
            return found
        there = self._posts_of.get(fold(street), [])
        within = [post for post in found if post in there]
        return within or [p for p in there if _number(p.number).rpartition("-")[2] == key]

    def crossing(self, one: str, other: str) -> Crossing | None:
        """Where two streets meet, between their nearest lamp-posts; None when they do not."""
        first, second = self.streets_named(one), self.streets_named(other)
        if not first or not second or first[0].name == second[0].name:
            return None
        a, b = (
            np.array([self.map.flat(p.lat, p.lon) for p in self._posts_of.get(fold(s.name), ())])
            for s in (first[0], second[0])
        )
        if not len(a) or not len(b):
            return None
        apart = np.hypot(*(a[:, None, :] - b[None, :, :]).transpose(2, 0, 1))
        i, j = np.unravel_index(int(np.argmin(apart)), apart.shape)
        metres = float(apart[i, j])
        if metres > CROSSING_METRES:
            return None
        lat, lon = self.map.degrees(*((a[i] + b[j]) / 2))
        hit = self.area_at(lat, lon)
        streets = (self._at(first, lat, lon), self._at(second, lat, lon))
        return Crossing(streets, lat, lon, hit.area.code if hit else None, metres)

    # By position

    def area_at(self, lat: float, lon: float) -> AreaHit | None:
        """The neighbourhood at a position; None outside the city."""
        return self.borders.area_at(lat, lon)

    def inside_city(self, lat: float, lon: float) -> bool:
        """Also true where the city has streets but no figures, so that `area_at` finds nothing."""
        return self.borders.inside_city(lat, lon)

    def nearest_street(self, lat: float, lon: float) -> tuple[Street, float] | None:
        """The street of the nearest lamp-post (or middle of a street), and how far that is."""
        nearest = self._marks.one(lat, lon)
        if nearest is None:
            return None
        named = self.streets_named(nearest[0])
        return (self._at(named, lat, lon), nearest[1]) if named else None

    def nearest_lamp_posts(
        self, lat: float, lon: float, n: int = 3
    ) -> list[tuple[LampPost, float]]:
        return self._posts.some(lat, lon, n)

    def lamp_posts_within(self, lat: float, lon: float, metres: float) -> list[LampPost]:
        """Every lamp-post at most this far away, nearest first: what shows where streets run."""
        return [post for post, _ in self._posts.within(lat, lon, metres)]

    def facility_kinds(self) -> list[str]:
        """The kinds of which there is at least one."""
        return sorted(self._facilities)

    def nearest_facility(
        self, kind: str, lat: float, lon: float, n: int = 3
    ) -> list[tuple[Facility, float]]:
        """The `n` nearest facilities of a kind with their distance in metres as the crow flies."""
        index = self._facilities.get(kind)
        return index.some(lat, lon, n) if index else []

    # Of an area

    def outline(self, area_code: str) -> Outline | None:
        return self.borders.outline(area_code)

    def neighbours(self, area_code: str) -> list[Area]:
        return self.borders.neighbours(area_code)

    def parts(self, area_code: str) -> list[Area]:
        """The areas that lie directly in this one."""
        return [area for area in self.areas.values() if area.parent == area_code]

    def streets_of(self, area_code: str) -> list[Street]:
        """The streets that run through a neighbourhood, by name."""
        found = {s for streets in self._streets.values() for s in streets}
        return sorted((s for s in found if area_code in s.area_codes), key=lambda s: s.name)

    def _at(self, streets: Sequence[Street], lat: float, lon: float) -> Street:
        """Of streets with one name, the one whose middle is nearest."""

        def far(street: Street) -> float:
            if street.lat is None or street.lon is None:
                return float("inf")
            return float(
                np.hypot(
                    *np.subtract(self.map.flat(street.lat, street.lon), self.map.flat(lat, lon))
                )
            )

        return min(streets, key=far)


def _number(text: str) -> str:
    """A lamp-post's number without what people leave out: "02352-085" becomes "2352-85"."""
    parts: Iterable[str] = re.findall(r"\d+[a-z]?", text.lower())
    return "-".join(part.lstrip("0") or "0" for part in parts)
