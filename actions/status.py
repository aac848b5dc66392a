"""What became of a report: by its reference, or the citizen's own and followed reports.

From another conversation than the one that opened it, a ticket shows service, state, dates and
area, never the house number or what was written; and nobody looks up many of them in a day.
"""

from __future__ import annotations

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
from actions.city import City
from actions.elsewhere import STEPS, FollowElsewhere, offer_elsewhere
from actions.fixed import IsItFixed
from bot.civic.tickets import Ticket, find_reference
from bot.dates import spoken_date
from bot.tickets.words import facts_of, service_name, state_words

LISTED = 5


class TicketStatus(CivicAction):
    label = "action_ticket_status"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.in_group:
            speech.say("utter_group_private")
            return []
        if said.value("decided") in STEPS:
            return FollowElsewhere(self.city).act(said, speech)
        if said.value("decided"):
            return IsItFixed(self.city).act(said, speech)
        reference = said.value("ticket_reference") or find_reference(said.text)
        pending = (said.slots.get("pending") or {}).get("kind") == "ticket_status"
        if pending and not reference:
            reference = find_reference(f"LW-{said.text.strip()}")  # "2026-00042" will do
        if reference:
            ticket = self.city.tickets.look_up(reference, said.conversation)
            if ticket is None:
                speech.say("utter_ticket_unknown", reference=reference)
                return [SlotSet("pending", {"kind": "ticket_status"})]
            tell_ticket(self.city, ticket, said, speech)
            return [SlotSet("pending", None), SlotSet("misses", 0)]
        own = self.city.tickets.of_conversation(said.conversation)
        followed = self.city.tickets.followed_by(said.conversation)
        if not own and not followed:
            speech.say("utter_ask_reference")
            if said.in_form:
                return []
            return [SlotSet("pending", {"kind": "ticket_status"})]
        for ticket in [*own, *followed][:LISTED]:
            tell_ticket(self.city, ticket, said, speech, followed=ticket in followed)
        if len(own) == 1 and not followed:
            offer_elsewhere(self.city, own[0], said, speech)
        return [SlotSet("pending", None), SlotSet("misses", 0)]


def tell_ticket(
    city: City, ticket: Ticket, said: Said, speech: Speech, followed: bool = False
) -> None:
    """Say where a ticket stands; its place only to the conversation that opened it."""
    own = ticket.conversation == said.conversation
    area = city.areas.area(ticket.area_code) if ticket.area_code else None
    place = ticket.place if own else (area.name if area else "")
    due = ""
    if ticket.is_open and ticket.due_on and not ticket.planned_for:
        day = spoken_date(ticket.due_on, said.language)
        late = ticket.overdue(city.today())
        phrase = "utter_ticket_late" if late else "utter_ticket_due"
        due = "\n" + city.text(phrase, said.language, due=day)
    if followed:
        due += "\n" + city.text("utter_ticket_followed", said.language)
    speech.say(
        "utter_ticket_state",
        reference=ticket.reference,
        service=service_name(city.catalogue, ticket, said.language),
        place=f", {place}" if place else "",
        state=state_words(city.phrasebook, said.language, ticket.state, facts_of(ticket)),
        due=due,
        opened=spoken_date(ticket.created_at.astimezone(city.zone).date(), said.language),
        changed=spoken_date(ticket.changed_at.astimezone(city.zone).date(), said.language),
    )
