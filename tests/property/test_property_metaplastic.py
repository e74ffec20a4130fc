"""The metaplastic rule: its bounds and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rerun_metaplastic import check_learner

from quant.heads.categorical.golden import softmax_q
from quant.integers import Int64
from quant.network import NetworkSpec
from quant.noise import sample_key
from quant.rules.metaplastic import golden
from quant.rules.metaplastic.config import WEIGHT_FRAC_BITS, MetaplasticConfig
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import stride
from quant.state import init_state
from streamlearn.rules.metaplastic import equations

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=60)
FEW = settings(FIXED, max_examples=25)


@FEW
@given(
    layers=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    n_classes=st.integers(2, 9),
    bias=st.booleans(),
    share=st.floats(0, 1),
    m=st.floats(0, 16),
    clamp=st.floats(1 / 64, 1),
    lr=st.floats(1 / 256, 16),
    window=st.floats(1 / 256, 16),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_intermediate_keeps_its_bound(
    layers: list[int], n_classes: int, bias: bool, share: float, m: float, clamp: float, lr: float,
    window: float, seed: int,
) -> None:  # fmt: skip
    n_blocks = layers[1] if len(layers) > 1 and share > 0.3 else 0
    n_active = max(1, round(share * n_blocks)) if n_blocks else 0
    spec = NetworkSpec((*layers, n_classes), bias, "none")
    config = MetaplasticConfig(
        metaplasticity=m, metaplasticity_output=16 - m, clamp=clamp, weight_init=1.0, skip=0.0,
        window=window, lr=lr, lr_output=lr, bias_input=127 / 16, n_blocks=n_blocks,
        n_active=n_active,
    )  # fmt: skip
    plan = make_metaplastic_plan(spec, config)
    state, rng = init_state(spec, config, "q8", seed), np.random.default_rng(seed)
    for _ in range(5):
        z = rng.integers(-127, 128, spec.n_features) * rng.integers(0, 2, spec.n_features)
        check_learner(spec, config, state, z, int(rng.integers(n_classes)))
        weights = state["hidden_weight"][0]
        assert weights.min() >= -plan.clamp_q - 1
        assert weights.max() <= plan.clamp_q
    at = 0
    for rows, columns in spec.shapes:
        block = weights[at : at + rows * stride(columns)].reshape(rows, stride(columns))
        assert not block[:, columns:].any(), "padding was written to"
        at += block.size
    assert at == len(weights)


@FIXED
@given(square_sum=st.integers(1, 65536 * 127**2))
def test_the_norm_is_the_root_within_2_to_the_minus_15(square_sum: int) -> None:
    mantissa, exponent = golden.norm(square_sum)
    assert 2**15 <= mantissa < 2**16
    assert 0 <= exponent <= 15
    root = np.sqrt(square_sum)
    assert root * (1 - 2**-15) <= mantissa * 2.0**-exponent <= root


@FIXED
@given(
    st.lists(st.integers(-(2**27), 2**27), min_size=2, max_size=20),
    st.integers(golden.LOG_TEMPERATURE_MIN, golden.LOG_TEMPERATURE_MAX),
)
def test_distances_are_the_logits_over_the_temperature(logits: list[int], tau: int) -> None:
    values = np.array(logits, np.int64)
    found = golden.calibrated_distances(values, tau)
    exact = (values.max() - values) / 2.0 ** (tau / 65536)
    np.testing.assert_allclose(found, exact, rtol=0.003, atol=1)
    assert found.min() == 0


def test_the_temperature_rises_where_predictions_are_too_sure_and_settles() -> None:
    """Logits drawn so that the label follows softmax(logits / 2): T goes to 2 from both sides."""
    rng = np.random.default_rng(0)
    settled = []
    for tau in (golden.LOG_TEMPERATURE_MIN, golden.LOG_TEMPERATURE_MAX):
        tail = []
        for t in range(12000):
            logits = rng.normal(0, 3, 5)
            p = np.exp(logits / 2 - (logits / 2).max())
            label = int(rng.choice(5, p=p / p.sum()))
            tau = golden.calibrate((logits * 65536).astype(np.int64), label, tau, 8)
            tail += [tau] if t > 8000 else []
        settled.append(2.0 ** (np.mean(tail) / 65536))
    assert settled == pytest.approx([2.0, 2.0], rel=0.05)


def pulses(w: Int64, x: Int64, delta: Int64, m: float, n: int) -> np.ndarray:
    """Mean step of one layer's weights over ``n`` samples from the same state."""
    spec = NetworkSpec((len(x), len(delta)), False, "none")
    plan = make_metaplastic_plan(spec, MetaplasticConfig(metaplasticity_output=m, lr_output=1.0))
    total = np.zeros(w.shape)
    for sample in range(n):
        moved = w.copy()
        golden.pulse_layer(moved, x, delta, 0, plan, sample_key(9, sample), plan.gains[0])
        total += moved - w
    return total / n


def test_the_mean_step_is_the_gradients_times_f_meta() -> None:
    """E ΔW = -lr δ x f, with f = 1 - tanh²(m |W|) towards zero and 1 outward; W in 2^-7."""
    w = np.array([[-5, 60], [-3, 100], [-40, -100], [0, -1]], np.int64)
    x, delta = np.array([16, -8, 40, 3]), np.array([1500, -2500])
    m, n = 2.0, 6000
    step = -np.outer(x / 16, delta / 4096)
    size = (np.where(w < 0, -1 - w, w) + 0.5) / 128
    inward = (step < 0) != (w < 0)
    expected = step * np.where(inward, 1 - np.tanh(m * size) ** 2, 1.0)
    found = pulses(w, x, delta, m, n)
    sd = np.sqrt(np.abs(step) * 3 / n)  # steps are at most 3 at once here
    assert (np.abs(found - expected) < 5 * sd).all(), (found, expected)
    assert inward.any()
    assert not inward.all()


def test_probabilities_of_the_golden_softmax_fall_with_distance() -> None:
    p = softmax_q(np.array([[0], [-65536], [-131072]]))[:, 0] / 65536
    np.testing.assert_allclose(p, np.exp([0, -1, -2]) / np.exp([0, -1, -2]).sum(), atol=2e-3)


def test_the_float_reference_has_the_same_constants() -> None:
    assert equations.LSB == 2.0**-WEIGHT_FRAC_BITS
    ends = (golden.LOG_TEMPERATURE_MIN / 65536, golden.LOG_TEMPERATURE_MAX / 65536)
    assert ends == equations.LOG_TEMPERATURE_RANGE
