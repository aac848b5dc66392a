"""The text classifier: kernel ridge regression over n-grams and a sentence encoder, calibrated.

Texts are compared by a Gaussian kernel on character n-grams, word n-grams and dense vectors; where
the encoder does not know a text's language, the n-grams count for more. Training is one Cholesky
factorisation (Rifkin and Lippert, "Notes on Regularized Least Squares", 2007): every fifth text
comes last, so that the factor of the others is its upper corner and predicts those texts as if
it had never seen them; that calibrates the probabilities. Models are plain arrays and JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import ThreadpoolController

from bot.brain.ngrams import against, vectorisers

Floats = npt.NDArray[np.float32]
BLOCK = 1024
_threads = ThreadpoolController().limit
FOLD = 5
"""Every so many texts are left out when the probabilities are calibrated."""


@dataclass(frozen=True)
class Shape:
    """The kernel's weights and the ridge; defaults come from `bench/tune.py`.

    A pair is the weight in a language that the encoder knows and in one that it does not.
    """

    character: tuple[float, float] = (1.0, 4.0)
    word: tuple[float, float] = (0.16, 0.7)
    dense: tuple[float, float] = (9.0, 5.0)
    gamma: float = 0.08
    ridge: float = 0.05
    least: int = 2
    """N-grams of fewer texts are left out."""
    most: float = 0.1
    """N-grams of a greater share of the texts are left out as well: many, and they tell little."""
    directions: int = 256
    """How many principal directions of the dense vectors are kept."""

    @classmethod
    def of(cls, values: dict[str, Any]) -> Shape:
        """From JSON, which knows no tuples."""
        read: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**read)

    def weights(self, foreign: Floats) -> Floats:
        """Weights of characters, words and vector, a row a text, by its share of foreign words."""
        pairs = np.array([self.character, self.word, self.dense], np.float32)
        mixed = np.outer(1 - foreign, pairs[:, 0]) + np.outer(foreign, pairs[:, 1])
        return np.asarray(mixed, dtype=np.float32)


@dataclass(frozen=True)
class LeftOut:
    """What the model said of the texts that it was not trained on: for calibration and tuning."""

    rows: npt.NDArray[np.int64]
    probabilities: Floats
    alarm: Floats
    accuracy: float


class KernelClassifier:
    """Fit on texts with dense vectors; gives a probability for each label, and one of alarm."""

    def __init__(self, shape: Shape = Shape()) -> None:
        self.shape = shape
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
        alarming: npt.NDArray[np.bool_] | None = None,
        out: npt.NDArray[np.bool_] | None = None,
    ) -> LeftOut:
        """Train; a text with the label "" teaches only what is no alarm.

        `foreign`: share of each text that is in a language unknown to the encoder. `out`: the texts
        to calibrate on, every fifth if not given.
        """
        n = len(texts)
        self.labels = sorted(set(labels) - {""})
        foreign = np.zeros(n, np.float32) if foreign is None else foreign
        alarming = np.zeros(n, np.bool_) if alarming is None else alarming
        out = np.arange(n) % FOLD == 0 if out is None else out
        order = np.argsort(out, kind="stable")
        kept = n - int(out.sum())
        self._char, self._word = vectorisers(self.shape.least, self.shape.most)
        texts, labels = [texts[i] for i in order], [labels[i] for i in order]
        grams = self._char.fit_transform(texts), self._word.fit_transform(texts)
        self._foreign, alarming = foreign[order], alarming[order]
        self._axes = principal(dense, self.shape.directions)
        self._vectors = turned(dense[order], self._axes)
        sparse, self._dense, self._norms = self._weighted(*grams, self._vectors, self._foreign)
        self._columns = sparse.T.tocsr()
        kernel = self._own_kernel(sparse)
        kernel[np.diag_indices(n)] += self.shape.ridge / _importance(labels)
        # Row-major and lower is column-major and upper: factorised in place.
        factor, _ = scipy.linalg.cho_factor(kernel.T, overwrite_a=True, check_finite=False)
        half = scipy.linalg.solve_triangular(
            factor, self._wanted(labels, alarming), trans="T", check_finite=False
        )
        scores = factor[:kept, kept:].T @ half[:kept]
        self._alpha = np.ascontiguousarray(
            scipy.linalg.solve_triangular(factor, half, check_finite=False), dtype=np.float32
        )
        return self._calibrate(scores, order[kept:], labels[kept:], alarming[kept:])

    def _wanted(self, labels: Sequence[str], alarming: npt.NDArray[np.bool_]) -> Floats:
        """Targets: a column a label, and a last one for the alarm."""
        wanted = np.full((len(labels), len(self.labels) + 1), -1 / len(self.labels), np.float32)
        place = {label: i for i, label in enumerate(self.labels)}
        for row, label in enumerate(labels):
            if label:
                wanted[row, place[label]] = 1.0
        wanted[:, -1] = np.where(alarming, 1.0, -1.0)
        return wanted

    def _calibrate(
        self,
        scores: Floats,
        rows: npt.NDArray[np.int64],
        labels: Sequence[str],
        alarming: npt.NDArray[np.bool_],
    ) -> LeftOut:
        """Softmax temperature and logistic curve that make left-out probabilities most truthful."""
        named = np.array([bool(label) for label in labels])
        target = np.searchsorted(self.labels, [label for label in labels if label])
        plain = scores[named, :-1].astype(np.float64)

        def loss(log_scale: npt.NDArray[np.float64]) -> float:
            z = plain * np.exp(log_scale[0])
            z = z - z.max(axis=1, keepdims=True)
            return float(np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), target]))

        self.scale = float(np.exp(minimize(loss, [2.0], method="Nelder-Mead").x[0]))
        if alarming.any():
            sign = np.where(alarming, 1.0, -1.0)

            def cost(line: npt.NDArray[np.float64]) -> float:
                return float(np.mean(np.logaddexp(0, -sign * (line[0] * scores[:, -1] + line[1]))))

            slope, offset = minimize(cost, [4.0, 0.0], method="Nelder-Mead").x
            self.alarm = (float(slope), float(offset))
        probabilities, alarm = self._probabilities(scores)
        right = float((probabilities[named].argmax(axis=1) == target).mean())
        return LeftOut(rows, probabilities, alarm, right)

    def _weighted(
        self, characters: Any, words: Any, vectors: Floats, foreign: Floats
    ) -> tuple[Any, Floats, Floats]:
        """Weighted n-grams, weighted vectors, and half the squared length of each text."""
        weights = self.shape.weights(foreign)
        roots = np.sqrt(weights)
        left, right = sp.diags(roots[:, 0]), sp.diags(roots[:, 1])
        sparse = sp.hstack([left @ characters, right @ words]).tocsr()
        return sparse, vectors * roots[:, 2:], weights.sum(axis=1) / 2

    def _own_kernel(self, sparse: Any) -> Floats:
        """Kernel of the training texts with each other: the lower triangle, by blocks."""
        n = len(self._norms)
        kernel = np.zeros((n, n), np.float32)
        for start in range(0, n, BLOCK):
            end = min(start + BLOCK, n)
            part = self._dense[start:end] @ self._dense[:end].T
            part += (sparse[start:end] @ self._columns[:, :end]).toarray()
            kernel[start:end, :end] = self._bent(
                part, self._norms[start:end, None], self._norms[:end]
            )
        return kernel

    def _bent(self, product: Floats, left: Floats | np.float32, right: Floats) -> Floats:
        """The Gaussian kernel of inner products, in place."""
        product -= left
        product -= right
        product *= np.float32(self.shape.gamma)
        return np.exp(product, out=product)

    def probabilities(
        self, texts: Sequence[str], vectors: Floats, foreign: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Calibrated: a row a text with columns in the order of `labels`, and alarm by text."""
        foreign = np.zeros(len(texts), np.float32) if foreign is None else foreign
        weights = self.shape.weights(foreign)
        roots, norms = np.sqrt(weights), weights.sum(axis=1) / 2
        characters, words = self._char.transform(texts), self._word.transform(texts)
        shift = characters.shape[1]
        dense = turned(vectors, self._axes) * roots[:, 2:]
        scores = np.empty((len(texts), self._alpha.shape[1]), np.float32)
        # Text by text: of a few at once, the matrix product would copy what it multiplies with.
        with _threads(limits=1, user_api="blas"):  # one text is too little to be shared out
            for row in range(len(texts)):
                left, right = characters[row], words[row]
                grams = np.concatenate([left.indices, right.indices + shift]).astype(np.int64)
                values = np.concatenate([left.data * roots[row, 0], right.data * roots[row, 1]])
                product = self._dense @ dense[row]
                product += against(self._columns, grams, values)
                scores[row] = self._bent(product, norms[row], self._norms) @ self._alpha
        return self._probabilities(scores)

    def _probabilities(self, scores: Floats) -> tuple[Floats, Floats]:
        z = scores[:, :-1] * np.float32(self.scale)
        z = np.exp(z - z.max(axis=1, keepdims=True))
        slope, offset = self.alarm
        alarm: Floats = expit(slope * scores[:, -1] + offset)
        return z / z.sum(axis=1, keepdims=True), alarm

    def save(self, folder: Path) -> None:
        """Write arrays (half precision where that is enough) and vocabularies."""
        folder.mkdir(parents=True, exist_ok=True)
        step = np.abs(self._vectors).max(axis=0) / 127  # a byte a number, by axis
        np.savez_compressed(
            folder / "arrays.npz",
            axes=self._axes,
            step=step,
            dense=np.rint(self._vectors / step).astype(np.int8),
            alpha=self._alpha.astype(np.float16),
            foreign=self._foreign.astype(np.float32),
            data=self._columns.data.astype(np.float16),
            indices=self._columns.indices.astype(np.int32),
            indptr=self._columns.indptr.astype(np.int64),
            char_idf=self._char.idf_.astype(np.float32),
            word_idf=self._word.idf_.astype(np.float32),
        )
        meta = {
            "shape": asdict(self.shape),
            "labels": self.labels,
            "scale": self.scale,
            "alarm": self.alarm,
            "char": _ordered(self._char.vocabulary_),
            "word": _ordered(self._word.vocabulary_),
        }
        (folder / "model.json").write_text(json.dumps(meta, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> KernelClassifier:
        """Read what `save` wrote; pickles are refused."""
        meta = json.loads((folder / "model.json").read_text("utf-8"))
        shape = Shape.of(meta["shape"])
        model = cls(shape)
        model.labels, model.scale, model.alarm = meta["labels"], meta["scale"], tuple(meta["alarm"])
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            weights = shape.weights(arrays["foreign"])
            model._norms = weights.sum(axis=1) / 2
            model._axes = arrays["axes"]
            model._dense = arrays["dense"] * arrays["step"] * np.sqrt(weights[:, 2:])
            model._alpha = arrays["alpha"].astype(np.float32)
            rows = len(meta["char"]) + len(meta["word"])
            model._columns = sp.csr_matrix(
                (arrays["data"].astype(np.float32), arrays["indices"], arrays["indptr"]),
                shape=(rows, len(weights)),
            )
            model._char, model._word = vectorisers(shape.least, shape.most)
            for part, name in ((model._char, "char"), (model._word, "word")):
                part.vocabulary_ = {gram: i for i, gram in enumerate(meta[name])}
                part.idf_ = arrays[f"{name}_idf"]
        return model


def principal(vectors: Floats, most: int) -> Floats:
    """The strongest directions of the vectors as columns: at most `most`."""
    _, axes = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    return np.ascontiguousarray(axes[:, ::-1][:, :most], dtype=np.float32)


def turned(vectors: Floats, axes: Floats) -> Floats:
    """Vectors along `axes`, of unit length again."""
    found = vectors @ axes
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


def _importance(labels: Sequence[str]) -> Floats:
    """Texts of rare labels weigh more, by the root of how rare they are."""
    _, place, counts = np.unique(np.array(labels), return_inverse=True, return_counts=True)
    return np.asarray(np.sqrt(len(labels) / len(counts) / counts[place]), dtype=np.float32)


def _ordered(vocabulary: dict[str, int]) -> list[str]:
    return sorted(vocabulary, key=lambda gram: vocabulary[gram])
