"""The text classifier: kernel ridge regression over n-grams and a sentence encoder, calibrated.

Texts are compared by an exponential kernel on three cosine similarities (character n-grams, word
n-grams, dense vectors). Training is a Cholesky factorisation (Rifkin and Lippert, "Notes on
Regularized Least Squares", 2007), done once on four fifths of the texts to calibrate the
probabilities on the rest, and once on all. Models are stored as plain arrays and JSON, never as
pickles.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.feature_extraction.text import TfidfVectorizer

Floats = npt.NDArray[np.float32]
_PUNCTUATION = re.compile(r"[^\w\s]")
_SPACE = re.compile(r"\s+")
BLOCK = 512
QUANTUM = 700.0
"""The numbers of our unit vectors stay below 0.17: times this they fit into a byte."""
FOLD = 5
"""Every so many texts are left out when the probabilities are calibrated."""


def tidy(text: str) -> str:
    """Lower case and single spaces, at most 600 characters: what a classifier sees."""
    return _SPACE.sub(" ", text).strip().lower()[:600]


@dataclass(frozen=True)
class Shape:
    """The kernel's weights and the ridge; defaults come from cross-validation on training data."""

    character: float = 1.0
    word: float = 0.4
    dense: float = 3.0
    gamma: float = 0.15
    ridge: float = 0.05
    least: int = 1
    """N-grams of fewer texts are left out."""


def _bare(text: str) -> str:
    """Accents and punctuation off: a missing accent or comma must not cost a match."""
    decomposed = unicodedata.normalize("NFKD", text)
    return _PUNCTUATION.sub(" ", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _vectorisers(least: int) -> tuple[Any, Any]:
    common = {
        "preprocessor": _bare,
        "sublinear_tf": True,
        "dtype": np.float32,
        "min_df": least,
    }
    words = r"\w+"
    return (
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **common),
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=words, **{**common, "min_df": 2}),
    )


class KernelClassifier:
    """Fit on texts with dense vectors; gives a probability for each label."""

    def __init__(self, shape: Shape = Shape()) -> None:
        self.shape = shape
        self.labels: list[str] = []
        self.scale, self.bias = 1.0, 0.0

    # Training ----------------------------------------------------------------------------------

    def fit(self, texts: Sequence[str], dense: Floats, labels: Sequence[str]) -> float:
        """Train; returns the share of left-out texts (every fifth) that were labelled right."""
        self.labels = sorted(set(labels))
        target = np.searchsorted(np.array(self.labels), np.array(labels))
        self._char, self._word = _vectorisers(self.shape.least)
        sparse = sp.hstack(
            [
                self._char.fit_transform(texts) * self.shape.character,
                self._word.fit_transform(texts) * self.shape.word,
            ]
        ).tocsr()
        self._dense = np.ascontiguousarray(dense * self.shape.dense, dtype=np.float32)
        self._columns = sparse.T.tocsr()
        kernel = self._kernel(sparse, self._dense)
        out = np.arange(len(texts)) % FOLD == 0
        scores = kernel[np.ix_(out, ~out)] @ self._solve(kernel[np.ix_(~out, ~out)], target[~out])
        self._calibrate(scores, target[out])
        self._alpha = self._solve(kernel, target)
        return float((scores.argmax(axis=1) == target[out]).mean())

    def _solve(self, kernel: Floats, target: npt.NDArray[np.int64]) -> Floats:
        """The ridge regression's coefficients; overwrites the kernel."""
        n = len(target)
        count = np.bincount(target, minlength=len(self.labels))
        weight = np.sqrt(n / len(self.labels) / count[target])
        kernel[np.diag_indices(n)] += self.shape.ridge / weight
        wanted = np.full((n, len(self.labels)), -1.0 / len(self.labels), np.float32)
        wanted[np.arange(n), target] = 1.0
        factor = scipy.linalg.cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
        solved: Floats = scipy.linalg.cho_solve(factor, wanted, check_finite=False)
        return solved

    def _calibrate(self, scores: Floats, target: npt.NDArray[np.int64]) -> None:
        """Choose the softmax temperature that makes left-out probabilities most truthful."""
        rows = np.arange(len(target))

        def loss(log_scale: npt.NDArray[np.float64]) -> float:
            z = scores * np.exp(log_scale[0])
            z = z - z.max(axis=1, keepdims=True)
            return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[rows, target]))

        self.scale = float(np.exp(minimize(loss, [2.0], method="Nelder-Mead").x[0]))

    # Use ---------------------------------------------------------------------------------------

    def _kernel(self, sparse: Any, dense: Floats) -> Floats:
        """Kernel of some texts (rows) against the training texts, made in place, by blocks."""
        whole = self.shape.character**2 + self.shape.word**2 + self.shape.dense**2
        kernel: Floats = dense @ self._dense.T
        for start in range(0, kernel.shape[0], BLOCK):
            rows = kernel[start : start + BLOCK]
            rows += (sparse[start : start + BLOCK] @ self._columns).toarray()
            rows -= np.float32(whole)
            rows *= np.float32(self.shape.gamma)
            np.exp(rows, out=rows)
        return kernel

    def probabilities(self, texts: Sequence[str], dense: Floats) -> Floats:
        """Calibrated probabilities, one row a text, columns in the order of `labels`."""
        sparse = sp.hstack(
            [
                self._char.transform(texts) * self.shape.character,
                self._word.transform(texts) * self.shape.word,
            ]
        ).tocsr()
        kernel = self._kernel(sparse, dense * np.float32(self.shape.dense))
        return self._probabilities(kernel @ self._alpha)

    def _probabilities(self, scores: Floats) -> Floats:
        z = scores * np.float32(self.scale)
        z = np.exp(z - z.max(axis=1, keepdims=True))
        shares: Floats = z / z.sum(axis=1, keepdims=True)
        return shares

    # Storage -----------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write arrays (half precision where that is enough) and vocabularies."""
        folder.mkdir(parents=True, exist_ok=True)
        columns = self._columns.tocsr()
        np.savez_compressed(
            folder / "arrays.npz",
            dense=np.clip(np.rint(self._dense / self.shape.dense * QUANTUM), -127, 127).astype(
                np.int8
            ),
            alpha=self._alpha.astype(np.float16),
            data=columns.data.astype(np.float16),
            indices=columns.indices.astype(np.int32),
            indptr=columns.indptr.astype(np.int64),
            char_idf=self._char.idf_.astype(np.float32),
            word_idf=self._word.idf_.astype(np.float32),
        )
        meta = {
            "shape": self.shape.__dict__,
            "labels": self.labels,
            "scale": self.scale,
            "texts": int(self._dense.shape[0]),
            "char": _ordered(self._char.vocabulary_),
            "word": _ordered(self._word.vocabulary_),
        }
        (folder / "model.json").write_text(json.dumps(meta, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> KernelClassifier:
        """Read what `save` wrote; pickles are refused."""
        meta = json.loads((folder / "model.json").read_text("utf-8"))
        model = cls(Shape(**meta["shape"]))
        model.labels, model.scale = meta["labels"], meta["scale"]
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            model._dense = arrays["dense"].astype(np.float32) * np.float32(
                model.shape.dense / QUANTUM
            )
            model._alpha = arrays["alpha"].astype(np.float32)
            rows = len(meta["char"]) + len(meta["word"])
            model._columns = sp.csr_matrix(
                (arrays["data"].astype(np.float32), arrays["indices"], arrays["indptr"]),
                shape=(rows, meta["texts"]),
            )
            model._char, model._word = _vectorisers(model.shape.least)
            for part, name in ((model._char, "char"), (model._word, "word")):
                part.vocabulary_ = {gram: i for i, gram in enumerate(meta[name])}
                part.idf_ = arrays[f"{name}_idf"]
        return model


def _ordered(vocabulary: dict[str, int]) -> list[str]:
    return sorted(vocabulary, key=lambda gram: vocabulary[gram])
