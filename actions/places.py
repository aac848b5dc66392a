"""Where a message is about: a shared position, or a street or area that it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actions.boundary import Said
from actions.city import City
from actions.words import is_correction
from bot.civic.areas import Area
from bot.civic.errors import CivicError

CITY_EDGE_METRES = 3000.0
"""A position farther than this from any street of ours is outside the city."""


def spot_of(said: Said, city: City) -> dict[str, Any] | None:
    """The place of a message as a plain value for a slot; None when it names none."""
    if said.place:
        return _shared(said.place, city)
    streets = [e for e in said.entities if e["entity"] == "street"]
    # "not Goudlaan but Zilverlaan": in a correction the last name counts.
    street = (streets[-1] if is_correction(said.text) else streets[0]) if streets else None
    number = said.value("house_number")
    if street:
        name = str(street["value"])
        codes = list(street.get("codes") or ())
        rows = city.areas.streets(name)
        spot: dict[str, Any] = {
            "text": f"{name} {number}" if number else name,
            "known": True,
            "street": name,
            "house_number": number,
            "area_code": codes[0] if len(codes) == 1 else None,
            "area_codes": codes,
        }
        if rows and number is None:
            # A house number never yields an exact position: none is known of any house.
            spot |= {"lat": rows[0].lat, "lon": rows[0].lon}
        return spot
    area = said.first("area")
    if area:
        codes = list(area.get("codes") or ())
        return {
            "text": said.text.strip()[:200] if said.guess == "inform" else str(area["value"]),
            "known": True,
            "area_code": codes[0] if len(codes) == 1 else None,
            "area_codes": codes,
        }
    postcode = said.value("postcode")
    if postcode:
        text = f"{postcode} {number}" if number else postcode
        return {"text": text, "known": True, "area_code": None, "area_codes": []}
    return None


def _shared(place: dict[str, Any], city: City) -> dict[str, Any]:
    lat, lon = float(place["lat"]), float(place["lon"])
    nearest = city.places.nearest_street(lat, lon)
    if nearest is None or nearest[1] > CITY_EDGE_METRES:
        raise CivicError("utter_outside_city")
    street = nearest[0]
    codes = list(street.area_codes)
    name = str(place.get("name") or "") or street.name
    return {
        "text": f"{name} ({lat:.5f}, {lon:.5f})",
        "known": True,
        "street": street.name,
        "area_code": codes[0] if len(codes) == 1 else None,
        "area_codes": codes,
        "lat": lat,
        "lon": lon,
    }


def areas_of(said: Said, city: City) -> list[Area]:
    """The areas that a message names, directly or by a street or a position."""
    codes: list[str] = []
    for entity in said.entities:
        if entity["entity"] == "area_code":
            return [a for a in [city.areas.area(str(entity["value"]))] if a]
        if entity["entity"] == "area":
            codes += entity.get("codes") or ()
    if codes:
        return _areas(codes, city)
    return areas_in(spot_of(said, city) or said.earlier.get("spot"), city)


def areas_in(spot: Mapping[str, Any] | None, city: City) -> list[Area]:
    """The areas that a place lies in, as a slot holds it."""
    return _areas((spot or {}).get("area_codes") or (), city)


def _areas(codes: Iterable[str], city: City) -> list[Area]:
    return [a for a in (city.areas.area(code) for code in dict.fromkeys(codes)) if a]
