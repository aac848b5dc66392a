"""A small invented city in the files a real one has: CBS GeoJSON, CSV, iCalendar."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WEST, SOUTH = 5.0, 52.0
SIZE = 0.01
"""Degrees along the side of each square neighbourhood."""


def square(column: int, row: int, size: float = SIZE) -> list[list[float]]:
    west, south = WEST + column * SIZE, SOUTH + row * SIZE
    return [
        [west, south], [west + size, south], [west + size, south + size], [west, south + size],
        [west, south],
    ]  # fmt: skip


def neighbourhood(number: int, **changes: Any) -> dict[str, Any]:
    """A feature as CBS makes them, with origin and marital status in it."""
    properties: dict[str, Any] = {
        "BU_CODE": f"BU9999{number:04d}",
        "BU_NAAM": f"Buurt {number}",
        "WK_CODE": "WK999900",
        "GM_CODE": "GM9999",
        "GM_NAAM": "Voorbeeldstad",
        "WATER": "NEE",
        "POSTCODE": "1234",
        "AANT_INW": 1000 + number,
        "AANTAL_HH": 500,
        "BEV_DICHTH": 2000,
        "P_65_EO_JR": 20,
        "P_GEHUWD": 41,
        "P_MAROKKO": 42,
        "P_WEST_AL": 43,
        "GEM_HH_GR": 2.1,
        "OPP_TOT": 50,
        "OPP_LAND": -99999999,
        "OPP_WATER": 5,
    }
    geometry = {"type": "Polygon", "coordinates": [square(number % 10, number // 10)]}
    geometry |= changes.pop("geometry", {})
    return {"type": "Feature", "properties": properties | changes, "geometry": geometry}


def district() -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {
            "WK_CODE": "WK999900", "WK_NAAM": "Wijk 0", "GM_CODE": "GM9999",
            "GM_NAAM": "Voorbeeldstad", "AANT_INW": 5000, "AANTAL_HH": 2500, "OPP_TOT": 500,
            "OPP_LAND": 450, "OPP_WATER": 50,
        },
        "geometry": {"type": "Polygon", "coordinates": [square(0, 0, SIZE * 10)]},
    }  # fmt: skip


def collection(features: list[Any], **members: Any) -> str:
    return json.dumps({"type": "FeatureCollection", **members, "features": features}, indent=1)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_city(folder: Path, count: int = 4) -> None:
    """A whole city of `count` neighbourhoods in one district."""
    folder.mkdir(exist_ok=True)
    features = [neighbourhood(n) for n in range(count)]
    write(folder, "buurten_2024.geojson", collection(features))
    write(folder, "wijken_2024.geojson", collection([district()]))
    write(folder, "streets.csv", (
        "name;town;area_codes;lat;lon\n"
        "Hoofdstraat;Voorbeeldstad;BU99990000;52,005;5,005\n"
        'Lange Laan;Voorbeeldstad;"BU99990001;BU99990002";;\n'
    ))  # fmt: skip
    write(folder, "facilities.csv", (
        "kind,name,lat,lon,opening_hours\n"
        "library,Stadsbibliotheek,52.004,5.004,Mo-Fr 09:00-17:00\n"
    ))  # fmt: skip


def calendar(*events: str) -> str:
    body = "\r\n".join(events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{body}\r\nEND:VCALENDAR\r\n"


def event(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])
