"""The metaplastic kernel: host C = golden model, byte for byte, and clean under the sanitizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stream_program import SANITIZE, StreamProgram
from test_kernel_golden import absurd_stream
from test_kernel_sanitizers import (
    COMPILER,
    PAST_THE_INPUT,
    PAST_THE_STATE,
    PLACE,
    SHIFT,
    SIGNED_OVERFLOW,
    needs_sanitizers,
)

from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.state import init_state, state_to_bytes
from streamlearn.engines import make_engine


def network(
    *layers: int, bias: bool = False, front_end: Any = "none", gates: tuple[int, int] = (0, 0)
) -> NetworkSpec:
    return NetworkSpec(layers, bias, front_end, "metaplastic", n_blocks=gates[0], n_active=gates[1])


GAS = (network(128, 64, 6, front_end="standardise"), MetaplasticConfig())
NETWORKS = [
    (network(5, 8, 3, bias=True, front_end="standardise"), MetaplasticConfig()),
    (network(5, 8, 3), MetaplasticConfig(metaplasticity=0.0, metaplasticity_output=9.0, skip=0.0)),
    (network(4, 3), MetaplasticConfig(lr_output=16.0, logit_scale=8.0)),
    (network(1, 1, 2, bias=True), MetaplasticConfig(clamp=1 / 64, weight_init=0.0)),
    (network(3, 70, 41, 2, front_end="standardise"), MetaplasticConfig(window=4.0, lr=4.0)),
    (
        network(300, 33, 5, bias=True),
        MetaplasticConfig(skip=0.3, bias_input=7.9, calibration_window=64),
    ),
    (network(9, 300, 7), MetaplasticConfig(lr=16.0, lr_output=16.0, window=16.0, skip=0.0)),
    # Blocks of 8, of 3 (several to a word) and of 1 unit; gates of one, two and ten words.
    (network(20, 64, 4, gates=(8, 2)), MetaplasticConfig(skip=0.0, window=2.0)),
    (
        network(5, 99, 9, 3, bias=True, front_end="standardise", gates=(33, 20)),
        MetaplasticConfig(skip=0.0, window=2.0),
    ),
    (network(9, 300, 7, gates=(300, 7)), MetaplasticConfig(lr=16.0, window=16.0, skip=0.0)),
]
NAMES = [f"{spec}-{spec.front_end}-{spec.bias}-{spec.n_blocks}" for spec, _ in NETWORKS]


def test_whole_gas_stream_zero_tolerance(metaplastic_golden_run: Any, gas: Any) -> None:
    kernel, state = NativeKernel(*GAS, "q8"), init_state(*GAS, "q8", 0)
    predictions = kernel.learn(state, gas.x, gas.y.astype(np.uint32))
    assert np.array_equal(predictions, metaplastic_golden_run.predictions)
    assert state.tobytes() == metaplastic_golden_run.state
    assert kernel.saturations == metaplastic_golden_run.saturations


@pytest.mark.parametrize(("spec", "config"), NETWORKS, ids=NAMES)
def test_absurd_streams_zero_tolerance(spec: NetworkSpec, config: MetaplasticConfig) -> None:
    golden, kernel = make_engine(spec, config, "q8", "numpy"), NativeKernel(spec, config, "q8")
    one = init_state(spec, config, "q8", 7)
    other = one.copy()
    x = absurd_stream(spec.n_features, 200, 1)
    labels = np.random.default_rng(2).integers(0, spec.n_classes, len(x))
    for t, (row, label) in enumerate(zip(x, labels.tolist(), strict=True)):
        expected = golden.learn(one, row.astype(np.float64), label)
        assert kernel.learn_one(other, row, label) == expected, f"sample {t}"
        assert other.tobytes() == one.tobytes(), f"sample {t}"
    assert kernel.saturations == golden.saturations
    assert not np.array_equal(
        one["hidden_weight"], init_state(spec, config, "q8", 7)["hidden_weight"]
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_errors_leave_the_state(value: float) -> None:
    spec, config = NETWORKS[0]
    kernel, state = NativeKernel(spec, config, "q8"), init_state(spec, config, "q8", 1)
    kernel.learn(state, absurd_stream(5, 20, 0), np.zeros(20, np.uint32))
    before = state.tobytes()
    x = np.ones(5, np.float32)
    assert kernel.learn_one(state, x, 3) == -2
    x[4] = value
    assert kernel.learn_one(state, x, 0) == -1
    assert kernel.predict(state, x)[0] == -1
    assert state.tobytes() == before


def test_weights_beyond_the_clamp_are_survived() -> None:
    """A foreign state may hold them; both engines bring them back in the same way."""
    spec, config = network(3, 6, 2), MetaplasticConfig(clamp=0.25, skip=0.0, metaplasticity=9.0)
    golden, kernel = make_engine(spec, config, "q8", "numpy"), NativeKernel(spec, config, "q8")
    one = init_state(spec, config, "q8", 0)
    one["hidden_weight"] = np.random.default_rng(0).integers(-128, 128, one["hidden_weight"].shape)
    other = one.copy()
    for t, row in enumerate(np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)):
        golden.learn(one, row.astype(np.float64), t % 2)
        kernel.learn_one(other, row, t % 2)
        assert other.tobytes() == one.tobytes()


# -- sanitizers -----------------------------------------------------------------------------------


def sanitized(folder: Path, spec: Any, config: Any, **more: Any) -> StreamProgram:
    flags = (*SANITIZE, *more.pop("flags", ()))
    return StreamProgram(folder, [str(COMPILER)], spec, config, "q8", flags, **more)


def start(spec: NetworkSpec, config: MetaplasticConfig) -> bytes:
    return state_to_bytes(init_state(spec, config, "q8", 0))


@needs_sanitizers
@pytest.mark.parametrize("build", ["chip", "host"])
def test_gas_stream_is_clean_and_equals_golden(
    build: str, tmp_path: Path, gas: Any, metaplastic_golden_run: Any
) -> None:
    flags = ("-DSL_HOST",) if build == "host" else ()
    done = sanitized(tmp_path, *GAS, flags=flags).run(start(*GAS), gas.x, gas.y)
    assert (done.code, done.stderr) == (0, "")
    assert np.array_equal(done.predictions, metaplastic_golden_run.predictions)
    assert done.state == metaplastic_golden_run.state


@needs_sanitizers
@pytest.mark.parametrize("build", ["chip", "host"])
@pytest.mark.parametrize(("spec", "config"), NETWORKS, ids=NAMES)
def test_absurd_streams_are_clean(
    spec: NetworkSpec, config: MetaplasticConfig, build: str, tmp_path: Path
) -> None:
    x = absurd_stream(spec.n_features, 300, 3)
    labels = np.random.default_rng(4).integers(0, spec.n_classes, len(x))
    flags = ("-DSL_HOST",) if build == "host" else ()
    done = sanitized(tmp_path, spec, config, flags=flags).run(start(spec, config), x, labels)
    assert (done.code, done.stderr) == (0, "")
    kernel, state = NativeKernel(spec, config, "q8"), init_state(spec, config, "q8", 0)
    assert np.array_equal(done.predictions, kernel.learn(state, x, labels))
    assert done.state == state.tobytes()


@needs_sanitizers
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
    more: dict[str, Any], seen: str, tmp_path: Path, gas: Any
) -> None:
    done = sanitized(tmp_path, *GAS, **more).run(start(*GAS), gas.x[:3], gas.y[:3])
    assert done.code != 0
    assert seen in done.stderr
    assert done.predictions is None
