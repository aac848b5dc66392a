"""Reports of others near by that may be about the same thing, shown before one is sent.

Others may see since when, the place (a public one, as the register judges it) and how many follow;
never the text, a photo or who it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from babel.dates import format_date

from actions.city import City
from bot.civic import reporting
from bot.civic.tickets import Nearby

MOST = 3
WEEK = 6
"""So many days back a weekday alone says when."""


def twins_of(slots: Mapping[str, Any], city: City, conversation: str) -> list[Nearby]:
    """Open reports of the same service near the place of this one, nearest first.

    Where the position is not exact, those in the same street.
    """
    service = city.catalogue.get(slots.get(reporting.SERVICE))
    place = slots.get(reporting.PLACE) or {}
    if service is None or service.radius <= 0:
        return []
    exact = bool(place.get("exact"))
    lat, lon = (place.get("lat"), place.get("lon")) if exact else (None, None)
    street = place.get("street")
    if lat is None and not street:
        return []
    return city.tickets.near(service.code, lat, lon, street, service.radius, MOST, conversation)


def twin_choices(found: list[Nearby], city: City, language: str) -> list[tuple[str, str]]:
    """Label and payload of each: "Since Tuesday: Oosterstraat 12 (3 follow)", all different."""
    made: list[tuple[str, str]] = []
    today = city.today()
    for twin in found:
        area = city.areas.area(twin.area_code or "")
        place = twin.place or twin.street or (area.name if area else "")
        since = since_when(twin.created_at.astimezone(city.zone).date(), today, city, language)
        phrase = "utter_twin_followed" if twin.followers > 1 else "utter_twin"
        label = city.text(phrase, language, since=since, place=place, count=twin.followers)
        if label in [known for known, _ in made]:
            label = f"{label} {twin.reference}"
        made.append((label, f'/inform{{"twin": "{twin.reference}"}}'))
    return made


def since_when(day: date, today: date, city: City, language: str) -> str:
    """ "Tuesday", or a date when that is longer ago; "today" for today."""
    if day >= today:
        return city.text("utter_today", language)
    skeleton = "EEEE" if (today - day).days <= WEEK else "d MMMM"
    if language in ("de", "da") and skeleton != "EEEE":
        skeleton = "d. MMMM"
    return str(format_date(day, skeleton, locale=language))
