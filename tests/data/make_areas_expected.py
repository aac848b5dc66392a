"""Writes areas_expected.csv: a few figures per area, straight from the CBS GeoJSON.

It shares no code with the importer or with data/areas/derive.py, so later tests can hold both
against it. Usage: python tests/data/make_areas_expected.py SOURCE_FOLDER. An empty cell means that
CBS did not publish the figure. The city is the sum of its districts, where figures add up at all.
The SHA-256 of each source file goes into areas_expected.sha256.
"""

import csv
import hashlib
import json
import sys
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent / "areas_expected.csv"
FIGURES = {
    "inhabitants": "AANT_INW",
    "households": "AANTAL_HH",
    "density_per_km2": "BEV_DICHTH",
    "area_ha": "OPP_TOT",
    "land_ha": "OPP_LAND",
    "water_ha": "OPP_WATER",
    "age_0_14_pct": "P_00_14_JR",
    "age_15_24_pct": "P_15_24_JR",
    "age_25_44_pct": "P_25_44_JR",
    "age_45_64_pct": "P_45_64_JR",
    "age_65_up_pct": "P_65_EO_JR",
    "single_households_pct": "P_EENP_HH",
    "household_size": "GEM_HH_GR",
}
SUMMED = ("inhabitants", "households", "area_ha", "land_ha", "water_ha")
SOURCES = [
    ("groningen_wijken_2017.geojson", "WK_CODE", "WK_NAAM", 15),
    ("groningen_buurten_2017.geojson", "BU_CODE", "BU_NAAM", 108),
]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/data/make_areas_expected.py SOURCE_FOLDER")
    lines = []
    digests = []
    city = dict.fromkeys(SUMMED, 0)
    for file_name, code, name, expected in SOURCES:
        raw = (Path(sys.argv[1]) / file_name).read_bytes()
        digests.append(f"{hashlib.sha256(raw).hexdigest()}  {file_name}\n")
        features = json.loads(raw.decode("utf-8"))["features"]
        if len(features) != expected:
            sys.exit(f"{file_name}: {len(features)} areas, expected {expected}")
        for feature in features:
            facts = feature["properties"]
            cells = ["" if facts[key] == -99999999 else facts[key] for key in FIGURES.values()]
            if code == "WK_CODE":
                for summed in SUMMED:
                    city[summed] += facts[FIGURES[summed]]
            lines.append([facts[code], facts[name], *cells])
    lines.append(["GM0014", "Groningen", *(city.get(name, "") for name in FIGURES)])
    with OUTPUT.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["code", "name", *FIGURES])
        writer.writerows(sorted(lines))
    OUTPUT.with_suffix(".sha256").write_text("".join(digests), encoding="utf-8")
    print(f"{OUTPUT.name}: {len(lines)} rows")


if __name__ == "__main__":
    main()
