"""Taking a report back, and hearing no more of one.

Only an own report can be withdrawn, after a question; to stop following needs none, since nothing
is lost by it. Somebody else's reference gets the same words as one that does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech, offered, wait_in_form
from bot.civic.tickets import MoveRefused, Ticket, TicketUnknown, find_reference
from bot.tickets.words import service_name

LISTED = 5


class TicketChoice(CivicAction):
    """What both share: which ticket is meant."""

    intent = ""
    nothing = which = ""

    def reference(self, said: Said) -> str | None:
        """The reference that was said, picked, or offered before a "yes"."""
        offer = said.offer if said.offer.get("yes") == self.intent else {}
        return (
            said.value("ticket_reference")
            or find_reference(said.text)
            or (str(offer["reference"]) if offer.get("reference") else None)
        )

    def ask_which(self, tickets: Sequence[Ticket], said: Said, speech: Speech) -> list[EventType]:
        """Offer the tickets, or say that there are none."""
        if not tickets:
            speech.say(self.nothing)
            return []
        choices = []
        for ticket in tickets[:LISTED]:
            name = service_name(self.city.catalogue, ticket, said.language)
            payload = f"/{self.intent}{json.dumps({'ticket_reference': ticket.reference})}"
            choices.append((f"{ticket.reference} {name}", payload))
        speech.say(self.which, choices=choices)
        return wait_in_form() if said.in_form else []


class WithdrawTicket(TicketChoice):
    label = "action_withdraw_ticket"
    intent = "withdraw_ticket"
    nothing, which = "utter_nothing_to_withdraw", "utter_which_withdraw"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.in_group:
            speech.say("utter_group_private")
            return []
        reference, decided = self.reference(said), said.value("decided")
        if said.offer.get("yes") == self.intent and said.intent in ("affirm", "deny"):
            decided = "yes" if said.intent == "affirm" else "no"
        own = self.city.tickets.of_conversation(said.conversation)
        if reference:
            meant = [ticket for ticket in own if ticket.reference == reference]
            if not meant:
                raise TicketUnknown(reference)
        else:
            meant = [ticket for ticket in own if ticket.is_open]
        if len(meant) != 1:
            return self.ask_which(meant, said, speech)
        (ticket,) = meant
        if decided == "no":
            speech.say("utter_ticket_kept", reference=ticket.reference)
            return [SlotSet("pending", None)]
        if not ticket.is_open:
            speech.say("utter_ticket_already_closed", reference=ticket.reference)
            return [SlotSet("pending", None)]
        if decided == "yes":
            return self._withdraw(ticket, said, speech)
        name = service_name(self.city.catalogue, ticket, said.language)
        speech.say("utter_ask_withdraw", reference=ticket.reference, service=name)
        asked = offered(self.intent, reference=ticket.reference)
        return [asked, *(wait_in_form() if said.in_form else [])]

    def _withdraw(self, ticket: Ticket, said: Said, speech: Speech) -> list[EventType]:
        try:
            self.city.tickets.withdraw(ticket.reference, said.conversation)
        except MoveRefused:  # the desk closed it a moment ago
            speech.say("utter_ticket_already_closed", reference=ticket.reference)
        else:
            speech.say("utter_ticket_withdrawn", reference=ticket.reference)
        return [SlotSet("pending", None)]


class UnfollowTicket(TicketChoice):
    label = "action_unfollow_ticket"
    intent = "unfollow_ticket"
    nothing, which = "utter_nothing_followed", "utter_which_unfollow"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.in_group:
            speech.say("utter_group_private")
            return []
        reference = self.reference(said)
        if reference is None:
            told = self._told(said.conversation)
            if len(told) != 1:
                return self.ask_which(told, said, speech)
            reference = told[0].reference
        if not self.city.tickets.unfollow(reference, said.conversation):
            raise TicketUnknown(reference)
        speech.say("utter_unfollowed", reference=reference)
        return [SlotSet("pending", None)]

    def _told(self, conversation: str) -> list[Ticket]:
        """Tickets that this conversation hears of: followed ones first, then own open ones."""
        own = [t for t in self.city.tickets.of_conversation(conversation) if t.is_open]
        followed = self.city.tickets.followed_by(conversation)
        mine = [t for t in own if self.city.tickets.follows(t.reference, conversation)]
        return followed or mine
