"""A person at the desk: what to expect, the citizen's consent, and a question left for later.

Nobody at the desk reads a conversation for this before the citizen agreed. What was agreed travels
as a signal, and the road opens the request in the same transaction as the turn.
"""

from __future__ import annotations

from datetime import datetime

from rasa_sdk.events import EventType

from actions.boundary import CivicAction, Said, Speech, offered, wait_in_form
from actions.neighbourhood import spoken_date
from actions.unclear import MISSES_BEFORE_PERSON
from bot.civic.opening import Outlook


class Person(CivicAction):
    label = "action_person"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.in_group:
            speech.say("utter_group_private")
            return []
        outlook = self.city.desk.outlook(said.conversation)
        decided = said.value("decided") or _agreed(said)
        if decided == "no":
            speech.say("utter_person_declined")
            speech.signal(wish={"kind": "withdraw"})
            return []
        if decided == "enough":
            speech.say("utter_deny")
            return []
        if decided == "question":
            speech.say("utter_person_question")
            speech.signal(wish={"kind": "question"})
            return wait_in_form() if said.in_form else []
        if decided == "yes" and outlook.reachable:
            self._say(speech, "utter_person_asked", outlook)
            wish = {"kind": "wait", "reason": said.offer.get("reason") or "asked"}
            speech.signal(flag="person", wish=wish)
            return []
        return self._offer(said, speech, outlook)

    def _offer(self, said: Said, speech: Speech, outlook: Outlook) -> list[EventType]:
        """Say what to expect and ask for consent, or tell how the own request stands."""
        if outlook.state == "waiting":
            self._say(speech, "utter_person_waiting", outlook)
            return []
        consent = "wait" if outlook.reachable else "question"
        if outlook.reachable:
            self._say(speech, "utter_person_consent", outlook)
        elif outlook.state == "left":
            speech.say("utter_person_question_held")
        else:
            speech.say("utter_person_away", reason=self._away(outlook, speech.language))
        misses = int(said.slots.get("misses") or 0)
        reason = "misses" if misses >= MISSES_BEFORE_PERSON else "asked"
        memory = offered("person", consent=consent, reason=reason)
        return [memory, *(wait_in_form() if said.in_form else [])]

    def _say(self, speech: Speech, phrase: str, outlook: Outlook) -> None:
        """A phrase with the place in the line and the wait."""
        text, language = self.city.text, speech.language
        position = text("utter_desk_position", language, position=outlook.position)
        if outlook.wait_minutes is None:
            wait = text("utter_desk_wait_unknown", language)
        else:
            wait = text("utter_desk_wait", language, minutes=outlook.wait_minutes)
        speech.say(phrase, (), None, position=position, wait=wait)

    def _away(self, outlook: Outlook, language: str) -> str:
        """Why nobody is there, and when somebody is."""
        if outlook.open:
            return self.city.text("utter_desk_nobody_free", language)
        if outlook.opens_at is None:
            return self.city.text("utter_desk_shut", language)
        opens = outlook.opens_at.astimezone(self.city.zone)
        day = spoken_date(opens.date(), language)
        return self.city.text(
            "utter_desk_opens", language, day=day, time=spoken_time(opens, language)
        )


def _agreed(said: Said) -> str:
    """What "yes" or "no" decides, when it answers the question for consent."""
    consent = said.offer.get("consent")
    if not consent or said.intent not in ("affirm", "deny"):
        return ""
    return "no" if said.intent == "deny" else "yes" if consent == "wait" else "question"


def spoken_time(at: datetime, language: str) -> str:
    """A time of day as the language writes it: 9:00, or 9.00 in Dutch and Danish."""
    mark = "." if language in ("nl", "da") else ":"
    return f"{at.hour}{mark}{at.minute:02}"
