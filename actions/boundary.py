"""The one boundary between Rasa and our actions: what was said goes in, phrases come out.

Rasa swallows an exception in a custom action and the citizen hears nothing; so nothing passes this
boundary. A `CivicError` is explained with its phrase, anything else is logged, apologised for and
flagged for staff. While a report is open, whatever else was answered is followed by its question.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.city import City
from actions.doubt import label_of
from actions.said import FORM, OFFER, Said, Speech
from bot.civic.errors import CivicError

__all__ = ["FORM", "CivicAction", "Said", "Speech", "offered", "wait_in_form"]
log = logging.getLogger(__name__)


class CivicAction(Action):  # type: ignore[misc]
    """An action of ours: give it a `label` and write `act`."""

    label = ""
    returns_to_form = True
    """Is the form's question asked again after this?"""
    settles = True
    """Does this answer the message, so that doubts and offers of before are over?"""

    def __init__(self, city: City) -> None:
        self.city = city

    def name(self) -> str:
        return self.label

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        """Say what there is to say; return events for the tracker."""
        raise NotImplementedError

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        said = Said.of(tracker)
        speech = Speech(dispatcher, said.language)
        events: list[EventType] = []
        label = label_of(said.offer, said.intent, said.topic, said.picked)
        if label:
            speech.signal(labelled=label)
        try:
            topic = leaning(said) if self.settles else None
            if topic:
                events = again(self, topic, said, speech)
            elif said.also and self.settles and not said.in_form:
                events = together(self, said, speech)
            else:
                events = self.act(said, speech)
        except CivicError as error:
            speech.say(error.phrase, (), None, None, **error.values)
        except Exception:
            log.exception("action %s failed", self.label)
            speech.say("utter_apology")
            speech.signal(flag="failed")
        ended = any(e.get("event") == "active_loop" and not e.get("name") for e in events)
        hands_on = any(e.get("event") == "followup" for e in events)
        if self.settles and said.in_form:
            mark = {"of": said.message_id, "language": speech.language}
            events = [SlotSet("spoken", mark), *events]
        if hands_on or not self.settles:
            return events
        events = [*_settled(said, events), *events]
        if said.in_form and self.returns_to_form and not ended:
            return [*events, FollowupAction(FORM)]
        if said.offer and said.intent in ("affirm", "deny") and self.label != "action_chat":
            # Handed on from a "yes": no rule goes on from here.
            return [*events, FollowupAction("action_listen")]
        return events


def leaning(said: Said) -> str | None:
    """The topic that a short question without one is about; see `actions.answering`."""
    from actions.answering import leans_on

    return leans_on(said)


def again(action: CivicAction, topic: str, said: Said, speech: Speech) -> list[EventType]:
    """The answer of before, with a word on what it holds."""
    from actions.answering import answer_again

    return answer_again(action.city, topic, said, speech) or action.act(said, speech)


def together(action: CivicAction, said: Said, speech: Speech) -> list[EventType]:
    """Answer every part of a message. A report comes last, so that its question stays open."""
    from actions.together import answer_parts, danger_in, second_report

    parts = [said.part(parsed) for parsed in said.also]
    if danger_in(action.city, parts):
        speech.say("utter_danger")
        speech.signal(flag="danger")
        return []
    if said.greets:
        speech.say("utter_form_greet")
    if said.intent != "report":
        events = action.act(said, speech)
        return [*events, *answer_parts(action.city, parts, speech, busy=False)]
    answer_parts(action.city, parts, speech, busy=True)
    events = action.act(said, speech)
    if not any(e.get("event") == "followup" for e in events):
        return events  # no report was begun
    return [*events[:-1], *second_report(action.city, parts, speech), *events[-1:]]


def offered(yes: str, **what: Any) -> EventType:
    """Remember what "yes" would mean: the intent `yes`, with the topic, text and spot it is for."""
    return SlotSet("pending", {"kind": OFFER, "yes": yes, **what})


def wait_in_form() -> list[EventType]:
    """Listen without asking the form's question again; the form hears the next message first.

    Naming the loop again takes back that it rejected this message (see Rasa's tracker).
    """
    return [ActiveLoop(FORM), FollowupAction("action_listen")]


def _settled(said: Said, events: Sequence[EventType]) -> list[EventType]:
    """Forget doubts and an offer, unless the action itself says otherwise."""
    named = {e.get("name") for e in events if e.get("event") == "slot"}
    fresh: list[EventType] = []
    if said.offer and "pending" not in named:
        fresh.append(SlotSet("pending", None))
    if said.photos and not said.in_form and "report_photos" not in named:
        # It came with words that began no report; one that begins soon is what it shows.
        shown = [*(said.slots.get("report_photos") or ()), *said.photos]
        fresh.append(SlotSet("report_photos", shown))
    if said.slots.get("recent") and "recent" not in named:
        fresh.append(SlotSet("recent", None))
    if said.slots.get("misses") and "misses" not in named:
        fresh.append(SlotSet("misses", 0))
    return fresh
