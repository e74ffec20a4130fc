"""The golden model of MESU with factored variance, run again and held to its bounds."""

from __future__ import annotations

from typing import Any

import bounds_sampling as sampling
import numpy as np
import rerun_step
from edge_cases import head_part
from limits_mesu_factored import BOUNDS, DITHER, WORD
from rerun_mesu_factored_factors import check_factors

from quant.counters import Saturations
from quant.integers import bit_length, shift_round, shift_saturate
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.golden import forward, forward_layer
from quant.rules.mesu_factored.golden_backward import backward_inputs, curvature
from quant.rules.mesu_factored.golden_codes import (
    Roots,
    block_squares,
    column_roots,
    input_roots,
    octave,
    top_bits,
)
from quant.rules.mesu_factored.golden_mu import pull_mu, step_mu
from quant.rules.mesu_factored.plan import FactoredPlan, make_factored_plan
from quant.rules.mesu_factored.state import FACTORS, factor_view
from quant.sampling.golden import MU_STEP_BITS, SPREAD_MAX, normalise
from quant.sampling.step import Step
from quant.state import State, init_state

hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def check_roots(
    x: np.ndarray, frac_bits: int, row: np.ndarray, column: np.ndarray, v: int
) -> tuple[Roots, np.ndarray, int]:
    """√(Σ x² r) and √c, every intermediate held; also the blocked inputs and their shift."""
    blocked, k_mean = sampling.check_inputs(x)
    hold("raw_square_sum", (blocked * blocked).sum(axis=0))
    squares, k_square = block_squares(blocked)
    hold("square_sum", squares.sum(axis=0))
    assert k_square % 2 == 0
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
    return inputs, blocked, k_mean


def check_forward_layer(
    x: np.ndarray, frac_bits: int, mu: np.ndarray, mu_frac_bits: int, row: np.ndarray,
    column: np.ndarray, v: int, epsilon: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Forward through one layer, every intermediate held."""
    inputs, blocked, k_mean = check_roots(x, frac_bits, row, column, v)
    columns = column_roots(column)
    centre = sampling.check_centre(mu, blocked, frac_bits - k_mean + mu_frac_bits)
    product = inputs.root * columns.root[:, None]
    right = inputs.exponent + columns.exponent[:, None] - 12
    wide = np.where(product > 0, SPREAD_MAX + 1, 0)
    spread = np.where(right < 0, wide, product >> np.clip(right, 0, 32))
    a = sampling.check_sample(centre, spread, epsilon)
    expected, _, roots = forward_layer(
        x, frac_bits, mu, mu_frac_bits, row, column, v, epsilon, Saturations()
    )
    np.testing.assert_array_equal(a, expected)
    np.testing.assert_array_equal(roots.root, inputs.root)
    return a


def check_curvature(
    delta: np.ndarray, epsilon: np.ndarray, inputs: Any, column: np.ndarray, first: bool
) -> Any:
    """The curvature, every intermediate held."""
    blocked, k_delta = sampling.check_delta(delta, sampling.BLOCK_BITS)
    hold("blocked_epsilon", np.abs(blocked * epsilon) + 128)
    noisy = shift_round(blocked * epsilon, 8)
    hold("noisy_sum", np.abs(noisy).sum(axis=0))
    if first:
        hold("noisy_draws", np.abs(np.cumsum(noisy, axis=1)).sum(axis=0))
        noisy = noisy.sum(axis=1, keepdims=True)
    columns = column_roots(column)
    short, _ = columns.block(drop=3)
    name = "noisy_root_draws" if first else "noisy_root"
    hold_partial_sums(name, np.abs(noisy * short[:, None]), 0)
    for s, total in enumerate((noisy * short[:, None]).sum(axis=0)):
        if inputs.root[s]:
            up = 31 - bit_length(abs(int(total)))
            size = abs(int(total)) << up if up >= 0 else abs(int(total)) >> -up
            hold("quotient", size // int(inputs.root[s]))
    full, _ = inputs.block()
    by_column = np.cumsum(noisy * full, axis=1) * columns.block()[0][:, None]
    hold("by_column", by_column)
    kept, k, found = curvature(delta, epsilon, inputs, column, first)
    np.testing.assert_array_equal(kept, blocked)
    assert k == k_delta
    hold("by_row_sum", np.abs(found.by_row).sum())
    k_column = max(0, bit_length(int(np.abs(by_column[:, -1]).max())) - 30)
    cut = np.sign(by_column[:, -1]) * (np.abs(by_column[:, -1]) >> k_column)
    hold_partial_sums("by_column_sum", cut, 0)
    hold("by_column_short", found.by_column)
    np.testing.assert_array_equal(found.by_column, cut - int(cut.sum()) // len(cut))
    return kept, k, found


def check_inputs(x: np.ndarray, row: np.ndarray, found: Any) -> None:
    """The products of the gradient by the inputs."""
    through = top_bits(row, 12)[:, None] * found.by_row
    hold("through_row", through)
    hold("input_row", x * (through >> 11))


def check_mu(
    x: np.ndarray, frac_bits: int, mu: np.ndarray, mu_frac_bits: int, delta: np.ndarray,
    row: np.ndarray, column: np.ndarray, plan: FactoredPlan, layer: int, first: bool,
    at: Step, gain: tuple[int, int],
) -> None:  # fmt: skip
    """The step of μ and its pull, every intermediate held."""
    mine, u = plan.layers[layer], np.full((len(row), len(column)), DITHER)
    summed = delta.sum(axis=1, keepdims=True) if first else delta
    short, up = normalise(summed, 15)
    top = int(octave(column).max())
    weight = top_bits(column, 16) >> np.minimum(top - octave(column) + 1, 31)
    hold("weight", weight)
    hold("weighted", short * weight[:, None])
    g, exponent = sampling.check_gain(short * weight[:, None], gain, 15 if first else 19)
    right = frac_bits + up - top + exponent - mine.v_exponent - mu_frac_bits - octave(row)
    if first:
        hold("first_gain_product", normalise(short * weight[:, None], 15)[0] * gain[0])
        hold("first_g", g)
        factor = shift_round(x * top_bits(row, 16)[:, None], 8)
        hold("first_factor", factor)
        w, right = -factor * g.T, right + 69
        hold("first_step", w)
    else:
        spare = bit_length(plan.n_draws - 1)
        w = top_bits(row, 12)[:, None] * -shift_round(x @ g.T, spare)
        right = right + 73 - spare
        hold("later_step", w)
    step, _ = shift_saturate(w, right[:, None], MU_STEP_BITS)
    for dither in (0, DITHER):
        hold("step_dithered", step + dither)
        expected = mu + (step + dither >> 16)
        hold("mu_before_store", expected)
        found = step_mu(
            x, frac_bits, mu, mu_frac_bits, delta, row, column, plan, gain, mine.v_exponent,
            u * 0 + dither, first, Saturations(),
        )  # fmt: skip
        np.testing.assert_array_equal(found, expected)
    strength = top_bits(row, 16) * at.pull_gain(mine.gain_pull)[0] >> 16
    hold("pull_strength", strength)
    hold("pull_product", WORD * (strength[:, None] * weight >> 16))
    hold("mu_before_store", pull_mu(mu, mu_frac_bits, row, column, mine, at, u))


EDGE_MU = (-32768, -28672, -1, 0, 1, 12288, 32767)
EDGE_FACTOR = (0, 1, 2**27 - 1, 2**27, 2**31, 31 << 27, 2**32 - 2, 2**32 - 1, 16 << 27, 13 << 27)


def edge_state(
    spec: NetworkSpec, config: MesuFactoredConfig, mode: int, seed: int, arithmetic: str = "q16"
) -> State:
    """Return a state of edge words (mode 0), random words, or all extreme (further modes)."""
    rng = np.random.default_rng(seed)
    state = init_state(spec, config, arithmetic, seed)
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
    rerun_step.edge_step(state, rng)
    state["mu_peak"][0] = rng.choice([0, 12287, 12288, 28671, 28672], len(spec.shapes))
    return state


def factors_of(spec: NetworkSpec, state: State, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a layer's row and column codes as int64."""
    row, column = (factor_view(spec, state, field, layer).astype(np.int64) for field in FACTORS)
    return row, column


def check_learner(
    spec: NetworkSpec, config: MesuFactoredConfig, state: State, z: np.ndarray, target: int
) -> None:
    """Forward, backward and update of a whole network, every intermediate held."""
    plan = make_factored_plan(spec, config)
    passed = forward(spec, plan, state, z, Saturations())
    sampling.check_logits(passed.outputs)
    delta = head_part(spec, "check_output_gradient")(passed.outputs, target)
    at = rerun_step.check_step(
        sampling.hold, spec, plan, state, passed, delta, int(state["mu_frac_bits"][0, -1])
    )
    for i in range(len(spec.shapes) - 1, -1, -1):
        row, column = factors_of(spec, state, i)
        x, frac_bits, v = passed.inputs[i], passed.frac_bits[i], plan.layers[i].v_exponent
        mu, mu_frac_bits = layer_view(spec, state, "mu", i), int(state["mu_frac_bits"][0, i])
        mu = mu.astype(np.int64)
        a = check_forward_layer(x, frac_bits, mu, mu_frac_bits, row, column, v, passed.epsilon[i])
        if i + 1 < len(spec.shapes):
            units = slice(spec.layers[i + 1])
            np.testing.assert_array_equal(sampling.check_hidden(a), passed.inputs[i + 1][units])
        kept, k, found = check_curvature(
            delta, passed.epsilon[i], passed.input_roots[i], column, i == 0
        )
        short, narrow = (x, 0) if i == 0 else sampling.check_narrowed(x)
        gain = at.gain(plan.gain_mu, passed.inverse_spread[i])
        check_mu(
            short, frac_bits - narrow, mu, mu_frac_bits, delta, row, column, plan, i, i == 0, at,
            gain,
        )  # fmt: skip
        check_factors(
            short, frac_bits - narrow, found, row, column, plan, i, at.pull_sigma(plan.pull_factor)
        )
        if i > 0:
            units = slice(spec.layers[i])
            check_inputs(x, row, found)
            sampling.check_through_mean(mu[units], kept)
            delta = backward_inputs(
                x[units], frac_bits, kept, k, found, mu[units], mu_frac_bits, row[units], v,
                Saturations(),
            )  # fmt: skip
