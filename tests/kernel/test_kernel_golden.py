"""Host C = golden model, byte for byte, for every rule; and the kernel's own interface."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from networks import Case, absurd_stream, cases, targets_of

from quant import front_end
from quant.errors import StreamlearnError
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.state import State, init_state
from quant.status import STATUS_TEXT
from streamlearn.engines import NativeEngine, NumpyEngine

SPEC = NetworkSpec((5, 8, 3))


def assert_same(one: Any, other: Any) -> None:
    """Assert that two runs over a stream are the same in every bit."""
    assert np.array_equal(one.predictions, other.predictions)
    assert one.state == other.state, "the states differ"
    assert one.saturations == other.saturations


def test_whole_gas_stream_zero_tolerance(golden_run: Any, host_c_run: Any, gas: Any) -> None:
    assert len(golden_run.predictions) == len(gas) == 6697
    assert_same(host_c_run, golden_run)


def test_whole_gas_stream_zero_tolerance_in_bytes(
    metaplastic_golden_run: Any, metaplastic_host_run: Any
) -> None:
    assert_same(metaplastic_host_run, metaplastic_golden_run)


def test_canary_one_changed_bit_is_seen(golden_run: Any) -> None:
    flipped = bytearray(golden_run.state)
    flipped[len(flipped) // 2] ^= 1
    with pytest.raises(AssertionError, match="the states differ"):
        assert_same(dataclasses.replace(golden_run, state=bytes(flipped)), golden_run)


@pytest.mark.parametrize("case", [case for case in cases() if case.integer], ids=str)
def test_absurd_streams_zero_tolerance(case: Case) -> None:
    golden, native = NumpyEngine(*case.given), NativeEngine(*case.given)
    one = init_state(*case.given, 7)
    start, other = one.copy(), one.copy()
    x = absurd_stream(case.spec.n_features, 150, 1)
    for t, (row, target) in enumerate(zip(x, targets_of(case.spec, len(x), 2), strict=True)):
        expected = golden.learn(one, row.astype(np.float64), target)
        assert native.learn(other, row.astype(np.float64), target) == expected, f"sample {t}"
        assert other.tobytes() == one.tobytes(), f"sample {t}"
    assert native.saturations == golden.saturations
    changed = [name for name in one.dtype.names if one[name].tobytes() != start[name].tobytes()]
    assert len(changed) > 1, "beside the counter nothing was learned"


def test_factored_learns_the_gas_stream_as_well(gas: Any, host_c_run: Any) -> None:
    """Two bytes per synapse instead of four: accuracy within half a point, 42 % less state behind
    the front end, whose bytes both have."""
    given = NetworkSpec((128, 32, 6)), MesuFactoredConfig(), "q16"
    kernel, state = NativeKernel(*given), init_state(*given, 0)
    predictions = kernel.learn(state, gas.x, gas.y.astype(np.uint32))
    ours, theirs = (np.mean(p == gas.y) for p in (predictions, host_c_run.predictions))
    assert ours > theirs - 0.005
    in_front = front_end.fields("standardise", 128, "integer")
    both = sum(field.n_bytes for field in in_front)
    assert state.nbytes - both < 0.58 * (len(host_c_run.state) - both)
    counts = vars(kernel.saturations)
    assert counts["mu"] + counts["gradient"] + counts["rho"] <= 5, counts


def test_weights_beyond_the_clamp_are_survived() -> None:
    """A foreign state may hold them; both engines bring them back in the same way."""
    config = MetaplasticConfig(clamp=0.25, skip=0.0, metaplasticity=9.0)
    given = NetworkSpec((3, 6, 2), False, "none"), config, "q8"
    golden, kernel = NumpyEngine(*given), NativeKernel(*given)
    one = init_state(*given, 0)
    one["hidden_weight"] = np.random.default_rng(0).integers(-128, 128, one["hidden_weight"].shape)
    other = one.copy()
    for t, row in enumerate(np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)):
        golden.learn(one, row.astype(np.float64), t % 2)
        kernel.learn_one(other, row, t % 2)
        assert other.tobytes() == one.tobytes()


# -- the interface: errors leave the state as it was ---------------------------------------------


#: One classifier of each rule and arithmetic in C.
FIVE = {f"{c.config.rule}-{c.arithmetic}": c for c in reversed(cases()) if c.spec == SPEC}


def learned(name: str) -> tuple[NativeKernel, State]:
    case = FIVE[name]
    kernel, state = NativeKernel(*case.given), init_state(*case.given, 1)
    rng = np.random.default_rng(0)
    kernel.learn(state, rng.normal(size=(20, 5)).astype(np.float32), rng.integers(0, 3, 20))
    return kernel, state


@pytest.mark.parametrize("name", FIVE)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 4])
def test_not_finite_leaves_the_state(name: str, value: float, at: int) -> None:
    kernel, state = learned(name)
    before = state.tobytes()
    x = np.ones(5, np.float32)
    x[at] = value
    assert kernel.learn_one(state, x, 0) == -1
    assert kernel.predict(state, x)[0] == -1
    assert state.tobytes() == before
    assert "NaN or infinite" in STATUS_TEXT[-1]


@pytest.mark.parametrize("name", FIVE)
def test_every_nan_pattern_is_refused(name: str) -> None:
    kernel, state = learned(name)
    before = state.tobytes()
    for bits in (0x7F800000, 0xFF800000, 0x7F800001, 0x7FC00000, 0xFFFFFFFF, 0x7FFFFFFF):
        x = np.ones(5, np.uint32)
        x[2] = bits
        assert kernel.learn_one(state, x.view(np.float32), 0) == -1
    assert state.tobytes() == before


@pytest.mark.parametrize("name", FIVE)
@pytest.mark.parametrize("label", [3, 4, 65535, 0xFFFFFFFF])
def test_label_leaves_the_state(name: str, label: int) -> None:
    kernel, state = learned(name)
    before = state.tobytes()
    assert kernel.learn_one(state, np.ones(5, np.float32), label) == -2
    assert kernel.learn_one(state, np.full(5, np.nan, np.float32), label) < 0
    assert state.tobytes() == before
    assert "label" in STATUS_TEXT[-2]


@pytest.mark.parametrize("field", ["mu", "sigma"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_diverged_leaves_the_state(field: str, value: float) -> None:
    kernel, state = learned("mesu-float32")
    state[field][0, -1] = value
    before = state.tobytes()
    assert kernel.learn_one(state, np.ones(5, np.float32), 0) == -3
    assert kernel.predict(state, np.ones(5, np.float32))[0] == -3
    assert state.tobytes() == before
    assert "finite" in STATUS_TEXT[-3]


@pytest.mark.parametrize("name", FIVE)
def test_a_good_call_after_an_error_is_as_if_it_had_not_been(name: str) -> None:
    disturbed, state = learned(name)
    calm, twin = learned(name)
    x = np.linspace(-1, 1, 5, dtype=np.float32)
    disturbed.learn_one(state, np.full(5, np.nan, np.float32), 0)
    disturbed.learn_one(state, x, 9)
    assert disturbed.learn_one(state, x, 2) == calm.learn_one(twin, x, 2)
    assert state.tobytes() == twin.tobytes()


def test_a_block_stops_at_the_bad_sample_and_says_where() -> None:
    kernel, state = learned("mesu-q16")
    twin = state.copy()
    x = np.random.default_rng(3).normal(size=(6, 5)).astype(np.float32)
    labels = np.array([0, 1, 2, 7, 0, 1], np.uint32)
    with pytest.raises(StreamlearnError, match=r"sample 3 of 6: the label is not a class"):
        kernel.learn(state, x, labels)
    kernel.learn(twin, x[:3], labels[:3])
    assert state.tobytes() == twin.tobytes()


def test_blocks_and_single_samples_are_the_same() -> None:
    kernel, state = learned("mesu-q16")
    twin = state.copy()
    x = np.random.default_rng(3).normal(size=(30, 5)).astype(np.float32)
    labels = np.arange(30, dtype=np.uint32) % 3
    block = kernel.learn(state, x, labels)
    single = [kernel.learn_one(twin, row, int(y)) for row, y in zip(x, labels, strict=True)]
    assert block.tolist() == single
    assert state.tobytes() == twin.tobytes()
