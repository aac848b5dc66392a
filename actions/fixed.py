""" "Is it fixed?": a yes is thanked for, a no is asked why, and the reason opens the ticket again.

The question comes with the news and not from a turn, so what it means travels in the payload of its
choices, or is put there by the brain (`bot/brain/awaited.py`) when the citizen answers in words.
"""

from __future__ import annotations

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech, wait_in_form
from bot.civic.tickets import MoveRefused, TicketUnknown


class IsItFixed(CivicAction):
    """Not registered by itself: `action_ticket_status` hands on to it."""

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        reference = said.value("ticket_reference") or ""
        decided = said.value("decided")
        done: list[EventType] = [SlotSet("pending", None), SlotSet("misses", 0)]
        if not self.city.tickets.follows(reference, said.conversation):
            raise TicketUnknown(reference)
        if decided == "fixed":
            speech.say("utter_ticket_fixed_thanks")
            return done
        ticket = self.city.tickets.find(reference)
        if ticket is not None and ticket.is_open:
            speech.say("utter_ticket_not_reopened", reference=reference)
            return done
        if decided == "reason" and said.text.strip():
            try:
                self.city.tickets.reopen(reference, said.conversation, said.text)
            except MoveRefused:  # somebody was quicker
                speech.say("utter_ticket_not_reopened", reference=reference)
            else:
                speech.say("utter_ticket_reopened", reference=reference)
            return done
        speech.say("utter_ticket_ask_why", reference=reference)
        wait = {
            "kind": "ticket_answer",
            "decided": "reason",
            "reference": reference,
            "of": said.message_id,
        }
        return [SlotSet("pending", wait), *(wait_in_form() if said.in_form else [])]
