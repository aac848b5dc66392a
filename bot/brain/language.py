"""Which of the configured languages a message is in.

A naive Bayes classifier over words and letter triples, trained on the city's own examples and kept
in the model archive. On our sentences it is at least as good as the libraries that know every
language (`bench/languages.py`), and it knows that "bin" is English here and "hej" is Danish.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.brain.component import StoredComponent, remark

CONFIDENT = 0.9
"""Probability from which a message under way may change the language of the conversation."""
WORDS_TO_SWITCH = 4
"""A conversation under way switches only on a message of at least so many words."""
TRIPLE_WEIGHT = 0.3
SMOOTHING = 0.1
_WORD = re.compile(r"[^\W\d_]+")


def without_names(text: str) -> str:
    """The words but those with a capital inside a sentence: "Korreweg" is Dutch in any language."""
    words = text.split()
    kept = [word for i, word in enumerate(words) if i == 0 or not word[:1].isupper()]
    return " ".join(kept if len(kept) > 1 else words)


def _features(text: str) -> list[str]:
    """Words as `w:word`, letter triples as `^wo`, `wor`, `rd$`."""
    found = []
    for word in _WORD.findall(text.lower())[:60]:
        found.append(f"w:{word}")
        padded = f"^{word}$"
        found += [padded[i : i + 3] for i in range(len(padded) - 2)]
    return found


class LanguageModel:
    """Counts of features by language."""

    def __init__(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        self.counts = counts
        self._size = len({feature for table in counts.values() for feature in table})
        self._total = {code: sum(table.values()) for code, table in counts.items()}

    @classmethod
    def of(cls, examples: Iterable[tuple[str, str]]) -> LanguageModel:
        """From (text, language) pairs."""
        counts: dict[str, Counter[str]] = {}
        for text, language in examples:
            counts.setdefault(language, Counter()).update(_features(text))
        return cls(counts)

    def shares(self, text: str) -> dict[str, float]:
        """Probability by language; empty when the text has no letters."""
        features = _features(without_names(text))
        if not features or not self.counts:
            return {}
        scores = dict.fromkeys(self.counts, 0.0)
        for feature in features:
            weight = 1.0 if feature.startswith("w:") else TRIPLE_WEIGHT
            for code, table in self.counts.items():
                seen = table.get(feature, 0) + SMOOTHING
                scores[code] += weight * math.log(seen / (self._total[code] + self._size))
        top = max(scores.values())
        raw = {code: math.exp(score - top) for code, score in scores.items()}
        return {code: value / sum(raw.values()) for code, value in raw.items()}


def choose(
    shares: Mapping[str, float],
    text: str,
    current: str,
    fixed: bool,
    languages: Sequence[str],
) -> str:
    """The language to answer in, given what the conversation speaks so far ("" at first)."""
    known = {code: share for code, share in shares.items() if code in languages}
    if (fixed and current) or not known:
        return current or languages[0]
    best = max(known, key=lambda code: known[code])
    if not current:
        return best if known[best] >= 0.5 else languages[0]
    clear = known[best] >= CONFIDENT and len(text.split()) >= WORDS_TO_SWITCH
    return best if clear else current


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class LanguageIdentifier(StoredComponent):
    """Puts `language_shares` beside what was understood."""

    model = LanguageModel({})

    def learn(self, training_data: TrainingData, folder: Path) -> None:
        pairs = [
            (str(example.get(TEXT)), remark(example, "language"))
            for example in training_data.intent_examples
            if remark(example, "language")
        ]
        self.model = LanguageModel.of(pairs)
        data = json.dumps(self.model.counts, ensure_ascii=False, sort_keys=True)
        (folder / "counts.json").write_text(data, "utf-8")

    def restore(self, folder: Path) -> None:
        self.model = LanguageModel(json.loads((folder / "counts.json").read_text("utf-8")))

    def read(self, message: Message) -> None:
        shares = self.model.shares(str(message.get(TEXT) or ""))
        rounded = {code: round(share, 4) for code, share in shares.items()}
        message.set("language_shares", rounded, add_to_output=True)
