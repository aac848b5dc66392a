"""Not sure what was meant: offer what it may have been, then a person.

Up to three candidates are offered with "something else" behind them. Two misses in a row offer a
person. While a report is open its question is asked again instead.
"""

from __future__ import annotations

import json
from typing import Any

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech, offered, wait_in_form
from actions.doubt import remembered
from actions.neighbourhood import WAITING, Inform
from actions.places import spot_of
from actions.whereabouts import goes_on
from actions.words import figure_named
from bot.civic.catalogue import in_language
from bot.civic.reporting import SERVICE

LABELLED = {
    "waste_day": "utter_label_waste",
    "ticket_status": "utter_label_status",
    "area_facts": "utter_label_facts",
    "area_news": "utter_label_news",
    "area_contact": "utter_label_contact",
    "facility_find": "utter_label_facility",
    "person": "utter_label_person",
}
"""Intents without a topic that may be offered, with the phrase that names them."""
MISSES_BEFORE_PERSON = 2
"""So many unclear messages in a row offer a person, and are the reason when one is asked for."""
WORTH_OFFERING = 0.12
"""Least confidence of a candidate in "did you mean"."""


class Unclear(CivicAction):
    """Not sure: offer what it may have been, then a person."""

    label = "action_unclear"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.picked:  # "something else" was chosen
            speech.say("utter_rephrase")
            return [SlotSet("misses", said.slots.get("misses"))]
        pending = (said.slots.get("pending") or {}).get("kind")
        if pending in WAITING and "?" not in said.text and not said.in_form:
            return Inform(self.city).act(said, speech)
        went_on = None if said.in_form else goes_on(said, self.city)
        if went_on:
            return WAITING[went_on](self.city).act(said, speech)
        if said.guess == "area_facts" and figure_named(said.text) == "origin":
            speech.say("utter_area_not_kept")
            return [SlotSet("misses", 0)]
        misses = int(said.slots.get("misses") or 0) + 1
        counted: list[EventType] = [SlotSet("misses", misses)]
        candidates = self._candidates(said)
        if said.in_form:
            return [*self._in_form(said, speech, candidates, misses), *counted]
        spot = spot_of(said, self.city)
        if candidates and misses < MISSES_BEFORE_PERSON:
            speech.say("utter_did_you_mean", choices=[(c[0], c[1]) for c in candidates])
            only = candidates[0] if len(candidates) == 1 else ("", "", "", "")
            memory = offered(
                only[2],
                topic=only[3] or None,
                text=said.text,
                spot=spot,
                doubt=self._doubt(said, candidates),
            )
            return [memory, *counted]
        if spot:
            return Inform(self.city).act(said, speech)
        if misses >= MISSES_BEFORE_PERSON:
            speech.say("utter_offer_person", choices=[(c[0], c[1]) for c in candidates])
            # "Yes" is for the person; a choice still knows what was said.
            doubt = self._doubt(said, candidates) if candidates else None
            return [offered("person", text=said.text, spot=spot, doubt=doubt), *counted]
        speech.say("utter_not_understood")
        return counted

    def _in_form(
        self,
        said: Said,
        speech: Speech,
        candidates: list[tuple[str, str, str, str]],
        misses: int,
    ) -> list[EventType]:
        """A report is open: ask again, or offer services while none is chosen."""
        asked = said.slots.get("requested_slot")
        fitting = [c for c in candidates if c[2] == ("report" if asked == SERVICE else "ask")]
        if misses >= MISSES_BEFORE_PERSON:
            speech.say("utter_offer_person")
            return []
        if asked == SERVICE and fitting:
            speech.say("utter_did_you_mean", choices=[(c[0], c[1]) for c in fitting])
            spot = spot_of(said, self.city)
            events: list[EventType] = [SlotSet("report_text", said.text)]
            events += [SlotSet("report_place", spot)] if spot else []
            return [*events, offered("", doubt=self._doubt(said, fitting)), *wait_in_form()]
        if fitting and "?" in said.text:
            speech.say("utter_did_you_mean", choices=[(c[0], c[1]) for c in fitting])
            return [offered("", doubt=self._doubt(said, fitting)), *wait_in_form()]
        speech.say("utter_not_understood_in_form")
        return []

    @staticmethod
    def _doubt(said: Said, candidates: list[tuple[str, str, str, str]]) -> dict[str, Any]:
        meant = [(c[2], c[3]) for c in candidates]
        return remembered(said.text, said.language, said.entities, meant)

    def _candidates(self, said: Said) -> list[tuple[str, str, str, str]]:
        """Label, payload, intent and topic of what it may have been."""
        names = self.city.answers.names()
        found: list[tuple[str, str, str, str]] = []
        for candidate in said.candidates:
            if float(candidate["confidence"]) < WORTH_OFFERING:
                continue
            intent, topic = str(candidate["intent"]), str(candidate.get("topic") or "")
            service = self.city.catalogue.get(topic) if intent == "report" else None
            if service:
                label = service.name(said.language)
            elif topic in names:
                label = in_language(names[topic], said.language)
            elif not topic and intent in LABELLED:
                label = self.city.text(LABELLED[intent], said.language)
            else:
                continue
            values = {"topic": topic, "earlier": "yes"} if topic else {"earlier": "yes"}
            found.append((label, f"/{intent}{json.dumps(values)}", intent, topic))
        return found[:3]
