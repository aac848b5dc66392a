"""The other things that one message wants: questions answered beside it, a second report kept.

Nothing said in one message is lost. While a report is open or about to begin, the parts are
answered without a question of their own, so that only the report's question stands open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rasa_sdk.events import EventType, SlotSet

from actions.answering import GiveAnswer
from actions.boundary import CivicAction, Said, Speech
from actions.city import City
from actions.contacts import AreaContact
from actions.facilities import FacilityFind
from actions.facts import AreaFacts
from actions.news import AreaNews
from actions.places import spot_of
from actions.status import TicketStatus
from actions.waste import WasteDay
from bot.civic import reporting

ANSWERED_BY: dict[str, type[CivicAction]] = {
    "ask": GiveAnswer,
    "area_contact": AreaContact,
    "area_news": AreaNews,
    "facility_find": FacilityFind,
    "waste_day": WasteDay,
    "area_facts": AreaFacts,
    "ticket_status": TicketStatus,
}


def answer_parts(city: City, parts: Iterable[Said], speech: Speech, busy: bool) -> list[EventType]:
    """Answer the parts that are questions. `busy`: no answer may ask something back."""
    events: list[EventType] = []
    for part in parts:
        action = ANSWERED_BY.get(part.intent)
        nowhere = part.intent in ("facility_find", "area_contact") and not spot_of(part, city)
        if busy and nowhere:
            speech.say("utter_name_the_place")  # it would ask "near where?"
        elif action:
            made = action(city).act(replace(part, in_form=busy or part.in_form), speech)
            events += [e for e in made if e.get("event") == "slot"]
    return [] if busy else events


def danger_in(city: City, parts: Iterable[Said]) -> bool:
    """Is one of the parts about something for which one calls first?"""
    named = (city.catalogue.get(part.topic) for part in parts if part.intent == "report")
    return any(service is not None and service.danger for service in named)


def second_report(city: City, parts: Iterable[Said], speech: Speech) -> list[EventType]:
    """A second problem waits until the first one is sent."""
    for part in parts:
        service = city.catalogue.get(part.topic) if part.intent == "report" else None
        if service and not service.danger:
            speech.say("utter_one_at_a_time")
            waiting = {"service": service.code, "text": part.text, "spot": spot_of(part, city)}
            return [SlotSet(reporting.NEXT, waiting)]
    return []
