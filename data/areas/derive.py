"""Derives the demo city's fact tables from the four open files they come from.

In goes a folder with the CBS neighbourhood and district GeoJSON and the city's street and
lamp-post CSV; out come areas.csv, streets.csv, lamp_posts.csv.gz and SOURCES.json beside this
script, and the sample tables that samples.py invents.
Everything is read and checked before anything is written, so a bad source leaves the tables alone.
Origin and marital status are in the sources and are never read. See data/NOTICE.md for licences.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from samples import (
    COLLECTION_COLUMNS,
    EXCEPTION_COLUMNS,
    FACILITY_COLUMNS,
    OFFICIAL_COLUMNS,
    collection_rows,
    exception_rows,
    facility_rows,
    official_rows,
)

HERE = Path(__file__).resolve().parent

NEIGHBOURHOODS_FILE = "groningen_buurten_2017.geojson"
DISTRICTS_FILE = "groningen_wijken_2017.geojson"
STREETS_FILE = "groningen_streets_2017.csv"
LAMPS_FILE = "groningen_lampposts_2017.csv"
SOURCE_FILES = (NEIGHBOURHOODS_FILE, DISTRICTS_FILE, STREETS_FILE, LAMPS_FILE)

YEAR = "2017"
SOURCE = "CBS / Kadaster, Wijk- en Buurtkaart 2017"
CITY_SOURCE = f"{SOURCE} (sum of the published figures of the districts)"

# CBS writes this number where a figure is not published.
NOT_PUBLISHED = -99999999

# Our column -> the column in the CBS file.
COUNTS = {
    "inhabitants": "AANT_INW",
    "men": "AANT_MAN",
    "women": "AANT_VROUW",
    "households": "AANTAL_HH",
    "area_ha": "OPP_TOT",
    "land_ha": "OPP_LAND",
    "water_ha": "OPP_WATER",
}
SHARES = {
    "age_0_14_pct": "P_00_14_JR",
    "age_15_24_pct": "P_15_24_JR",
    "age_25_44_pct": "P_25_44_JR",
    "age_45_64_pct": "P_45_64_JR",
    "age_65_up_pct": "P_65_EO_JR",
    "density_per_km2": "BEV_DICHTH",
    "single_households_pct": "P_EENP_HH",
    "households_without_children_pct": "P_HH_Z_K",
    "households_with_children_pct": "P_HH_M_K",
    "household_size": "GEM_HH_GR",
}
AREA_COLUMNS = (
    "code", "kind", "name", "parent", "postcode",
    "inhabitants", "men", "women",
    "age_0_14_pct", "age_15_24_pct", "age_25_44_pct", "age_45_64_pct", "age_65_up_pct",
    "density_per_km2", "households", "single_households_pct",
    "households_without_children_pct", "households_with_children_pct", "household_size",
    "area_ha", "land_ha", "water_ha", "lat", "lon", "year", "source",
)  # fmt: skip
STREET_COLUMNS = ("name", "town", "area_codes", "lat", "lon", "lamps")
LAMP_COLUMNS = ("number", "street", "area_code", "lat", "lon")

# The city's street files know two neighbourhoods that the CBS map of 2017 does not have yet.
# All their lamp-posts stand inside the CBS area given here (checked against the polygons).
LATER_NEIGHBOURHOODS = {
    "BU00140006": "BU00140005",  # Ebbingekwartier: in Hortusbuurt-Ebbingekwartier
    "BU00141406": "BU00141400",  # De Wierden: in Meerstad
}
UNKNOWN_CODE = "BU0014XXXX"
UNKNOWN_TOWN = "Onbekend"  # Dutch for "unknown"

Row = dict[str, str]


class SourceProblem(Exception):
    """A source file is not what this script was written for."""


def figure(value: object) -> str:
    """A published figure as text; an unpublished one as nothing."""
    if value is None or value == NOT_PUBLISHED:
        return ""
    return str(value)


def read_properties(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        return [feature["properties"] for feature in json.load(stream)["features"]]


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def known_area(code: str, known: set[str]) -> str:
    """The CBS code for a code of the street files, or nothing where there is none."""
    code = LATER_NEIGHBOURHOODS.get(code, code)
    if code in ("", UNKNOWN_CODE):
        return ""
    if code not in known:
        raise SourceProblem(f"unknown neighbourhood code {code}")
    return code


def lamp_code(lamp: Row) -> str:
    return f"BU0014{lamp['buurt']}" if lamp["buurt"] else ""


class Centres:
    """Mean lamp-post position per area: a rough centre that needs no outline."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float, int]] = {}

    def add(self, areas: Iterable[str], lat: float, lon: float) -> None:
        for area in areas:
            lats, lons, count = self._sums.get(area, (0.0, 0.0, 0))
            self._sums[area] = (lats + lat, lons + lon, count + 1)

    def of(self, area: str) -> Row:
        if area not in self._sums:
            return {"lat": "", "lon": ""}
        lats, lons, count = self._sums[area]
        return {"lat": f"{lats / count:.5f}", "lon": f"{lons / count:.5f}"}


def lamp_centres(lamps: list[Row], neighbourhoods: list[dict[str, Any]]) -> Centres:
    above = {p["BU_CODE"]: (p["BU_CODE"], p["WK_CODE"], p["GM_CODE"]) for p in neighbourhoods}
    centres = Centres()
    for lamp in lamps:
        area = known_area(lamp_code(lamp), set(above))
        if area:
            centres.add(above[area], float(lamp["lat"]), float(lamp["lon"]))
    return centres


def published(properties: dict[str, Any]) -> Row:
    return {ours: figure(properties[theirs]) for ours, theirs in (COUNTS | SHARES).items()}


def area_rows(
    neighbourhoods: list[dict[str, Any]], districts: list[dict[str, Any]], centres: Centres
) -> list[Row]:
    """One city, then the districts, then the neighbourhoods, each kind by code."""
    first = districts[0]
    city: Row = {
        "code": first["GM_CODE"], "kind": "city", "name": first["GM_NAAM"],
        "parent": "", "postcode": "", "source": CITY_SOURCE,
    }  # fmt: skip
    for ours, theirs in COUNTS.items():
        if any(p[theirs] == NOT_PUBLISHED for p in districts):
            raise SourceProblem(f"a district without {theirs}: no sum for the city")
        city[ours] = str(sum(p[theirs] for p in districts))
    # Rounded shares and averages cannot be added up exactly: the city has none.
    city |= dict.fromkeys(SHARES, "")
    rows = [city]
    for p in sorted(districts, key=lambda p: str(p["WK_CODE"])):
        rows.append(
            published(p)
            | {"code": p["WK_CODE"], "kind": "district", "name": p["WK_NAAM"]}
            | {"parent": p["GM_CODE"], "postcode": "", "source": SOURCE}
        )
    for p in sorted(neighbourhoods, key=lambda p: str(p["BU_CODE"])):
        rows.append(
            published(p)
            | {"code": p["BU_CODE"], "kind": "neighbourhood", "name": p["BU_NAAM"]}
            | {"parent": p["WK_CODE"], "postcode": figure(p["POSTCODE"]), "source": SOURCE}
        )
    return [row | centres.of(row["code"]) | {"year": YEAR} for row in rows]


def street_rows(streets: list[Row], lamps: list[Row], known: set[str]) -> list[Row]:
    """Every street once per town, with its main neighbourhood first."""
    code_of_name = {lamp["buurt_name"]: lamp_code(lamp) for lamp in lamps if lamp["buurt"]}
    rows = []
    for street in streets:
        # An empty name in the list stands for lamp-posts outside the borders of 2017.
        others = [name for name in street["other_neighbourhoods"].split(";") if name]
        codes = [street["neighbourhood_code"], *(code_of_name[name] for name in others)]
        areas = dict.fromkeys(known_area(code, known) for code in codes)
        areas.pop("", None)
        town = "" if street["town"] == UNKNOWN_TOWN else street["town"]
        rows.append(
            {"name": street["street"], "town": town, "area_codes": ";".join(areas)}
            | {"lat": street["lat"], "lon": street["lon"], "lamps": street["lamps"]}
        )
    return rows


def lamp_rows(lamps: list[Row], known: set[str]) -> list[Row]:
    """Every lamp-post with the number it carries; positions to about a metre."""
    rows = [
        {"number": lamp["mast"], "street": lamp["street"]}
        | {"area_code": known_area(lamp_code(lamp), known)}
        | {"lat": f"{float(lamp['lat']):.5f}", "lon": f"{float(lamp['lon']):.5f}"}
        for lamp in lamps
    ]
    return sorted(rows, key=lambda row: (row["street"], row["number"], row["lat"], row["lon"]))


def check(areas: list[Row], streets: list[Row], source_streets: list[Row]) -> None:
    kinds = Counter(row["kind"] for row in areas)
    if kinds != {"city": 1, "district": 15, "neighbourhood": 108}:
        raise SourceProblem(f"unexpected number of areas: {dict(kinds)}")
    codes = {row["code"] for row in areas}
    if len(codes) != len(areas) or any(row["parent"] not in codes | {""} for row in areas):
        raise SourceProblem("a double area code, or a parent that is not there")
    if not len(streets) == len(source_streets) == 1603:
        raise SourceProblem(f"unexpected number of streets: {len(streets)}")
    if len({(row["name"], row["town"]) for row in streets}) != len(streets):
        raise SourceProblem("a street stands twice in one town")


def write_table(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    content = stream.getvalue().encode("utf-8")
    if path.suffix == ".gz":
        content = gzip.compress(content, 9, mtime=0)  # no time: the same rows, the same file
    path.write_bytes(content)
    print(f"{path.name}: {len(rows)} rows")


def derive(folder: Path) -> None:
    neighbourhoods = read_properties(folder / NEIGHBOURHOODS_FILE)
    districts = read_properties(folder / DISTRICTS_FILE)
    source_streets = read_rows(folder / STREETS_FILE)
    lamps = read_rows(folder / LAMPS_FILE)
    codes = sorted(str(p["BU_CODE"]) for p in neighbourhoods)

    areas = area_rows(neighbourhoods, districts, lamp_centres(lamps, neighbourhoods))
    streets = street_rows(source_streets, lamps, set(codes))
    check(areas, streets, source_streets)
    digests = {
        name: {"sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
        for name in SOURCE_FILES
    }

    write_table(HERE / "areas.csv", AREA_COLUMNS, areas)
    write_table(HERE / "streets.csv", STREET_COLUMNS, streets)
    posts = lamp_rows(lamps, set(codes))
    write_table(HERE / "lamp_posts.csv.gz", LAMP_COLUMNS, posts)
    plan = collection_rows(codes)
    write_table(HERE / "collection.csv", COLLECTION_COLUMNS, plan)
    write_table(HERE / "collection_exceptions.csv", EXCEPTION_COLUMNS, exception_rows(plan))
    write_table(HERE / "facilities.csv", FACILITY_COLUMNS, facility_rows(areas, posts))
    write_table(HERE / "officials.csv", OFFICIAL_COLUMNS, official_rows(areas))
    (HERE / "SOURCES.json").write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python data/areas/derive.py SOURCE_FOLDER", file=sys.stderr)
        return 2
    try:
        derive(Path(arguments[0]))
    except (OSError, KeyError, ValueError, SourceProblem) as problem:
        print(f"nothing usable derived: {problem!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
