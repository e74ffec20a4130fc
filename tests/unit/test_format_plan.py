"""Formats chosen from data: they hold what was seen, and the plan says what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError, ShapeError
from quant.network import NetworkSpec
from quant.rule import RULES
from quant.rules.mesu.config import MesuConfig
from streamlearn import MesuClassifier
from streamlearn.rules.mesu.formats import _lost, plan_formats
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
        assert layer.rounding_to_sigma < 1
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


def test_steps_below_the_dither_are_lost() -> None:
    assert _lost(np.array([2.0**-17, 0.0, 3 * 2.0**-17])) == 0.25
    assert _lost(np.zeros(3)) == 0.0


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
