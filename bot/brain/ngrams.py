"""Texts as n-grams, and how much those of a text weigh against the texts of the training data."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

_PUNCTUATION = re.compile(r"[^\w\s]")
_SPACE = re.compile(r"\s+")
_WORD = r"\w+"


def tidy(text: str) -> str:
    """Lower case and single spaces, at most 600 characters: what a classifier sees."""
    return _SPACE.sub(" ", text).strip().lower()[:600]


def _bare(text: str) -> str:
    """Accents and punctuation off: a missing accent or comma must not cost a match."""
    if text.isascii():
        return _PUNCTUATION.sub(" ", text)
    decomposed = unicodedata.normalize("NFKD", text)
    return _PUNCTUATION.sub(" ", "".join(c for c in decomposed if not unicodedata.combining(c)))


class Grams:
    """The n-grams of a set of texts, and how much each tells: the rarer, the more."""

    def __init__(self, least: int, most: float, **options: Any) -> None:
        """N-grams of fewer than `least` texts are left out, and those of a greater share than
        `most`. `options` are those of scikit-learn's vectoriser.
        """
        self._vectoriser = TfidfVectorizer(
            preprocessor=_bare,
            sublinear_tf=True,
            dtype=np.float32,
            min_df=least,
            max_df=most,
            **options,
        )
        self._cut = self._vectoriser.build_analyzer()
        self.places: dict[str, int] = {}
        """Where each n-gram stands."""
        self.rarity: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        """Inverse document frequencies, by place."""

    def fit(self, texts: Sequence[str]) -> Any:
        """Learn the n-grams; a CSR matrix with a row of unit length for each text."""
        found = self._vectoriser.fit_transform(texts)
        self.places = self._vectoriser.vocabulary_
        self.rarity = self._vectoriser.idf_.astype(np.float32)
        return found

    def see(self, text: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Places of a text's n-grams and their weights, of unit length.

        The same as a row of scikit-learn's `transform`, at a fraction of its time.
        """
        known = self.places
        counts = Counter(known[gram] for gram in self._cut(text) if gram in known)
        places = np.array(sorted(counts), np.int32)
        often = np.array([counts[place] for place in places.tolist()], np.float32)
        weights = (1 + np.log(often)) * self.rarity[places]
        return places, weights / max(float(np.sqrt(weights @ weights)), 1e-9)


def characters(least: int, most: float = 1.0) -> Grams:
    """Two to five letters inside a word."""
    return Grams(least, most, analyzer="char_wb", ngram_range=(2, 5))


def words(least: int, most: float = 1.0) -> Grams:
    """A word, and two that stand side by side."""
    return Grams(least, most, ngram_range=(1, 2), token_pattern=_WORD)


def against(
    columns: Any, grams: npt.NDArray[np.int64], values: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Inner products of one text (its n-grams and their values) with every training text.

    `columns` is a CSR matrix, a row an n-gram. The same as a sparse product, at a quarter of its
    time for a single short text.
    """
    starts, ends = columns.indptr[grams], columns.indptr[grams + 1]
    lengths = ends - starts
    offsets = np.cumsum(lengths) - lengths
    places = np.repeat(starts - offsets, lengths) + np.arange(lengths.sum())
    weights = columns.data[places] * np.repeat(values, lengths)
    found = np.bincount(columns.indices[places], weights=weights, minlength=columns.shape[1])
    return np.asarray(found, dtype=np.float64)
