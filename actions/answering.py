"""Answers to questions on a topic, with what must be said beside them."""

from __future__ import annotations

from dataclasses import replace

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
from actions.city import City
from actions.facilities import BY_TOPIC, FacilityFind, asks_for_nearest
from bot.civic.answers import spoken
from bot.civic.followups import is_follow_up
from bot.civic.languages import NAMES
from bot.phrases import fill


class GiveAnswer(CivicAction):
    label = "action_answer"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.topic in BY_TOPIC and asks_for_nearest(said.text) and not said.picked:
            return FacilityFind(self.city).act(said, speech)
        answer = self.city.answers.get((said.topic or "").removeprefix("answer/"))
        if answer is None:
            speech.say("utter_not_understood")
            return [SlotSet("misses", int(said.slots.get("misses") or 0) + 1)]
        found = spoken(answer, said.language, self.city.languages, self.city.today())
        text = fill(found.text, self.city.phrasebook.values.get(found.language, {}))
        link = (answer.source_url, answer.source_url.split("/")[2]) if answer.source_url else None
        notes = []
        if found.language != said.language:
            notes.append("other_language")
        if found.expired:
            notes.append("expired")
        if found.sample:
            notes.append("sample")
        for note in notes[:-1]:
            speech.say(f"utter_note_{note}", language_name=NAMES.get(found.language, ""))
        phrase = f"utter_answer_{notes[-1]}" if notes else "utter_answer_verified"
        date = answer.checked_at.isoformat() if answer.checked_at else ""
        speech.say(
            phrase,
            link=link,
            answer=text,
            date=date,
            language_name=NAMES.get(found.language, ""),
        )
        remembered = SlotSet("recent", {"topic": answer.topic})
        return [SlotSet("misses", 0), SlotSet("pending", None), remembered]


LEANING = frozenset(
    ["ask", "nlu_fallback", "out_of_scope", "smalltalk", "inform", "area_facts", "help", "more"]
)
"""What a short question without a topic may be taken for."""


def leans_on(said: Said) -> str | None:
    """The topic of the answer before, when this message is a question about just that."""
    recent = said.slots.get("recent") or {}
    free = not said.in_form and not said.picked and not said.also
    if recent and free and said.intent in LEANING and is_follow_up(said.text):
        return str(recent.get("topic") or "") or None
    return None


def answer_again(city: City, topic: str, said: Said, speech: Speech) -> list[EventType]:
    """Say honestly that this answer is all there is, and give it."""
    answer = city.answers.get(topic.removeprefix("answer/"))
    if answer is None:
        return []
    speech.say("utter_followup", topic=answer.name(said.language))
    return GiveAnswer(city).act(replace(said, topic=topic), speech)
