"""Rasa graph components that understand a message: sentence vector, intent with topic, places.

One calibrated classifier decides on intent and topic together: a topic's examples are examples of
`ask` or `report` with that topic. When it is not sure it says so: the intent becomes
`nlu_fallback` and up to three candidates travel with the message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.nlu.constants import ENTITIES, INTENT, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.brain import encoder
from bot.brain.danger import HARMLESS, marked, words_of
from bot.brain.kernel import Floats, KernelClassifier, tidy
from bot.brain.patterns import find_patterns
from bot.brain.spelling import Speller
from bot.places.gazetteer import Gazetteer, Name
from bot.places.names import Words, count_words, everyday_words


def label_of(intent: str, topic: str | None) -> str:
    return f"{intent}|{topic}" if topic else intent


def _topic_of(example: Message) -> str | None:
    """The topic that the importer wrote beside an example."""
    topic = ((example.get(METADATA) or {}).get("example") or {}).get("topic")
    return str(topic) if topic else None


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TopicClassifier(GraphComponent, IntentClassifier):  # type: ignore[misc]
    """Intent and topic with calibrated confidence, and what to do with the doubt."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`answer`: least confidence to act on; `clarify`: least to offer as a candidate."""
        return {"answer": 0.5, "clarify": 0.06, "candidates": 3}

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        classifier: KernelClassifier | None = None,
        speller: Speller | None = None,
    ) -> None:
        self.config = config
        self.classifier = classifier
        self.speller = speller or Speller({})
        self._storage, self._resource = model_storage, resource

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TopicClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [
            m for m in training_data.intent_examples if m.get(TEXT) and marked(m) != HARMLESS
        ]
        texts = [tidy(m.get(TEXT)) for m in examples]
        labels = [label_of(m.get(INTENT), _topic_of(m)) for m in examples]
        self.classifier = KernelClassifier()
        right = self.classifier.fit(texts, encoder.shared().encode(texts), labels)
        with self._storage.write_to(self._resource) as folder:
            self.classifier.save(folder)
            counts = Speller.of(texts).counts
            (folder / "words.json").write_text(json.dumps(counts, ensure_ascii=False), "utf-8")
            report = {
                "texts": len(texts),
                "labels": len(self.classifier.labels),
                "left_out_accuracy": round(right, 4),
                "encoder": encoder.digest(),
            }
            (folder / "report.json").write_text(json.dumps(report), "utf-8")
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> TopicClassifier:
        encoder.shared()  # loaded with the model, not by the first citizen
        with model_storage.read_from(resource) as folder:
            counts = json.loads((folder / "words.json").read_text("utf-8"))
            classifier = KernelClassifier.load(folder)
            return cls(config, model_storage, resource, classifier, Speller(counts))

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            self._understand(message)
        return messages

    def _probabilities(self, text: str, rest: str) -> Floats:
        """As written and without the places it names: a street must not decide what a sentence is.

        With its typing errors undone as well, where that makes the message clearer.
        """
        written = self._mean([text, rest])
        corrected = self.speller.correct(rest)
        if corrected == rest:
            return written
        undone = self._mean([corrected])
        return self._joined([written, undone]) if undone.max() > written.max() else written

    def _mean(self, texts: list[str]) -> Floats:
        assert self.classifier is not None
        different = list(dict.fromkeys(texts))
        vectors = encoder.shared().encode(different)
        return self._joined(list(self.classifier.probabilities(different, vectors)))

    @staticmethod
    def _joined(found: list[Floats]) -> Floats:
        """The geometric mean of distributions."""
        mean = np.exp(np.log(np.stack(found) + 1e-9).mean(axis=0))
        return np.asarray(mean / mean.sum(), dtype=np.float32)

    @staticmethod
    def _fragment(message: Message) -> None:
        """Nothing but a place: an answer to something, whatever it is."""
        intent = {"name": "inform", "confidence": 1.0}
        message.set(INTENT, intent, add_to_output=True)
        message.set("intent_ranking", [intent], add_to_output=True)
        message.set("guess", "inform", add_to_output=True)
        message.set("topic", None, add_to_output=True)
        message.set("topic_confidence", 0.0, add_to_output=True)
        message.set("candidates", [], add_to_output=True)
        message.set("decision", "answer", add_to_output=True)

    def _understand(self, message: Message) -> None:
        text = tidy(message.get(TEXT) or "")
        if not text or self.classifier is None:
            return
        rest = tidy(words_of(message))
        if not rest:
            self._fragment(message)
            return
        probabilities = self._probabilities(text, rest)
        order = np.argsort(-probabilities)[:10]
        ranked = [
            (*self.classifier.labels[i].partition("|")[::2], float(probabilities[i])) for i in order
        ]
        by_intent: dict[str, float] = {}
        for label, p in zip(self.classifier.labels, probabilities):
            name = label.partition("|")[0]
            by_intent[name] = by_intent.get(name, 0.0) + float(p)
        intent, topic, confidence = ranked[0]
        candidates = [
            {"intent": name, "topic": t or None, "confidence": round(p, 4)}
            for name, t, p in ranked[: self.config["candidates"]]
            if p >= self.config["clarify"]
        ]
        sure = confidence >= self.config["answer"]
        ranking = sorted(by_intent.items(), key=lambda pair: -pair[1])
        decision = "answer" if sure else ("clarify" if candidates else "person")
        chosen = intent if sure else DEFAULT_NLU_FALLBACK_INTENT_NAME
        message.set(INTENT, {"name": chosen, "confidence": by_intent[intent]}, add_to_output=True)
        message.set(
            "intent_ranking",
            [{"name": name, "confidence": p} for name, p in ranking[:10]],
            add_to_output=True,
        )
        message.set("guess", intent, add_to_output=True)
        message.set("topic", topic or None, add_to_output=True)
        message.set("topic_confidence", confidence if topic else 0.0, add_to_output=True)
        message.set("candidates", candidates, add_to_output=True)
        message.set("decision", decision, add_to_output=True)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class PlaceExtractor(GraphComponent, EntityExtractorMixin):  # type: ignore[misc]
    """Streets, areas, house numbers, postcodes, references, telephone numbers and e-mail.

    The names of the files are in the model; a register that has others is followed instead.
    """

    def __init__(
        self,
        model_storage: ModelStorage,
        resource: Resource,
        words: Words | None = None,
        names: Sequence[Name] = (),
    ) -> None:
        self._storage, self._resource = model_storage, resource
        self._words = words or Words({}, {})
        self._current: Callable[[], Sequence[Name]] | None = None
        self._know(names)

    def follow(self, names: Callable[[], Sequence[Name]]) -> None:
        """Know the names that `names` gives from now on: the same object while nothing changes."""
        self._current = names

    def _know(self, names: Sequence[Name]) -> None:
        self._names = names
        self.gazetteer = Gazetteer(names, everyday_words(self._words, names))

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> PlaceExtractor:
        return cls(model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Keep the names that the importer put into the look-up tables, and count words."""
        names = [
            Name(**json.loads(entry))
            for table in training_data.lookup_tables
            if table["name"] == "places"
            for entry in table["elements"]
        ]
        self._words = count_words(str(m.get(TEXT)) for m in training_data.intent_examples)
        with self._storage.write_to(self._resource) as folder:
            data = {
                "names": [n.__dict__ for n in names],
                "words": {"counts": self._words.counts, "small": self._words.small},
            }
            (folder / "names.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        self._know(names)
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> PlaceExtractor:
        with model_storage.read_from(resource) as folder:
            data = json.loads((folder / "names.json").read_text("utf-8"))
        names = [Name(n["kind"], n["name"], tuple(n["codes"])) for n in data["names"]]
        return cls(model_storage, resource, Words(**data["words"]), names)

    def process(self, messages: list[Message]) -> list[Message]:
        if self._current is not None and (names := self._current()) is not self._names:
            self._know(names)
        for message in messages:
            text = message.get(TEXT) or ""
            if text:
                found = [
                    *message.get(ENTITIES, []),
                    *find_patterns(text[:1000], self.gazetteer.find(text[:600])),
                ]
                message.set(ENTITIES, found, add_to_output=True)
        return messages
