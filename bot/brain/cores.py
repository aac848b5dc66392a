"""Work shared out among the processor's cores, with one thread of BLAS for each piece of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy  # noqa: F401 - the controller knows the libraries that are loaded by now
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController

Piece = TypeVar("Piece")
Made = TypeVar("Made")
one_thread = partial(ThreadpoolController().limit, limits=1, user_api="blas")
"""A context in which BLAS takes no core but its caller's."""


def on_cores(work: Callable[[Piece], Made], pieces: Iterable[Piece], cores: int) -> list[Made]:
    """What `work` makes of each piece, in their order, `cores` at a time."""
    with one_thread(), ThreadPoolExecutor(cores) as pool:
        return list(pool.map(work, pieces))
