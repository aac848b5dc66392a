"""News by another way than this page: by SMS, with a code, or on Telegram, with a link.

Offered on the web, where people close the page. Nothing but a confirmed code or an opened link
joins a telephone to a report.
"""

from __future__ import annotations

import json
from typing import Any

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech, wait_in_form
from actions.city import City
from bot.civic.tickets import Ticket

STEPS = frozenset({"by_sms", "by_telegram", "number", "code", "link"})
LABELS = {"sms": "utter_label_by_sms", "telegram": "utter_label_by_telegram"}


def offer_elsewhere(city: City, ticket: Ticket, said: Said, speech: Speech) -> None:
    """Offer other ways for the news, where there are some and this page may be closed."""
    channels = sorted(city.following.channels)
    if said.channel != "web" or said.in_form or not channels or not ticket.is_open:
        return
    choices = []
    for channel in channels:
        values = {"ticket_reference": ticket.reference, "decided": f"by_{channel}"}
        choices.append((city.text(LABELS[channel], said.language), _payload(values)))
    speech.say("utter_follow_elsewhere", choices=choices)


def _payload(values: dict[str, str]) -> str:
    return f"/ticket_status{json.dumps(values)}"


class FollowElsewhere(CivicAction):
    """Not registered by itself: `action_ticket_status` hands on to it."""

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        reference, decided = said.value("ticket_reference") or "", said.value("decided")
        if decided == "link":
            return self._opened(said, speech)
        if decided == "by_telegram":
            url = self.city.following.link(reference, said.conversation)
            label = self.city.text("utter_label_by_telegram", said.language)
            speech.say("utter_follow_link", (), (url, label), reference=reference)
            return [SlotSet("pending", None)]
        if decided == "by_sms":
            speech.say("utter_follow_ask_number")
            return self._wait(said, reference, "number")
        if decided == "number":
            return self._number(said, speech, reference)
        return self._code(said, speech, reference)

    def _wait(self, said: Said, reference: str, decided: str, **more: Any) -> list[EventType]:
        wait = {
            "kind": "ticket_answer",
            "decided": decided,
            "reference": reference,
            "of": said.message_id,
        }
        return [SlotSet("pending", {**wait, **more}), *(wait_in_form() if said.in_form else [])]

    def _number(self, said: Said, speech: Speech, reference: str) -> list[EventType]:
        number = self.city.following.number(said.text)
        if number is None:
            speech.say("utter_follow_number_invalid")
            return self._wait(said, reference, "number")
        self.city.following.by_sms(reference, said.conversation, number, said.language)
        speech.say("utter_follow_code_sent")
        return self._wait(said, reference, "code")

    def _code(self, said: Said, speech: Speech, reference: str) -> list[EventType]:
        joined = self.city.following.confirm(said.conversation, said.text, said.language)
        if joined is None:
            speech.say("utter_follow_code_wrong")
            return self._wait(said, reference, "code")
        speech.say("utter_follow_by_sms", reference=joined)
        return [SlotSet("pending", None)]

    def _opened(self, said: Said, speech: Speech) -> list[EventType]:
        known = said.channel == "telegram" and not said.in_group
        token = said.text.strip()
        joined = (
            self.city.following.redeem(token, said.conversation, said.language) if known else None
        )
        if joined is None:
            speech.say("utter_follow_link_over")
        else:
            speech.say("utter_follow_by_telegram", reference=joined)
        return [SlotSet("pending", None)]
