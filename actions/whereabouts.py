"""Which areas a question is about: named, shared, said just before, or remembered with a yes.

What the citizen says wins over what was said before, and that over what is remembered. A street,
postcode or position may lie in several areas; then the citizen is asked which one is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import Said, Speech, offered
from actions.city import City
from actions.places import areas_of
from actions.words import figure_named
from bot.choices import fold
from bot.civic.areas import Area

AROUND = "around"
"""The slot that holds what was asked last about an area."""
ASKED_TO_REMEMBER = "asked_area"
FRESH = timedelta(minutes=30)
"""How long "and in Helpman?" still means the question before."""
MOST_CHOICES = 6
_FOLLOWS = re.compile(
    r"^(and|en|und|og|what about|how about|hoe zit het (met|in)|wat is dat (in|voor)|en hoeveel"
    r"|was ist mit|wie ist es in|wie sieht es|hvad med|hvad sa|compare|vergelijk|vergleich"
    r"|sammenlign|how does (that|it|this) compare)\b"
)
_MINE = re.compile(
    r"\b(my|our|mine|near me|around me|i live|we live|round here|mijn|onze?|ik woon|wij wonen"
    r"|bij mij|bij ons|mein\w*|unser\w*|ich wohne|wir wohnen|bei mir|bei uns|min|mit|mine|vores"
    r"|jeg bor|vi bor|hos mig|hos os)\b"
)
_CITY = re.compile(
    r"\b(the (whole )?city|the town|city average|de (hele )?stad|de gemeente"
    r"|(die|der) (ganzen? )?stadt|ganze stadt|hele byen|byen|kommunen)\b"
)
_DISTRICT = re.compile(
    r"\b(its|the|my|our|de|het|zijn|mijn|onze|die|den|dem|der|sein\w*) "
    r"(own |hele |whole |ganzen? )?(district|wijk|stadtbezirk|bezirk)\b|\b(bydelen|distriktet)\b"
)
_FOUR = re.compile(r"\b([1-9]\d{3})\b")
_POSTCODE_WORD = re.compile(r"postcode|postal|postleitzahl|plz|postnummer|zip")


def question(said: Said) -> str:
    """The words of the question: with a choice of ours, those that the choice was offered for."""
    earlier = str(said.earlier.get("text") or "")
    return earlier if earlier and said.picked else said.text


def follows(said: Said) -> bool:
    """Does the message begin like a question that goes on from the one before?"""
    return bool(_FOLLOWS.match(fold(said.text)))


def speaks_of_home(said: Said) -> bool:
    """Does the message say "my", "our", "I live", "near me"?"""
    return bool(_MINE.search(fold(said.text)))


def around(said: Said, city: City) -> dict[str, Any]:
    """What was asked last about an area, as long as that is fresh."""
    kept = said.slots.get(AROUND) or {}
    try:
        fresh = city.clock() - datetime.fromisoformat(str(kept.get("at"))) <= FRESH
    except ValueError:
        return {}
    return dict(kept) if fresh else {}


def goes_on(said: Said, city: City) -> str | None:
    """What a message does that goes on from the question before: "and in Helpman?" asks the same
    again of another place, "and the households?" another figure of the same area."""
    if said.picked or not follows(said):
        return None
    did = around(said, city).get("did")
    if not did:
        return None
    if named(said, city):
        return str(did)
    return "area_facts" if did == "area_facts" and figure_named(said.text) else None


def remember_question(city: City, did: str, areas: Sequence[Area], **more: Any) -> EventType:
    """Keep what was asked, for "and in Helpman?" and "and the households?"."""
    kept = {"did": did, "codes": [a.code for a in areas], "at": city.clock().isoformat(), **more}
    return SlotSet(AROUND, kept)


def named(said: Said, city: City) -> list[Area]:
    """The areas that the message itself names."""
    found = areas_of(said, city)
    if found:
        return found
    postcode = said.value("postcode") or ""
    if not postcode and (said.guess == "inform" or _POSTCODE_WORD.search(fold(said.text))):
        digits = _FOUR.search(said.text)
        postcode = digits[1] if digits else ""
    if postcode:
        return city.places.postcode(postcode)
    return []


def asked(said: Said, city: City) -> list[Area]:
    """The areas of a question: named, or those of the question that it follows, or remembered."""
    found = named(said, city)
    if found:
        return found
    if follows(said):
        found = [a for a in (city.areas.area(c) for c in around(said, city).get("codes", ())) if a]
        if found:
            return found
    home = remembered(said, city)
    return [home] if home else []


def remembered(said: Said, city: City) -> Area | None:
    """The area that the citizen agreed to have remembered; never in a group."""
    if said.in_group:
        return None
    code = city.neighbourhood.remembered.of(said.conversation)
    return city.areas.area(code) if code else None


def whole_city(said: Said, city: City) -> Area | None:
    """The city itself, when the message speaks of it."""
    if not _CITY.search(fold(said.text)):
        return None
    return next((a for a in city.neighbourhood.all_areas() if a.kind == "city"), None)


def district_of(said: Said, city: City, area: Area) -> Area | None:
    """The district of an area, when the message speaks of it."""
    parent = city.areas.area(area.parent) if area.parent else None
    return parent if parent and _DISTRICT.search(fold(said.text)) else None


def known_parents(area: Area, city: City) -> list[Area]:
    """The district of an area and the city, smallest first."""
    found: list[Area] = []
    while area.parent and len(found) < 5:
        parent = city.areas.area(area.parent)
        if parent is None:
            break
        found.append(parent)
        area = parent
    return found


def by_place(said: Said) -> bool:
    """Was a street, postcode or position given, and not an area by its name?"""
    return said.first("area", "area_code") is None


def smallest(areas: Sequence[Area], city: City) -> list[Area]:
    """The neighbourhoods of these areas: themselves, or what lies in them."""
    found: list[Area] = []
    for area in areas:
        parts = [] if area.kind == "neighbourhood" else city.places.parts(area.code)
        found += smallest(parts, city) if parts else [area]
    return list({area.code: area for area in found}.values())


def ask_which(
    speech: Speech, phrase: str, intent: str, areas: Sequence[Area], more: str = ""
) -> None:
    """Ask back, with a choice for each area."""
    speech.say(
        phrase,
        choices=[
            (area.name[:28], f'/{intent}{{"area_code": "{area.code}"{more}}}')
            for area in areas[:MOST_CHOICES]
        ],
    )


def may_offer(said: Said, city: City, area: Area) -> bool:
    """May the bot ask to remember this area? Once, and only where one citizen speaks."""
    return not (
        said.in_form
        or said.in_group
        or area.kind != "neighbourhood"
        or said.slots.get(ASKED_TO_REMEMBER)
        or city.neighbourhood.remembered.of(said.conversation)
    )


def offer_to_remember(speech: Speech, area: Area) -> list[EventType]:
    """Ask whether the area shall be remembered; what "yes" means is kept for the next message."""
    speech.say("utter_offer_remember", area=area.name)
    return [
        SlotSet(ASKED_TO_REMEMBER, True),
        offered("remember_area", area_code=area.code),
    ]
