"""What our Rasa components share: how one is made, how it is trained, how it comes back.

A component says in `learn` what it keeps of the training data and writes it into a folder of the
model archive; `restore` reads it back. Rasa calls the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import METADATA
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from typing_extensions import Self


class StoredComponent(GraphComponent):  # type: ignore[misc]
    """A component whose knowledge lives in a folder of the model archive."""

    def __init__(
        self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource
    ) -> None:
        self.config = config
        self._storage, self._resource = model_storage, resource

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Self:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> Self:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            component.restore(folder)
        return component

    def train(self, training_data: TrainingData) -> Resource:
        with self._storage.write_to(self._resource) as folder:
            self.learn(training_data, folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            self.read(message)
        return messages

    def learn(self, training_data: TrainingData, folder: Path) -> None:
        """Take what is needed from the examples and write it into `folder`."""
        raise NotImplementedError

    def restore(self, folder: Path) -> None:
        """Read what `learn` wrote."""
        raise NotImplementedError

    def read(self, message: Message) -> None:
        """Add to the message what this component sees in it."""
        raise NotImplementedError


def remark(example: Message, name: str) -> str:
    """What the importer wrote beside an example (`topic`, `language`, `danger`), or ""."""
    return str(((example.get(METADATA) or {}).get("example") or {}).get(name) or "")
