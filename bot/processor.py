"""Which kernels of OpenBLAS this processor runs.

The OpenBLAS in NumPy's and SciPy's wheels of 2023 treats an Intel processor that came later as one
of 2004: measured on a Xeon of 2023, training the model takes three times as long. What counts is
what the processor can do, not when it was made; `OPENBLAS_CORETYPE` names the kernels (see
OpenBLAS, USAGE.md, "Troubleshooting") and must be set before NumPy is loaded.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

LISTING = Path("/proc/cpuinfo")
CORES = (
    ("SkylakeX", frozenset({"avx512f", "avx512cd", "avx512dq", "avx512bw", "avx512vl"})),
    ("Haswell", frozenset({"avx2", "fma"})),
)
"""Kernels and the instructions that they need, the best first."""


def best_core(flags: frozenset[str]) -> str:
    """The best kernels for these instructions, or "" where OpenBLAS shall see for itself."""
    return next((name for name, needed in CORES if needed <= flags), "")


def flags_of(listing: str) -> frozenset[str]:
    """The instructions that all processors of `/proc/cpuinfo` have."""
    found = [
        frozenset(line.partition(":")[2].split())
        for line in listing.splitlines()
        if line.startswith("flags")
    ]
    return frozenset.intersection(*found) if found else frozenset()


def choose_core() -> None:
    """Set `OPENBLAS_CORETYPE`, unless it is set or the processor is of another family."""
    if platform.machine() != "x86_64" or not LISTING.exists():
        return
    core = best_core(flags_of(LISTING.read_text("utf-8", "replace")))
    if core:
        os.environ.setdefault("OPENBLAS_CORETYPE", core)
