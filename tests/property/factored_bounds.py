"""The factored golden model run again with every intermediate held to its bound."""

from __future__ import annotations

from typing import Any

import numpy as np
from quant_bounds import hold, hold_partial_sums

from quant.counters import Saturations
from quant.heads.categorical.golden import output_gradient
from quant.integers import bit_length, shift_round, shift_truncate
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu_factored.golden import forward
from quant.rules.mesu_factored.golden_backward import backward_inputs, curvature
from quant.rules.mesu_factored.golden_codes import column_roots, input_roots, octave, top_bits
from quant.rules.mesu_factored.golden_factors import prior_ratio
from quant.rules.mesu_factored.plan import FactoredPlan
from quant.rules.mesu_factored.state import FACTORS, factor_view
from quant.sampling.golden import apply_gain, block_inputs, block_squares, normalise
from quant.state import State, init_state


def check_roots(x: np.ndarray, frac_bits: int, row: np.ndarray, column: np.ndarray, v: int) -> Any:
    """√(Σ x² r) and √c, every intermediate held."""
    blocked, k_mean = block_inputs(x)
    squares, k_square = block_squares(blocked, 0)
    mantissa = top_bits(row, 12)[:, None]
    hold("factor_square", mantissa * squares)
    down = int(octave(row).max()) - octave(row)
    hold_partial_sums("factor_power", mantissa * squares >> down[:, None], 0)
    scale = 39 - v + 2 * (frac_bits - k_mean) + k_square
    inputs, columns = input_roots(squares, row, scale), column_roots(column)
    hold("root", inputs.root)
    hold("root", columns.root)
    assert (columns.root >= 32768).all()
    assert ((inputs.root >= 32768) | (inputs.root == 0)).all()
    hold("root_product", inputs.root * columns.root[:, None])
    # Each root is the floor of the true one.
    power = (mantissa * squares >> down[:, None]).sum(axis=0)
    true = np.sqrt(power * 2.0 ** -(scale - float(octave(row).max())))
    ours = inputs.root * 2.0 ** -inputs.exponent.astype(float)
    np.testing.assert_allclose(ours, true, rtol=2.0**-15)
    return inputs


def check_curvature(
    delta: np.ndarray, epsilon: np.ndarray, inputs: Any, column: np.ndarray, first: bool
) -> Any:
    """The curvature, every intermediate held."""
    k_delta = max(0, bit_length(int(np.abs(delta).sum(axis=0).max())) - 16)
    blocked = shift_truncate(delta, k_delta)
    hold("blocked_epsilon", np.abs(blocked * epsilon) + 128)
    noisy = shift_round(blocked * epsilon, 8)
    hold("noisy_sum", np.abs(noisy).sum(axis=0))
    if first:
        hold("noisy_draws", np.cumsum(noisy, axis=1))
        noisy = noisy.sum(axis=1, keepdims=True)
    columns = column_roots(column)
    short, _ = columns.block(drop=3)
    name = "noisy_root_draws" if first else "noisy_root"
    hold_partial_sums(name, np.abs(noisy * short[:, None]), 0)
    full, _ = inputs.block()
    hold("by_column", np.cumsum(noisy * full, axis=1) * columns.block()[0][:, None])
    kept, k, found = curvature(delta, epsilon, inputs, column, first)
    np.testing.assert_array_equal(kept, blocked)
    assert k == k_delta
    hold("by_row_sum", np.abs(found.by_row).sum())
    hold("by_column_short", found.by_column)
    return kept, k, found


def check_inputs(x: np.ndarray, row: np.ndarray, found: Any) -> None:
    """The products of the gradient by the inputs."""
    through = top_bits(row, 12)[:, None] * found.by_row
    hold("through_row", through)
    hold("input_row", x * (through >> 11))


def check_mu(
    x: np.ndarray, delta: np.ndarray, row: np.ndarray, column: np.ndarray, plan: FactoredPlan,
    first: bool,
) -> None:  # fmt: skip
    """The products of the step of μ and of its pull."""
    delta = delta.sum(axis=1, keepdims=True) if first else delta
    short, _ = normalise(delta, 15)
    top = int(octave(column).max())
    weight = top_bits(column, 16) >> np.minimum(top - octave(column) + 1, 31)
    hold("weight", weight)
    hold("weighted", short * weight[:, None])
    g, _ = apply_gain(short * weight[:, None], plan.gain_mu, 15 if first else 19)
    if first:
        hold("first_gain_product", normalise(short * weight[:, None], 15)[0] * plan.gain_mu[0])
        hold("first_g", g)
        factor = shift_round(x * top_bits(row, 16)[:, None], 8)
        hold("first_factor", factor)
        hold("first_step", np.abs(factor * g.T) + 65535 * (np.abs(factor * g.T) == 0))
    else:
        w = shift_round(np.abs(x) @ np.abs(g.T), bit_length(plan.n_draws - 1))
        hold("later_step", top_bits(row, 12)[:, None] * w)
    for layer in plan.layers:
        strength = top_bits(row, 16) * layer.gain_pull[0] >> 16
        hold("pull_strength", strength)
        hold("pull_product", 65535 * (strength[:, None] * weight >> 16))


def check_factors(
    x: np.ndarray, found: Any, row: np.ndarray, column: np.ndarray, plan: FactoredPlan, layer: int
) -> None:
    """The products of the factors' steps and pulls."""
    mine = plan.layers[layer]
    hold("row_gain_product", found.by_row * mine.gain_row[0])
    by_row = shift_round(found.by_row * mine.gain_row[0], 15)
    y = x * x @ by_row
    hold("row_curvature", np.cumsum(x * x * np.abs(by_row), axis=1))
    mantissa = top_bits(row, 16)
    hold("row_step", (mantissa * mantissa >> 16) * y)
    hold("step_before_shift", (mantissa * mantissa >> 16) * y << 16)
    hold("column_gain_product", found.by_column * mine.gain_column[0])
    by_column = shift_round(found.by_column * mine.gain_column[0], 15)
    hold("column_step", top_bits(column, 16) * by_column)
    for code, others, ratio in ((row, column, mine.ratio_row), (column, row, mine.ratio_column)):
        top = int(octave(others).max())
        total = int((top_bits(others, 16) >> (top - octave(others))).sum())
        hold("factor_sum", total)
        up = 16 - bit_length(total)
        short = total << up if up >= 0 else total >> -up
        hold("prior_ratio_product", short * ratio[0])
        hold("prior_ratio_product", top_bits(code, 16) * (short * ratio[0] >> 16))
        u = prior_ratio(code, others, ratio, mine.v_exponent)
        hold("factor_ratio", u)
        hold("pull_of_code", top_bits(code, 16) * plan.pull_factor * np.abs(65536 - u))


EDGE_MU = (-32768, -28672, -1, 0, 1, 12288, 32767)
EDGE_FACTOR = (0, 1, 2**27 - 1, 2**27, 2**31, 31 << 27, 2**32 - 2, 2**32 - 1, 16 << 27, 13 << 27)


def edge_state(spec: NetworkSpec, config: MesuConfig, mode: int, seed: int) -> State:
    """Return a state of edge words (mode 0), random words, or all extreme (further modes)."""
    rng = np.random.default_rng(seed)
    state = init_state(spec, config, "q16", seed)
    n = spec.n_synapses
    sizes = {field: len(state[field][0]) for field in FACTORS}
    if mode == 0:
        state["mu"][0] = rng.choice(EDGE_MU, n)
        for field, size in sizes.items():
            state[field][0] = rng.choice(EDGE_FACTOR, size)
    elif mode == 1:
        state["mu"][0] = rng.integers(-32768, 32768, n)
        for field, size in sizes.items():
            state[field][0] = rng.integers(0, 2**32, size)
    elif mode == 2:  # factors near the start, anything else anywhere
        state["mu"][0] = rng.integers(-32768, 32768, n)
        for field, size in sizes.items():
            around = state[field][0].astype(np.int64) + rng.integers(-(2**29), 2**29, size)
            state[field][0] = np.clip(around, 0, 2**32 - 1)
    else:
        extremes = [(m, r, c) for m in (-32768, 32767) for r in (0, 2**32 - 1)
                    for c in (0, 2**32 - 1)]  # fmt: skip
        state["mu"], state["row"], state["column"] = extremes[(mode - 3) % 8]
    state["n_samples"] = rng.choice([0, 1, 2, 15, 16, 2**31, 2**32 - 1])
    state["mu_frac_bits"][0] = rng.integers(0, 21, len(spec.shapes))
    state["mu_peak"][0] = rng.choice([0, 12287, 12288, 28671, 28672], len(spec.shapes))
    return state


def factors_of(spec: NetworkSpec, state: State, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a layer's row and column codes as int64."""
    row, column = (factor_view(spec, state, field, layer).astype(np.int64) for field in FACTORS)
    return row, column


def check_learner(
    spec: NetworkSpec, plan: FactoredPlan, state: State, z: np.ndarray, label: int
) -> None:
    """Forward, backward and update of a whole network, every intermediate held."""
    passed = forward(spec, plan, state, z, Saturations())
    hold("logit", passed.logits)
    delta = output_gradient(passed.logits, label)
    for i in range(len(spec.shapes) - 1, -1, -1):
        row, column = factors_of(spec, state, i)
        x, frac_bits, v = passed.inputs[i], passed.frac_bits[i], plan.layers[i].v_exponent
        inputs = check_roots(x, frac_bits, row, column, v)
        kept, k, found = check_curvature(delta, passed.epsilon[i], inputs, column, i == 0)
        short = x if i == 0 else shift_round(x, max(0, bit_length(int(x.max())) - 8))
        short = np.minimum(short, 255)
        check_mu(short, delta, row, column, plan, i == 0)
        check_factors(short, found, row, column, plan, i)
        if i > 0:
            units = slice(spec.layers[i])
            check_inputs(x, row, found)
            mu = layer_view(spec, state, "mu", i)[units].astype(np.int64)
            delta = backward_inputs(
                x[units], frac_bits, kept, k, found, mu, int(state["mu_frac_bits"][0, i]),
                row[units], v, Saturations(),
            )  # fmt: skip
            hold("delta", delta)
