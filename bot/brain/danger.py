"""Rasa graph component that hears danger: someone smells gas, falls, burns, wants to die.

A classifier of two classes over the same features as the topics, trained on sentences that tell of
danger now and on harmless ones with the same words (`data/danger/*.yml`), and on everything else
that citizens say. It stands beside the patterns of `data/reflexes.yml`: a pattern lowers what the
classifier needs, and works alone when the brain is down.
"""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, INTENT, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.brain import encoder
from bot.brain.kernel import KernelClassifier, Shape, tidy
from bot.places.gazetteer import without_places

INTENT_NAME = "danger"
PLACES = frozenset({"street", "area", "postcode", "house_number"})
DANGER, HARMLESS = "danger", "harmless"
WITH_PATTERN = 0.3
"""The least probability to act on when a pattern of the reflexes agrees."""
EVERY = 4
"""Every so many of the other examples are learnt as harmless: enough to know everyday talk."""


def words_of(message: Message) -> str:
    """The text without the places that it names: an address alone is no cry for help."""
    text = str(message.get(TEXT) or "")
    places = [e for e in message.get(ENTITIES, []) if e["entity"] in PLACES]
    return without_places(text, [(int(e["start"]), int(e["end"])) for e in places])


def marked(example: Message) -> str:
    """What the importer says of an example: danger, harmless, or nothing."""
    return str(((example.get(METADATA) or {}).get("example") or {}).get("danger") or "")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class DangerDetector(GraphComponent):  # type: ignore[misc]
    """Sets the intent to `danger` when it is likely enough; must stand last in the pipeline."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`alone`: the least probability to act on without a pattern that agrees."""
        return {"alone": 0.6}

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        classifier: KernelClassifier | None = None,
    ) -> None:
        self.config = config
        self.classifier = classifier
        self._storage, self._resource = model_storage, resource

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> DangerDetector:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        texts, labels = [], []
        for number, example in enumerate(training_data.intent_examples):
            mark = marked(example)
            if mark or number % EVERY == 0:
                texts.append(tidy(str(example.get(TEXT))))
                labels.append(mark or HARMLESS)
        if DANGER in labels and HARMLESS in labels:
            self.classifier = KernelClassifier(Shape(least=2))
            self.classifier.fit(texts, encoder.shared().encode(texts), labels)
            with self._storage.write_to(self._resource) as folder:
                self.classifier.save(folder)
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> DangerDetector:
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, KernelClassifier.load(folder))

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = tidy(words_of(message))
            if not text or self.classifier is None:
                continue
            dense = encoder.shared().encode([text])
            index = self.classifier.labels.index(DANGER)
            danger = float(self.classifier.probabilities([text], dense)[0][index])
            message.set("danger", round(danger, 4), add_to_output=True)
            if danger >= self.config["alone"]:
                intent = {"name": INTENT_NAME, "confidence": danger}
                message.set(INTENT, intent, add_to_output=True)
                message.set("guess", INTENT_NAME, add_to_output=True)
                message.set("decision", "answer", add_to_output=True)
        return messages
