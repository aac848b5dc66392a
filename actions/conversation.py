"""Actions that keep a conversation going: greetings, a person, languages, forgetting."""

from __future__ import annotations

from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet

from actions.boundary import FORM, CivicAction, Said, Speech, offered, wait_in_form
from actions.neighbourhood import WAITING
from actions.unclear import MISSES_BEFORE_PERSON
from actions.whereabouts import goes_on
from bot.civic.languages import NAMES, language_named

REPORT_SLOTS = (
    "report_service",
    "report_place",
    "report_detail",
    "report_confirmed",
    "report_contact",
    "report_change",
    "report_twin",
    "report_twins",
    "report_spots",
    "report_photos",
)
CHAT = frozenset(
    [
        "greet",
        "goodbye",
        "thanks",
        "help",
        "identity",
        "privacy",
        "compliment",
        "insult",
        "smalltalk",
        "out_of_scope",
        "affirm",
        "deny",
        "skip",
        "more",
    ]
)
"""Intents that one phrase answers: `utter_<intent>`."""
IN_FORM = {
    "greet": "utter_form_greet",
    "thanks": "utter_form_thanks",
    "compliment": "utter_compliment",
    "goodbye": "utter_form_goodbye",
    "affirm": "utter_not_understood_in_form",
    "deny": "utter_not_understood_in_form",
    "skip": "utter_not_understood_in_form",
    "more": "utter_not_understood_in_form",
}
"""What is said instead while a report is open; its question follows."""
ACCEPTED = {
    "forget_me": "action_forget",
    "person": "action_person",
    "report": "action_start_report",
    "ask": "action_answer",
    "remember_area": "action_remember_area",
    "withdraw_ticket": "action_withdraw_ticket",
}
"""What a "yes" to an offer leads to."""


def end_report() -> list[EventType]:
    """Events that close an open report without a trace."""
    return [
        ActiveLoop(None),
        SlotSet("requested_slot", None),
        *(SlotSet(name, None) for name in REPORT_SLOTS),
    ]


class Chat(CivicAction):
    label = "action_chat"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        wanted = said.offer.get("yes")
        if said.intent == "affirm" and wanted in ACCEPTED:
            return [FollowupAction(ACCEPTED[wanted])]
        if said.intent == "deny" and wanted in ("forget_me", "withdraw_ticket"):
            return [FollowupAction(ACCEPTED[wanted])]
        if said.intent == "deny" and said.offer.get("consent"):
            return [FollowupAction("action_person")]
        if said.in_form and said.intent in IN_FORM:
            speech.say(IN_FORM[said.intent])
            return []
        went_on = None if said.in_form else goes_on(said, self.city)
        if went_on:
            return WAITING[went_on](self.city).act(said, speech)
        phrase = f"utter_{said.intent if said.intent in CHAT else 'help'}"
        if said.in_form and phrase in ("utter_help", "utter_out_of_scope"):
            # Their choices would stand beside those of the form's question.
            speech.tell(self.city.text(phrase, said.language))
            return []
        if phrase == "utter_out_of_scope":
            # Words that nobody could follow are often taken for this: a second miss is a miss.
            misses = int(said.slots.get("misses") or 0) + 1
            if misses >= MISSES_BEFORE_PERSON:
                speech.say("utter_offer_person")
                return [offered("person", text=said.text), SlotSet("misses", misses)]
            speech.say(phrase)
            return [SlotSet("misses", misses)]
        speech.say(phrase)
        return [offered("person")] if said.intent == "insult" and not said.in_form else []


class Danger(CivicAction):
    """Someone may be in danger: the emergency number at once, and no form in the way."""

    label = "action_danger"
    returns_to_form = False

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        speech.say("utter_danger")
        speech.signal(flag="danger")
        return end_report() if said.in_form else []


class Cancel(CivicAction):
    label = "action_cancel"
    returns_to_form = False

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        busy = said.in_form or said.slots.get("pending")
        speech.say("utter_cancelled" if busy else "utter_nothing_to_cancel")
        return [*(end_report() if said.in_form else []), SlotSet("pending", None)]


class ChangeLanguage(CivicAction):
    label = "action_language"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        wanted = said.value("language") or language_named(said.text)
        if wanted in self.city.languages:
            speech.language = str(wanted)
            speech.signal(language=wanted)
            speech.say("utter_language_changed")
        else:
            speech.say(
                "utter_choose_language",
                choices=[
                    (NAMES[code], f'/change_language{{"language": "{code}"}}')
                    for code in self.city.languages
                ],
            )
        return []


class Forget(CivicAction):
    label = "action_forget"
    returns_to_form = False

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        decided = said.value("decided")
        if said.offer.get("yes") == "forget_me" and said.intent in ("affirm", "deny"):
            decided = "yes" if said.intent == "affirm" else "no"
        if decided == "yes":
            speech.say("utter_forgotten")
            speech.signal(forget=True)
            return [*end_report(), SlotSet("pending", None)]
        if decided == "no":
            speech.say("utter_not_forgotten")
            events: list[EventType] = [SlotSet("pending", None)]
            return [*events, FollowupAction(FORM)] if said.in_form else events
        speech.say("utter_forget_me")
        return [offered("forget_me"), *(wait_in_form() if said.in_form else [])]


class Repeat(CivicAction):
    """Say the bot's last words again, in the form by asking its question again."""

    label = "action_repeat"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if not said.in_form:
            speech.say("utter_help")
        return []
