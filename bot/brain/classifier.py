"""The text classifier: what a text is about, and whether it tells of danger.

Two kernel machines see a text through the same features. One gives a probability for each label;
the other, the alarm, is trained on sentences near danger and on those of the rest that are most
like dangerous ones. Every twentieth text is left out of a first solution, which calibrates the
probabilities. Models are plain arrays and JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from bot.brain.kernel import BLOCK, Features, Floats, KernelRidge, Seen, Shape, compared

FOLD = 20
"""Every so many texts are left out when the probabilities are calibrated."""
ALIKE = 6000
"""How many texts that are not near danger the alarm learns from: those most like dangerous ones."""
NEAREST = 5
"""So many dangerous texts tell how much another one is like them."""
ALARM_RIDGE = 1 / 6
"""The alarm's ridge beside that of the labels."""


@dataclass(frozen=True)
class LeftOut:
    """What the model said of the texts that it was not trained on: for calibration and tuning.

    `alarm` is NaN for texts that the alarm does not learn from.
    """

    rows: npt.NDArray[np.int64]
    probabilities: Floats
    alarm: Floats
    accuracy: float


class KernelClassifier:
    """Fit on texts with dense vectors; gives a probability for each label, and one of alarm."""

    def __init__(self, shape: Shape = Shape()) -> None:
        self.shape = shape
        self.features = Features(shape)
        self.topics = KernelRidge(shape.gamma)
        self.danger: KernelRidge | None = None
        self.labels: list[str] = []
        self.scale = 1.0
        self.alarm = (1.0, 0.0)
        """Slope and offset of the alarm's logistic curve."""

    def fit(
        self,
        texts: Sequence[str],
        dense: Floats,
        labels: Sequence[str],
        foreign: Floats | None = None,
        alarming: npt.NDArray[np.int8] | None = None,
        out: npt.NDArray[np.bool_] | None = None,
    ) -> LeftOut:
        """Train; a text with the label "" teaches only the alarm.

        `foreign`: share of each text that is in a language unknown to the encoder. `alarming`: 1 if
        a text tells of danger, 0 if not, -1 if the alarm learns nothing from it. `out`: the texts
        to calibrate on, every twentieth if not given.
        """
        n = len(texts)
        foreign = np.zeros(n, np.float32) if foreign is None else foreign
        alarming = np.zeros(n, np.int8) if alarming is None else alarming
        out = np.arange(n) % FOLD == 0 if out is None else out
        seen = self.features.fit(texts, dense, foreign)
        named = np.array([bool(label) for label in labels])
        self.labels = sorted({label for label in labels if label})
        found = np.zeros((n, len(self.labels)), np.float32)
        found[named & out] = self._fit_labels(seen, np.array(labels), named, out)
        right = found.argmax(axis=1) == _places(self.labels, labels)
        alarm = np.full(n, np.nan, np.float32)
        if (alarming == 1).any():
            rows = self._near_danger(seen, alarming, ~named)
            alarm[rows[out[rows]]] = self._fit_alarm(seen, rows, alarming, out)
        return LeftOut(
            np.flatnonzero(out), found[out], alarm[out], float(right[named & out].mean())
        )

    def _fit_labels(
        self,
        seen: Seen,
        labels: npt.NDArray[Any],
        named: npt.NDArray[np.bool_],
        out: npt.NDArray[np.bool_],
    ) -> Floats:
        """Train on the texts that have labels; probabilities of those left out."""
        rows, kept = _last_out(np.flatnonzero(named), out)
        ours = labels[rows]
        target = _places(self.labels, ours)
        wanted = np.full((len(rows), len(self.labels)), -1 / len(self.labels), np.float32)
        wanted[np.arange(len(rows)), target] = 1.0
        ridge = self.shape.ridge / _importance(ours)
        scores = self.topics.fit(seen.take(rows), wanted, ridge).last(kept)
        self.scale = _temperature(scores.astype(np.float64), target[kept:])
        return self._softmax(scores)

    def _near_danger(
        self, seen: Seen, alarming: npt.NDArray[np.int8], unnamed: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Rows that the alarm learns from, in their order."""
        near = unnamed | (alarming == 1)
        others = np.flatnonzero(~near & (alarming == 0))
        danger = seen.take(np.flatnonzero(alarming == 1))
        alike = [
            np.sort(compared(seen.take(others[i : i + BLOCK]), danger, self.shape.gamma), axis=1)
            for i in range(0, len(others), BLOCK)
        ]
        closeness = np.concatenate([part[:, -NEAREST:].mean(axis=1) for part in alike] or [[]])
        chosen = others[np.argsort(-closeness, kind="stable")[:ALIKE]]
        return np.sort(np.concatenate([np.flatnonzero(near), chosen]))

    def _fit_alarm(
        self,
        seen: Seen,
        rows: npt.NDArray[np.int64],
        alarming: npt.NDArray[np.int8],
        out: npt.NDArray[np.bool_],
    ) -> Floats:
        """Train on `rows`; how likely danger is in those left out, in the order of `rows`.

        Too few dangerous texts are among those left out: the curve is fitted to what all others say
        of each text. A harmless text counts nothing, so that one unlike all others is harmless.
        """
        ordered, kept = _last_out(rows, out)
        sign = np.where(alarming[ordered] == 1, 1.0, -1.0).astype(np.float32)
        self.danger = KernelRidge(self.shape.gamma)
        ridge = np.full(len(rows), self.shape.ridge * ALARM_RIDGE, np.float32)
        solution = self.danger.fit(seen.take(ordered), sign[:, None] + 1, ridge)
        alone = solution.each()[:, 0]

        def cost(line: npt.NDArray[np.float64]) -> float:
            return float(np.mean(np.logaddexp(0, -sign * (line[0] * alone + line[1]))))

        slope, offset = minimize(cost, [4.0, 0.0], method="Nelder-Mead").x
        self.alarm = (float(slope), float(offset))
        return self._logistic(solution.last(kept)[:, 0])

    def shares(self, seen: Seen) -> Floats:
        """Calibrated probabilities: a row a text, with columns in the order of `labels`."""
        return self._softmax(self.topics.scores(seen))

    def alarms(self, seen: Seen) -> Floats:
        """How likely danger is, by text."""
        if self.danger is None:
            return np.zeros(len(seen), np.float32)
        return self._logistic(self.danger.scores(seen)[:, 0])

    def _softmax(self, scores: Floats) -> Floats:
        z = scores * np.float32(self.scale)
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(z / z.sum(axis=1, keepdims=True), dtype=np.float32)

    def _logistic(self, scores: Floats) -> Floats:
        slope, offset = self.alarm
        return np.asarray(expit(slope * scores + offset), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write arrays and vocabularies."""
        folder.mkdir(parents=True, exist_ok=True)
        features = self.features
        arrays = {
            "axes": features.axes,
            "character_rarity": features.character.rarity,
            "word_rarity": features.word.rarity,
        }
        for name, machine in (("topics", self.topics), ("danger", self.danger)):
            if machine is not None:
                arrays |= {f"{name}_{key}": value for key, value in machine.arrays().items()}
        np.savez(folder / "arrays.npz", **arrays)
        meta = {
            "shape": asdict(self.shape),
            "labels": self.labels,
            "scale": self.scale,
            "alarm": self.alarm,
            "character": _ordered(features.character.places),
            "word": _ordered(features.word.places),
        }
        (folder / "model.json").write_text(json.dumps(meta, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> KernelClassifier:
        """Read what `save` wrote; pickles are refused."""
        meta = json.loads((folder / "model.json").read_text("utf-8"))
        model = cls(Shape.of(meta["shape"]))
        model.labels, model.scale, model.alarm = meta["labels"], meta["scale"], tuple(meta["alarm"])
        with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        features = model.features
        features.axes = arrays["axes"]
        for part, name in ((features.character, "character"), (features.word, "word")):
            part.places = {gram: i for i, gram in enumerate(meta[name])}
            part.rarity = arrays[f"{name}_rarity"]
        model.topics = _machine(model.shape, arrays, "topics_")
        if "danger_alpha" in arrays:
            model.danger = _machine(model.shape, arrays, "danger_")
        return model


def _machine(shape: Shape, arrays: dict[str, npt.NDArray[Any]], name: str) -> KernelRidge:
    own = {key.removeprefix(name): array for key, array in arrays.items() if key.startswith(name)}
    return KernelRidge.of(shape.gamma, own)


def _last_out(
    rows: npt.NDArray[np.int64], out: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], int]:
    """The rows with those that are left out at the end, and how many stand before them."""
    return rows[np.argsort(out[rows], kind="stable")], int((~out[rows]).sum())


def _places(labels: Sequence[str], names: Iterable[str]) -> npt.NDArray[np.int64]:
    """Where each name stands in the sorted labels; -1 for names that are none."""
    place = {label: i for i, label in enumerate(labels)}
    return np.array([place.get(name, -1) for name in names], np.int64)


def _temperature(scores: npt.NDArray[np.float64], target: npt.NDArray[np.int64]) -> float:
    """The factor that makes the softmax of left-out scores most truthful."""

    def loss(log_scale: npt.NDArray[np.float64]) -> float:
        z = scores * np.exp(log_scale[0])
        z = z - z.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), target]))

    return float(np.exp(minimize(loss, [2.0], method="Nelder-Mead").x[0]))


def _importance(labels: npt.NDArray[Any]) -> Floats:
    """Texts of rare labels weigh more, by the root of how rare they are."""
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(np.sqrt(len(labels) / len(counts) / counts[place]), dtype=np.float32)


def _ordered(vocabulary: dict[str, int]) -> list[str]:
    return sorted(vocabulary, key=lambda gram: vocabulary[gram])
