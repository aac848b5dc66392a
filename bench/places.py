"""How long it takes to find the area of a position, with a city's and a country's outlines.

Prints a table; docs/places.md holds the figures. Usage: python -m bench.places. The outlines are
invented: hexagon-like cells with 60 corners, as many corners as a neighbourhood has on average.
"""

from __future__ import annotations

import json
import math
import os
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bot.civic.areas import Area, LampPost
from bot.places.finder import PlaceFinder

CORNERS = 60
LOOK_UPS = 20_000
CELL = 0.012


def outline(lat: float, lon: float) -> str:
    ring = [
        [lon + CELL * 0.5 * math.cos(a) * 1.5, lat + CELL * 0.5 * math.sin(a)]
        for a in (2 * math.pi * i / CORNERS for i in range(CORNERS))
    ]
    return json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


def city(count: int) -> tuple[list[Area], dict[str, str], tuple[float, float, float, float]]:
    """Areas in a square, their outlines, and the span that they fill."""
    side = math.ceil(math.sqrt(count))
    areas, outlines = [], {}
    for n in range(count):
        lat, lon = 51.0 + n // side * CELL, 4.0 + n % side * CELL * 1.5
        areas.append(Area(f"A{n}", "neighbourhood", f"A{n}", None, None, {}, 2024, "", lat, lon))
        outlines[f"A{n}"] = outline(lat, lon)
    return areas, outlines, (51.0, 51.0 + side * CELL, 4.0, 4.0 + side * CELL * 1.5)


def measure(finder: PlaceFinder, span: tuple[float, float, float, float]) -> list[float]:
    dice = random.Random(1)
    south, north, west, east = span
    places = [(dice.uniform(south, north), dice.uniform(west, east)) for _ in range(LOOK_UPS)]
    took = []
    for lat, lon in places:
        begun = time.perf_counter()
        finder.area_at(lat, lon)
        took.append((time.perf_counter() - begun) * 1000)
    return sorted(took)


def row(name: str, built: float, took: list[float]) -> str:
    median, most = statistics.median(took), took[int(len(took) * 0.99)]
    return f"| {name} | {built:.2f} s | {median:.4f} ms | {most:.4f} ms | {took[-1]:.2f} ms |"


def main() -> None:
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {LOOK_UPS} look-ups each\n")
    print("| area at a position | built in | median | 99 % | slowest |")
    print("| --- | --- | --- | --- | --- |")
    for count in (108, 14_000):
        areas, outlines, span = city(count)
        begun = time.perf_counter()
        finder = PlaceFinder(areas, [], [], [], outlines)
        built = time.perf_counter() - begun
        print(row(f"{count} outlines of {CORNERS} corners", built, measure(finder, span)))
    areas, _, span = city(108)
    dice = random.Random(2)
    south, north, west, east = span
    posts = [
        LampPost(str(n), "", f"A{n % 108}", dice.uniform(south, north), dice.uniform(west, east))
        for n in range(31_755)
    ]
    begun = time.perf_counter()
    finder = PlaceFinder(areas, [], posts)
    built = time.perf_counter() - begun
    print(row("no outlines, 31,755 lamp-posts", built, measure(finder, span)))


if __name__ == "__main__":
    main()
