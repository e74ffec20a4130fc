"""Host C = golden model, byte for byte; and the kernel's own interface."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from quant.errors import StreamlearnError
from quant.native import STATUS_TEXT, NativeKernel
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import State, init_state
from streamlearn.engines import GoldenEngine

SPEC = NetworkSpec((5, 8, 3))
FLOAT32_MAX = np.finfo(np.float32).max


def test_whole_gas_stream_zero_tolerance(golden_run: Any, host_c_run: Any, gas: Any) -> None:
    assert len(golden_run.predictions) == len(gas) == 6697
    assert np.array_equal(host_c_run.predictions, golden_run.predictions)
    assert host_c_run.state == golden_run.state
    assert host_c_run.saturations == golden_run.saturations


def absurd_stream(n_features: int, n: int, seed: int) -> npt.NDArray[np.float32]:
    """Any finite bit pattern: mixed scales, subnormals, both zeros, the largest, constants."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, (n, n_features), np.uint32)
    bits[(bits >> 23 & 255) == 255] &= np.uint32(0xBFFFFFFF)
    x = bits.view(np.float32)
    calm = rng.normal(size=(n, n_features)).astype(np.float32) * np.float32(2)
    edge = rng.choice(
        np.array([0, -0.0, FLOAT32_MAX, -FLOAT32_MAX, 1e-45, 1.2e-38, 1, -1], np.float32),
        (n, n_features),
    )
    kind = rng.integers(0, 20, (n, n_features))
    x = np.where(kind < 2, x, np.where(kind < 4, edge, calm))
    assert np.isfinite(x).all()
    return x


NETWORKS = [
    (NetworkSpec((5, 8, 3)), MesuConfig()),
    (NetworkSpec((5, 8, 3), front_end="none"), MesuConfig()),
    (NetworkSpec((4, 3), bias=False), MesuConfig(n_draws=1)),
    (NetworkSpec((3, 7, 6, 2)), MesuConfig(n_draws=3, memory_window=2000.0, sigma_prior=1.0)),
    (NetworkSpec((9, 5, 2), bias=False, front_end="none"), MesuConfig(n_draws=64, mu_prior=0.5)),
    (NetworkSpec((1, 1, 2)), MesuConfig(memory_window=float("inf"), front_end_window=2)),
    (NetworkSpec((300, 4, 3), front_end="none"), MesuConfig(lr_mu=50.0, lr_sigma=50.0)),
    (NetworkSpec((5, 8, 3), variance="factored"), MesuConfig()),
    (NetworkSpec((3, 9, 6, 2), variance="factored"), MesuConfig(n_draws=3, memory_window=2000.0)),
    (
        NetworkSpec((9, 2), bias=False, front_end="none", variance="factored"),
        MesuConfig(n_draws=64, mu_prior=0.5, sweep=4),
    ),
    (
        NetworkSpec((300, 4, 3), front_end="none", variance="factored"),
        MesuConfig(lr_mu=50.0, lr_sigma=50.0),
    ),
]
NAMES = [f"{spec}-{spec.front_end}-{config.n_draws}-{spec.variance}" for spec, config in NETWORKS]


@pytest.mark.parametrize(("spec", "config"), NETWORKS, ids=NAMES)
def test_absurd_streams_zero_tolerance(spec: NetworkSpec, config: MesuConfig) -> None:
    golden, kernel = GoldenEngine(spec, config), NativeKernel(spec, config, "q16")
    one = init_state(spec, config, "q16", 7)
    other = one.copy()
    x = absurd_stream(spec.n_features, 150, 1)
    labels = np.random.default_rng(2).integers(0, spec.n_classes, len(x))
    for t, (row, label) in enumerate(zip(x, labels.tolist(), strict=True)):
        expected = golden.learn(one, row.astype(np.float64), label)
        assert kernel.learn_one(other, row, label) == expected, f"sample {t}"
        assert other.tobytes() == one.tobytes(), f"sample {t}"
    assert kernel.saturations == golden.saturations


def test_factored_learns_the_gas_stream_as_well(gas: Any, host_c_run: Any) -> None:
    """Two bytes a synapse instead of four: accuracy within half a point, 42 % less state."""
    spec, config = NetworkSpec((128, 32, 6), variance="factored"), MesuConfig()
    kernel, state = NativeKernel(spec, config, "q16"), init_state(spec, config, "q16", 0)
    predictions = kernel.learn(state, gas.x, gas.y.astype(np.uint32))
    ours, theirs = (np.mean(p == gas.y) for p in (predictions, host_c_run.predictions))
    assert ours > theirs - 0.005
    assert state.nbytes < 0.58 * len(host_c_run.state)
    counts = vars(kernel.saturations)
    assert counts["mu"] + counts["gradient"] + counts["rho"] <= 5, counts


def test_canary_one_changed_bit_is_seen(golden_run: Any) -> None:
    flipped = bytearray(golden_run.state)
    flipped[len(flipped) // 2] ^= 1
    assert bytes(flipped) != golden_run.state


# -- the interface: errors leave the state as it was ---------------------------------------------


def learned(arithmetic: Any) -> tuple[NativeKernel, State]:
    config = MesuConfig()
    kernel, state = NativeKernel(SPEC, config, arithmetic), init_state(SPEC, config, arithmetic, 1)
    rng = np.random.default_rng(0)
    kernel.learn(state, rng.normal(size=(20, 5)).astype(np.float32), rng.integers(0, 3, 20))
    return kernel, state


@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 4])
def test_not_finite_leaves_the_state(arithmetic: Any, value: float, at: int) -> None:
    kernel, state = learned(arithmetic)
    before = state.tobytes()
    x = np.ones(5, np.float32)
    x[at] = value
    assert kernel.learn_one(state, x, 0) == -1
    assert kernel.predict(state, x)[0] == -1
    assert state.tobytes() == before
    assert "NaN or infinite" in STATUS_TEXT[-1]


def test_every_nan_pattern_is_refused() -> None:
    kernel, state = learned("q16")
    before = state.tobytes()
    for bits in (0x7F800000, 0xFF800000, 0x7F800001, 0x7FC00000, 0xFFFFFFFF, 0x7FFFFFFF):
        x = np.ones(5, np.uint32)
        x[2] = bits
        assert kernel.learn_one(state, x.view(np.float32), 0) == -1
    assert state.tobytes() == before


@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
@pytest.mark.parametrize("label", [3, 4, 65535, 0xFFFFFFFF])
def test_label_leaves_the_state(arithmetic: Any, label: int) -> None:
    kernel, state = learned(arithmetic)
    before = state.tobytes()
    assert kernel.learn_one(state, np.ones(5, np.float32), label) == -2
    assert kernel.learn_one(state, np.full(5, np.nan, np.float32), label) < 0
    assert state.tobytes() == before
    assert "label" in STATUS_TEXT[-2]


@pytest.mark.parametrize("field", ["mu", "sigma"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_diverged_leaves_the_state(field: str, value: float) -> None:
    kernel, state = learned("float32")
    state[field][0, -1] = value
    before = state.tobytes()
    assert kernel.learn_one(state, np.ones(5, np.float32), 0) == -3
    assert kernel.predict(state, np.ones(5, np.float32))[0] == -3
    assert state.tobytes() == before
    assert "finite" in STATUS_TEXT[-3]


@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
def test_a_good_call_after_an_error_is_as_if_it_had_not_been(arithmetic: Any) -> None:
    disturbed, state = learned(arithmetic)
    calm, twin = learned(arithmetic)
    x = np.linspace(-1, 1, 5, dtype=np.float32)
    disturbed.learn_one(state, np.full(5, np.nan, np.float32), 0)
    disturbed.learn_one(state, x, 9)
    assert disturbed.learn_one(state, x, 2) == calm.learn_one(twin, x, 2)
    assert state.tobytes() == twin.tobytes()


def test_a_block_stops_at_the_bad_sample_and_says_where() -> None:
    kernel, state = learned("q16")
    twin = state.copy()
    x = np.random.default_rng(3).normal(size=(6, 5)).astype(np.float32)
    labels = np.array([0, 1, 2, 7, 0, 1], np.uint32)
    with pytest.raises(StreamlearnError, match=r"sample 3 of 6: the label is not a class"):
        kernel.learn(state, x, labels)
    kernel.learn(twin, x[:3], labels[:3])
    assert state.tobytes() == twin.tobytes()


def test_blocks_and_single_samples_are_the_same() -> None:
    kernel, state = learned("q16")
    twin = state.copy()
    x = np.random.default_rng(3).normal(size=(30, 5)).astype(np.float32)
    labels = np.arange(30, dtype=np.uint32) % 3
    block = kernel.learn(state, x, labels)
    single = [kernel.learn_one(twin, row, int(y)) for row, y in zip(x, labels, strict=True)]
    assert block.tolist() == single
    assert state.tobytes() == twin.tobytes()
