"""The host's loops of MESU in q16 for every kind of host: NEON, AVX2 and plain C equal golden.

What is not this machine's runs in QEMU (qemu-user).
"""

from __future__ import annotations

import functools
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from mesu_edges import edge_rows, edge_state
from networks import Case
from stream_program import StreamProgram

from quant.compiler import FLAGS
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import State, init_state
from streamlearn.engines import NumpyEngine

ZIG = [sys.executable, "-m", "ziglang", "cc"]
HOST = tuple(flag for flag in FLAGS if flag not in ("-shared", "-fPIC"))
CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Build:
    """A kind of host: its processor, how it is compiled for, and which file's loops it takes."""

    processor: str
    flags: tuple[str, ...]
    file: str
    needs: str = ""

    def runner(self) -> tuple[str, ...] | None:
        """Return the command that runs a program of this build; None: there is none here."""
        found = CPUINFO.read_text(errors="replace") if CPUINFO.exists() else ""
        same = (platform.system(), platform.machine()) == ("Linux", self.processor)
        if same and self.needs in found:
            return ()
        qemu = shutil.which(f"qemu-{self.processor}")
        return (qemu, "-cpu", "max") if qemu else None


BUILDS = {
    "neon": Build("aarch64", ("-target", "aarch64-linux-musl"), "neon"),
    "neon32": Build("arm", ("-target", "arm-linux-musleabihf", "-mcpu=cortex_a7"), "neon"),
    "avx2": Build("x86_64", ("-target", "x86_64-linux-musl", "-mcpu=x86_64_v3"), "avx2", "avx2"),
    "plain": Build("x86_64", ("-target", "x86_64-linux-musl", "-mcpu=x86_64"), "plain"),
}


def case_of(layers: tuple[int, ...], bias: bool = True, front: str = "none", **more: float) -> Case:
    return Case(NetworkSpec(layers, bias, front), MesuConfig(**more), "q16")


#: Widths about those of 8 and 16 units and of their tiles; rows of odd and of even length.
CASES = {
    "odd widths": case_of((9, 13, 5, 3), n_draws=3, memory_window=2000.0),
    "whole widths": case_of((21, 16, 4), front="standardise", n_draws=10),
    "tiles and more": case_of((12, 50, 10), n_draws=4, sigma_init=0.5),
    "two tiles": case_of((7, 64, 2), bias=False, n_draws=17),
    "a single layer": case_of((13, 3), n_draws=64, sweep=1, memory_window=600.0),
    "a row shorter than a vector": case_of((2, 1, 2), bias=False, n_draws=1),
    "steps beyond the lanes": case_of((30, 33, 2), n_draws=2, lr_mu=50.0, lr_sigma=50.0),
}  # fmt: skip
#: AVX2 and plain C go through many more cases elsewhere, each on its own kind of machine.
FEW = ("odd widths", "tiles and more", "a single layer")
PAIRS = [(build, case) for build in BUILDS for case in (CASES if build == "neon" else FEW)]


@dataclass(frozen=True, eq=False)
class Stream:
    """Samples from a state on; and golden's state, predictions and counts after them."""

    start: bytes
    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int64]
    state: bytes
    predictions: list[int]
    saturations: tuple[int, ...]
    moves: frozenset[int]


def golden_stream(case: Case, state: State, x: npt.NDArray[np.float32], seed: int) -> Stream:
    engine, start, before = NumpyEngine(*case.given), state.tobytes(), state["rho_exponent"].copy()
    y = np.random.default_rng(seed).integers(0, case.spec.n_classes, len(x))
    predictions = []
    for row, label in zip(x.astype(np.float64), y.tolist(), strict=True):
        predictions.append(engine.predict(state, row).class_index)
        engine.learn(state, row, label)
    moves = frozenset((state["rho_exponent"].astype(int) - before).ravel().tolist())
    counts = tuple(vars(engine.saturations).values())
    return Stream(start, x, y, state.tobytes(), predictions, counts, moves)


@functools.cache
def streams(name: str) -> list[Stream]:
    """Return what a case is compared on: an ordinary stream, and short ones from edge states."""
    case, rng = CASES[name], np.random.default_rng(len(name))
    n, fresh = case.spec.n_features, init_state(*case.given, 1)
    ordinary = rng.normal(0, 1.5, (150, n)).astype(np.float32)
    ordinary[rng.random(ordinary.shape) < 0.4] = 0
    found = [golden_stream(case, fresh.copy(), ordinary, 0)]
    for seed, mode in enumerate((0, 1, 2, 3) * 3):
        state = edge_state(case.spec, case.config, fresh, mode, rng)
        found.append(golden_stream(case, state, edge_rows(n, 6, rng), seed))
    return found


def program(build: str, name: str, folder: Path, plant: tuple[str, str] | None) -> StreamProgram:
    made = BUILDS[build]
    runner = made.runner()
    if runner is None:
        pytest.skip(f"no qemu-{made.processor} on PATH (Debian and Ubuntu: apt install qemu-user)")
    flags = (*HOST, *made.flags)
    return StreamProgram(folder, ZIG, *CASES[name].given, flags, plant, runner)


def differences(compiled: StreamProgram, name: str) -> list[str]:
    """Return in what a compiled case differs from golden, of each of its streams."""
    found = []
    for number, stream in enumerate(streams(name)):
        done = compiled.run(stream.start, stream.x, stream.y)
        if done.code != 0 or done.state is None or done.predictions is None:
            found.append(f"stream {number} ended with {done.code}: {done.stderr}")
            continue
        if done.predictions.tolist() != stream.predictions:
            found.append(f"predictions of stream {number}")
        if done.state != stream.state:
            found.append(f"state of stream {number}")
        if done.saturations != stream.saturations:
            found.append(f"counts of stream {number}: {done.saturations}, {stream.saturations}")
    return found


@pytest.mark.parametrize(("build", "name"), PAIRS)
def test_a_hosts_loops_equal_golden(build: str, name: str, tmp_path: Path) -> None:
    assert differences(program(build, name, tmp_path, None), name) == []


def test_every_file_a_host_can_take_is_compared() -> None:
    folder = Path(sys.modules[MesuConfig.__module__].__file__ or "").parent / "kernel" / "q16"
    chosen = (folder / "sl_columns.h").read_text().split("#elif SL_SMALL")[0]
    named = {f"sl_columns_{build.file}.h" for build in BUILDS.values()}
    assert set(re.findall(r'"(sl_columns_\w+\.h)"', chosen)) == named


@pytest.mark.parametrize(
    ("build", "healthy", "faulty"),
    [
        ("neon", "vqaddq_s16(", "vaddq_s16("),
        ("neon", "columns->g[k] = columns->dither[k] = 0", "columns->g[k] = 32767"),
        ("neon", "i = SL_WHOLE_ROWS; i < SL_FIRST_ROWS", "i = SL_FIRST_ROWS; i < SL_FIRST_ROWS"),
        ("neon", "vmlal_n_s16(sum_k[1], vget_high_s16(two.val[1]), second)", "sum_k[1]"),
        ("avx2", "_mm256_adds_epi16(", "_mm256_add_epi16("),
        ("plain", "dither ^ columns->dither[j], right);", "dither, right);"),
    ],
)
def test_canary_planted_faults_are_seen(
    build: str, healthy: str, faulty: str, tmp_path: Path
) -> None:
    # Of a single layer, the last rows are the array's.
    name = "a single layer" if "ROWS" in healthy else "odd widths"
    assert differences(program(build, name, tmp_path, (healthy, faulty)), name)


def test_the_streams_reach_the_edges() -> None:
    """Canary of the above: rows are halved and doubled there, and every kind of value saturates."""
    every = [stream for name in CASES for stream in streams(name)]
    moves = frozenset[int]().union(*(stream.moves for stream in every))
    assert min(moves) < 0 < max(moves)
    counts = np.sum([stream.saturations for stream in every], axis=0)
    assert (counts[:5] > 0).all(), counts
