"""Where a message is about: a position, a lamp-post, a crossing, a street, an area, a landmark.

A spot is a plain value for a slot. One that may be several places carries them as `options`, for
the citizen to choose. Only what is `exact` (a shared position, a lamp-post, a crossing) has a
position that counts; a street's own middle is kept for the crew's map and says no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from actions.city import City
from actions.said import Said
from actions.words import is_correction
from bot.choices import fold
from bot.civic.areas import Area, Facility, LampPost, Street
from bot.civic.errors import CivicError

Spot = dict[str, Any]
MOST_OPTIONS = 5
_CORNER = re.compile(
    r"\b(corner|crossing|crossroads|junction|intersection|hoek|kruising|kruispunt|ecke|kreuzung"
    r"|hjornet|krydset|kryds|where .* meets)\b"
)
_LEAD_IN = re.compile(
    r"^(it is |its |het is |das ist |es ist |det er )?"
    r"(in front of|in|at|on|near|next to|behind|opposite|beside|across from|close to|by"
    r"|bij|naast|achter|tegenover|voor|op|aan|vlak bij|vlakbij|in de buurt van"
    r"|bei|beim|neben|hinter|gegenuber|vor|auf|an|am|im|nahe"
    r"|ved siden af|ved|bag|overfor|foran|pa|naer|taet pa)? ?"
    r"(the|de|het|t|den|der|die|das|dem|det)? ?"
)


def spot_of(said: Said, city: City, eager: bool = False) -> Spot | None:
    """The place of a message; None when it names none. `eager`: it answers "where is it?"."""
    if said.place:
        return position(
            said.place["lat"], said.place["lon"], city, str(said.place.get("name") or "")
        )
    streets = [e for e in said.entities if e["entity"] == "street"]
    # "not Goudlaan but Zilverlaan": in a correction the last name counts.
    correcting = is_correction(said.text)
    street = (streets[-1] if correcting else streets[0]) if streets else None
    mast = said.value("lamp_post")
    if mast:
        within = str(street["value"]) if street else None
        # "mast 06659-002": there is a street called Mast too.
        posts = city.places.lamp_post(mast, within) or city.places.lamp_post(mast)
        if posts:
            return _one_of([_at_post(post, city) for post in posts])
    names = list(dict.fromkeys(str(e["value"]) for e in streets))
    if len(names) == 2 and not correcting and _CORNER.search(fold(said.text)):
        met = _crossing(names[0], names[1], city)
        if met:
            return met
    if street:
        return _in_street(street, said.value("house_number"), city)
    area = said.first("area")
    if area:
        text = said.text.strip()[:200] if said.guess == "inform" else str(area["value"])
        return _known(text, list(area.get("codes") or ()))
    postcode = said.value("postcode")
    if postcode:
        return _by_postcode(postcode, said.value("house_number"), city)
    return _landmark(said.text, city) if eager else None


def _known(text: str, codes: Sequence[str], **more: Any) -> Spot:
    code = codes[0] if len(codes) == 1 else None
    return {"text": text, "known": True, "area_code": code, "area_codes": list(codes), **more}


def _one_of(spots: Sequence[Spot]) -> Spot:
    """The only spot, or all of them for the citizen to choose from."""
    if len(spots) == 1:
        return spots[0]
    codes = list(dict.fromkeys(code for spot in spots for code in spot["area_codes"]))
    text = str(spots[0].get("street") or spots[0]["text"])
    return _known(text, codes, options=list(spots[:MOST_OPTIONS]))


def position(lat: float, lon: float, city: City, name: str = "") -> Spot:
    """The spot of a position. Raises CivicError when it lies outside the city."""
    lat, lon = float(lat), float(lon)
    nearest = city.places.nearest_street(lat, lon)
    if nearest is None or not city.places.inside_city(lat, lon):
        raise CivicError("utter_outside_city")
    street = nearest[0]
    hit = city.places.area_at(lat, lon)
    codes = [hit.area.code] if hit else list(street.area_codes)
    text = f"{name or street.name} ({lat:.5f}, {lon:.5f})"
    return _known(text, codes, street=street.name, lat=lat, lon=lon, exact=True)


def _at_post(post: LampPost, city: City) -> Spot:
    codes = [post.area_code] if post.area_code else []
    text = f"{post.street} ({post.number})" if post.street else post.number
    return _known(text, codes, street=post.street, lat=post.lat, lon=post.lon, exact=True)


def _crossing(one: str, other: str, city: City) -> Spot | None:
    met = city.places.crossing(one, other)
    if met is None:
        return None
    codes = [met.area_code] if met.area_code else list(met.streets[0].area_codes)
    text = " / ".join(street.name for street in met.streets)
    return _known(text, codes, street=met.streets[0].name, lat=met.lat, lon=met.lon, exact=True)


def _in_street(entity: Mapping[str, Any], number: str | None, city: City) -> Spot:
    name = str(entity["value"])
    rows = city.places.streets_named(name)
    if len(rows) > 1:
        return _one_of([_street(row, number, list(row.area_codes)) for row in rows])
    codes = list(entity.get("codes") or ())
    if rows:
        return _street(rows[0], number, codes)
    text = f"{name} {number}" if number else name
    return _known(text, codes, street=name, house_number=number)


def _street(row: Street, number: str | None, codes: list[str]) -> Spot:
    text = f"{row.name} {number}" if number else row.name
    spot = _known(text, codes, street=row.name, house_number=number, town=row.town)
    if number is None:
        # A house number never yields an exact position: none is known of any house.
        spot |= {"lat": row.lat, "lon": row.lon}
    return spot


def _by_postcode(postcode: str, number: str | None, city: City) -> Spot:
    areas = city.places.postcode(postcode)
    text = f"{postcode} {number}" if number else postcode
    return {**_known(text, [area.code for area in areas]), "known": bool(areas)}


def _landmark(text: str, city: City) -> Spot | None:
    """A facility that the whole answer names: "at the library of Selwerd"."""
    name = _LEAD_IN.sub("", fold(text), count=1)
    if len(name) < 4:
        return None
    return _facilities(city.places.landmark(name), city)


def _facilities(found: Sequence[Facility], city: City) -> Spot | None:
    spots = []
    for one in found:
        hit = city.places.area_at(one.lat, one.lon)
        nearest = city.places.nearest_street(one.lat, one.lon)
        text = f"{one.name}, {one.address}" if one.address else one.name
        codes = [hit.area.code] if hit else []
        street = nearest[0].name if nearest else None
        spots.append(_known(text, codes, street=street, lat=one.lat, lon=one.lon, exact=True))
    return _one_of(spots) if spots else None


def label_of(spot: Mapping[str, Any], city: City) -> str:
    """How a spot is called where several are offered: with its area, or its town."""
    area = city.areas.area(str(spot.get("area_code") or ""))
    where = area.name if area else str(spot.get("town") or "")
    text = str(spot["text"])
    return f"{text} ({where})" if where and where not in text else text


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
