"""Actions that keep a conversation going: greetings, a person, languages, forgetting, doubt."""

from __future__ import annotations

from rasa_sdk.events import ActiveLoop, EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
from actions.neighbourhood import Inform
from actions.words import language_named

LANGUAGE_NAMES = {"en": "English", "nl": "Nederlands", "de": "Deutsch", "da": "Dansk"}
REPORT_SLOTS = (
    "report_service",
    "report_place",
    "report_detail",
    "report_confirmed",
    "report_contact",
    "report_change",
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
MISSES_BEFORE_PERSON = 2


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
        speech.say(f"utter_{said.intent if said.intent in CHAT else 'help'}")
        return [SlotSet("misses", 0)]


class Person(CivicAction):
    label = "action_person"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        speech.say("utter_person")
        speech.signal(flag="person")
        return [SlotSet("misses", 0)]


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
                    (LANGUAGE_NAMES[code], f'/change_language{{"language": "{code}"}}')
                    for code in self.city.languages
                ],
            )
        return []


class Forget(CivicAction):
    label = "action_forget"
    returns_to_form = False

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        decided = said.value("decided")
        if decided == "yes":
            speech.say("utter_forgotten")
            speech.signal(forget=True)
            return [*end_report(), SlotSet("pending", None)]
        speech.say("utter_not_forgotten" if decided == "no" else "utter_forget_me")
        return []


class Repeat(CivicAction):
    """Say the bot's last words again, in the form by asking its question again."""

    label = "action_repeat"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if not said.in_form:
            speech.say("utter_help")
        return []


class Unclear(CivicAction):
    """Not sure: offer what it may have been, then a person."""

    label = "action_unclear"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.picked:  # "something else" was chosen
            speech.say("utter_rephrase")
            return []
        if said.first("street", "area", "postcode", "ticket_reference"):
            # A name of a place is a clear answer, whatever the classifier makes of it.
            return Inform(self.city).act(said, speech)
        misses = int(said.slots.get("misses") or 0) + 1
        choices = self._choices(said, speech)
        if misses >= MISSES_BEFORE_PERSON:
            speech.say("utter_offer_person", choices=choices)
        elif choices:
            speech.say("utter_did_you_mean", choices=choices)
        elif not said.in_form:
            speech.say("utter_not_understood")
        else:
            speech.say("utter_not_understood_in_form")
        return [SlotSet("misses", misses)]

    def _choices(self, said: Said, speech: Speech) -> list[tuple[str, str]]:
        names = self.city.answers.names()
        choices: list[tuple[str, str]] = []
        for candidate in said.candidates:
            topic = candidate.get("topic")
            service = self.city.catalogue.get(topic) if candidate["intent"] == "report" else None
            if service:
                label = service.name(said.language)
            elif topic in names:
                label = names[topic].get(said.language) or next(iter(names[topic].values()))
            else:
                continue
            choices.append((label, f'/{candidate["intent"]}{{"topic": "{topic}"}}'))
        return choices[:3]
