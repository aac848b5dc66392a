"""What a citizen said, as an action sees it, and the voice in which it answers.

`Said` reads the tracker once: the message as the model understood it, what came with it, and what
the conversation remembers. `Speech` says phrases and leaves signals for the road.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.pictures import Drawn
from bot.places.gazetteer import without_places

FORM = "report_form"
OFFER = "offer"
PLACES = frozenset({"street", "area", "postcode", "house_number"})


@dataclass(frozen=True)
class Said:
    """The citizen's message as the model understood it, and what the conversation remembers.

    `offer` is what the bot offered last, such as a report to begin or a person to talk to;
    `earlier` is the same when this message accepts it, by a choice or with "yes". `answered` says
    that another action than the form's has spoken to this message already. `also` are other things
    that the message wants, and `rest` what remains of it beside them (see `bot.brain.mixed`).
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
    photos: tuple[str, ...] = ()
    can_share_place: bool = True
    also: tuple[dict[str, Any], ...] = ()
    rest: dict[str, Any] | None = None
    greets: bool = False

    @classmethod
    def of(cls, tracker: Tracker) -> Said:
        message = tracker.latest_message
        metadata = message.get("metadata") or {}
        intent = message.get("intent") or {}
        slots = dict(tracker.slots)
        entities = tuple((message.get("part") or message).get("entities") or ())
        pending = slots.get("pending") or {}
        offer = pending if pending.get("kind") == OFFER else {}
        accepted = intent.get("name") == "affirm" or any(e["entity"] == "earlier" for e in entities)
        earlier = offer if accepted else {}
        spoken = slots.get("spoken") or {}
        answered = bool(spoken) and spoken.get("of") == message.get("message_id")
        chosen = spoken.get("language") if answered else None
        part = message.get("part") or message
        return cls(
            text=str(part.get("text") or ""),
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
            photos=tuple(str(photo) for photo in metadata.get("photos") or ()),
            can_share_place=not metadata.get("no_places"),
            also=tuple(message.get("also") or ()),
            rest=message.get("rest"),
            greets=bool(message.get("greets")),
        )

    def part(self, parsed: dict[str, Any]) -> Said:
        """The same message as if only this part of it had been said."""
        intent = parsed.get("intent") or {}
        return replace(
            self,
            text=str(parsed.get("text") or ""),
            intent=str(intent.get("name") or ""),
            guess=str(parsed.get("guess") or intent.get("name") or ""),
            topic=parsed.get("topic"),
            topic_confidence=float(parsed.get("topic_confidence") or 0.0),
            confidence=float(intent.get("confidence") or 0.0),
            candidates=tuple(parsed.get("candidates") or ()),
            entities=tuple(parsed.get("entities") or ()),
            earlier={},
            also=(),
            rest=None,
            greets=False,
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
        picture: Drawn | None = None,
        **values: object,
    ) -> None:
        """A phrase, with `choices` as (label, payload), `link` as (url, label), and a picture."""
        extra: dict[str, Any] = {}
        if choices:
            extra["buttons"] = [{"title": t, "payload": p} for t, p in choices]
        custom: dict[str, Any] = {}
        if link:
            custom["link"] = {"url": link[0], "label": link[1]}
        if picture:
            extra["image"] = picture.url
            custom["alt"] = picture.alt
        if custom:
            extra["json_message"] = custom
        self._dispatcher.utter_message(response=phrase, language=self.language, **extra, **values)

    def tell(self, text: str) -> None:
        """Plain words without the choices that their phrase may have."""
        self._dispatcher.utter_message(text=text)

    def signal(self, **signals: object) -> None:
        """Tell the road: `flag` (a reason), `forget`, `language`, `labelled` (an example)."""
        self._dispatcher.utter_message(json_message={"signal": signals})
