"""The kernel under AddressSanitizer and UndefinedBehaviorSanitizer; and planted faults are seen."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import Case, absurd_stream, cases, covering, defaults, targets_of
from stream_program import SANITIZE, StreamProgram, find_compiler

from quant.heads import HEADS
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.state import init_state, state_to_bytes
from streamlearn.engines import NumpyEngine

#: The whole stream in integers, and which fixture has the golden model's run.
GAS = {
    "golden_run": Case(NetworkSpec((128, 32, 6)), MesuConfig(), "q16"),
    "metaplastic_golden_run": Case(NetworkSpec((128, 64, 6), False), MetaplasticConfig(), "q8"),
    "host_float32_run": Case(NetworkSpec((128, 32, 6)), MesuConfig(), "float32"),
}
#: One learner of each rule and arithmetic in C.
EACH = {f"{case.config.rule}-{case.arithmetic}": case for case in reversed(cases())}
COMPILER = find_compiler()
needs_sanitizers = pytest.mark.skipif(
    COMPILER is None, reason="no gcc or clang on PATH that links -fsanitize=address,undefined"
)
#: In the shared part of every learner, before the forward pass.
PLACE = "sl_front_end_update(state, scratch, x_bits);"
SIGNED_OVERFLOW = PLACE + " volatile int32_t plant = 2147483647; plant = plant + 1;"
SHIFT = PLACE + " volatile int32_t plant = 32; plant = 1 << plant;"
PAST_THE_STATE = PLACE + " ((volatile uint32_t *)state)[sizeof *state / 4] = 0;"
PAST_THE_INPUT = PLACE + " (void)((volatile const float *)state)[-1];"
BUILDS = {"chip": (), "host": ("-DSL_HOST",)}
#: With them either build rounds float32 as this machine's own library does.
AS_NATIVE = ("-march=native", "-DSL_FUSE")


def sanitized(folder: Path, case: Case, **more: Any) -> StreamProgram:
    flags = (*SANITIZE, *(() if case.integer else AS_NATIVE), *more.pop("flags", ()))
    return StreamProgram(folder, [str(COMPILER)], *case.given, flags, **more)


def start(case: Case) -> bytes:
    return state_to_bytes(init_state(*case.given, 0))


@needs_sanitizers
@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("run", GAS)
def test_gas_stream_is_clean_and_equals_golden(
    run: str, build: str, tmp_path: Path, gas: Any, request: pytest.FixtureRequest
) -> None:
    case, expected = GAS[run], request.getfixturevalue(run)
    flags = ("-O1", *BUILDS[build])  # a long run
    done = sanitized(tmp_path, case, flags=flags).run(start(case), gas.x, gas.y)
    assert (done.code, done.stderr) == (0, "")
    assert np.array_equal(done.predictions, expected.predictions)
    assert done.state == expected.state


def every_build() -> list[Any]:
    """The host's lanes and tiles over every rule, the chip's build over extreme settings too."""
    found = []
    for build, many in (("host", defaults()), ("chip", cases())):
        quick = covering(many)
        for case in many:
            marks = () if case in quick else (pytest.mark.slow,)
            found.append(pytest.param(case, build, id=f"{case}-{build}", marks=marks))
    return found


@needs_sanitizers
@pytest.mark.parametrize(("case", "build"), every_build())
def test_absurd_streams_are_clean(case: Case, build: str, tmp_path: Path) -> None:
    spec = case.spec
    x, number = absurd_stream(spec.n_features, 300, 3), HEADS[spec.head].target == "number"
    if not case.integer:
        # Floating point may diverge on purpose (-3): beyond about 1e19 the statistics overflow, and
        # unstandardised inputs of 8 at random labels drive the weights apart.
        limit = 1 if spec.front_end == "none" else 1e6
        x = np.clip(x, -limit, limit)
        rates = {name: 0.5 for name in vars(case.config) if name.split("_")[0] == "lr"}
        case = dataclasses.replace(case, config=dataclasses.replace(case.config, **rates))
    targets = targets_of(spec, len(x), 5)
    words = targets.view(np.uint32) if number else targets
    done = sanitized(tmp_path, case, flags=BUILDS[build]).run(start(case), x, words)
    assert (done.code, done.stderr) == (0, "")
    kernel, state = NativeKernel(*case.given), init_state(*case.given, 0)
    predictions = kernel.learn(state, x, targets)
    assert done.state == state.tobytes()
    if number:
        assert not done.predictions.any(), "the status, SL_OK"
    else:
        assert np.array_equal(done.predictions, predictions)


@needs_sanitizers
@pytest.mark.parametrize("build", BUILDS)
def test_full_charges_are_clean(build: str, tmp_path: Path) -> None:
    """Charges of spiking units that what arrives keeps at the ends of their format."""
    config = MesuConfig(n_draws=4)
    case = Case(NetworkSpec((8, 5, 4, 3), front_end="none", leaks=(6, 6, 4)), config, "q16")
    state = init_state(*case.given, 0)
    state["charge_mean"][0] = np.where(np.arange(state["charge_mean"].size) % 2, 1 << 30, -1 << 30)
    state["mu"][0].reshape(-1, 1)[: 8 * 5] = 32767
    x, labels = np.full((3, 8), 127 / 16, np.float32), np.zeros(3, np.uint32)
    done = sanitized(tmp_path, case, flags=BUILDS[build]).run(state_to_bytes(state), x, labels)
    assert (done.code, done.stderr) == (0, "")
    golden = NumpyEngine(*case.given)
    for row in x:
        golden.learn(state, row.astype(float), 0)
    assert done.state == state.tobytes()
    assert state["charge_mean"].max() == 1 << 30


OVERFLOW = "AddressSanitizer: heap-buffer-overflow"
#: What stands in the code that all learners share is planted into one of them.
PLANTED = {
    "past-the-state": (PAST_THE_STATE, OVERFLOW),
    "before-the-state": (PAST_THE_INPUT, OVERFLOW),
    "signed-overflow": (SIGNED_OVERFLOW, "runtime error: signed integer overflow"),
    "shift": (SHIFT, "runtime error: shift exponent 32 is too large"),
}


@needs_sanitizers
@pytest.mark.parametrize(
    ("case", "more", "seen"),
    [
        *((case, {"flags": ("-DPLANT_OVERFLOW",)}, OVERFLOW) for case in EACH.values()),
        *((GAS["golden_run"], {"plant": (PLACE, code)}, seen) for code, seen in PLANTED.values()),
    ],
    ids=[*(f"short-scratch-{name}" for name in EACH), *PLANTED],
)
def test_canary_planted_faults_are_caught(
    case: Case, more: dict[str, Any], seen: str, tmp_path: Path
) -> None:
    x = absurd_stream(case.spec.n_features, 3, 3)
    done = sanitized(tmp_path, case, **more).run(start(case), x, np.zeros(3, np.uint32))
    assert done.code != 0
    assert seen in done.stderr
    assert done.predictions is None


ZIG_TRAP = ("-fsanitize=undefined", "-fsanitize-trap=undefined")
ZIG = [sys.executable, "-m", "ziglang", "cc"]


@pytest.mark.parametrize("run", GAS)
def test_zig_trapping_build_is_clean(
    run: str, tmp_path: Path, gas: Any, request: pytest.FixtureRequest
) -> None:
    case, n = GAS[run], 1000
    program = StreamProgram(tmp_path / "clean", ZIG, *case.given, ZIG_TRAP)
    done = program.run(start(case), gas.x[:n], gas.y[:n])
    assert (done.code, done.stderr) == (0, "")
    assert np.array_equal(done.predictions, request.getfixturevalue(run).predictions[:n])


def test_canary_zig_trap_is_caught(tmp_path: Path, gas: Any) -> None:
    case = GAS["golden_run"]
    program = StreamProgram(tmp_path, ZIG, *case.given, ZIG_TRAP, (PLACE, SIGNED_OVERFLOW))
    done = program.run(start(case), gas.x[:3], gas.y[:3])
    assert done.code < 0, "expected a trap signal"
    assert done.predictions is None
