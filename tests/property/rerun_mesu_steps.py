"""The steps of a layer of MESU's golden model, run again, every intermediate held to its bound."""

from __future__ import annotations

import bounds_sampling as sampling
import numpy as np
from bounds_sampling import WEIGHT
from limits_mesu import BOUNDS, LASTING

from quant.counters import Saturations
from quant.integers import bit_length, bit_lengths, shift_round
from quant.rules.mesu import golden_steps as steps
from quant.rules.mesu.golden_steps import FACTOR_BITS, FACTOR_MORE_BITS, LANE_MAX, Weights
from quant.rules.mesu.plan import Plan
from quant.rules.mesu.variance import (
    RHO_MAX,
    WIDE_BITS,
    least_exponent,
    most_exponent,
    narrowed,
    widened,
)
from quant.sampling.plan import LayerPlan
from quant.sampling.step import Step

hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def shift_saturate(x: np.ndarray, right: np.ndarray, bits: int) -> tuple[np.ndarray, int]:
    """``x / 2^right`` floored, in exact integers, within ±2^bits where ``right`` is negative.

    Returns that, and how many were cut.
    """
    exact, cut = [], 0
    for a, n in zip(x.ravel(), np.broadcast_to(right, x.shape).ravel(), strict=True):
        left = min(max(-int(n), 0), bits)
        limit = 1 << bits >> left
        kept = max(min(int(a), limit), -limit) if left else int(a)
        cut += kept != int(a)
        exact.append(kept << left >> min(max(int(n), 0), 31))
    return np.array(exact, np.int64).reshape(x.shape), cut


def nearest(a: np.ndarray, b: np.ndarray, name: str) -> np.ndarray:
    """``a b / 2^15``, rounding half up; the sum before the shift is held."""
    hold(name, np.abs(a * b) + (1 << 14))
    found: np.ndarray = np.floor_divide(2 * a * b + (1 << 15), 1 << 16)
    return found


def check_lanes(total: np.ndarray, gain: tuple[int, int]) -> tuple[np.ndarray, int]:
    """A gradient times its learning rate, in lanes of 16 bits, every intermediate held."""
    largest = bit_length(int(np.abs(total).max()))
    lanes, exponent = steps.lanes(total, gain)
    hold("lane", lanes)
    if largest:
        short = shift_round(total, largest - 15)
        sampling.hold("normalised", short)
        sampling.hold("gain_product", short * gain[0])
        exact = np.ldexp(total.astype(float) * gain[0], exponent - gain[1])
        assert np.abs(exact - lanes).max() <= 2
        assert np.abs(lanes).max() >= 1 << 14
    return lanes, exponent


def check_factors(
    size: np.ndarray, exponent: np.ndarray, lasting: int, least: int, drawn: int, draw: np.ndarray
) -> tuple[steps.Factors, int]:
    """The rows' factors, every intermediate held; and how many steps were too large."""
    reach = bit_lengths(size) + exponent
    most = int(reach[size > 0].max())
    right = max(min(lasting - most, steps.RIGHT_MAX), least)
    threshold = max(right + drawn, steps.THRESHOLD_MIN)
    exact = np.ldexp(size.astype(float), exponent - most + FACTOR_BITS)
    wide = np.floor(exact * (1 << FACTOR_MORE_BITS) + 0.5).astype(np.int64)
    hold("wide_factor", wide << FACTOR_MORE_BITS)
    own = wide >> FACTOR_MORE_BITS >= 1 << threshold
    share = (wide << FACTOR_MORE_BITS) >> threshold
    hold("share", share[~own])
    bits = min(threshold, steps.DRAWN_BITS)
    expected = np.where(own, np.floor(wide / (1 << FACTOR_MORE_BITS) + 0.5).astype(np.int64), 0)
    expected[~own & (draw < share)] = 1 << bits
    count = Saturations()
    found = steps.factors(size, exponent, lasting, least, drawn, draw, count)
    np.testing.assert_array_equal(found.rows, expected)
    hold("factor", found.rows)
    # A drawn step stands for as much more as it is rarer.
    assert found.right - bits == right - threshold
    assert least <= found.right <= LASTING
    assert count.gradient == (lasting - most < least)
    return found, count.gradient


def check_step_rho(
    rho: np.ndarray, y: np.ndarray, right: np.ndarray, u: np.ndarray, first: bool
) -> tuple[np.ndarray, int]:
    """The gradient's step of σ², every intermediate held; and how many were too large."""
    small = nearest(rho, y, "step_product" if first else "rho_y")
    hold("rho_lane" if first else "curve", rho * small)
    curve, _ = shift_saturate(rho * small, right, steps.RHO_STEP_BITS)
    hold("curve_dithered", np.maximum(np.abs(curve), np.abs(curve + u)))
    curve = curve + u >> 16
    d = np.clip(curve, -(rho // 2), rho)
    hold("relative_step", np.abs(d) << 6)
    hold("step_square", d * d)
    hold("four_rho", 4 * rho)
    new = np.floor_divide((2 * rho + d) ** 2, 4 * rho)  # rho (1 + c/2)^2 with c = d/rho
    hold("rho_before_store", new)
    assert new.min() >= 1
    count = Saturations()
    found = steps.step_rho(rho, y, right, u, count)
    hold("rho_stored", found)
    np.testing.assert_array_equal(found, np.minimum(new, LANE_MAX))
    assert count.gradient == np.count_nonzero(d != curve)
    return found, count.gradient


def _check_mu(mu: np.ndarray, step: np.ndarray) -> np.ndarray:
    hold("mu_before_store", mu + step)
    return np.clip(mu + step, -WEIGHT, WEIGHT - 1)


def check_first(
    was: Weights, x: np.ndarray, delta: np.ndarray, r_sum: np.ndarray, gain_mu: tuple[int, int],
    plan: Plan, key: int, u: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """The gradient's step of layer 0."""
    mu, rho, clamped = was.mu, was.rho, 0
    z, sign = np.abs(x[:, 0]), np.sign(x[:, 0])[:, None]
    draw_mu, draw_rho = steps.draws(key, len(x))
    sampling.hold_partial_sums("draw_sum", delta, 1)
    g, exponent_g = check_lanes(delta.sum(axis=1), gain_mu)
    if g.any() and z.any():
        lasting = exponent_g + 23 - plan.layers[0].mu_frac_bits
        f, n = check_factors(z, was.exponent, lasting, steps.RIGHT_MIN_MU, steps.DRAWN_MU, draw_mu)
        row = nearest(-sign * f.rows[:, None], g, "lane_product")
        hold("row_lane", row)
        h = nearest(rho, row, "step_product")
        hold("step_lane", h)
        right = max(f.right, 1)
        dither = u[0] % (1 << right)
        hold("first_dither", dither)
        hold("lane_dithered", np.maximum(np.abs(h), np.abs(h + dither)))
        step = np.where(f.rows[:, None] > 0, np.floor_divide(h + dither, 1 << right), 0)
        # Where it is larger than a lane holds it is taken as often as it is larger.
        for _ in range(1 << right - f.right):
            mu = _check_mu(mu, step)
        clamped += n
    q, exponent_q = check_lanes(r_sum, plan.gain_sigma)
    if q.any() and z.any():
        f, n = check_factors(
            z * z, was.exponent, exponent_q + 10, steps.RIGHT_MIN_RHO, steps.DRAWN_RHO, draw_rho
        )
        y = nearest(-f.rows[:, None], q, "lane_product")
        hold("row_lane", y)
        new, more = check_step_rho(rho, y, np.array(f.right - 3), u[1], True)
        rho = np.where(f.rows[:, None] > 0, new, rho)
        clamped += n + more
    return mu, rho, clamped


def check_later(
    was: Weights, layer: int, x: np.ndarray, frac_bits: int, delta: np.ndarray, r: np.ndarray,
    gain_mu: tuple[int, int], plan: Plan, u: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """The gradient's step of a later layer."""
    spare = bit_length(plan.n_draws - 1)
    x, narrow = sampling.check_narrowed(x)
    frac_bits -= narrow
    g, exponent_g = sampling.check_gain(delta, gain_mu, 19)
    q, exponent_q = sampling.check_gain(r, plan.gain_sigma, 20)
    hold("g", g)
    hold("q", q)
    squares = x * x
    e = np.maximum(bit_lengths(squares.max(axis=1)) - 8, 0)[:, None]
    hold("later_square", squares >> e)
    hold_partial_sums("sum_w", np.abs(x)[:, None, :] * np.abs(g), 2)
    hold_partial_sums("sum_y", (squares >> e)[:, None, :] * np.abs(q), 2)
    w, y = -shift_round(x @ g.T, spare + 2), -shift_round((squares >> e) @ q.T, spare + 1)
    hold("w", w)
    hold("y", y)
    exponent = was.exponent[:, None]
    right_mu = 17 - plan.layers[layer].mu_frac_bits + frac_bits - spare + exponent_g - exponent
    right_rho = 2 * frac_bits - spare - 1 + exponent_q - e - exponent
    hold("rho_w", was.rho * w)
    step, cut = shift_saturate(was.rho * w, right_mu, steps.MU_STEP_BITS)
    hold("step_dithered", np.maximum(np.abs(step), np.abs(step + u[0])))
    mu = _check_mu(was.mu, step + u[0] >> 16)
    rho, more = check_step_rho(was.rho, y, right_rho, u[1], False)
    return mu, rho, cut + more


def check_fit(
    rho: np.ndarray, exponent: np.ndarray, layer: LayerPlan
) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows that have grown are halved: no mantissa by more than its last bit, none below 1."""
    most = most_exponent(layer.v_exponent)
    grown = rho.max(axis=1) > RHO_MAX
    new, exponents, cut = narrowed(rho, exponent, most)
    np.testing.assert_array_equal(exponents, exponent + (grown & (exponent < most)))
    up = (exponents - exponent)[:, None]
    exact = np.ldexp(rho.astype(float), -up)
    over = exact > RHO_MAX
    assert (np.abs(new - np.minimum(exact, RHO_MAX)) <= 0.5 * up).all()
    assert new.min() >= 1
    hold("rho_stored", new)
    assert new.max() <= RHO_MAX
    assert cut == np.count_nonzero(over & (up == 0))
    return new, exponents, cut


def check_widened(
    rho: np.ndarray, exponent: np.ndarray, layer: LayerPlan
) -> tuple[np.ndarray, np.ndarray]:
    """Rows that have shrunk are doubled, which loses nothing."""
    least = least_exponent(layer.v_exponent)
    new, exponents = widened(rho, exponent, least)
    up = exponent - exponents
    np.testing.assert_array_equal(new, rho << up[:, None])
    assert up.min() >= 0
    hold("rho_widened", new[up > 0])
    assert (exponents >= least).all()
    assert ((new.max(axis=1) >= 1 << WIDE_BITS - 1) | (exponents == least)).all()
    return new, exponents


def check_pull(
    was: Weights, plan: Plan, layer: int, dither: tuple[np.ndarray, np.ndarray], at: Step
) -> None:
    """The prior's pull on all rows, every intermediate held."""
    mine, (mu, rho, exponent) = plan.layers[layer], was
    hold("mantissa_ratio", rho * mine.ratio_mantissa)
    right = mine.ratio_exponent + mine.v_exponent + 3 - exponent
    assert right.min() >= 0
    u = rho * mine.ratio_mantissa >> np.minimum(right, 31)[:, None]
    hold("u", u)
    share = u * at.pull_mu(plan.pull_mu)
    hold("pull_share", share)
    share = np.minimum(share, steps.WHOLE_PULL)
    hold("pull_step", (mine.mu_prior_q - mu) * share)
    pull_rho = at.pull_sigma(plan.pull_rho)
    hold("mantissa_pull", rho * pull_rho)
    curve = (rho * pull_rho >> 12) * (65536 - u)
    hold("pull_curve", curve)
    # A pull never carries μ past the prior by more than the dither's one step.
    step = (mine.mu_prior_q - mu) * share >> 28
    assert (np.abs(step) <= (np.abs(mine.mu_prior_q - mu) << 16) + 1).all()
    new_mu = _check_mu(mu, step + dither[0] >> 16)
    new_rho = rho + np.maximum((curve >> 16) + dither[1] >> 16, -(rho // 2))
    hold("rho_pulled", new_rho)
    assert new_rho.min() >= 1
    new_rho, exponents, cut = check_fit(new_rho, exponent, mine)
    new_rho, exponents = check_widened(new_rho, exponents, mine)
    count = Saturations()
    found = steps.pull(mu, rho, exponent, plan, mine, at, dither, count)
    for ours, theirs in zip((new_mu, new_rho, exponents), found, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert count.rho == cut
    assert count.mu == np.count_nonzero((mu == -WEIGHT) | (mu == WEIGHT - 1))


def check_update(
    was: Weights, layer: int, x: np.ndarray, frac_bits: int, delta: np.ndarray, r: np.ndarray,
    plan: Plan, key: int, u: tuple[np.ndarray, np.ndarray], at: Step, gain_mu: tuple[int, int],
) -> None:  # fmt: skip
    """One layer's gradient step and the prior's pull, every intermediate held."""
    count = Saturations()
    if layer == 0:
        mu, rho, clamped = check_first(was, x, delta, r, gain_mu, plan, key, u)
        found = steps.first_gradient(was, x, delta, r, gain_mu, plan, key, u, count)
    else:
        given = (was, layer, x, frac_bits, delta, r, gain_mu, plan, u)
        mu, rho, clamped = check_later(*given)
        found = steps.later_gradient(*given, count)
    np.testing.assert_array_equal(found[0], mu)
    np.testing.assert_array_equal(found[1], rho)
    assert count == Saturations(gradient=clamped)
    check_fit(rho, was.exponent, plan.layers[layer])
    check_pull(was, plan, layer, u, at)
