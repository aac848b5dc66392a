"""Invents what the demo city has no open data for: collection days, facilities, officials.

Everything here follows a rule that can be read, and every row says `sample=true`. The names are
made up; only the streets that facilities stand in are real, so that distances can be shown. A city
loads its own files in their place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from hashlib import sha256

Row = dict[str, str]

COLLECTION_COLUMNS = ("area_code", "waste", "weekday", "every_weeks", "first_date", "sample")
EXCEPTION_COLUMNS = ("area_code", "waste", "planned_on", "collected_on", "reason", "sample")
FACILITY_COLUMNS = (
    "code", "kind", "name", "lat", "lon", "address", "opening_hours", "phone", "url", "sample",
    "source",
)  # fmt: skip
OFFICIAL_COLUMNS = (
    "area_code", "role", "name", "phone", "email", "url", "address", "opening_hours", "sample",
    "source",
)  # fmt: skip

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
FIRST_MONDAY = date(2026, 1, 5)
SOURCE = "Invented for the demo city"

# Dutch public holidays on working days, 2026 to 2028 (law: Algemene termijnenwet, article 3).
HOLIDAYS = {
    date(2026, 4, 6): "Tweede paasdag",
    date(2026, 4, 27): "Koningsdag",
    date(2026, 5, 5): "Bevrijdingsdag",
    date(2026, 5, 14): "Hemelvaartsdag",
    date(2026, 5, 25): "Tweede pinksterdag",
    date(2026, 12, 25): "Eerste kerstdag",
    date(2027, 1, 1): "Nieuwjaarsdag",
    date(2027, 3, 29): "Tweede paasdag",
    date(2027, 4, 27): "Koningsdag",
    date(2027, 5, 5): "Bevrijdingsdag",
    date(2027, 5, 6): "Hemelvaartsdag",
    date(2027, 5, 17): "Tweede pinksterdag",
    date(2028, 4, 17): "Tweede paasdag",
    date(2028, 4, 27): "Koningsdag",
    date(2028, 5, 5): "Bevrijdingsdag",
    date(2028, 5, 25): "Hemelvaartsdag",
    date(2028, 6, 5): "Tweede pinksterdag",
    date(2028, 12, 25): "Eerste kerstdag",
    date(2028, 12, 26): "Tweede kerstdag",
}

# Kind, name before the area's name, and opening hours in OpenStreetMap's notation.
IN_EVERY_DISTRICT = (
    ("library", "Voorbeeldbibliotheek", "Mo-Fr 10:00-17:30; Sa 10:00-14:00"),
    ("community_centre", "Voorbeeldbuurthuis", "Mo-Fr 09:00-22:00"),
    ("sports_hall", "Voorbeeldsporthal", "Mo-Fr 08:00-23:00; Sa-Su 09:00-18:00"),
    ("bicycle_parking", "Voorbeeldfietsenstalling", "24/7"),
)
IN_EVERY_NEIGHBOURHOOD = (
    ("recycling_point", "Voorbeeldmilieupost", "Mo-Sa 08:00-20:00"),
    ("playground", "Voorbeeldspeeltuin", ""),
)
IN_SOME_DISTRICTS = (
    ("public_toilet", "Voorbeeldtoilet", "24/7", ("00", "01", "03", "05", "07", "09")),
    ("recycling_centre", "Voorbeeldmilieustraat", "Mo-Sa 08:00-16:30", ("08", "12")),
    ("swimming_pool", "Voorbeeldzwembad", "Mo-Su 07:00-22:00", ("02", "09")),
    ("city_desk", "Voorbeeldloket", "Mo-We,Fr 09:00-17:00; Th 09:00-20:00", ("00", "07")),
)  # fmt: skip
LEAST_LAMPS = 40
"""An area with fewer lamp-posts is too small, or too empty, for facilities of its own."""


def collection_rows(codes: list[str]) -> list[Row]:
    """An invented calendar: one weekday per district for the bins, another for the rest."""
    rows = []
    for code in codes:
        district, number = int(code[6:8]), int(code[8:10])
        bins_day, other_day = district % 5, (district + 2) % 5
        plan = (
            ("residual", bins_day, 2, number % 2),
            ("organic", bins_day, 2, 1 - number % 2),
            ("paper", other_day, 4, number % 4),
            ("plastic", other_day, 2, (number + 1) % 2),
        )
        for waste, day, every_weeks, first_week in plan:
            first_date = FIRST_MONDAY + timedelta(weeks=first_week, days=day)
            rows.append(
                {"area_code": code, "waste": waste, "weekday": WEEKDAYS[day]}
                | {"every_weeks": str(every_weeks), "first_date": first_date.isoformat()}
                | {"sample": "true"}
            )
    return rows


def exception_rows(plan: list[Row]) -> list[Row]:
    """A collection on a public holiday moves to the Saturday after it, at Christmas before it."""
    rows = []
    for collection in plan:
        first = date.fromisoformat(collection["first_date"])
        for holiday, name in HOLIDAYS.items():
            days = (holiday - first).days
            if days >= 0 and days % (7 * int(collection["every_weeks"])) == 0:
                other = holiday + timedelta(days=5 - holiday.weekday())
                if (other.month, other.day) == (12, 26):
                    other = holiday - timedelta(days=1)
                rows.append(
                    {"area_code": collection["area_code"], "waste": collection["waste"]}
                    | {"planned_on": holiday.isoformat(), "collected_on": other.isoformat()}
                    | {"reason": name, "sample": "true"}
                )
    return rows


def facility_rows(areas: list[Row], lamps: list[Row]) -> list[Row]:
    """Facilities at the positions of lamp-posts, the same at every run."""
    by_area: dict[str, list[Row]] = defaultdict(list)
    for lamp in lamps:
        by_area[lamp["area_code"]].append(lamp)
    for area in areas:
        if area["kind"] == "neighbourhood":
            by_area[area["parent"]] += by_area[area["code"]]
    rows = []
    for area in areas:
        lamps_here = by_area[area["code"]]
        if len(lamps_here) < LEAST_LAMPS:
            continue
        if area["kind"] == "neighbourhood":
            wanted = IN_EVERY_NEIGHBOURHOOD
        elif area["kind"] == "district":
            some = IN_SOME_DISTRICTS
            wanted = IN_EVERY_DISTRICT + tuple(s[:3] for s in some if area["code"][6:8] in s[3])
        else:
            continue
        rows += [_facility(area, lamps_here, *one) for one in wanted]
    return rows


def _facility(area: Row, lamps: list[Row], kind: str, name: str, hours: str) -> Row:
    code = f"sample-{kind.replace('_', '-')}-{area['code'].lower()}"
    lamp = lamps[int(sha256(code.encode()).hexdigest(), 16) % len(lamps)]
    return (
        {"code": code, "kind": kind, "name": f"{name} {area['name']}"}
        | {"lat": lamp["lat"], "lon": lamp["lon"], "address": lamp["street"]}
        | {"opening_hours": hours, "phone": "", "url": "", "sample": "true", "source": SOURCE}
    )


def official_rows(areas: Iterable[Row]) -> list[Row]:
    """A desk and a neighbourhood manager for each district; no person's name is invented."""
    rows = []
    for area in areas:
        if area["kind"] != "district":
            continue
        place = area["name"]
        word = "".join(c if c.isalnum() else "-" for c in place.lower()).strip("-")
        shared = {"area_code": area["code"], "phone": "", "url": "", "address": ""}
        shared |= {"sample": "true", "source": SOURCE}
        rows += [
            {"role": "desk", "name": f"Voorbeeldwijkloket {place}"}
            | {"email": f"loket-{word}@city.example", "opening_hours": "Mo-Fr 09:00-17:00"}
            | shared,
            {"role": "neighbourhood_manager", "name": f"Voorbeeldwijkmanager {place}"}
            | {"email": f"wijkmanager-{word}@city.example", "opening_hours": ""}
            | shared,
        ]
    return rows
