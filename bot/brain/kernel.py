"""Kernel ridge regression over n-grams and a sentence encoder.

Texts are compared by a Gaussian kernel on character n-grams, word n-grams and dense vectors; where
the encoder does not know a text's language, the n-grams count for more. Training is one Cholesky
factorisation (Rifkin and Lippert, "Notes on Regularized Least Squares", 2007): the texts that are
left out come last, so that the factor of the others is its upper corner and predicts those texts
as if it had never seen them. What is trained is plain arrays.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse as sp

from bot.brain.cores import on_cores, one_thread
from bot.brain.ngrams import against, characters, words

Floats = npt.NDArray[np.float32]
BLOCK = 1024
"""Training texts that are compared at a time in training: what fits into a core's cache."""
READ = 4096
"""The same for a few texts that are read."""


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
class Seen:
    """Texts as the kernel compares them, a row a text."""

    grams: Any
    """Weighted n-grams, a CSR matrix."""
    dense: Floats
    """Weighted vectors along their principal directions."""
    norms: Floats
    """Half the squared length of each text."""

    def __len__(self) -> int:
        return len(self.norms)

    def take(self, rows: npt.NDArray[Any] | slice) -> Seen:
        return Seen(self.grams[rows], self.dense[rows], self.norms[rows])


class Features:
    """Turns texts and their vectors into what the kernel compares."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.character = characters(shape.least, shape.most)
        self.word = words(shape.least, shape.most)
        self.axes: Floats = np.eye(1, dtype=np.float32)

    def fit(self, texts: Sequence[str], vectors: Floats, foreign: Floats) -> Seen:
        """Learn the n-grams and directions of the training texts, and see those texts."""
        self.axes = principal(vectors, self.shape.directions)
        roots = np.sqrt(self.shape.weights(foreign))
        parts = [self.character.fit(texts), self.word.fit(texts)]
        for part, root in zip(parts, roots.T):
            part.data *= np.repeat(root, np.diff(part.indptr))
        return self._seen(sp.hstack(parts, format="csr"), vectors, roots)

    def see(self, texts: Sequence[str], vectors: Floats, foreign: Floats) -> Seen:
        """Other texts over the n-grams and directions of the training texts."""
        roots = np.sqrt(self.shape.weights(foreign))
        places, values, bounds = [], [], [0]
        for text, (character, word, _) in zip(texts, roots):
            inside, inside_values = self.character.see(text)
            whole, whole_values = self.word.see(text)
            places += [inside, whole + len(self.character.places)]
            values += [inside_values * character, whole_values * word]
            bounds.append(bounds[-1] + len(inside) + len(whole))
        width = len(self.character.places) + len(self.word.places)
        grams = (np.concatenate(values), np.concatenate(places), bounds)
        return self._seen(sp.csr_matrix(grams, shape=(len(texts), width)), vectors, roots)

    def _seen(self, grams: Any, vectors: Floats, roots: Floats) -> Seen:
        dense = turned(vectors, self.axes) * roots[:, 2:]
        return Seen(grams, dense, np.square(roots).sum(axis=1) / 2)


@dataclass(frozen=True)
class Solution:
    """A solved regression, which tells what it would say of texts that it had not been trained on.

    `factor` is the upper Cholesky factor of shape (texts, texts); the others are (texts, columns).
    """

    factor: Floats
    half: Floats
    alpha: Floats
    wanted: Floats

    def last(self, kept: int) -> Floats:
        """What a model of the first `kept` texts alone would say of the others."""
        return np.asarray(self.factor[:kept, kept:].T @ self.half[:kept], dtype=np.float32)

    def each(self) -> Floats:
        """What a model of all the others would say of each text."""
        inverse, _ = scipy.linalg.lapack.strtri(self.factor)
        own = np.zeros(len(inverse), np.float32)
        for i, column in enumerate(inverse.T):  # below its diagonal the factor holds what it likes
            own[: i + 1] += np.square(column[: i + 1])
        return np.asarray(self.wanted - self.alpha / own[:, None], dtype=np.float32)


class KernelRidge:
    """Targets as a smooth function of texts; as many at once as there are columns."""

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def fit(self, seen: Seen, wanted: Floats, ridge: Floats) -> Solution:
        """Train on texts with targets of shape (texts, columns) and a ridge for each text."""
        self._dense, self._norms = seen.dense, seen.norms
        self._columns = seen.grams.T.tocsr()
        kernel = self._own_kernel(seen)
        kernel[np.diag_indices(len(seen))] += ridge
        # Row-major and lower is column-major and upper: factorised in place.
        factor, _ = scipy.linalg.cho_factor(kernel.T, overwrite_a=True, check_finite=False)
        half = scipy.linalg.solve_triangular(factor, wanted, trans="T", check_finite=False)
        self._alpha = np.ascontiguousarray(
            scipy.linalg.solve_triangular(factor, half, check_finite=False), dtype=np.float32
        )
        return Solution(factor, half, self._alpha, wanted)

    def _own_kernel(self, seen: Seen) -> Floats:
        """Kernel of the training texts with each other: the lower triangle, a block a core."""
        n = len(seen)
        kernel = np.zeros((n, n), np.float32)

        def fill(start: int) -> None:
            rows = slice(start, min(start + BLOCK, n))
            before = slice(rows.stop)
            kernel[rows, before] = compared(seen.take(rows), seen.take(before), self.gamma)

        on_cores(fill, range(0, n, BLOCK), os.cpu_count() or 1)
        return kernel

    def scores(self, seen: Seen) -> Floats:
        """Array of shape (texts, columns)."""
        grams, bounds = seen.grams, seen.grams.indptr
        shared = [
            against(self._columns, grams.indices[a:b], grams.data[a:b]) for a, b in pairwise(bounds)
        ]
        found = np.zeros((len(seen), self._alpha.shape[1]), np.float32)
        with one_thread():  # one text is too little to be shared out
            for start in range(0, len(self._norms), READ):
                part = slice(start, start + READ)
                # Text by text: of a few at once, the product would copy what it multiplies with.
                for row in range(len(seen)):
                    product = self._dense[part] @ seen.dense[row]
                    product += shared[row][part]
                    bent = _bent(product, seen.norms[row], self._norms[part], self.gamma)
                    found[row] += bent @ self._alpha[part]
        return found

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What `of` reads back: bytes and half precision where that is enough."""
        step = np.maximum(np.abs(self._dense).max(axis=0), 1e-9) / 127  # a byte a number, by axis
        return {
            "step": step,
            "dense": np.rint(self._dense / step).astype(np.int8),
            "norms": self._norms.astype(np.float32),
            "alpha": self._alpha.astype(np.float16),
            "data": self._columns.data.astype(np.float16),
            "indices": self._columns.indices.astype(np.int32),
            "indptr": self._columns.indptr.astype(np.int64),
        }

    @classmethod
    def of(cls, gamma: float, arrays: Mapping[str, npt.NDArray[Any]]) -> KernelRidge:
        model = cls(gamma)
        model._norms = arrays["norms"]
        model._dense = arrays["dense"] * arrays["step"]
        model._alpha = arrays["alpha"].astype(np.float32)
        model._columns = sp.csr_matrix(
            (arrays["data"].astype(np.float32), arrays["indices"], arrays["indptr"]),
            shape=(len(arrays["indptr"]) - 1, len(model._norms)),
        )
        return model


def compared(left: Seen, right: Seen, gamma: float) -> Floats:
    """The kernel of every text on the left with every one on the right."""
    product = left.dense @ right.dense.T
    product += (left.grams @ right.grams.T).toarray()
    return _bent(product, left.norms[:, None], right.norms, gamma)


def _bent(product: Floats, left: Any, right: Floats, gamma: float) -> Floats:
    """The Gaussian kernel of inner products, in place."""
    product -= left
    product -= right
    product *= np.float32(gamma)
    return np.exp(product, out=product)


def principal(vectors: Floats, most: int) -> Floats:
    """The strongest directions of the vectors as columns: at most `most`."""
    _, axes = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    return np.ascontiguousarray(axes[:, ::-1][:, :most], dtype=np.float32)


def turned(vectors: Floats, axes: Floats) -> Floats:
    """Vectors along `axes`, of unit length again."""
    found = vectors @ axes
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)
