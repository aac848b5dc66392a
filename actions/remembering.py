"""The citizen's own neighbourhood: remembered only after a yes, forgotten at a word."""

from __future__ import annotations

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
from actions.whereabouts import ASKED_TO_REMEMBER


class RememberArea(CivicAction):
    """The "yes" to "shall I remember that you live in ...?"."""

    label = "action_remember_area"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        area = self.city.areas.area(str(said.earlier.get("area_code") or ""))
        if area is None or said.in_group:
            speech.say("utter_affirm")
            return [SlotSet("pending", None)]
        self.city.neighbourhood.remembered.remember(said.conversation, area.code)
        speech.say("utter_remembered", area=area.name)
        return [SlotSet("pending", None)]


class ForgetArea(CivicAction):
    label = "action_forget_area"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        gone = self.city.neighbourhood.remembered.forget(said.conversation)
        speech.say("utter_area_forgotten" if gone else "utter_no_area_remembered")
        # What was asked last names an area too: it goes as well.
        return [SlotSet("around", None), SlotSet(ASKED_TO_REMEMBER, True)]
