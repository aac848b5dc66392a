"""The nearest library, playground or other place of a kind, with distance and opening hours.

Looked for around a shared position, a street, an area, or the area that is remembered. A house
number gives no position: its street does. Distances are as the crow flies, and the bot says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
from actions.city import City
from actions.figures import number
from actions.places import spot_of
from actions.whereabouts import around, asked, follows, named, question, remember_question
from bot.choices import fold
from bot.civic.areas import Area, Facility
from bot.civic.hours import spoken_hours
from bot.phrases import PhraseMissing

LISTED = 3
MOST_CHOICES = 6
_KINDS = (
    ("recycling_centre", r"recycling cent|recycling station|waste cent|\btip\b|\bdump\b"
                         r"|milieustraat|afvalbrengstation|stortplaats|wertstoffhof|recyclinghof|genbrugsstation"),
    ("recycling_point", r"recycling|bottle bank|glass (bank|container)|paper (bank|container)"
                        r"|glasbak|papierbak|papiercontainer|glascontainer|afvalcontainer|kledingbak"
                        r"|altglas|glascontainer|papiercontainer|wertstoff|genbrug|glascontainer"),
    ("library", r"librar|bibliothe|bieb|bucherei|bibliotek"),
    ("playground", r"playground|play area|speeltuin|speelplaats|speelplek|spielplatz|legeplads"),
    ("public_toilet", r"toilet|\bwc\b|\bloo\b|restroom|\bplas|toilette"),
    ("community_centre", r"community cent|neighbou?rhood cent|buurthuis|buurtcentrum|wijkcentrum"
                         r"|nachbarschafts|burgerhaus|stadtteilzentrum|medborgerhus|kulturhus|bydelshus"),
    ("swimming_pool", r"swimming|pool\b|zwembad|schwimmbad|freibad|hallenbad|svommehal|svommebad"),
    ("sports_hall", r"sports? (hall|cent)|\bgym\b|sporthal|turnhalle|idraet|sportshal"),
    ("bicycle_parking", r"(bike|bicycle|cycle) (park|shed|stor)|fietsenstalling|stalling"
                        r"|fahrrad(park|station|keller)|cykelparkering"),
    ("city_desk", r"city (desk|hall|office)|town hall|stadsloket|gemeentehuis|stadhuis|loket"
                  r"|burgerburo|burgerbuero|rathaus|borgerservice|radhus"),
)  # fmt: skip
_NEAR = re.compile(
    r"near|closest|close to|around here|dichtstbij|dichtbij|vlakbij|in de buurt|naaste|nachste|nahe"
    r"|in meiner gegend|naermest|i naerheden|taet pa"
)
BY_TOPIC = {
    "answer/libraries": "library",
    "answer/recycling-centre": "recycling_centre",
    "answer/community-centre": "community_centre",
    "answer/swimming-pool": "swimming_pool",
    "answer/bicycle-parking": "bicycle_parking",
    "answer/sports-facilities": "sports_hall",
}
"""Answers beside which the nearest place is told, when the question asks for it."""


def kind_named(text: str) -> str | None:
    """The kind of place that a text names."""
    said = fold(text)
    return next((kind for kind, pattern in _KINDS if re.search(pattern, said)), None)


def asks_for_nearest(text: str) -> bool:
    """Does a question ask for what is near?"""
    return bool(_NEAR.search(fold(text)))


@dataclass(frozen=True)
class Origin:
    """Where to look from; `middle` when that is only the middle of an area."""

    name: str
    lat: float
    lon: float
    middle: bool
    area: Area | None = None


class FacilityFind(CivicAction):
    label = "action_facility_find"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        kind = self._kind(said)
        kinds = self.city.places.facility_kinds()
        if kind is None:
            speech.say("utter_facility_which", choices=self._choices(kinds, said.language))
            return [SlotSet("pending", {"kind": "facility_find"})]
        if kind not in kinds:
            speech.say("utter_facility_none")
            return [SlotSet("pending", None), SlotSet("misses", 0)]
        origin = self._origin(said)
        if origin is None:
            speech.say("utter_facility_ask_place")
            return [SlotSet("pending", {"kind": "facility_find", "what": kind})]
        self._tell(kind, origin, said, speech)
        areas = [origin.area] if origin.area else []
        return [
            remember_question(self.city, "facility_find", areas, what=kind),
            SlotSet("pending", None),
            SlotSet("misses", 0),
        ]

    def _kind(self, said: Said) -> str | None:
        chosen = said.value("facility") or kind_named(question(said))
        if chosen is None and said.topic is not None and said.topic in BY_TOPIC:
            chosen = BY_TOPIC[said.topic]
        if chosen is None:
            pending = said.slots.get("pending") or {}
            if pending.get("kind") == "facility_find":
                chosen = pending.get("what")
            elif follows(said):
                chosen = around(said, self.city).get("what")
        return chosen

    def _choices(self, kinds: list[str], language: str) -> list[tuple[str, str]]:
        return [
            (self.kind_name(kind, language)[:28], f'/facility_find{{"facility": "{kind}"}}')
            for kind in kinds[:MOST_CHOICES]
        ]

    def kind_name(self, kind: str, language: str) -> str:
        """What a kind is called, in the plural; one of the city's own keeps its name."""
        try:
            return self.city.text(f"utter_facility_{kind}", language)
        except PhraseMissing:
            return kind.replace("_", " ").capitalize()

    def _origin(self, said: Said) -> Origin | None:
        spot = spot_of(said, self.city) or said.earlier.get("spot") or {}
        if spot.get("lat") is not None and spot.get("lon") is not None:
            name = str(spot.get("street") or spot.get("text"))
            return Origin(name, float(spot["lat"]), float(spot["lon"]), False, self._area(spot))
        if spot.get("street"):
            for street in self.city.places.streets_named(str(spot["street"])):
                if street.lat is not None and street.lon is not None:
                    return Origin(street.name, street.lat, street.lon, False, self._area(spot))
        for area in named(said, self.city) or asked(said, self.city):
            if area.lat is not None and area.lon is not None:
                return Origin(area.name, area.lat, area.lon, True, area)
        return None

    def _area(self, spot: dict[str, Any]) -> Area | None:
        code = spot.get("area_code")
        return self.city.areas.area(str(code)) if code else None

    def _tell(self, kind: str, origin: Origin, said: Said, speech: Speech) -> None:
        language = said.language
        found = self.city.places.nearest_facility(kind, origin.lat, origin.lon, LISTED)
        lines = [self._line(one, metres, language) for one, metres in found]
        if origin.middle:
            lines.append(self.city.text("utter_facility_middle", language, place=origin.name))
        if any(one.sample for one, _ in found):
            lines.append(self.city.text("utter_note_sample_places", language))
        nearest = found[0][0]
        speech.say(
            "utter_facility_found",
            link=(nearest.url, nearest.name) if nearest.url else None,
            kind=self.kind_name(kind, language),
            place=origin.name,
            list="\n".join(lines),
        )

    def _line(self, one: Facility, metres: float, language: str) -> str:
        hours = ""
        if one.opening_hours:
            spoken = hours_words(self.city, one.opening_hours, language)
            hours = f" ({self.city.text('utter_facility_hours', language, hours=spoken)})"
        return self.city.text(
            "utter_facility_line",
            language,
            name=one.name,
            address=f", {one.address}" if one.address else "",
            distance=self.city.text(
                "utter_facility_distance", language, distance=distance_words(metres, language)
            ),
            hours=hours,
        )


def hours_words(city: City, hours: str, language: str) -> str:
    """Opening hours in words; "" when none are known."""
    if not hours:
        return ""
    always, closed, holidays = (
        city.text(f"utter_hours_{name}", language) for name in ("always", "closed", "holidays")
    )
    return spoken_hours(hours, language, always, closed, holidays)


def distance_words(metres: float, language: str) -> str:
    """A distance no finer than it is known: "50 m", "450 m", "1.2 km"."""
    if metres < 1000:
        return f"{max(50, round(metres / 50) * 50)} m"
    return f"{number(round(metres / 1000, 1), language)} km"
