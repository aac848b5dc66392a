"""Writes areas_expected.csv: a few figures per area, straight from the CBS GeoJSON.

It shares no code with the importer or with data/areas/derive.py, so later tests can hold both
against it. Usage: python tests/data/make_areas_expected.py SOURCE_FOLDER. An empty cell means that
CBS did not publish the figure. The SHA-256 of each source file is printed.
"""

import csv
import hashlib
import json
import sys
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent / "areas_expected.csv"
HEADER = [
    "code",
    "name",
    "inhabitants",
    "households",
    "density_per_km2",
    "area_ha",
    "age_65_up_pct",
]
FIGURES = ["AANT_INW", "AANTAL_HH", "BEV_DICHTH", "OPP_TOT", "P_65_EO_JR"]
SOURCES = [
    ("groningen_wijken_2017.geojson", "WK_CODE", "WK_NAAM", 15),
    ("groningen_buurten_2017.geojson", "BU_CODE", "BU_NAAM", 108),
]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/data/make_areas_expected.py SOURCE_FOLDER")
    lines = []
    for file_name, code, name, expected in SOURCES:
        raw = (Path(sys.argv[1]) / file_name).read_bytes()
        print(f"{hashlib.sha256(raw).hexdigest()}  {file_name}")
        features = json.loads(raw.decode("utf-8"))["features"]
        if len(features) != expected:
            sys.exit(f"{file_name}: {len(features)} areas, expected {expected}")
        for feature in features:
            facts = feature["properties"]
            cells = ["" if facts[key] == -99999999 else facts[key] for key in FIGURES]
            lines.append([facts[code], facts[name], *cells])
    with OUTPUT.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(sorted(lines))
    print(f"{OUTPUT.name}: {len(lines)} rows")


if __name__ == "__main__":
    main()
