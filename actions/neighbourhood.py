"""A fragment, such as a street without a wish: the answer to what was asked, or a place.

What goes on from the question before ("and in Helpman?") goes to the action that answered it.
"""

from __future__ import annotations

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech, offered
from actions.contacts import AreaContact
from actions.facilities import FacilityFind
from actions.facts import AreaFacts
from actions.news import AreaNews, SubscribeArea
from actions.places import areas_in, spot_of
from actions.waste import WasteDay
from actions.whereabouts import goes_on
from bot.civic.areas import Area
from bot.dates import spoken_date

__all__ = ["Inform", "spoken_date"]
WAITING: dict[str, type[CivicAction]] = {
    "area_contact": AreaContact,
    "area_facts": AreaFacts,
    "area_news": AreaNews,
    "facility_find": FacilityFind,
    "subscribe_area": SubscribeArea,
    "waste_day": WasteDay,
}
"""What a pending question of ours is about, and who takes its answer."""


class Inform(CivicAction):
    """A fragment without a form: the answer to what was asked last, or a place to choose for."""

    label = "action_inform"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        pending = (said.slots.get("pending") or {}).get("kind")
        if pending in WAITING:
            return WAITING[str(pending)](self.city).act(said, speech)
        if pending == "ticket_status" or said.first("ticket_reference"):
            from actions.status import TicketStatus

            return TicketStatus(self.city).act(said, speech)
        if said.photos and not said.text.strip() and not said.in_form:
            from actions.reporting import StartReport

            if not said.in_group:
                speech.say("utter_photo_added")
            return StartReport(self.city).act(said, speech)
        went_on = goes_on(said, self.city)
        if went_on:
            return WAITING[went_on](self.city).act(said, speech)
        spot = spot_of(said, self.city)
        areas = areas_in(spot, self.city)
        if spot and (areas or not said.in_form):
            self._offer(said, speech, str(spot["text"]), areas)
            return [offered("", text=said.text if said.words else "", spot=spot)]
        speech.say("utter_not_understood_in_form" if said.in_form else "utter_not_understood")
        return [SlotSet("misses", int(said.slots.get("misses") or 0) + 1)]

    def _offer(self, said: Said, speech: Speech, place: str, areas: list[Area]) -> None:
        """What can be done with a place that came without a wish."""

        def label(name: str) -> str:
            return self.city.text(f"utter_label_{name}", said.language)

        choices = [(label("report"), '/report{"earlier": "yes"}')]
        if areas:
            choices.append((label("waste"), '/waste_day{"earlier": "yes"}'))
            choices.append((label("facts"), '/area_facts{"earlier": "yes"}'))
            choices.append((label("news"), '/area_news{"earlier": "yes"}'))
        speech.say("utter_place_what", place=place, choices=choices)
