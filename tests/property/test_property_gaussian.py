"""The Gaussian likelihood in integers: bounds, rounding, and the C kernel bit for bit."""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import numpy as np
import pytest
from bounds_gaussian import check_gradient, check_prediction, check_target
from bounds_sampling import PRE_ACTIVATION as LOGIT
from hypothesis import given, settings
from hypothesis import strategies as st
from rerun_mesu import edge_state
from streamlearn.regression_engines import GoldenRegression

from quant.heads.gaussian import golden as golden
from quant.integers import bit_length
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.mesu import golden as mesu_q16
from quant.rules.mesu.config import MesuConfig
from quant.state import State, init_state
from streamlearn.heads import gaussian

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=150)
FEW = settings(FIXED, max_examples=60)
F32 = np.finfo(np.float32)
EDGE_Y = (0.0, -0.0, F32.max, -F32.max, F32.tiny, F32.smallest_subnormal, 1.0, -1.0, 1e-30, 3e30)

LEARNERS = {
    "5-4-1": (NetworkSpec((5, 4, 1), likelihood="gaussian"), MesuConfig(n_draws=3)),
    "7-9-6-1, 64 draws": (
        NetworkSpec((7, 9, 6, 1), front_end="none", likelihood="gaussian"),
        MesuConfig(n_draws=64, memory_window=2000, sigma_prior=4.0, sigma_init=4.0),
    ),
    "9-1, one draw": (
        NetworkSpec((9, 1), bias=False, front_end="none", likelihood="gaussian"),
        MesuConfig(n_draws=1, memory_window=256, lr_mu=1.0, lr_sigma=1.0, target_window=2),
    ),
    "6-5-5-1, other formats": (
        NetworkSpec((6, 5, 5, 1), mu_frac_bits=(6, 15, 10), likelihood="gaussian"),
        MesuConfig(n_draws=2, memory_window=3000, mu_init=0.5, target_window=32768),
    ),
}


@functools.cache
def kernel(name: str) -> NativeKernel:
    return NativeKernel(*LEARNERS[name], "q16")


@pytest.fixture(scope="module", params=sorted(LEARNERS))
def name(request: pytest.FixtureRequest) -> str:
    """A learner whose kernel is compiled: outside of hypothesis, which would repeat a failure."""
    chosen = str(request.param)
    kernel(chosen)
    return chosen


def edge_target(state: State, rng: np.random.Generator) -> None:
    """Put the statistics of the target anywhere that they may be."""
    state["target_count"] = rng.choice([0, 1, 2, 3, 200, 1000])
    state["target_mean"] = rng.choice([0, 1, -1, 2**28 - 16, 16 - 2**28, 12345])
    state["target_variance"] = rng.choice([0, 1, 2**26, 2**28 - 1])
    state["target_exponent"] = rng.integers(-116, 128)


@FEW
@given(mode=st.integers(0, 8), seed=st.integers(0, 2**32 - 1))
def test_c_equals_golden_from_edge_states(name: str, mode: int, seed: int) -> None:
    spec, config = LEARNERS[name]
    rng = np.random.default_rng(seed)
    engine = GoldenRegression(spec, config)
    ours = edge_state(spec, config, mode, seed)
    edge_target(ours, rng)
    theirs = ours.copy()
    before = vars(kernel(name).saturations)
    for _ in range(4):
        x = (rng.normal(size=spec.n_features) * 10.0 ** rng.integers(-9, 3)).astype(np.float32)
        magnitude = rng.normal() * 10.0 ** rng.integers(-37, 38)
        y = np.float32(rng.choice(EDGE_Y) if rng.random() < 0.3 else magnitude)
        wide = x.astype(np.float64)
        expected = engine.predict_target(ours, wide)
        status, found = kernel(name).predict_target(theirs, x)
        assert status == 0
        assert np.array_equal(bits(found), bits(expected))
        expected = engine.learn_target(ours, wide, float(y))
        status, found = kernel(name).learn_target(theirs, x, y)
        assert status == 0
        assert np.array_equal(bits(found), bits(expected))
        assert ours.tobytes() == theirs.tobytes()
    after = vars(kernel(name).saturations)
    assert {k: after[k] - n for k, n in before.items()} == vars(engine.saturations)


def bits(values: object) -> np.ndarray:
    return np.array(values, np.float32).view(np.uint32)


layers = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@settings(FIXED, max_examples=6)
@given(
    sizes=layers,
    bias=st.booleans(),
    front_end=st.sampled_from(["standardise", "none"]),
    n_draws=st.integers(1, 17),
    window=st.sampled_from([600.0, 1e5, math.inf]),
    lr=st.floats(0.1, 2),
    target_window=st.integers(2, 32768),
    frac_bits=st.integers(8, 14),
    seed=st.integers(0, 2**32 - 1),
)
def test_c_equals_golden_on_random_networks(
    sizes: list[int], bias: bool, front_end: str, n_draws: int, window: float, lr: float,
    target_window: int, frac_bits: int, seed: int,
) -> None:  # fmt: skip
    spec = NetworkSpec((*sizes, 1), bias, front_end, mu_frac_bits=frac_bits, likelihood="gaussian")
    config = MesuConfig(
        memory_window=window, lr_mu=lr, lr_sigma=lr, n_draws=n_draws, mu_init=0.5,
        target_window=target_window,
    )  # fmt: skip
    engine, native = GoldenRegression(spec, config), NativeKernel(spec, config, "q16")
    ours = init_state(spec, config, "q16", seed)
    theirs = ours.copy()
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, spec.n_features)).astype(np.float32)
    y = (3 + 50 * x.sum(axis=1) + rng.standard_t(2, 40)).astype(np.float32)
    expected = [
        engine.learn_target(ours, row.astype(np.float64), float(target))
        for row, target in zip(x, y, strict=True)
    ]
    assert np.array_equal(bits(native.learn_targets(theirs, x, y)), bits(expected))
    assert ours.tobytes() == theirs.tobytes()
    assert native.saturations == engine.saturations


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
    delta = check_gradient(outputs, y_q) / 2**16
    expected, _ = gaussian.output_gradient(outputs / 2**16, y_q / 2**16)
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
    spec, config = LEARNERS["5-4-1"]
    state = init_state(spec, config, "q16")
    edge_target(state, rng)
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
    spec, config = LEARNERS["5-4-1"]
    state = init_state(spec, config, "q16")
    for _ in range(6):
        given_y = np.float32(y if rng.random() < 0.5 else rng.normal() * 2)
        check_target(state, given_y, window)
        statistics, _, _ = golden.standardise_target(state, given_y, window)
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
    count = mesu_q16.Saturations()
    golden.output_gradient(np.array([[2**18, 0], [0, 0]]), 0, count)
    assert count.gradient == 1
