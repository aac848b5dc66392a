"""Rasa's message processor with our actions in the same process.

Rasa's own way to a custom action goes over HTTP and checks each answer against a JSON schema, which
costs more than all the rest of a turn (54 ms measured). Here an action is called directly, and the
form that asks for missing slots does the same. Nothing of Rasa's files is touched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from rasa.core.actions import action as rasa_actions
from rasa.core.actions.forms import FormAction
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.nlg.generator import NaturalLanguageGenerator
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.shared.core import events as rasa_events
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.brain import awaited
from bot.brain.danger import DANGER, WITH_PATTERN
from bot.brain.language import choose
from bot.brain.mixed import Glance, untangle
from bot.brain.runner import StraightRunner
from bot.brain.understanding import PlaceExtractor, TopicClassifier, foreign_share
from bot.civic.languages import wished_language
from bot.places.gazetteer import Name

T = TypeVar("T")


class InProcessAction(rasa_actions.RemoteAction):  # type: ignore[misc]
    """Calls an action object where Rasa would call a server."""

    def __init__(self, implementation: Action) -> None:
        super().__init__(implementation.name(), None)
        self.implementation = implementation

    async def run(
        self,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
        tracker: DialogueStateTracker,
        domain: Domain,
    ) -> list[Event]:
        state = tracker.current_state(EventVerbosity.NONE)
        message = tracker.latest_message
        state["latest_message"] = {**message.parse_data, "metadata": message.metadata}
        state["latest_message"]["message_id"] = message.message_id
        seen = Tracker(
            tracker.sender_id,
            state.get("slots", {}),
            state["latest_message"],
            [],
            False,
            None,
            state.get("active_loop", {}),
            state.get("latest_action_name"),
        )
        dispatcher = CollectingDispatcher()
        made = await self.implementation.run(dispatcher, seen, {})
        said = await self._utter_responses(dispatcher.messages, output_channel, nlg, tracker)
        return [*map(_own_choices_first, said), *rasa_events.deserialise_events(list(made or []))]


def _own_choices_first(said: rasa_events.BotUttered) -> rasa_events.BotUttered:
    """Rasa puts an action's buttons behind those of the phrase; "something else" belongs last."""
    buttons = (said.data or {}).get("buttons") or []
    fixed = [b for b in buttons if b.get("last")]
    if fixed:
        said.data["buttons"] = [b for b in buttons if not b.get("last")] + fixed
    return said


class InProcessForm(FormAction):  # type: ignore[misc]
    """Rasa's form, asking and validating through actions in this process."""

    def __init__(self, name: str, actions: Mapping[str, Action]) -> None:
        super().__init__(name, None)
        self.actions = actions

    async def validate_slots(
        self,
        slot_candidates: dict[str, Any],
        tracker: DialogueStateTracker,
        domain: Domain,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
    ) -> list[Event]:
        known = [SlotSet(name, value) for name, value in slot_candidates.items()]
        seen = self._temporary_tracker(tracker, known, domain)
        validate = InProcessAction(self.actions[f"validate_{self.name()}"])
        return await validate.run(output_channel, nlg, seen, domain)

    async def _ask_for_slot(
        self,
        domain: Domain,
        nlg: NaturalLanguageGenerator,
        output_channel: OutputChannel,
        slot_name: str,
        tracker: DialogueStateTracker,
    ) -> list[Event]:
        ask = InProcessAction(self.actions[f"action_ask_{slot_name}"])
        return await ask.run(output_channel, nlg, tracker, domain)


class RoadProcessor(MessageProcessor):  # type: ignore[misc]
    """Takes turns of the road: words stay words, and payloads come only from us."""

    actions: Mapping[str, Action] = {}
    languages: Sequence[str] = ("en",)
    graph_runner: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.graph_runner = StraightRunner(self.graph_runner)

    def follow_names(self, names: Callable[[], Sequence[Name]]) -> None:
        """Let the extractor know the names of the register instead of those in the model."""
        for component in self._components(PlaceExtractor):
            component.follow(names)

    def _components(self, kind: type[T]) -> Iterator[T]:
        """The components of a kind in the loaded model."""
        for node in self.graph_runner._instantiated_nodes.values():
            if isinstance(node._component, kind):
                yield node._component

    def _glance(self, parsed: Mapping[str, Any]) -> Glance | None:
        """How pieces of a message are looked at before they are parsed; None: parse them all."""
        foreign = foreign_share(parsed.get("language_shares") or {})
        for classifier in self._components(TopicClassifier):
            return lambda texts: classifier.glance(texts, foreign)
        return None

    def _get_action(self, action_name: str) -> rasa_actions.Action:
        if action_name in self.domain.form_names:
            return InProcessForm(action_name, self.actions)
        if action_name in self.actions:
            return InProcessAction(self.actions[action_name])
        return super()._get_action(action_name)

    def predict_next_with_tracker_if_should(
        self, tracker: DialogueStateTracker
    ) -> tuple[rasa_actions.Action, PolicyPrediction]:
        action, prediction = super().predict_next_with_tracker_if_should(tracker)
        return self._get_action(action.name()), prediction

    async def parse_message(
        self,
        message: UserMessage,
        tracker: DialogueStateTracker | None = None,
        only_output_properties: bool = True,
    ) -> dict[str, Any]:
        """A payload set by the road is read as one; a citizen's words never are."""
        payload = (message.metadata or {}).get("payload")
        if payload:
            return read_payload(str(payload), message.text or "")
        text = message.text or ""
        metadata = message.metadata if message.metadata is not None else {}
        parsed = await self._words(text, message, tracker, only_output_properties)
        language = choose(
            parsed.get("language_shares") or {},
            text,
            str(metadata.get("spoken") or ""),
            bool(metadata.get("language_fixed")),
            self.languages,
        )
        metadata["language"] = language
        parsed |= {"text": text, "language": language}
        alarmed = metadata.get("reflex") == DANGER
        if alarmed and parsed.get("danger", 1.0) >= WITH_PATTERN:
            return {**parsed, "intent": {"name": DANGER, "confidence": 1.0}, "guess": DANGER}
        wished = wished_language(text)
        if wished:
            return {**parsed, **switching(wished)}
        if tracker is not None:
            earlier = tracker.latest_message.message_id if tracker.latest_message else ""
            answer = awaited.read(parsed, metadata, tracker.get_slot("pending"), earlier)
            if answer is not parsed:
                return answer

        async def part(words: str) -> dict[str, Any]:
            return await self._words(words, message, tracker, only_output_properties)

        in_report = bool(tracker and tracker.active_loop_name)
        return await untangle(text, parsed, part, in_report, alarmed, self._glance(parsed))

    async def _words(
        self,
        text: str,
        message: UserMessage,
        tracker: DialogueStateTracker | None,
        only_output_properties: bool,
    ) -> dict[str, Any]:
        """A text understood by the model, whatever it looks like; no word of it is logged."""
        if text.lstrip().startswith("/"):
            # Rasa would read it as a payload of its own; a full stop keeps every offset.
            text = text.replace("/", ".", 1)
        words = UserMessage(text, sender_id=message.sender_id, metadata=message.metadata)
        if tracker is None:
            tracker = DialogueStateTracker.from_events(message.sender_id, [])
        parsed: dict[str, Any] = self._parse_message_with_graph(
            words, tracker, only_output_properties
        )
        return parsed

    async def take_turn(self, message: UserMessage) -> DialogueStateTracker:
        """Answer a message and save; the tracker afterwards holds the turn's events."""
        tracker = await self.log_message(message, should_save_tracker=False)
        tracker = await self.run_action_extract_slots(message.output_channel, tracker)
        await self._run_prediction_loop(message.output_channel, tracker)
        await self.save_tracker(tracker)
        return tracker


def switching(code: str) -> dict[str, Any]:
    """The wish to speak another language, as parse data."""
    return {
        "intent": {"name": "change_language", "confidence": 1.0},
        "guess": "change_language",
        "topic": None,
        "topic_confidence": 0.0,
        "candidates": [],
        "decision": "answer",
        "entities": [
            {"entity": "language", "value": code, "start": 0, "end": 0, "extractor": "words"}
        ],
    }


def read_payload(payload: str, text: str) -> dict[str, Any]:
    """`/intent{"entity": "value"}` as parse data."""
    name, brace, rest = payload.removeprefix("/").partition("{")
    values = json.loads(brace + rest) if brace else {}
    entities = [
        {"entity": key, "value": value, "start": 0, "end": 0, "extractor": "payload"}
        for key, value in values.items()
    ]
    intent = {"name": name, "confidence": 1.0}
    return {
        "text": text,
        "intent": intent,
        "guess": name,
        "intent_ranking": [intent],
        "entities": entities,
        "topic": values.get("topic"),
        "topic_confidence": 1.0 if values.get("topic") else 0.0,
        "candidates": [],
        "decision": "answer",
    }
