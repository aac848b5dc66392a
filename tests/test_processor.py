"""The right kernels of OpenBLAS, also on a processor that it does not know."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import pytest

from bot.processor import LISTING, best_core, flags_of
from bot.settings import ROOT

AVX512 = "avx512f avx512cd avx512dq avx512bw avx512vl"
ASKED = """
import json, bot, numpy, scipy.linalg, threadpoolctl
print(json.dumps([x["architecture"] for x in threadpoolctl.threadpool_info() if "architecture" in x]))
"""


@pytest.mark.parametrize(
    ("listing", "core"),
    [
        (f"flags\t\t: fpu sse2 avx2 fma {AVX512}\n", "SkylakeX"),
        ("flags\t\t: fpu sse2 avx2 fma\n", "Haswell"),
        ("flags\t\t: fpu sse2 avx2\n", ""),
        (f"flags : avx2 fma {AVX512}\n\nflags : avx2 fma avx512f\n", "Haswell"),
        ("Features : fp asimd\n", ""),
        ("", ""),
    ],
)
def test_kernels_follow_what_every_processor_can_do(listing: str, core: str) -> None:
    assert best_core(flags_of(listing)) == core


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only this family has such kernels")
@pytest.mark.parametrize("own", ["", "Nehalem"])
def test_numpy_and_scipy_run_them(own: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    if own:
        environment["OPENBLAS_CORETYPE"] = own
    done = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    ran = set(json.loads(done.stdout))
    assert ran
    if own:
        assert ran == {own}, "a choice of one's own counts"
        return
    core = best_core(flags_of(LISTING.read_text("utf-8")))
    if core:
        assert ran == {core}
