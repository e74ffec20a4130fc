"""The golden model of MESU, run again, every intermediate held to its bound.

The intermediates are recomputed from their definition and must give what the golden model gives.
Here are the two passes and whole learners; the steps of a layer are in ``rerun_mesu_steps``.
"""

from __future__ import annotations

from typing import Any

import bounds_sampling as sampling
import numpy as np
import rerun_step
from bounds_sampling import INVERSE_MAX
from edge_cases import head_part
from limits_mesu import BOUNDS
from rerun_mesu_steps import check_update

from quant import noise
from quant.counters import Saturations
from quant.integers import bit_length, isqrt, shift_round, shift_round_each, shift_truncate
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu import golden
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.golden import (
    LANE_BITS,
    POWER_BITS,
    RATIO_MAX,
    RATIO_SUM_MAX,
    SQUARE_BITS,
    SQUARE_MORE_BITS,
)
from quant.rules.mesu.golden_steps import Weights
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import (
    POINT,
    RHO_MAX,
    exponent_view,
    least_exponent,
    most_exponent,
)
from quant.sampling.golden import DELTA_MAX
from quant.state import State, init_state

hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def check_squares(xn: np.ndarray, exponent: np.ndarray) -> tuple[np.ndarray, int]:
    """Squares of the inputs at one exponent, every intermediate held."""
    active = xn.any(axis=1)
    most = int(exponent[active].max()) if active.any() else 1
    wide = np.where(
        active[:, None],
        xn * xn << SQUARE_MORE_BITS >> np.clip(most - exponent, 0, 31)[:, None],
        0,
    )
    hold("wide_square", wide)
    hold_partial_sums("wide_square_sum", wide, 0)
    found, scale = golden.scaled_squares(xn, exponent)
    hold("square", found)
    hold_partial_sums("square_sum", found, 0)
    assert scale % 2 == 1
    # Below the true square by less than 1, or by what 8 bits more than the largest cannot show.
    exact = np.ldexp((xn * xn).astype(float), exponent[:, None] - scale)
    floor = 2.0 ** max(0, most - SQUARE_MORE_BITS - scale)
    exact = np.where(active[:, None], exact, 0)
    short = exact - found
    assert short.min(initial=0) >= 0
    assert short.max(initial=0) < floor
    # Two bits less than there is room for at most: of these one for the scale to be odd.
    large = exact.max() >= 1 << SQUARE_BITS - 2 or exact.sum(axis=0).max() >= 1 << POWER_BITS - 2
    assert large or not active.any()
    return found, scale


def check_forward_layer(
    x: np.ndarray, frac_bits: int, was: Weights, plan: Any, epsilon: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Forward through one layer, every intermediate held."""
    blocked, k_mean = sampling.check_inputs(x)
    xn, narrow = sampling.check_narrowed(x)
    squares, scale = check_squares(xn, was.exponent)
    for s in range(x.shape[1]):
        hold("rho_square", was.rho * squares[:, s, None])
        hold_partial_sums("power", was.rho * squares[:, s, None], 0)
    total = 2 * (frac_bits - narrow) - (scale - POINT)
    assert total % 2 == 0
    centre = sampling.check_centre(was.mu, blocked, frac_bits - k_mean + plan.mu_frac_bits)
    spread = shift_truncate(isqrt(was.rho.T @ squares), (total >> 1) - 12)
    a = sampling.check_sample(centre, spread, epsilon)
    expected, inverse = golden.forward_layer(x, frac_bits, was, plan, epsilon, Saturations())
    np.testing.assert_array_equal(a, expected)
    assert inverse.max() <= INVERSE_MAX
    return a, inverse


def check_ratio(delta: np.ndarray, epsilon: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """δ ε / s, every intermediate held."""
    found = golden.ratio(delta, epsilon, inverse, Saturations())
    return _check_over(delta * epsilon, inverse, RATIO_MAX, "ratio", found)


def check_ratio_sum(delta: np.ndarray, epsilon: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Its sum over the draws in layer 0, every intermediate held."""
    hold_partial_sums("delta_epsilon", np.abs(delta * epsilon), 1)
    found = golden.ratio_sum(delta, epsilon, inverse, Saturations())
    product = (delta * epsilon).sum(axis=1)
    return _check_over(product, inverse[:, 0], RATIO_SUM_MAX, "ratio_sum", found)


def _check_over(
    product: np.ndarray, inverse: np.ndarray, limit: int, name: str, found: np.ndarray
) -> np.ndarray:
    hold("delta_epsilon", np.abs(product) + 128)
    quotient = shift_round(product, 8) * inverse
    hold("ratio_product", np.abs(quotient) + 2**21)
    hold(name, found)
    np.testing.assert_array_equal(found, np.clip(shift_round(quotient, 22), -limit, limit))
    return found


def check_backward(
    x: np.ndarray, frac_bits: int, delta: np.ndarray, r: np.ndarray, was: Weights, plan: Any
) -> np.ndarray:
    """Gradient by a layer's inputs, every intermediate held."""
    blocked, k_delta = sampling.check_delta(delta, LANE_BITS)
    k_r = min(LANE_BITS - bit_length(int(np.abs(r).sum(axis=0).max())), 12)
    blocked_r = shift_truncate(r, -k_r)
    for block in (blocked, blocked_r):
        hold("blocked_sum", np.abs(block).sum(axis=0))
    right = 11 + frac_bits + k_r - was.exponent
    below = []
    for s in range(x.shape[1]):
        hold_partial_sums("through_spread", was.rho * blocked_r[:, s], 1)
        product = x[:, s] * (was.rho @ blocked_r[:, s])
        limit = np.where(right < 0, golden.PRODUCT_MAX, 1 << 62)
        product = np.clip(product, -limit, limit)
        hold("input_spread", product << np.maximum(-right, 0))
        hold_partial_sums("through_mean", was.mu * blocked[:, s], 1)
        mean = shift_round(was.mu @ blocked[:, s], plan.mu_frac_bits - k_delta)
        hold("input_mean", mean)
        gradient = mean + shift_round_each(product, right)
        hold("input_gradient", gradient)
        below.append(np.where(x[:, s] > 0, gradient, 0))
    found = golden.backward_inputs(x, frac_bits, delta, r, *was, plan, Saturations())
    expected = np.clip(np.stack(below, axis=1), -DELTA_MAX, DELTA_MAX)
    np.testing.assert_array_equal(found, expected)
    return found


def weights_of(spec: NetworkSpec, state: State, layer: int) -> Weights:
    """Return a layer's state as ``int64``."""
    mu, rho = (layer_view(spec, state, name, layer).astype(np.int64) for name in ("mu", "rho"))
    exponent = exponent_view(spec, state["rho_exponent"][0], layer).astype(np.int64)
    return Weights(mu, rho, exponent)


def check_learner(
    spec: NetworkSpec, config: MesuConfig, state: State, z: np.ndarray, target: int
) -> None:
    """Forward, backward and update of a whole network from a state, every intermediate held."""
    plan = make_plan(spec, config)
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    passed = golden.forward(spec, plan, state, z, Saturations())
    matrices = [weights_of(spec, state, i) for i in range(len(spec.shapes))]
    for i, was in enumerate(matrices):
        a, inverse = check_forward_layer(
            passed.inputs[i], passed.frac_bits[i], was, plan.layers[i], passed.epsilon[i]
        )
        np.testing.assert_array_equal(inverse, passed.inverse_spread[i])
        if i + 1 < len(matrices):
            units = slice(spec.layers[i + 1])
            np.testing.assert_array_equal(sampling.check_hidden(a), passed.inputs[i + 1][units])
    np.testing.assert_array_equal(a, passed.outputs)
    sampling.check_logits(passed.outputs)
    delta = head_part(spec, "check_output_gradient")(passed.outputs, target)
    at = rerun_step.check_step(
        sampling.hold, spec, plan, state, passed, delta, plan.layers[-1].mu_frac_bits
    )
    for i in range(len(matrices) - 1, -1, -1):
        was, x = matrices[i], passed.inputs[i]
        over = check_ratio if i else check_ratio_sum
        r = over(delta, passed.epsilon[i], passed.inverse_spread[i])
        columns = noise.words(key, noise.STREAM_COLUMN + i, was.mu.shape[1]).astype(np.int64)
        rows = noise.words(key, noise.STREAM_ROW + i, was.mu.shape[0]).astype(np.int64)
        check_update(
            was, i, x, passed.frac_bits[i], delta, r, plan, key, noise.dither(rows, columns), at,
            at.gain(plan.gain_mu, passed.inverse_spread[i]),
        )  # fmt: skip
        if i > 0:
            frac_bits = passed.frac_bits[i]
            delta = check_backward(x, frac_bits, delta, r, was, plan.layers[i])[: spec.layers[i]]


EDGE_MU = (-32768, -1, 0, 1, 32767)
EDGE_RHO = (1, 2, 3, 63, 64, 65, 4095, 4096, 8191, 8192, RHO_MAX - 1, RHO_MAX)


def edge_state(
    spec: NetworkSpec, config: MesuConfig, mode: int, seed: int, arithmetic: str = "q16"
) -> State:
    """Return a state of edge words (mode 0), random words, or all extreme (further modes)."""
    rng = np.random.default_rng(seed)
    state = init_state(spec, config, arithmetic, seed)
    n = spec.n_synapses
    if mode == 0:
        state["mu"][0], state["rho"][0] = rng.choice(EDGE_MU, n), rng.choice(EDGE_RHO, n)
    elif mode == 1:
        state["mu"][0] = rng.integers(-32768, 32768, n)
        state["rho"][0] = rng.integers(1, RHO_MAX + 1, n)
    elif mode == 2:
        state["mu"][0] = rng.choice([-32768, 32767], n)
        state["rho"][0] = rng.choice([1, RHO_MAX], n)
    else:
        mu, rho = [(m, r) for m in (-32768, 32767, 0) for r in (1, RHO_MAX)][(mode - 3) % 6]
        state["mu"], state["rho"] = mu, rho
    for layer, mine in enumerate(make_plan(spec, config).layers):
        least, most = least_exponent(mine.v_exponent), most_exponent(mine.v_exponent)
        exponent = exponent_view(spec, state["rho_exponent"][0], layer)
        kinds = (
            rng.integers(least, most + 1, len(exponent)),
            rng.integers(most - 5, most + 1, len(exponent)),
            rng.choice([least, least + 1, most - 1, most], len(exponent)),
            np.full(len(exponent), rng.choice([least, most])),
            exponent.copy(),
        )
        exponent[:] = kinds[rng.integers(len(kinds))]
    state["n_samples"] = rng.choice([0, 1, 2**31, 2**32 - 1])
    rerun_step.edge_step(state, rng)
    return state
