"""Rasa's training-data importer: topics become examples, names of places become a look-up table.

Phrase files are left out: a `responses:` file under `data/` would be merged into the domain and mix
the languages. Named in `config.yml` under `importers:`.
"""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.importers.utils import training_data_from_paths
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.common import cached_method

from bot import topics
from bot.brain.danger import DANGER, REPORTED
from bot.places.gazetteer import Name
from bot.places.names import place_names
from bot.settings import load


class Example(Message):  # type: ignore[misc]
    """An example that Rasa may copy and compare as often as it likes.

    Rasa copies all examples in depth at each of its merges, and fingerprints them anew. Nothing
    changes what is inside these, so a copy shares it, and a fingerprint is taken once.
    """

    _cached_fingerprint: str | None

    def __deepcopy__(self, memo: dict[int, Any]) -> Example:
        copied = Example(self.data, set(self.output_properties), features=list(self.features))
        copied._cached_fingerprint = self._cached_fingerprint
        return copied

    def set(self, prop: str, info: Any, add_to_output: bool = False) -> None:
        if add_to_output or prop not in self.data or self.data[prop] != info:
            super().set(prop, info, add_to_output)

    def fingerprint(self) -> str:
        """Of its data alone; examples that carry features are fingerprinted as Rasa does it."""
        if self.features:
            return str(super().fingerprint())
        if self._cached_fingerprint is None:
            data = json.dumps(self.data, sort_keys=True, default=str).encode()
            self._cached_fingerprint = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return str(self._cached_fingerprint)


class TopicImporter(RasaFileImporter):  # type: ignore[misc]
    """Reads Rasa's own files as usual, and the city's topics and areas besides."""

    def __init__(
        self,
        config_file: str | None = None,
        domain_path: str | None = None,
        training_data_paths: list[str] | str | None = None,
    ) -> None:
        super().__init__(config_file, domain_path, training_data_paths)
        # Only the folders that are Rasa's: phrases and topics have readers of their own.
        self._nlu_files: list[str] = [
            f for f in list(self._nlu_files) if Path(f).parent.name == "nlu"
        ]
        self._story_files: list[str] = [
            f for f in list(self._story_files) if Path(f).parent.name == "rules"
        ]

    @cached_method  # type: ignore[untyped-decorator]
    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        data = TrainingData()
        for path in self._nlu_files:
            part = training_data_from_paths([path], language)
            part.training_examples = [
                Example({**m.data, "metadata": {"example": {"language": Path(path).stem}}})
                for m in part.training_examples
            ]
            data = data.merge(part)
        settings = load()
        messages = [
            Example.build(e.text, e.intent, example_metadata=_remarks(e))
            for e in topics.examples(settings.city_dir)
            if e.language in settings.languages
        ]
        said = {m.get("text") for m in [*data.training_examples, *messages]}
        messages += [
            Example.build(e.text, e.intent, example_metadata=_remarks(e))
            for e in topics.names(settings.city_dir)
            if e.language in settings.languages and e.text not in said
        ]
        messages += [
            Example.build(text, DANGER, example_metadata={"danger": label, "language": language})
            for language in settings.languages
            for label, texts in topics.danger_sentences(settings.city_dir, language).items()
            for text in texts
        ]
        names = [
            json.dumps(n.__dict__, ensure_ascii=False)
            for n in names_of(settings.city_dir / "areas")
        ]
        places = {"name": "places", "elements": names}
        return data.merge(TrainingData(training_examples=messages, lookup_tables=[places]))


def _remarks(example: topics.Example) -> dict[str, str]:
    """What the components read beside an example, see `component.remark`."""
    danger = {"danger": REPORTED} if example.danger else {}
    return {"topic": example.topic, "language": example.language, **danger}


def names_of(folder: Path) -> list[Name]:
    """The names in the files: what the model knows before a register tells it better."""
    areas = csv.DictReader((folder / "areas.csv").read_text("utf-8").splitlines())
    streets = csv.DictReader((folder / "streets.csv").read_text("utf-8").splitlines())
    return place_names(
        [(row["code"], row["kind"], row["name"]) for row in areas],
        [(row["name"], [c for c in row["area_codes"].split(";") if c]) for row in streets],
    )
