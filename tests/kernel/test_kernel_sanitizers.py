"""The kernel under AddressSanitizer and UndefinedBehaviorSanitizer; and planted faults are seen."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stream_program import SANITIZE, StreamProgram, find_compiler
from test_kernel_golden import NAMES, NETWORKS, absurd_stream

from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state, state_to_bytes

GAS = (NetworkSpec((128, 32, 6)), MesuConfig())
COMPILER = find_compiler()
needs_sanitizers = pytest.mark.skipif(
    COMPILER is None, reason="no gcc or clang on PATH that links -fsanitize=address,undefined"
)
#: In front of the forward pass's last loop, in both kernels.
PLACE = "int32_t best = 0;"
SIGNED_OVERFLOW = PLACE + " volatile int32_t plant = 2147483647; plant = plant + 1;"
SHIFT = PLACE + " volatile int32_t plant = 32; plant = 1 << plant;"
PAST_THE_STATE = PLACE + " ((volatile uint32_t *)state)[sizeof *state / 4] = 0;"
PAST_THE_INPUT = PLACE + " (void)((volatile const float *)state)[-1];"


def sanitized(folder: Path, spec: Any, config: Any, arithmetic: Any, **more: Any) -> StreamProgram:
    flags = (*SANITIZE, *more.pop("flags", ()))
    return StreamProgram(folder, [str(COMPILER)], spec, config, arithmetic, flags, **more)


def start(spec: NetworkSpec, config: MesuConfig, arithmetic: Any, seed: int = 0) -> bytes:
    return state_to_bytes(init_state(spec, config, arithmetic, seed))


@needs_sanitizers
@pytest.mark.parametrize("build", ["chip", "host"])
def test_gas_stream_q16_is_clean_and_equals_golden(
    build: str, tmp_path: Path, gas: Any, golden_run: Any
) -> None:
    flags = ("-DSL_HOST",) if build == "host" else ()
    program = sanitized(tmp_path, *GAS, "q16", flags=flags)
    done = program.run(start(*GAS, "q16"), gas.x, gas.y)
    assert (done.code, done.stderr) == (0, "")
    assert np.array_equal(done.predictions, golden_run.predictions)
    assert done.state == golden_run.state


@needs_sanitizers
def test_gas_stream_float32_is_clean_and_equals_the_host(
    tmp_path: Path, gas: Any, host_float32_run: Any
) -> None:
    done = sanitized(tmp_path, *GAS, "float32").run(start(*GAS, "float32"), gas.x, gas.y)
    assert (done.code, done.stderr) == (0, "")
    assert np.array_equal(done.predictions, host_float32_run.predictions)
    assert done.state == host_float32_run.state


@needs_sanitizers
@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
@pytest.mark.parametrize(("spec", "config"), NETWORKS, ids=NAMES)
def test_absurd_streams_are_clean(
    spec: NetworkSpec, config: MesuConfig, arithmetic: Any, tmp_path: Path
) -> None:
    x = absurd_stream(spec.n_features, 400, 3)
    if arithmetic == "float32":
        # Floating point may diverge on purpose (-3): beyond about 1e19 the statistics overflow, and
        # unstandardised inputs of 8 at random labels drive the weights apart.
        x = np.clip(x, -1, 1) if spec.front_end == "none" else np.clip(x, -1e6, 1e6)
        config = dataclasses.replace(config, lr_mu=0.5, lr_sigma=0.5)
    labels = np.random.default_rng(4).integers(0, spec.n_classes, len(x))
    done = sanitized(tmp_path, spec, config, arithmetic).run(
        start(spec, config, arithmetic), x, labels
    )
    assert (done.code, done.stderr) == (0, "")
    kernel, state = NativeKernel(spec, config, arithmetic), init_state(spec, config, arithmetic, 0)
    assert np.array_equal(done.predictions, kernel.learn(state, x, labels))
    assert done.state == state.tobytes()


@needs_sanitizers
@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
@pytest.mark.parametrize(("layers", "front_end"), [((5, 8, 1), "standardise"), ((4, 1), "none")])
def test_absurd_targets_are_clean(
    layers: tuple[int, ...], front_end: Any, arithmetic: Any, tmp_path: Path
) -> None:
    spec = NetworkSpec(layers, front_end=front_end, likelihood="gaussian")
    config = MesuConfig(mu_init=1.0, sigma_init=0.5)
    x = np.clip(absurd_stream(spec.n_features, 400, 3), -1e6, 1e6)
    if arithmetic == "float32" and front_end == "none":
        x = np.clip(x, -1, 1)
    y = absurd_stream(1, 400, 5)[:, 0]
    done = sanitized(tmp_path, spec, config, arithmetic).run(
        start(spec, config, arithmetic), x, y.view(np.uint32)
    )
    assert (done.code, done.stderr) == (0, "")
    kernel, state = NativeKernel(spec, config, arithmetic), init_state(spec, config, arithmetic, 0)
    kernel.learn_targets(state, x, y)
    assert done.state == state.tobytes()
    assert not done.predictions.any(), "the status, SL_OK"


@needs_sanitizers
@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({"flags": ("-DPLANT_OVERFLOW",)}, "AddressSanitizer: heap-buffer-overflow"),
        ({"plant": (PLACE, PAST_THE_STATE)}, "AddressSanitizer: heap-buffer-overflow"),
        ({"plant": (PLACE, PAST_THE_INPUT)}, "AddressSanitizer: heap-buffer-overflow"),
        ({"plant": (PLACE, SIGNED_OVERFLOW)}, "runtime error: signed integer overflow"),
        ({"plant": (PLACE, SHIFT)}, "runtime error: shift exponent 32 is too large"),
    ],
    ids=["short-scratch", "past-the-state", "before-the-state", "signed-overflow", "shift"],
)
def test_canary_planted_faults_are_caught(
    arithmetic: Any, more: dict[str, Any], seen: str, tmp_path: Path, gas: Any
) -> None:
    program = sanitized(tmp_path, *GAS, arithmetic, **more)
    done = program.run(start(*GAS, arithmetic), gas.x[:3], gas.y[:3])
    assert done.code != 0
    assert seen in done.stderr
    assert done.predictions is None


ZIG_TRAP = ("-fsanitize=undefined", "-fsanitize-trap=undefined")


@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
def test_zig_trapping_build_is_clean(
    arithmetic: Any, tmp_path: Path, gas: Any, request: pytest.FixtureRequest
) -> None:
    zig = [sys.executable, "-m", "ziglang", "cc"]
    n = 1000
    program = StreamProgram(tmp_path / "clean", zig, *GAS, arithmetic, ZIG_TRAP)
    done = program.run(start(*GAS, arithmetic), gas.x[:n], gas.y[:n])
    assert (done.code, done.stderr) == (0, "")
    name = "golden_run" if arithmetic == "q16" else "host_float32_run"
    assert np.array_equal(done.predictions, request.getfixturevalue(name).predictions[:n])


def test_canary_zig_trap_is_caught(tmp_path: Path, gas: Any) -> None:
    zig = [sys.executable, "-m", "ziglang", "cc"]
    plant = (PLACE, SIGNED_OVERFLOW)
    program = StreamProgram(tmp_path, zig, *GAS, "q16", ZIG_TRAP, plant)
    done = program.run(start(*GAS, "q16"), gas.x[:3], gas.y[:3])
    assert done.code < 0, "expected a trap signal"
    assert done.predictions is None
