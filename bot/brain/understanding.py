"""Rasa graph components that understand a message: intent with topic, danger, places.

One calibrated classifier decides on intent and topic together: a topic's examples are examples of
`ask` or `report` with that topic. When it is not sure it says so: the intent becomes
`nlu_fallback` and up to three candidates travel with the message.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.brain import danger, encoder
from bot.brain.classifier import KernelClassifier
from bot.brain.component import StoredComponent, remark
from bot.brain.kernel import Floats, Seen
from bot.brain.ngrams import tidy
from bot.brain.patterns import find_patterns
from bot.brain.spelling import Speller
from bot.places.gazetteer import Gazetteer, Name, without_places
from bot.places.names import Words, count_words, everyday_words

PLACES = frozenset({"street", "area", "postcode", "house_number"})
LIKELY = 0.7
"""A message of few words may mean two things. It is asked back when the first is less likely than
this and the second at least a tenth as likely as the first: in cross-validation only about half of
such messages are understood."""
AS_WRITTEN = 0.9
"""From here on a message is clear as it was written, whatever is spelt wrong in it."""
NOT_FOR_US = frozenset({"out_of_scope", "smalltalk"})
"""Intents whose answer says that the city cannot help with this."""


def label_of(intent: str, topic: str) -> str:
    return f"{intent}|{topic}" if topic else intent


def words_of(message: Message) -> str:
    """The text without the places that it names: a street must not decide what a sentence is."""
    text = str(message.get(TEXT) or "")
    places = [e for e in message.get(ENTITIES, []) if e["entity"] in PLACES]
    return without_places(text, [(int(e["start"]), int(e["end"])) for e in places])


def foreign_share(shares: Mapping[str, float]) -> float:
    """How likely a text is in a language that the encoder does not know."""
    return sum(share for language, share in shares.items() if language not in encoder.LANGUAGES)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TopicClassifier(StoredComponent, IntentClassifier):  # type: ignore[misc]
    """Intent, topic and danger with calibrated confidence, and what to do with the doubt."""

    classifier: KernelClassifier | None = None
    speller = Speller({})
    dangerous: frozenset[str] = frozenset()
    """Labels of reports about danger itself."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`answer`: least confidence to act on; `outside`: the most that may speak for a question
        that is not for the city; `clarify`: least confidence to be offered as a candidate;
        `few_words`: so many may mean two things, see `LIKELY`. `names`: names of intents are
        examples too, for sets whose names are words that people say.
        """
        return {
            "answer": 0.25,
            "outside": 0.04,
            "clarify": 0.03,
            "candidates": 3,
            "few_words": 3,
            "names": False,
        }

    def learn(self, training_data: TrainingData, folder: Path) -> None:
        texts, labels, languages, alarming = examples_of(training_data, self.config["names"])
        foreign = np.array([foreign_share({x: 1.0}) if x else 0.0 for x in languages], np.float32)
        self.classifier = KernelClassifier()
        vectors = encoder.Encoder(os.cpu_count() or 1).encode(texts)
        left_out = self.classifier.fit(texts, vectors, labels, foreign, alarming)
        self.classifier.save(folder)
        self.speller = Speller.of(texts)
        counts = json.dumps(self.speller.counts, ensure_ascii=False)
        (folder / "words.json").write_text(counts, "utf-8")
        reported = danger.LEARNT[danger.REPORTED]
        self.dangerous = frozenset(x for x, told in zip(labels, alarming) if told == reported)
        (folder / "dangerous.json").write_text(json.dumps(sorted(self.dangerous)), "utf-8")
        report = {
            "texts": len(texts),
            "labels": len(self.classifier.labels),
            "left_out_accuracy": round(left_out.accuracy, 4),
            "encoder": encoder.digest(),
        }
        (folder / "report.json").write_text(json.dumps(report), "utf-8")

    def restore(self, folder: Path) -> None:
        encoder.shared()  # loaded with the model, not by the first citizen
        self.classifier = KernelClassifier.load(folder)
        self.speller = Speller(json.loads((folder / "words.json").read_text("utf-8")))
        self.dangerous = frozenset(json.loads((folder / "dangerous.json").read_text("utf-8")))

    def read(self, message: Message) -> None:
        text = tidy(message.get(TEXT) or "")
        if not text or self.classifier is None:
            return
        rest = tidy(words_of(message))
        if not rest:  # nothing but a place: an answer to something, whatever it is
            put(message, [("inform", "", 1.0)], {"inform": 1.0}, [], "answer")
            return
        foreign = foreign_share(message.get("language_shares") or {})
        probabilities, alarm = self._probabilities(text, rest, foreign)
        self._decide(message, self.classifier.labels, probabilities, alarm)
        danger.sound(message, alarm)

    def glance(self, texts: Sequence[str], foreign: float) -> list[tuple[str, float]]:
        """Of each text its likeliest label and how likely danger is, without any care for doubt.

        Cheaper than reading the texts one by one: they are encoded together. `foreign`: share of
        the message that they are parts of, see `foreign_share`.
        """
        if self.classifier is None:
            return [("", 0.0) for _ in texts]
        seen = self._seen([tidy(text) for text in texts], foreign)
        found = self.classifier.shares(seen).argmax(axis=1)
        labels = [self.classifier.labels[i] for i in found]
        return list(zip(labels, map(float, self.classifier.alarms(seen))))

    def _probabilities(self, text: str, rest: str, foreign: float) -> tuple[Floats, float]:
        """As written and without the places it names.

        With its typing errors undone as well, where that makes a doubtful message clearer. How
        likely danger is lies between the two: a misspelt word is often no word of any example, and
        so nothing that speaks against danger.
        """
        assert self.classifier is not None
        forms = list(dict.fromkeys([rest, text]))
        seen = self._seen(forms, foreign)
        written = _joined(list(self.classifier.shares(seen)))
        alarms = self.classifier.alarms(seen.take(slice(1)))
        undone = self.speller.correct(rest) if written.max() < AS_WRITTEN else rest
        if undone not in forms:
            corrected = self._seen([undone], foreign)
            alarms = np.append(alarms, self.classifier.alarms(corrected))
            (other,) = self.classifier.shares(corrected)
            if other.max() > written.max():
                written = _joined([written, other])
        danger_or_not = [np.array([alarm, 1 - alarm]) for alarm in alarms]
        return written, float(_joined(danger_or_not)[0])

    def _seen(self, texts: Sequence[str], foreign: float) -> Seen:
        """The texts as the classifier compares them."""
        assert self.classifier is not None
        shares = np.full(len(texts), foreign, np.float32)
        return self.classifier.features.see(texts, encoder.shared().encode(texts), shares)

    def _decide(
        self, message: Message, labels: Sequence[str], probabilities: Floats, alarm: float
    ) -> None:
        ranked = [
            (*labels[i].partition("|")[::2], float(probabilities[i]))
            for i in np.argsort(-probabilities)[: self.config["candidates"]]
        ]
        by_intent: dict[str, float] = {}
        for label, p in zip(labels, probabilities):
            name = label.partition("|")[0]
            by_intent[name] = by_intent.get(name, 0.0) + float(p)
        outside = sum(by_intent.get(name, 0.0) for name in NOT_FOR_US)
        candidates = [c for c in ranked if c[2] >= self.config["clarify"]]
        intent, topic, confidence = ranked[0]
        unheard = alarm < danger.AGREED and label_of(intent, topic) in self.dangerous
        torn = (
            len(str(message.get(TEXT)).split()) <= self.config["few_words"]
            and confidence < LIKELY
            and any(second >= confidence / 10 for _, _, second in ranked[1:2])
        )
        sure = (
            confidence >= self.config["answer"]
            and (intent in NOT_FOR_US or outside <= self.config["outside"])
            and not torn
            and not unheard
        )
        decision = "answer" if sure else ("clarify" if candidates else "person")
        put(message, ranked, by_intent, candidates, decision)


def examples_of(
    training_data: TrainingData, names: bool = False
) -> tuple[list[str], list[str], list[str], np.ndarray[Any, np.dtype[np.int8]]]:
    """Texts, labels ("" for sentences near danger), languages, and what the alarm learns.

    That is 1 of a text that tells of danger and 0 of one that does not; -1 of a report to a service
    that is about danger itself. With `names`, the names of intents count as texts too.
    """
    rows = [
        (
            tidy(m.get(TEXT)),
            "" if m.get(INTENT) == danger.DANGER else label_of(m.get(INTENT), remark(m, "topic")),
            remark(m, "language"),
            danger.LEARNT.get(remark(m, "danger"), 0),
        )
        for m in training_data.intent_examples
        if m.get(TEXT)
    ]
    known = {row[0] for row in rows}
    for label in sorted({row[1] for row in rows}) if names else ():
        words = tidy(re.sub(r"[_\W]+", " ", label))
        if label and "|" not in label and words not in known:
            rows.append((words, label, "", 0))
    texts, labels, languages, alarming = zip(*rows)
    return list(texts), list(labels), list(languages), np.array(alarming, np.int8)


def put(
    message: Message,
    ranked: Sequence[tuple[str, str, float]],
    by_intent: Mapping[str, float],
    candidates: Sequence[tuple[str, str, float]],
    decision: str,
) -> None:
    """Write what was understood onto the message; doubt becomes the fallback intent."""
    intent, topic, confidence = ranked[0]
    chosen = intent if decision == "answer" else DEFAULT_NLU_FALLBACK_INTENT_NAME
    ranking = sorted(by_intent.items(), key=lambda pair: -pair[1])[:10]
    for name, value in {
        INTENT: {"name": chosen, "confidence": by_intent[intent]},
        "intent_ranking": [{"name": name, "confidence": p} for name, p in ranking],
        "guess": intent,
        "topic": topic or None,
        "topic_confidence": confidence if topic else 0.0,
        "candidates": [
            {"intent": name, "topic": t or None, "confidence": round(p, 4)}
            for name, t, p in candidates
        ],
        "decision": decision,
    }.items():
        message.set(name, value, add_to_output=True)


def _joined(found: list[Floats]) -> Floats:
    """The geometric mean of distributions."""
    mean = np.exp(np.log(np.stack(found) + 1e-9).mean(axis=0))
    return np.asarray(mean / mean.sum(), dtype=np.float32)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class PlaceExtractor(StoredComponent, EntityExtractorMixin):  # type: ignore[misc]
    """Streets, areas, house numbers, postcodes, references, telephone numbers and e-mail.

    The names of the files are in the model; a register that has others is followed instead.
    """

    _current: Callable[[], Sequence[Name]] | None = None
    _names: Sequence[Name] = ()
    _words = Words({}, {})
    gazetteer = Gazetteer((), frozenset())

    def follow(self, names: Callable[[], Sequence[Name]]) -> None:
        """Know the names that `names` gives from now on: the same object while nothing changes."""
        self._current = names

    def _know(self, names: Sequence[Name]) -> None:
        self._names = names
        self.gazetteer = Gazetteer(names, everyday_words(self._words, names))

    def learn(self, training_data: TrainingData, folder: Path) -> None:
        """Keep the names that the importer put into the look-up tables, and count words."""
        names = [
            Name(**json.loads(entry))
            for table in training_data.lookup_tables
            if table["name"] == "places"
            for entry in table["elements"]
        ]
        self._words = count_words(str(m.get(TEXT)) for m in training_data.intent_examples)
        data = {
            "names": [n.__dict__ for n in names],
            "words": {"counts": self._words.counts, "small": self._words.small},
        }
        (folder / "names.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        self._know(names)

    def restore(self, folder: Path) -> None:
        data = json.loads((folder / "names.json").read_text("utf-8"))
        self._words = Words(**data["words"])
        self._know([Name(n["kind"], n["name"], tuple(n["codes"])) for n in data["names"]])

    def read(self, message: Message) -> None:
        if self._current is not None and (names := self._current()) is not self._names:
            self._know(names)
        text = message.get(TEXT) or ""
        if text:
            found = [
                *message.get(ENTITIES, []),
                *find_patterns(text[:1000], self.gazetteer.find(text[:600])),
            ]
            message.set(ENTITIES, found, add_to_output=True)
