"""What became of a report: by its reference, or the citizen's own reports.

From another conversation than the one that opened it, a ticket shows service, state, dates and
area, never the house number or what was written.
"""

from __future__ import annotations

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
from actions.city import City
from actions.neighbourhood import spoken_date
from bot.civic.tickets import Ticket, find_reference

LISTED = 5


class TicketStatus(CivicAction):
    label = "action_ticket_status"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.in_group:
            speech.say("utter_group_private")
            return []
        reference = said.value("ticket_reference") or find_reference(said.text)
        pending = (said.slots.get("pending") or {}).get("kind") == "ticket_status"
        if pending and not reference:
            reference = find_reference(f"LW-{said.text.strip()}")  # "2026-00042" will do
        if reference:
            ticket = self.city.tickets.find(reference)
            if ticket is None:
                speech.say("utter_ticket_unknown", reference=reference)
                return [SlotSet("pending", {"kind": "ticket_status"})]
            tell_ticket(self.city, ticket, said, speech)
            return [SlotSet("pending", None), SlotSet("misses", 0)]
        own = self.city.tickets.of_conversation(said.conversation)
        if not own:
            speech.say("utter_ask_reference")
            if said.in_form:
                return []
            return [SlotSet("pending", {"kind": "ticket_status"})]
        for ticket in own[:LISTED]:
            tell_ticket(self.city, ticket, said, speech)
        return [SlotSet("pending", None), SlotSet("misses", 0)]


def tell_ticket(city: City, ticket: Ticket, said: Said, speech: Speech) -> None:
    """Say where a ticket stands; its place only to the conversation that opened it."""
    service = city.catalogue.get(ticket.service)
    own = ticket.conversation == said.conversation
    area = city.areas.area(ticket.area_code) if ticket.area_code else None
    place = ticket.place if own else (area.name if area else "")
    speech.say(
        "utter_ticket_state",
        reference=ticket.reference,
        service=service.name(said.language) if service else ticket.service,
        place=f", {place}" if place else "",
        state=city.text(f"utter_state_{ticket.state.value}", said.language),
        opened=spoken_date(ticket.created_at.astimezone(city.zone).date(), said.language),
        changed=spoken_date(ticket.changed_at.astimezone(city.zone).date(), said.language),
    )
