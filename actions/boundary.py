"""The one boundary between Rasa and our actions: what was said goes in, phrases come out.

Rasa swallows an exception in a custom action and the citizen hears nothing; so nothing passes this
boundary. A `CivicError` is explained with its phrase, anything else is logged, apologised for and
flagged for staff. While a report is open, whatever else was answered is followed by its question.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.city import City
from actions.doubt import label_of
from bot.civic.errors import CivicError
from bot.places.gazetteer import without_places

log = logging.getLogger(__name__)
FORM = "report_form"
OFFER = "offer"
PLACES = frozenset({"street", "area", "postcode", "house_number"})


@dataclass(frozen=True)
class Said:
    """The citizen's message as the model understood it, and what the conversation remembers.

    `offer` is what the bot offered last, such as a report to begin or a person to talk to;
    `earlier` is the same when this message accepts it, by a choice or with "yes". `answered` says
    that another action than the form's has spoken to this message already.
    """

    text: str
    intent: str
    guess: str
    topic: str | None
    topic_confidence: float
    confidence: float
    candidates: tuple[dict[str, Any], ...]
    entities: tuple[dict[str, Any], ...]
    language: str
    message_id: str
    conversation: str
    channel: str
    place: dict[str, Any] | None
    picked: bool
    in_group: bool
    correction: bool
    slots: dict[str, Any]
    in_form: bool
    offer: dict[str, Any]
    earlier: dict[str, Any]
    answered: bool

    @classmethod
    def of(cls, tracker: Tracker) -> Said:
        message = tracker.latest_message
        metadata = message.get("metadata") or {}
        intent = message.get("intent") or {}
        slots = dict(tracker.slots)
        entities = tuple(message.get("entities") or ())
        pending = slots.get("pending") or {}
        offer = pending if pending.get("kind") == OFFER else {}
        accepted = intent.get("name") == "affirm" or any(e["entity"] == "earlier" for e in entities)
        earlier = offer if accepted else {}
        spoken = slots.get("spoken") or {}
        answered = bool(spoken) and spoken.get("of") == message.get("message_id")
        chosen = spoken.get("language") if answered else None
        return cls(
            text=str(message.get("text") or ""),
            intent=str(intent.get("name") or ""),
            guess=str(message.get("guess") or intent.get("name") or ""),
            topic=message.get("topic") or earlier.get("topic"),
            topic_confidence=float(message.get("topic_confidence") or 0.0),
            confidence=float(intent.get("confidence") or 0.0),
            candidates=tuple(message.get("candidates") or ()),
            entities=entities,
            language=str(chosen or metadata.get("language") or "en"),
            message_id=str(message.get("message_id") or ""),
            conversation=str(tracker.sender_id),
            channel=str(metadata.get("channel") or ""),
            place=metadata.get("place"),
            picked=bool(metadata.get("payload")),
            in_group=bool(metadata.get("in_group")),
            correction=bool(metadata.get("correction")),
            slots=slots,
            in_form=bool(tracker.active_loop) and tracker.active_loop.get("name") == FORM,
            offer=offer,
            earlier=earlier,
            answered=answered,
        )

    @property
    def words(self) -> str:
        """The text without the places that it names."""
        return without_places(
            self.text,
            [(int(e["start"]), int(e["end"])) for e in self.entities if e["entity"] in PLACES],
        )

    def first(self, *kinds: str) -> dict[str, Any] | None:
        """The first entity of one of these kinds."""
        return next((e for e in self.entities if e["entity"] in kinds), None)

    def value(self, *kinds: str) -> str | None:
        entity = self.first(*kinds)
        return str(entity["value"]) if entity else None


class Speech:
    """Says phrases in the citizen's language, and leaves signals for the road."""

    def __init__(self, dispatcher: CollectingDispatcher, language: str) -> None:
        self._dispatcher = dispatcher
        self.language = language

    def say(
        self,
        phrase: str,
        choices: Sequence[tuple[str, str]] = (),
        link: tuple[str, str] | None = None,
        **values: object,
    ) -> None:
        """A phrase, with `choices` as (label, payload) and `link` as (url, label)."""
        extra: dict[str, Any] = {}
        if choices:
            extra["buttons"] = [{"title": t, "payload": p} for t, p in choices]
        if link:
            extra["json_message"] = {"link": {"url": link[0], "label": link[1]}}
        self._dispatcher.utter_message(response=phrase, language=self.language, **extra, **values)

    def tell(self, text: str) -> None:
        """Plain words without the choices that their phrase may have."""
        self._dispatcher.utter_message(text=text)

    def signal(self, **signals: object) -> None:
        """Tell the road: `flag` (a reason), `forget`, `language`, `labelled` (an example)."""
        self._dispatcher.utter_message(json_message={"signal": signals})


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
            events = self.act(said, speech)
        except CivicError as error:
            speech.say(error.phrase, (), None, **error.values)
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
    if said.slots.get("misses") and "misses" not in named:
        fresh.append(SlotSet("misses", 0))
    return fresh
