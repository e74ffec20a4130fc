"""Factored variance: C equals golden from edge states; bounds; what the gauge and range keep."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rerun_mesu_factored import check_learner, edge_state, factors_of

from quant.counters import Saturations
from quant.native import NativeKernel
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu_factored.golden_factors import gauge
from quant.rules.mesu_factored.golden_mu import update_range
from quant.rules.mesu_factored.plan import decode_column, decode_row, encode_row, make_factored_plan
from quant.state import init_state
from streamlearn.engines import GoldenEngine

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=60)

LEARNERS = {
    "5-4-3": (NetworkSpec((5, 4, 3), variance="factored"),
              MesuConfig(n_draws=3, memory_window=2000, sweep=16)),
    "7-9-6-4, 64 draws": (
        NetworkSpec((7, 9, 6, 4), front_end="none", variance="factored"),
        MesuConfig(n_draws=64, memory_window=2000, sigma_prior=4.0, sigma_init=4.0, sweep=2),
    ),
    "9-2, one draw": (
        NetworkSpec((9, 2), bias=False, front_end="none", variance="factored"),
        MesuConfig(n_draws=1, memory_window=256, lr_mu=1.0, lr_sigma=1.0, sweep=1, mu_prior=0.5),
    ),
    "70-66-5": (
        NetworkSpec((70, 66, 5), variance="factored"),
        MesuConfig(n_draws=2, memory_window=float("inf"), mu_init=0.5, sigma_prior=0.02),
    ),
}  # fmt: skip
F32 = np.finfo(np.float32)
EDGE_X = (0.0, -0.0, F32.max, -F32.max, F32.tiny, 1.0, -1.0, 127 / 16, -8.0, 1 / 32, -1 / 32)


@functools.cache
def kernel(name: str) -> NativeKernel:
    return NativeKernel(*LEARNERS[name], "q16")


@pytest.fixture(scope="module", params=sorted(LEARNERS))
def name(request: pytest.FixtureRequest) -> str:
    """A learner whose kernel is compiled: outside of hypothesis, which would repeat a failure."""
    chosen = str(request.param)
    kernel(chosen)
    return chosen


@FIXED
@given(mode=st.integers(0, 10), seed=st.integers(0, 2**32 - 1))
def test_c_equals_golden_from_edge_states(name: str, mode: int, seed: int) -> None:
    spec, config = LEARNERS[name]
    rng = np.random.default_rng(seed)
    ours = edge_state(spec, config, mode, seed)
    theirs = ours.copy()
    engine, before = GoldenEngine(spec, config), vars(kernel(name).saturations)
    for _ in range(4):
        x = rng.choice([*EDGE_X, *rng.normal(0, 3, 20)], spec.n_features).astype(np.float32)
        label = int(rng.integers(spec.n_classes))
        predicted = engine.learn(ours, x.astype(np.float64), label)
        assert kernel(name).learn_one(theirs, x, label) == predicted
        for field in ours.dtype.names:
            np.testing.assert_array_equal(theirs[field], ours[field], field)
    after = vars(kernel(name).saturations)
    assert {kind: after[kind] - n for kind, n in before.items()} == vars(engine.saturations)


def test_edge_states_reach_every_branch() -> None:
    """Canary of the test above: ranges and gauge move both ways, ends are met."""
    spec, config = LEARNERS["5-4-3"]
    engine, moves, gauges = GoldenEngine(spec, config), set(), set()
    rng = np.random.default_rng(0)
    for seed in range(120):
        state = edge_state(spec, config, seed % 11, seed)
        if seed % 3 == 0:
            state["mu"] //= 4
            state["mu_peak"] = 0
        before, column = state["mu_frac_bits"].copy(), state["column"].astype(np.int64)
        engine.learn(state, rng.normal(size=5), 0)
        moves |= set((state["mu_frac_bits"].astype(int) - before).ravel().tolist())
        moved = np.round((state["column"] - column) / 2**27).ravel()
        gauges |= {int(m) for m in moved if abs(m) == 1}
    assert moves == {-1, 0, 1}
    assert gauges == {-1, 1}
    assert all(vars(engine.saturations)[kind] > 0 for kind in ("gradient", "mu", "rho"))


# -- bounds ------------------------------------------------------------------------------------


@FIXED
@given(
    which=st.sampled_from(sorted(LEARNERS)),
    mode=st.integers(0, 10),
    seed=st.integers(0, 2**32 - 1),
    extreme=st.booleans(),
)
def test_every_intermediate_keeps_its_bound(
    which: str, mode: int, seed: int, extreme: bool
) -> None:
    spec, config = LEARNERS[which]
    rng = np.random.default_rng(seed)
    z = rng.choice([-127, 127], spec.n_features)
    if not extreme:
        z = rng.integers(-127, 128, spec.n_features)
    plan = make_factored_plan(spec, config)
    state = edge_state(spec, config, mode, seed)
    check_learner(spec, plan, state, z, seed % spec.n_classes)


# -- what the parts keep ------------------------------------------------------------------------


def test_codes_are_the_nearest() -> None:
    rng = np.random.default_rng(0)
    for r in np.exp(rng.uniform(np.log(2.0**-26), np.log(2.0**3.9), 200)):
        code = encode_row(float(r), 0)
        assert abs(decode_row(np.array(code), 0) / r - 1) <= 2.0**-28
    assert encode_row(1e9, 0) == 2**32 - 1
    assert encode_row(1e-30, 0) == 0
    assert decode_column(np.array(16 << 27)) == 1


def test_the_gauge_moves_no_product() -> None:
    spec, config = LEARNERS["5-4-3"]
    row, column = factors_of(spec, edge_state(spec, config, 2, 3), 0)
    for shift in (-4, 4):
        moved = column + (shift << 27)
        count = Saturations()
        new_row, new_column = gauge(row, moved, count)
        assert not np.array_equal(new_row, row)
        np.testing.assert_array_equal(
            np.outer(decode_row(new_row, 0), decode_column(new_column)),
            np.outer(decode_row(row, 0), decode_column(moved)),
        )
        assert count == Saturations()


def test_the_range_halves_unbiased_and_doubles_exactly() -> None:
    rng = np.random.default_rng(2)
    mu = rng.integers(-32768, 32768, (200, 100))
    mu[0, 0] = 32767
    bits = rng.integers(0, 2, mu.shape)
    half, frac_bits, peak = update_range(mu, 12, 30000, False, bits)
    assert (frac_bits, peak) == (11, 15000)
    assert np.abs(2 * half - mu).max() == 1
    assert abs((2 * half - mu).mean()) < 4 / np.sqrt(mu.size)
    small = rng.integers(-12287, 12288, (20, 10))
    twice, frac_bits, peak = update_range(small, 12, 12287, True, bits[:1, :1])
    np.testing.assert_array_equal(twice, 2 * small)
    assert (frac_bits, peak) == (13, 0)
    for peak_in, cycle, limit in ((12287, False, 12), (12288, True, 12), (0, True, 20)):
        same, frac_bits, _ = update_range(small, limit, peak_in, cycle, bits[:1, :1])
        np.testing.assert_array_equal(same, small)
        assert frac_bits == limit
    hidden = small.copy()
    hidden[3, 3] = 12288  # not seen at the pulls, as it grew since
    assert update_range(hidden, 12, 100, True, bits[:1, :1])[1] == 12


def test_mu_keeps_its_range_where_a_fixed_one_would_saturate() -> None:
    """μ that starts tiny, and labels that drive it: the formats follow."""
    spec = NetworkSpec((4, 3, 2), front_end="none", variance="factored")
    config = MesuConfig(n_draws=2, mu_init=0.001, memory_window=5000, sweep=16, sigma_prior=2.0)
    run = NativeKernel(spec, config, "q16")
    state: Any = init_state(spec, config, "q16", 0)
    first = state["mu_frac_bits"][0].tolist()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 4)).astype(np.float32)
    run.learn(state, x, (x[:, 0] > 0).astype(np.uint32))
    last = state["mu_frac_bits"][0].tolist()
    assert all(b < a - 2 for a, b in zip(first, last, strict=True)), (first, last)
    for layer in range(2):
        largest = np.abs(layer_view(spec, state, "mu", layer).astype(int)).max()
        assert 4000 < largest <= 32767
