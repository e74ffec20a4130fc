"""Factored variance: its codes, and what the gauge and the range keep."""

from __future__ import annotations

from typing import Any

import numpy as np
from edge_cases import CASES, golden
from rerun_mesu_factored import edge_state, factors_of

from quant.counters import Saturations
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.golden_factors import gauge
from quant.rules.mesu_factored.golden_mu import update_range
from quant.rules.mesu_factored.plan import decode_column, decode_row, encode_row
from quant.state import init_state
from streamlearn.engines import NativeEngine

SPEC, CONFIG, _ = CASES["mesu_factored 5-4-3"]


def test_edge_states_reach_every_branch() -> None:
    """Canary of C = golden: ranges and gauge move both ways, ends are met."""
    engine, moves, gauges = golden("mesu_factored 5-4-3"), set(), set()
    rng = np.random.default_rng(0)
    for seed in range(120):
        state = edge_state(SPEC, CONFIG, seed % 11, seed)
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


def test_codes_are_the_nearest() -> None:
    rng = np.random.default_rng(0)
    for r in np.exp(rng.uniform(np.log(2.0**-26), np.log(2.0**3.9), 200)):
        code = encode_row(float(r), 0)
        assert abs(decode_row(np.array(code), 0) / r - 1) <= 2.0**-28
    assert encode_row(1e9, 0) == 2**32 - 1
    assert encode_row(1e-30, 0) == 0
    assert decode_column(np.array(16 << 27)) == 1


def test_the_gauge_moves_no_product() -> None:
    row, column = factors_of(SPEC, edge_state(SPEC, CONFIG, 2, 3), 0)
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
    spec = NetworkSpec((4, 3, 2), front_end="none")
    config = MesuFactoredConfig(
        n_draws=2, mu_init=0.001, memory_window=5000, sweep=16, sigma_prior=2.0
    )
    run = NativeEngine(spec, config, "q16")
    state: Any = init_state(spec, config, "q16", 0)
    first = state["mu_frac_bits"][0].tolist()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 4)).astype(np.float32)
    run.learn_many(state, x, (x[:, 0] > 0).astype(np.uint32))
    last = state["mu_frac_bits"][0].tolist()
    assert all(b < a - 2 for a, b in zip(first, last, strict=True)), (first, last)
    for layer in range(2):
        largest = np.abs(layer_view(spec, state, "mu", layer).astype(int)).max()
        assert 4000 < largest <= 32767
