"""Formats chosen from data: they hold what was seen, and the plan says what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.counters import Saturations
from quant.errors import ConfigError, ShapeError
from quant.network import NetworkSpec
from quant.rule import RULES
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.golden_steps import Weights, first_gradient
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import decode
from quant.state import init_state
from streamlearn import MesuClassifier
from streamlearn.rules.mesu.formats import ROW_RATIO, plan_formats
from streamlearn.rules.mesu.probes import Probe, share_of_way
from streamlearn.streams import load_gas_drift

SPEC = NetworkSpec((128, 32, 6))


@pytest.fixture(scope="module")
def gas() -> Any:
    stream = load_gas_drift()
    return stream.x[:2000], stream.y[:2000]


#: Larger weights: no plan ends at 15 fraction bits.
FIXED = MesuConfig(step="fixed")


def test_the_plan_holds_the_means_with_headroom_and_no_bit_more(gas: Any) -> None:
    plan = plan_formats(SPEC, MesuConfig(), *gas, headroom=2)
    assert plan.saturations.mu == 0
    for layer in plan.layers:
        most = 32767 / 2**layer.mu_frac_bits
        assert most / 4 < 2 * layer.mu_largest <= most
        low, high = layer.sigma_range
        assert layer.sigma_format[0] < low < high < layer.sigma_format[1]
        assert high / low >= layer.sigma_ratio > 1.1
        assert layer.sigma_ratio < ROW_RATIO
        assert layer.rounding_to_sigma < 1
        assert 0 <= layer.mu_lost < 0.02
        assert 0 <= layer.rho_lost < 0.02
    assert plan.agreement > 0.98


def test_more_headroom_takes_fraction_bits(gas: Any) -> None:
    narrow = plan_formats(SPEC, FIXED, *gas, headroom=1)
    wide = plan_formats(SPEC, FIXED, *gas, headroom=16)
    assert all(a - b == 4 for a, b in zip(narrow.mu_frac_bits, wide.mu_frac_bits, strict=True))
    coarser = zip(narrow.layers, wide.layers, strict=True)
    assert all(a.rounding_to_sigma < b.rounding_to_sigma for a, b in coarser)


def test_headroom_may_differ_by_layer(gas: Any) -> None:
    alike = plan_formats(SPEC, FIXED, *gas, headroom=1).mu_frac_bits
    split = plan_formats(SPEC, FIXED, *gas, headroom=(8, 1)).mu_frac_bits
    assert split == (alike[0] - 3, alike[1])


def test_a_learner_takes_the_plan(gas: Any) -> None:
    plan = plan_formats(SPEC, MesuConfig(), *gas)
    learner = MesuClassifier((128, 32, 6), mu_frac_bits=plan.mu_frac_bits)
    assert learner.config.frac_bits(learner.spec) == plan.mu_frac_bits


def test_the_table_has_a_row_a_layer_and_the_saturations(gas: Any) -> None:
    text = plan_formats(SPEC, MesuConfig(), *gas).to_markdown()
    assert text.count("\n| ") == 2
    assert "2,000 samples" in text
    assert "rho" in text


def test_what_is_lost_is_a_share_of_the_way() -> None:
    way, lost = [np.array([[1.0, 0.0, 3.0]])], [np.array([[True, True, False]])]
    assert share_of_way(way, lost) == 0.25
    assert share_of_way([np.zeros((1, 3))], lost) == 0.0


def test_steps_below_the_dither_are_lost_in_a_later_layer() -> None:
    """LSB of μ: 2^-12. LSB of σ²: 2^-13 of a v that has 13 bits and is the row's largest."""
    v, one = np.array([[0.999, 0.999]]), np.array([[1.01, 0.99]])
    probe = Probe(None, v, one * 2.0**-28, one * 2.0**-29)
    mu, rho = probe.lost(12)
    assert mu.tolist() == [[False, True]]
    assert rho.tolist() == [[False, True]]


@pytest.mark.parametrize("largest", [2.0**-8, 2.0**-3, 1.0])
def test_steps_that_the_lanes_round_to_0_are_lost_in_layer_0(largest: float) -> None:
    """They have 10 bits or more beside the largest of the sample, whatever its size."""
    x, v = np.array([1.0, 1.0]), np.full((2, 4), 0.999)
    gradient = np.array([0.999, 2.0**-8, 2.0**-10, 2.0**-17])
    by = np.broadcast_to(largest * gradient, (2, 4))
    mu, rho = Probe(x, v, by * v, by * v / 2).lost(12)
    assert mu.tolist() == rho.tolist() == [[False, False, False, True]] * 2
    later, _ = Probe(None, v, by * v, by * v / 2).lost(12)
    assert not later.any()


@pytest.mark.parametrize("loud", [1, 2**8])
def test_what_is_called_lost_is_what_the_golden_model_never_moves(loud: int) -> None:
    """Whatever the dither and the draws: of gradients down to a millionth of the largest."""
    spec = NetworkSpec((6, 24), bias=False, front_end="none")
    config = MesuConfig(step="fixed")
    plan, state = make_plan(spec, config), init_state(spec, config, "q16")
    rho, exponent = (state[name][0].astype(np.int64) for name in ("rho", "rho_exponent"))
    was = Weights(np.zeros((6, 24), np.int64), rho.reshape(6, 24), exponent)
    z = np.array([2, -5, 16, 30, -60, 100])
    delta = np.zeros((24, plan.n_draws), np.int64)
    delta[:, 0] = (loud << 10) * 0.999 ** np.arange(24) * 2.0 ** -np.arange(24)
    moved = np.zeros((6, 24), bool)
    rng = np.random.default_rng(0)
    for key in range(3000):
        u = tuple(rng.integers(0, 65536, (2, 6, 24)))
        given = was, z[:, None], delta, delta[:, 0], plan.gain_mu, plan, key, u
        mu, _ = first_gradient(*given, Saturations())
        moved |= mu != 0
    v = decode(was.rho, was.exponent)
    gradient = delta[:, 0] / 2.0**20 * plan.gain_mu[0] * 2.0 ** -plan.gain_mu[1]
    step = np.abs(z[:, None]) / 16 * v * gradient
    lost, _ = Probe(z / 16, v, step, step).lost(12)
    assert lost[:, -1].all()
    assert not lost[:, 0].any()
    assert not (moved & lost).any()
    enough = step * 2**12 * 3000 > 20  # in LSB; a row of small steps is drawn now and then
    np.testing.assert_array_equal(moved[enough], ~lost[enough])


@pytest.mark.parametrize(
    ("x", "y", "headroom", "error", "match"),
    [
        (np.zeros((3, 5)), np.zeros(3, int), 2.0, ShapeError, r"expected \[n, 128\]"),
        (np.zeros((0, 128)), np.zeros(0, int), 2.0, ShapeError, "n at least 1"),
        (np.zeros((3, 128)), np.zeros(2, int), 2.0, ShapeError, "y"),
        (np.zeros((3, 128)), np.zeros(3, int), 0.5, ConfigError, "headroom"),
        (np.zeros((3, 128)), np.zeros(3, int), (2, 2, 2), ConfigError, "or 2 of them"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    x: Any, y: Any, headroom: Any, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        plan_formats(SPEC, MesuConfig(), x, y, headroom=headroom)


@pytest.mark.parametrize("name", [name for name in RULES if name != MesuConfig.rule])
def test_other_rules_have_no_formats_to_plan(name: str) -> None:
    config: Any = RULES[name].config()
    with pytest.raises(ConfigError, match=f"{type(config).__name__}.*a variance for every synapse"):
        plan_formats(SPEC, config, np.zeros((3, 128)), np.zeros(3, int))


def test_a_regressor_has_no_formats_to_plan() -> None:
    spec = NetworkSpec((128, 32, 1), head="gaussian")
    with pytest.raises(ConfigError, match=r"head='gaussian'.*formats are planned for MESU class"):
        plan_formats(spec, MesuConfig(), np.zeros((3, 128)), np.zeros(3, int))
