"""The golden model of MESU, run again, every intermediate held to its bound.

The intermediates are recomputed from their definition and must give what the golden model gives.
"""

from __future__ import annotations

from typing import Any

import bounds_sampling as sampling
import numpy as np
import rerun_step
from bounds_sampling import INVERSE_MAX, WEIGHT
from edge_cases import head_part
from limits_mesu import BOUNDS, CODE_MAX, RIGHT_MIN

from quant import noise
from quant.counters import Saturations
from quant.integers import bit_length, bit_lengths, isqrt, shift_round, shift_truncate
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu import golden
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.golden import RATIO_MAX
from quant.rules.mesu.plan import Plan, make_plan
from quant.sampling.golden import DELTA_MAX
from quant.sampling.step import Step
from quant.state import State, init_state

hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def decoded(rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mantissa and octave of codes."""
    return (rho & 2047) | 2048, rho >> 11


def check_forward_layer(
    x: np.ndarray, frac_bits: int, mu: np.ndarray, rho: np.ndarray, plan: Any, epsilon: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Forward through one layer, every intermediate held."""
    blocked, k_mean, squares, k_square = sampling.check_inputs(x, (12 - plan.v_exponent) & 1)
    mantissa, octave = decoded(rho)
    power = []
    for s in range(x.shape[1]):
        product = mantissa * squares[:, s, None]
        hold("mantissa_square", product)
        hold_partial_sums("power", product >> (31 - octave), 0)
        power.append((product >> (31 - octave)).sum(axis=0))
    total = 12 - plan.v_exponent + 2 * (frac_bits - k_mean) + k_square
    assert total % 2 == 0
    centre = sampling.check_centre(mu, blocked, frac_bits - k_mean + plan.mu_frac_bits)
    spread = shift_truncate(isqrt(np.stack(power, axis=1)), (total >> 1) - 12)
    a = sampling.check_sample(centre, spread, epsilon)
    expected, inverse = golden.forward_layer(x, frac_bits, mu, rho, plan, epsilon, Saturations())
    np.testing.assert_array_equal(a, expected)
    assert inverse.max() <= INVERSE_MAX
    return a, inverse


def check_ratio(delta: np.ndarray, epsilon: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """δ ε / s, every intermediate held."""
    hold("delta_epsilon", np.abs(delta * epsilon) + 128)
    product = shift_round(delta * epsilon, 8) * inverse
    hold("ratio_product", np.abs(product) + 2**21)
    r = golden.ratio(delta, epsilon, inverse, Saturations())
    hold("ratio", r)
    np.testing.assert_array_equal(r, np.clip(shift_round(product, 22), -RATIO_MAX, RATIO_MAX))
    return r


def check_backward(
    x: np.ndarray, frac_bits: int, delta: np.ndarray, r: np.ndarray, mu: np.ndarray,
    rho: np.ndarray, plan: Any,
) -> np.ndarray:  # fmt: skip
    """Gradient by a layer's inputs, every intermediate held."""
    blocked, k_delta = sampling.check_delta(delta)
    sampling.check_through_mean(mu, blocked)
    k_r = min(19 - bit_length(int(np.abs(r).sum(axis=0).max())), 12)
    blocked_r = shift_truncate(r, -k_r)
    hold("blocked_ratio_sum", np.abs(blocked_r).sum(axis=0))
    mantissa, octave = decoded(rho)
    right = 8 + frac_bits + k_r - plan.v_exponent
    assert right >= RIGHT_MIN
    below = []
    for s in range(x.shape[1]):
        hold("through_spread", mantissa * blocked_r[:, s])
        terms = mantissa * blocked_r[:, s] >> (31 - octave)
        hold_partial_sums("through_spread", terms, 1)
        product = x[:, s] * terms.sum(axis=1)
        if right < 0:
            product = np.clip(product, -golden.PRODUCT_MAX, golden.PRODUCT_MAX)
        hold("input_spread", product << max(-right, 0))
        mean = shift_round(mu @ blocked[:, s], plan.mu_frac_bits - k_delta)
        below.append(np.where(x[:, s] > 0, mean + shift_round(product, right), 0))
    found = golden.backward_inputs(x, frac_bits, delta, r, mu, rho, plan, Saturations())
    expected = np.clip(np.stack(below, axis=1), -DELTA_MAX, DELTA_MAX)
    np.testing.assert_array_equal(found, expected)
    return found


def shift_saturate(x: np.ndarray, right: np.ndarray, bits: int) -> np.ndarray:
    """``x / 2^right`` floored, in exact integers, within ±2^bits where ``right`` is negative."""
    exact = []
    for a, n in zip(x.ravel(), np.broadcast_to(right, x.shape).ravel(), strict=True):
        left = min(max(-int(n), 0), bits)
        limit = 1 << bits >> left
        kept = max(min(int(a), limit), -limit) if left else int(a)
        exact.append(kept << left >> min(max(int(n), 0), 31))
    return np.array(exact, np.int64).reshape(x.shape)


def moved(rho: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return the codes of v·(1 + step/mantissa), rounded up, octave by octave."""
    mantissa, octave = decoded(rho)
    mantissa = mantissa + step
    below, above = mantissa < 2048, mantissa >= 4096
    mantissa = np.where(below, 2 * mantissa, np.where(above, (mantissa + 1) // 2, mantissa))
    return (octave - below + above) * 2048 + mantissa - 2048


def check_update(
    x: np.ndarray, frac_bits: int, mu: np.ndarray, rho: np.ndarray, delta: np.ndarray,
    r: np.ndarray, plan: Plan, layer: int, u: tuple[np.ndarray, np.ndarray], first: bool,
    at: Step, gain_mu: tuple[int, int],
) -> None:  # fmt: skip
    """One layer's gradient step, every intermediate held."""
    mine = plan.layers[layer]
    spare = 0
    if first:
        delta, r = delta.sum(axis=1, keepdims=True), r.sum(axis=1, keepdims=True)
    else:
        x, narrow = sampling.check_narrowed(x)
        frac_bits -= narrow
        spare = bit_length(plan.n_draws - 1)
    g, exponent_g = sampling.check_gain(delta, gain_mu, 19)
    q, exponent_q = sampling.check_gain(r, plan.gain_sigma, 20)
    hold("g", g)
    hold("q", q)
    squares = x * x
    e = np.maximum(bit_lengths(squares.max(axis=1)) - 8, 0)[:, None]
    hold("square", squares >> e)
    hold_partial_sums("sum_w", np.abs(x)[:, None, :] * np.abs(g), 2)
    hold_partial_sums("sum_y", (squares >> e)[:, None, :] * np.abs(q), 2)
    w, y = -shift_round(x @ g.T, spare), -shift_round((squares >> e) @ q.T, spare)
    hold("w", w)
    hold("y", y)
    mantissa, octave = decoded(rho)
    shift_mu = 47 - mine.v_exponent - mine.mu_frac_bits + frac_bits - spare + exponent_g
    shift_rho = 31 - mine.v_exponent + 2 * frac_bits - spare + exponent_q - e
    hold("mantissa_w", mantissa * w)
    hold("mantissa_y", (mantissa * mantissa >> 12) * y)
    step = shift_saturate(mantissa * w, shift_mu - octave, golden.MU_STEP_BITS)
    curve = shift_saturate(
        (mantissa * mantissa >> 12) * y, shift_rho - octave, golden.RHO_STEP_BITS
    )
    hold("step_dithered", step + u[0])
    hold("curve_dithered", curve + u[1])
    new_mu = mu + (step + u[0] >> 16)
    new_rho = moved(rho, np.clip(curve + u[1] >> 16, -(mantissa >> 1), mantissa))
    hold("mu_before_store", new_mu)
    hold("rho_before_store", new_rho)
    count = Saturations()
    kept = golden.step_weights(mu, rho, w, y, shift_mu, shift_rho, *u, count)
    np.testing.assert_array_equal(kept[0], np.clip(new_mu, -WEIGHT, WEIGHT - 1))
    np.testing.assert_array_equal(kept[1], np.clip(new_rho, 0, CODE_MAX))
    assert count.mu == np.count_nonzero(kept[0] != new_mu)
    assert count.rho == np.count_nonzero(kept[1] != new_rho)
    check_pull(mu, rho, plan, layer, u, at)


def check_pull(
    mu: np.ndarray, rho: np.ndarray, plan: Plan, layer: int,
    dither: tuple[np.ndarray, np.ndarray], at: Step,
) -> None:  # fmt: skip
    """The prior's pull on all rows, every intermediate held."""
    mine = plan.layers[layer]
    mantissa, octave = decoded(rho)
    hold("mantissa_ratio", mantissa * mine.ratio_mantissa)
    u = mantissa * mine.ratio_mantissa >> np.minimum(31 - octave + mine.ratio_exponent, 31)
    hold("u", u)
    share = u * at.pull_mu(plan.pull_mu)
    hold("pull_share", share)
    share = np.minimum(share, golden.WHOLE_PULL)
    hold("pull_step", (mine.mu_prior_q - mu) * share)
    pull_rho = at.pull_sigma(plan.pull_rho)
    hold("mantissa_pull", mantissa * pull_rho)
    curve = (mantissa * pull_rho >> 12) * (65536 - u)
    hold("pull_curve", curve)
    # A pull never carries μ past the prior by more than the dither's one step.
    step = (mine.mu_prior_q - mu) * share >> 28
    assert (np.abs(step) <= (np.abs(mine.mu_prior_q - mu) << 16) + 1).all()
    new_mu = mu + (step + dither[0] >> 16)
    new_rho = moved(rho, np.maximum((curve >> 16) + dither[1] >> 16, -(mantissa >> 1)))
    hold("mu_before_store", new_mu)
    hold("rho_before_store", new_rho)
    kept = golden.pull(mu, rho, plan, mine, at, *dither, Saturations())
    np.testing.assert_array_equal(kept[0], np.clip(new_mu, -WEIGHT, WEIGHT - 1))
    np.testing.assert_array_equal(kept[1], np.clip(new_rho, 0, CODE_MAX))


def check_learner(
    spec: NetworkSpec, config: MesuConfig, state: State, z: np.ndarray, target: int
) -> None:
    """Forward, backward and update of a whole network from a state, every intermediate held."""
    plan = make_plan(spec, config)
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    passed = golden.forward(spec, plan, state, z, Saturations())
    matrices = [
        tuple(layer_view(spec, state, f, i).astype(np.int64) for f in ("mu", "rho"))
        for i in range(len(spec.shapes))
    ]
    for i, (mu, rho) in enumerate(matrices):
        a, inverse = check_forward_layer(
            passed.inputs[i], passed.frac_bits[i], mu, rho, plan.layers[i], passed.epsilon[i]
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
        mu, rho = matrices[i]
        r = check_ratio(delta, passed.epsilon[i], passed.inverse_spread[i])
        x = passed.inputs[i]
        columns = noise.words(key, noise.STREAM_COLUMN + i, mu.shape[1]).astype(np.int64)
        rows = noise.words(key, noise.STREAM_ROW + i, mu.shape[0]).astype(np.int64)
        check_update(
            x, passed.frac_bits[i], mu, rho, delta, r, plan, i,
            noise.dither(rows, columns), i == 0, at,
            at.gain(plan.gain_mu, passed.inverse_spread[i]),
        )  # fmt: skip
        if i > 0:
            frac_bits = passed.frac_bits[i]
            delta = check_backward(x, frac_bits, delta, r, mu, rho, plan.layers[i])
            delta = delta[: spec.layers[i]]


EDGE_MU = (-32768, -1, 0, 1, 32767)
EDGE_RHO = (0, 1, 2047, 2048, 32768, 63488, 65534, 65535)


def edge_state(spec: NetworkSpec, config: MesuConfig, mode: int, seed: int) -> State:
    """Return a state of edge words (mode 0), random words, or all extreme (further modes)."""
    rng = np.random.default_rng(seed)
    state = init_state(spec, config, "q16", seed)
    n = spec.n_synapses
    if mode == 0:
        state["mu"][0], state["rho"][0] = rng.choice(EDGE_MU, n), rng.choice(EDGE_RHO, n)
    elif mode == 1:
        state["mu"][0] = rng.integers(-32768, 32768, n)
        state["rho"][0] = rng.integers(0, 65536, n)
    elif mode == 2:
        state["mu"][0] = rng.choice([-32768, 32767], n)
        state["rho"][0] = rng.choice([0, 65535], n)
    else:
        mu, rho = [(m, r) for m in (-32768, 32767, 0) for r in (0, 65535)][(mode - 3) % 6]
        state["mu"], state["rho"] = mu, rho
    state["n_samples"] = rng.choice([0, 1, 2**31, 2**32 - 1])
    rerun_step.edge_step(state, rng)
    return state
