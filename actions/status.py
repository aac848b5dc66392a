"""What became of a report: by its reference, or the citizen's own reports.

From another conversation than the one that opened it, a ticket shows service, state, dates and
area, never the house number or what was written.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
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
            self._tell(ticket, said, speech)
            return [SlotSet("pending", None), SlotSet("misses", 0)]
        own = self.city.tickets.of_conversation(said.conversation)
        if not own:
            speech.say("utter_ask_reference")
            if said.in_form:
                return []
            return [SlotSet("pending", {"kind": "ticket_status"})]
        for ticket in own[:LISTED]:
            self._tell(ticket, said, speech)
        return [SlotSet("pending", None), SlotSet("misses", 0)]

    def _tell(self, ticket: Ticket, said: Said, speech: Speech) -> None:
        service = self.city.catalogue.get(ticket.service)
        own = ticket.conversation == said.conversation
        area = self.city.areas.area(ticket.area_code) if ticket.area_code else None
        zone: ZoneInfo = self.city.zone
        place = ticket.place if own else (area.name if area else "")
        speech.say(
            "utter_ticket_state",
            reference=ticket.reference,
            service=service.name(said.language) if service else ticket.service,
            place=f", {place}" if place else "",
            state=self.city.text(f"utter_state_{ticket.state.value}", said.language),
            opened=spoken_date(ticket.created_at.astimezone(zone).date(), said.language),
            changed=spoken_date(ticket.changed_at.astimezone(zone).date(), said.language),
        )
