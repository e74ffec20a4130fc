"""The Gaussian head in integers: its bounds and its rounding."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from bounds_gaussian import check_output_gradient, check_prediction, check_target, edge_statistics
from bounds_sampling import PRE_ACTIVATION as LOGIT
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.counters import Saturations
from quant.heads.gaussian import golden
from quant.integers import bit_length
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state
from streamlearn.heads import gaussian

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=150)
F32 = np.finfo(np.float32)
SPEC, CONFIG = NetworkSpec((5, 4, 1), head="gaussian"), MesuConfig(n_draws=3)


@FIXED
@given(
    m=st.one_of(
        st.sampled_from([LOGIT, -LOGIT, 0, 2**19]),
        st.integers(-LOGIT, LOGIT),
    ),
    log_variance=st.one_of(
        st.sampled_from([LOGIT, -LOGIT, 0, 2**20, -(2**20)]),
        st.integers(-(2**20), 2**20),
    ),
    y_q=st.one_of(st.sampled_from([2**19, -(2**19), 0]), st.integers(-(2**19), 2**19)),
)
def test_gradient_keeps_its_bounds_and_is_that_of_float64(
    m: int, log_variance: int, y_q: int
) -> None:
    outputs = np.array([[m], [log_variance]])
    delta = check_output_gradient(outputs, y_q) / 2**16
    expected = gaussian.output_gradient(outputs / 2**16, y_q / 2**16, Saturations())
    # 1/√v and the residual come from a table of 256 steps an octave, floored twice.
    assert delta[0, 0] == pytest.approx(expected[0, 0], rel=0.008, abs=2**-10)
    inside = abs(log_variance / 2**16 * math.log2(math.e) + 4) < 7.99
    if inside:
        assert delta[1, 0] == pytest.approx(expected[1, 0], rel=0.016, abs=0.005)
    else:
        assert min(abs(delta[1, 0] - expected[1, 0]), abs(delta[1, 0])) < 0.02


@FIXED
@given(
    n_draws=st.sampled_from([1, 2, 10, 64]),
    extreme=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_prediction_keeps_its_bounds_and_is_that_of_float64(
    n_draws: int, extreme: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    state = init_state(SPEC, CONFIG, "q16")
    edge_statistics(state, rng)
    epsilon = rng.integers(-741, 742, (2, n_draws))
    if extreme:
        outputs = rng.choice([LOGIT, -LOGIT, 0], (2, n_draws))
        inverse = rng.choice([0, 1024, 2**30], (2, n_draws))
        check_prediction(state, outputs, inverse, epsilon)
        return
    spread = rng.integers(1, 2**13, (2, n_draws))
    centre = rng.normal(size=(2, n_draws)) * 2**16
    outputs = centre.astype(np.int64) + (spread * epsilon + 8 >> 4)
    state["target_count"], state["target_exponent"] = 5, rng.integers(-20, 60)
    found = check_prediction(state, outputs, 2**30 // spread, epsilon).view(np.float32)
    moments = gaussian.moments(outputs / 2**16, spread / 2**12, epsilon / 256)
    scale = 2.0 ** -int(state["target_exponent"][0])
    sd = math.isqrt(int(state["target_variance"][0])) * scale
    mean = int(state["target_mean"][0]) * scale + sd * moments.mean
    assert found[0] == pytest.approx(mean, rel=1e-6, abs=sd * 1e-3)
    assert found[1] == pytest.approx(sd * math.sqrt(moments.aleatoric), rel=0.003)
    assert found[2] == pytest.approx(sd * math.sqrt(moments.epistemic), rel=0.002)


@FIXED
@given(
    y=st.floats(width=32, allow_nan=False, allow_infinity=False),
    seed=st.integers(0, 2**32 - 1),
    window=st.sampled_from([2, 300, 32768]),
)
def test_targets_keep_their_bounds(y: float, seed: int, window: int) -> None:
    rng = np.random.default_rng(seed)
    state = init_state(SPEC, CONFIG, "q16")
    for _ in range(6):
        given_y = np.float32(y if rng.random() < 0.5 else rng.normal() * 2)
        check_target(state, given_y, window)
        config = MesuConfig(n_draws=3, target_window=window)
        statistics, _, _ = golden.standardise_target(state, given_y, config)
        for field, value in statistics.items():
            state[field] = value


@FIXED
@given(x=st.integers(0, 2**63 - 1), frac_bits=st.integers(-140, 230))
def test_binary32_is_the_nearest_float32(x: int, frac_bits: int) -> None:
    found = float(np.uint32(golden.binary32(x, frac_bits)).view(np.float32))
    exact = Fraction(x) / Fraction(2) ** frac_bits
    if exact >= Fraction(float(F32.max)):
        assert found == float(F32.max)
    elif exact < Fraction(float(F32.tiny)) * Fraction(1 - 2**-25):
        assert found == 0
    else:
        step = Fraction(2) ** (bit_length(x) - 24 - frac_bits)
        assert abs(Fraction(found) - exact) <= max(step / 2, exact / 2**25)


@pytest.mark.parametrize("x", [2**24 - 1, 2**25 - 1, 2**25 + 1, 2**25 + 2, 2**63 - 1, 1])
def test_binary32_rounds_half_up(x: int) -> None:
    step = max(1, 2 ** (bit_length(x) - 24))
    expected = np.float32((x + step // 2) // step * step)
    assert np.uint32(golden.binary32(x, 0)).view(np.float32) == expected


def test_variance_and_inverse_follow_the_exponential() -> None:
    octaves = np.arange(-12 * 1024, 4 * 1024 + 1)
    exact = 2.0 ** (octaves / 1024)
    np.testing.assert_allclose(golden.variance(octaves) / 2**24, exact, rtol=0.0028)
    np.testing.assert_allclose(golden.inverse_sd(octaves) / 2**18, exact**-0.5, rtol=0.0028)
    logs = np.arange(-(2**20), 2**20, 97)
    found = golden.log2_variance(logs) / 1024
    np.testing.assert_allclose(found, logs / 2**16 * math.log2(math.e), rtol=0, atol=0.004)


def test_canary_the_clamp_of_the_residual_is_counted() -> None:
    count = Saturations()
    golden.output_gradient(np.array([[2**18, 0], [0, 0]]), 0, count)
    assert count.gradient == 1


def test_the_float_reference_has_the_same_constants() -> None:
    for name in ("RESIDUAL_MAX", "LOG2_VARIANCE_MIN", "LOG2_VARIANCE_MAX", "TARGET_MAX"):
        assert getattr(gaussian, name) == getattr(golden, name), name
