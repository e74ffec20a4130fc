"""Bounds of docs/numbers.md and the golden model run again with every intermediate held to them.

A name in :data:`BOUNDS` is a row of a bounds table in docs/numbers.md; a test compares the two.
The intermediates are recomputed from their definition and must give what the golden model gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from factored_limits import FACTORED

from quant import noise
from quant.integers import bit_length, bit_lengths, isqrt, shift_round, shift_truncate
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu import golden as golden
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import Plan, make_plan
from quant.state import State, init_state

INT32 = 2**31 - 1
UINT32 = 2**32 - 1
INT64 = 2**63 - 1
CONTAINERS = {"int16": 2**15 - 1, "int32": INT32, "uint32": UINT32, "int64": INT64}

#: name: (largest magnitude, C type that must hold it)
BOUNDS: dict[str, tuple[int, str]] = {
    # forward
    "abs_sum": (65536 * 32767, "uint32"),
    "blocked_sum": (65535, "int32"),
    "mean_sum": (65535 * 32768, "int32"),
    "raw_square_sum": (65535**2, "uint32"),
    "square_sum": (2**20 - 1, "uint32"),
    "mantissa_square": (4095 * (2**20 - 1), "uint32"),
    "power": (4095 * (2**20 - 1), "uint32"),
    "centre": (2**30, "int32"),
    "spread": (2**20 - 1, "int32"),
    "spread_epsilon": ((2**20 - 1) * 741 + 8, "int32"),
    "pre_activation": (2**30 + 48562130, "int32"),
    "hidden": (32767, "int16"),
    "logit": (2**30 + 48562130, "int32"),
    "logit_sum": (64 * (2**30 + 48562130), "int64"),
    # softmax
    "logit_below": (2 * (2**30 + 48562130), "uint32"),
    "softmax_t": (16383 * 23637, "int32"),
    "softmax_sum": (65535 * 32768, "uint32"),
    "softmax_shifted": (2**31, "uint32"),
    "output_delta": (2**20, "int32"),
    # backward
    "delta": (2**24 - 1, "int32"),
    "delta_epsilon": ((2**24 - 1) * 741 + 128, "int64"),
    "ratio_product": (48562173 * 2**30 + 2**21, "int64"),
    "ratio": (2**24 - 1, "int32"),
    "blocked_delta_sum": (65535, "int32"),
    "through_mean": (65535 * 32768, "int32"),
    "blocked_ratio_sum": (2**19 - 1, "int32"),
    "through_spread": (4095 * (2**19 - 1), "int32"),
    "input_spread": (2**62, "int64"),
    # update
    "draw_sum": (64 * (2**24 - 1), "int32"),
    "normalised": (2**15, "int32"),
    "gain_product": (2**15 * (2**15 - 1), "int32"),
    "g": (2048, "int32"),
    "q": (1024, "int32"),
    "narrowed": (255, "int32"),
    "square": (255, "int32"),
    "sum_w": (64 * 255 * 2048, "int32"),
    "sum_y": (64 * 255 * 1024, "int32"),
    "w": (255 * 2048, "int32"),
    "y": (255 * 1024, "int32"),
    "mantissa_w": (4095 * 255 * 2048, "int32"),
    "mantissa_y": (4094 * 255 * 1024, "int32"),
    "step_dithered": (4095 * 255 * 2048 + 65535, "int32"),
    "curve_dithered": (4094 * 255 * 1024 + 65535, "int32"),
    "mu_before_store": (65401, "int32"),
    "rho_before_store": (67583, "int32"),
    # pull
    "mantissa_ratio": (4095 * 65535, "uint32"),
    "u": (4095 * 4096, "uint32"),
    "pull_step": (65535 * 4095 * 4096 * 2**20, "int64"),
    "mantissa_pull": (4095 * 2**20, "uint32"),
    "pull_curve": (1048320 * (4095 * 4096 - 65536), "int64"),
    # front end
    "x_q": (2**28 - 16, "int32"),
    "mean": (2**28 - 16, "int32"),
    "difference": (2**29 - 32, "int32"),
    "delta_x": (2**20, "int32"),
    "delta_rate": (2**35 + 2**15, "int64"),
    "after": (2**20, "int32"),
    "deviation_rate": (2**55 + 2**15, "int64"),
    "variance_wide": (2**39 + 2**27, "int64"),
    "variance": (2**28 - 1, "uint32"),
    "after_up": (3 * 2**20, "int32"),
    "size_numerator": (3 * 2**24 + 8191, "uint32"),
    # Gaussian likelihood
    "target_reach": (2**28 - 16 + 8 * 16383, "int32"),
    "target_numerator": (3 * 2**36 + 8191, "int64"),
    "target": (2**19, "int32"),
    "octave_product": (2**14 * 23637, "int32"),
    "inverse_sd": (2**24, "int32"),
    "noise_variance": (2**28, "int32"),
    "target_difference": (2**30 + 48562130 + 2**19, "int32"),
    "residual_product": ((2**30 + 48562130 + 2**19) * 2**24 + 2**17, "int64"),
    "residual": (3 * 2**16, "int32"),
    "mean_product": (3 * 2**40 + 2**17, "int64"),
    "mean_gradient": (3 * 2**22, "int32"),
    "log_gradient": (2**18, "int32"),
    "kept_spread": (2**20, "int32"),
    "kept_epsilon": (2**20 * 741 + 8, "int32"),
    "draw_centre": (2**30 + 48562130 + 48562176, "int32"),
    "centre_sum": (64 * (2**30 + 48562130 + 48562176), "int64"),
    "aleatoric_sum": (64 * 2**28, "int64"),
    "epistemic_sum": (64 * ((2**24 - 1) ** 2 + 2**48), "int64"),
    "mean_numerator": ((2**28 - 16) * 2**22 + 16383 * 64 * (2**30 + 97124306), "int64"),
    "scaled_numerator": (2**62 - 1, "int64"),
    "root_sd": (3037000499 * 16383, "int64"),
    **FACTORED,
}


def hold(name: str, value: Any) -> None:
    """Fail where a value exceeds its bound."""
    array = np.asarray(value)
    if array.size:
        largest = max(abs(int(array.max())), abs(int(array.min())))
        limit, container = BOUNDS[name]
        assert largest <= limit <= CONTAINERS[container], f"{name}: {largest} > {limit}"


def hold_partial_sums(name: str, terms: np.ndarray, axis: int) -> None:
    """Fail where any prefix of a sum exceeds the bound: C accumulates in this order."""
    hold(name, np.cumsum(terms, axis=axis))


def check_forward_layer(
    x: np.ndarray, frac_bits: int, mu: np.ndarray, rho: np.ndarray, plan: Any, epsilon: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Forward through one layer, every intermediate held."""
    hold("abs_sum", np.abs(x).sum(axis=0))
    blocked, k_mean = golden.block_inputs(x)
    hold("blocked_sum", np.abs(blocked).sum(axis=0))
    hold("raw_square_sum", (blocked * blocked).sum(axis=0))
    squares, k_square = golden.block_squares(blocked, (12 - plan.v_exponent) & 1)
    hold("square_sum", squares.sum(axis=0))
    mantissa, octave = (rho & 2047) | 2048, rho >> 11
    for s in range(x.shape[1]):
        hold_partial_sums("mean_sum", mu * blocked[:, s, None], 0)
        product = mantissa * squares[:, s, None]
        hold("mantissa_square", product)
        hold_partial_sums("power", product >> (31 - octave), 0)
    power = np.stack(
        [(mantissa * squares[:, s, None] >> (31 - octave)).sum(0) for s in range(x.shape[1])], 1
    )
    total = 12 - plan.v_exponent + 2 * (frac_bits - k_mean) + k_square
    assert total % 2 == 0
    centre = shift_round(mu.T @ blocked, frac_bits - k_mean + plan.mu_frac_bits - 16)
    centre = np.clip(centre, -(2**30), 2**30)
    hold("centre", centre)
    spread = np.minimum(shift_truncate(isqrt(power), (total >> 1) - 12), 2**20 - 1)
    hold("spread", spread)
    hold("spread_epsilon", np.abs(spread * epsilon) + 8)
    a = centre + ((spread * epsilon + 8) >> 4)
    hold("pre_activation", a)
    expected, inverse = golden.forward_layer(
        x, frac_bits, mu, rho, plan, epsilon, golden.Saturations()
    )
    np.testing.assert_array_equal(a, expected)
    return a, inverse


def check_output_gradient(logits: np.ndarray, label: int) -> np.ndarray:
    """Softmax and its gradient, every intermediate held."""
    hold("logit_below", logits.max(axis=0) - logits)
    t = np.minimum((logits.max(axis=0) - logits) >> 6, 16383)
    hold("softmax_t", t * 23637)
    u = t * 23637 >> 14
    e = golden.EXP2[u >> 2 & 255].astype(np.int64) >> (u >> 10)
    hold("softmax_sum", np.cumsum(e, axis=0))
    assert (e.sum(axis=0) >= 32768).all()
    hold("softmax_shifted", e << 16)
    np.testing.assert_array_equal((e << 16) // e.sum(axis=0), golden.softmax_q(logits))
    delta = golden.output_gradient(logits, label)
    hold("output_delta", delta)
    return delta


def check_ratio(delta: np.ndarray, epsilon: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """δ ε / s, every intermediate held."""
    hold("delta_epsilon", np.abs(delta * epsilon) + 128)
    product = shift_round(delta * epsilon, 8) * inverse
    hold("ratio_product", np.abs(product) + 2**21)
    r = golden.ratio(delta, epsilon, inverse, golden.Saturations())
    hold("ratio", r)
    return r


def check_backward(
    x: np.ndarray, frac_bits: int, delta: np.ndarray, r: np.ndarray, mu: np.ndarray,
    rho: np.ndarray, plan: Any,
) -> np.ndarray:  # fmt: skip
    """Gradient by a layer's inputs, every intermediate held."""
    k_delta = max(0, bit_length(int(np.abs(delta).sum(axis=0).max())) - 16)
    blocked = shift_truncate(delta, k_delta)
    hold("blocked_delta_sum", np.abs(blocked).sum(axis=0))
    k_r = min(19 - bit_length(int(np.abs(r).sum(axis=0).max())), 12)
    assert -21 <= k_r <= 12
    blocked_r = shift_truncate(r, -k_r)
    hold("blocked_ratio_sum", np.abs(blocked_r).sum(axis=0))
    mantissa, octave = (rho & 2047) | 2048, rho >> 11
    for s in range(x.shape[1]):
        hold_partial_sums("through_mean", mu * blocked[:, s], 1)
        hold("through_spread", mantissa * blocked_r[:, s])
        terms = mantissa * blocked_r[:, s] >> (31 - octave)
        hold_partial_sums("through_spread", terms, 1)
        right = 8 + frac_bits + k_r - plan.v_exponent
        product = x[:, s] * terms.sum(axis=1)
        if right < 0:
            product = np.clip(product, -(1 << 43), 1 << 43)
        hold("input_spread", product << max(-right, 0))
    below = golden.backward_inputs(x, frac_bits, delta, r, mu, rho, plan, golden.Saturations())
    hold("delta", below)
    return below


def check_gain(x: np.ndarray, gain: tuple[int, int], drop: int, name: str) -> tuple[Any, int]:
    """Scale by a learning rate, every intermediate held."""
    hold("draw_sum", x)
    normalised, shift = golden.normalise(x, 15)
    hold("normalised", normalised)
    hold("gain_product", normalised * gain[0])
    g, exponent = golden.apply_gain(x, gain, drop)
    hold(name, g)
    assert exponent == shift + gain[1] - drop
    return g, exponent


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
    mantissa, octave = ((rho & 2047) | 2048) + step, rho >> 11
    below, above = mantissa < 2048, mantissa >= 4096
    mantissa = np.where(below, 2 * mantissa, np.where(above, (mantissa + 1) // 2, mantissa))
    return (octave - below + above) * 2048 + mantissa - 2048


def check_update(
    x: np.ndarray, frac_bits: int, mu: np.ndarray, rho: np.ndarray, delta: np.ndarray,
    r: np.ndarray, plan: Plan, layer: int, u: tuple[np.ndarray, np.ndarray], first: bool,
) -> None:  # fmt: skip
    """One layer's gradient step, every intermediate held."""
    mine = plan.layers[layer]
    spare = 0
    if first:
        delta, r = delta.sum(axis=1, keepdims=True), r.sum(axis=1, keepdims=True)
    else:
        narrow = max(0, bit_length(int(x.max())) - 8)
        x = np.minimum(shift_round(x, narrow), 255)
        frac_bits -= narrow
        spare = bit_length(plan.n_draws - 1)
    hold("narrowed", x)
    g, exponent_g = check_gain(delta, plan.gain_mu, 19, "g")
    q, exponent_q = check_gain(r, plan.gain_sigma, 20, "q")
    squares = x * x
    e = np.maximum(bit_lengths(squares.max(axis=1)) - 8, 0)[:, None]
    hold("square", squares >> e)
    for s in range(x.shape[1]):
        hold("sum_w", np.abs(x[:, : s + 1]) @ np.abs(g.T[: s + 1]))
        hold("sum_y", (squares >> e)[:, : s + 1] @ np.abs(q.T[: s + 1]))
    w, y = -shift_round(x @ g.T, spare), -shift_round((squares >> e) @ q.T, spare)
    hold("w", w)
    hold("y", y)
    mantissa, octave = (rho & 2047) | 2048, rho >> 11
    shift_mu = 47 - mine.v_exponent - mine.mu_frac_bits + frac_bits - spare + exponent_g
    shift_rho = 31 - mine.v_exponent + 2 * frac_bits - spare + exponent_q - e
    hold("mantissa_w", mantissa * w)
    hold("mantissa_y", (mantissa * mantissa >> 12) * y)
    step = shift_saturate(mantissa * w, shift_mu - octave, 30)
    curve = shift_saturate((mantissa * mantissa >> 12) * y, shift_rho - octave, 28)
    hold("step_dithered", step + u[0])
    hold("curve_dithered", curve + u[1])
    new_mu = mu + (step + u[0] >> 16)
    new_rho = moved(rho, np.clip(curve + u[1] >> 16, -(mantissa >> 1), mantissa))
    hold("mu_before_store", new_mu)
    hold("rho_before_store", new_rho)
    count = golden.Saturations()
    kept = golden.update(mu, rho, w, y, shift_mu, shift_rho, *u, count)
    np.testing.assert_array_equal(kept[0], np.clip(new_mu, -32768, 32767))
    np.testing.assert_array_equal(kept[1], np.clip(new_rho, 0, 65535))
    assert count.mu == np.count_nonzero(kept[0] != new_mu)
    assert count.rho == np.count_nonzero(kept[1] != new_rho)
    check_pull(mu, rho, plan, layer)


def check_pull(mu: np.ndarray, rho: np.ndarray, plan: Plan, layer: int) -> None:
    """The prior's pull on all rows, every intermediate held."""
    mine = plan.layers[layer]
    mantissa, octave = (rho & 2047) | 2048, rho >> 11
    hold("mantissa_ratio", mantissa * mine.ratio_mantissa)
    u = mantissa * mine.ratio_mantissa >> np.minimum(31 - octave + mine.ratio_exponent, 31)
    hold("u", u)
    hold("pull_step", (mine.mu_prior_q - mu) * u * plan.pull_mu)
    hold("mantissa_pull", mantissa * plan.pull_rho)
    hold("pull_curve", (mantissa * plan.pull_rho >> 12) * (65536 - u))
    # A pull never carries μ past the prior by more than the dither's one step.
    step = (mine.mu_prior_q - mu) * u * plan.pull_mu >> 28
    assert (np.abs(step) <= (np.abs(mine.mu_prior_q - mu) << 16) + 1).all()


def check_learner(
    spec: NetworkSpec, config: MesuConfig, state: State, z: np.ndarray, label: int
) -> None:
    """Forward, backward and update of a whole network from a state, every intermediate held."""
    plan = make_plan(spec, config)
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    passed = golden.forward(spec, plan, state, z, golden.Saturations())
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
            hold("hidden", passed.inputs[i + 1])
    hold("logit", passed.logits)
    np.testing.assert_array_equal(a, passed.logits)
    hold("logit_sum", np.cumsum(passed.logits, axis=1))
    delta = check_output_gradient(passed.logits, label)
    for i in range(len(matrices) - 1, -1, -1):
        mu, rho = matrices[i]
        r = check_ratio(delta, passed.epsilon[i], passed.inverse_spread[i])
        x = passed.inputs[i]
        columns = noise.words(key, noise.STREAM_COLUMN + i, mu.shape[1]).astype(np.int64)
        rows = noise.words(key, noise.STREAM_ROW + i, mu.shape[0]).astype(np.int64)
        check_update(
            x, passed.frac_bits[i], mu, rho, delta, r, plan, i,
            noise.dither(rows, columns), i == 0,
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
    return state
