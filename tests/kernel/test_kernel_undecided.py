"""Undecided units as a chip's build counts them after a prediction."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import numpy as np

from quant.c_config import config_header, kernel_folders, kernel_sources
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.state import init_state
from streamlearn.engines import NumpyEngine

GIVEN = NetworkSpec((6, 20, 9, 3), front_end="none", leaks=(3, 4, 4)), MetaplasticConfig(), "q8"
SIZES = '#include "sl_learner.h"\nSL_API uint32_t sl_bytes(void) { return sizeof(sl_scratch_t); }\n'


def chip(folder: Path) -> ctypes.CDLL:
    (folder / "sl_config.h").write_text(config_header(*GIVEN))
    (folder / "sizes.c").write_text(SIZES)
    files = [*map(str, kernel_sources(*GIVEN)), "sizes.c"]
    include = [f"-I{path}" for path in (folder, *kernel_folders(*GIVEN))]
    command = [sys.executable, "-m", "ziglang", "cc", "-std=c11", "-O1", "-fPIC", "-shared"]
    subprocess.run([*command, *include, *files, "-o", "chip.so"], cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "chip.so"))


def test_spiking_units_are_counted_after_a_step_that_is_not_learned(tmp_path: Path) -> None:
    kernel, golden = chip(tmp_path), NumpyEngine(*GIVEN)
    state, rng = init_state(*GIVEN, 0), np.random.default_rng(0)
    ours, scratch = state.copy(), np.zeros(kernel.sl_bytes() // 8 + 1, np.uint64)
    at, counts = [ctypes.c_void_p(a.ctypes.data) for a in (ours, scratch)], set()
    for x in rng.normal(size=(20, 6)).astype(np.float32):
        kernel.sl_learner_predict(*at, ctypes.c_void_p(x.ctypes.data))
        counts.add(golden.undecided(state, x.astype(float)))
        assert kernel.sl_rule_undecided(at[1]) == golden.undecided(state, x.astype(float))
        kernel.sl_learner_advance(*at, ctypes.c_void_p(x.ctypes.data))
        golden.advance(state, x.astype(float))
    assert ours.tobytes() == state.tobytes()
    assert len(counts) > 3
