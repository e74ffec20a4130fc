"""The golden model of BiMU, run again, every intermediate held to its bound.

The intermediates are recomputed from their definition and must give what the golden model gives.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from limits_bimu import BOUNDS, MANTISSA_MIN
from rerun_bimu_steps import byte_of, check_gathered, check_layer

from quant import noise
from quant.counters import Saturations
from quant.cuts import SIGN
from quant.heads import HEADS
from quant.integers import Int64, shift_round
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.bimu import golden, golden_normal
from quant.rules.bimu.belief import belief_of
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.gather import GATHERED_MAX, NAMES
from quant.rules.bimu.golden_normal import Size
from quant.rules.bimu.law import Law
from quant.rules.bimu.plan import HARD, BimuPlan, make_bimu_plan
from quant.rules.bimu.state import belief_view
from quant.state import State, init_state

hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def check_spread(x: Int64, byte: Int64, square_sum: int, law: Law = HARD) -> Int64:
    """Deviation of the pre-activations of all draws."""
    hold("square_sum", square_sum)
    k = -1
    while square_sum >= 1 << 16 + k:
        k += 2
    squares = x**2 << 1 if k < 0 else x**2 + (1 << k - 1) >> k
    hold("square", squares)
    columns = []
    for s in range(x.shape[1]):
        hold_partial_sums("power", squares[:, s, None] * law.variance[byte], 0)
        power = squares[:, s] @ law.variance[byte]
        columns.append([math.isqrt(int(one)) << (k + 1) // 2 for one in power])
    spread = np.array(columns, np.int64).T
    hold("spread", spread)
    np.testing.assert_array_equal(golden.spread_of(x, law.variance[byte], square_sum), spread)
    return spread


def check_sums(x: Int64, byte: Int64, spread: Int64, epsilon: Int64, law: Law = HARD) -> Int64:
    """Sampled pre-activations of all draws, ``int64[columns, draws]``."""
    for s in range(x.shape[1]):
        hold_partial_sums("mean", x[:, s, None] * law.mean[byte], 0)
    noisy = (spread >> 3) * epsilon + 16
    hold("noise", noisy)
    a: Int64 = law.mean[byte].T @ x + (noisy >> 5)
    hold("pre_activation", a)
    return a


def check_normal(a: Int64) -> tuple[Int64, Size]:
    """Sums less their mean, and their deviation."""
    total = int(a.sum())
    hold("total", total)
    mean = math.trunc(Fraction(total, a.size))
    hold("pre_activation", mean)
    apart = a - mean
    hold("apart", apart)
    np.testing.assert_array_equal(golden_normal.centred(a), apart)
    shift = int(np.abs(apart).max()).bit_length() - golden_normal.SIZE_BITS
    kept = shift_round(apart, shift)
    hold("kept", kept)
    hold("kept_sum", int((kept**2).sum()))
    square = int((kept**2).sum()) // a.size
    hold("mean_square", square)
    exponent = (32 - square.bit_length()) // 2 if square else 0
    mantissa = math.isqrt(square << 2 * exponent)
    hold("size_mantissa", mantissa)
    assert mantissa >= MANTISSA_MIN or not square
    size = Size(mantissa, exponent + 12 - shift, shift, square)
    assert golden_normal.deviation(apart) == size
    hold("deviation", golden_normal.size_q(size))
    return apart, size


def check_gate(apart: Int64, size: Size, plan: BimuPlan) -> tuple[Int64, Int64]:
    """Open units, and the gates' slopes."""
    limit, distance = golden_normal.size_q(size), np.abs(apart) if plan.sides == 2 else apart
    hold("gate_limit", limit * (plan.threshold_q + plan.window_q))
    is_open = (distance > limit * plan.threshold_q >> 8).astype(np.int64)
    near = distance > limit * (plan.threshold_q - plan.window_q) >> 8
    near &= distance < limit * (plan.threshold_q + plan.window_q) >> 8
    slope = near * np.sign(apart) if plan.sides == 2 else near.astype(np.int64)
    np.testing.assert_array_equal(golden_normal.open_units(apart, size, plan), is_open)
    np.testing.assert_array_equal(golden_normal.slopes(apart, size, plan), slope)
    return is_open, slope


def check_logits(apart: Int64, size: Size, plan: BimuPlan) -> Int64:
    """The last layer's normalised sums."""
    inverse = plan.logit_scale_q // size.mantissa if size.mantissa else 0
    hold("inverse", inverse)
    hold("scaled_sum", apart * inverse)
    logits = shift_round(apart * inverse, 24 - size.exponent)
    hold("logit", logits)
    hold_partial_sums("logit_sum", logits, 1)
    np.testing.assert_array_equal(golden.scale_logits(apart, size, plan), logits)
    return logits


def check_delta(p: Int64, apart: Int64, size: Size, plan: BimuPlan) -> tuple[Int64, int]:
    """Gradient by the normalised outputs, and how many were clamped; ``p``: by logits, Q.20."""
    gradient = p >> 4
    if size.square:
        kept = shift_round(apart, size.shift)
        hold("radial_sum", int(np.abs(gradient * kept).sum()))
        total = int((gradient * kept).sum())
        mean = abs(total) // apart.size * plan.radial_q
        hold("radial_mean", mean)
        share = mean // size.square * (-1 if total < 0 else 1)
        hold("radial_share", share)
        hold("radial_part", kept * share + (1 << 15))
        gradient = gradient - (kept * share + (1 << 15) >> 16)
    hold("less_radial", gradient)
    found = golden_normal.without_radial(p >> 4, apart, size, plan.radial_q)
    np.testing.assert_array_equal(found, gradient)
    hold("scaled_gradient", gradient * plan.scale_q + 128)
    wide = gradient * plan.scale_q + 128 >> 8
    delta = np.clip(wide, -golden.DELTA_MAX, golden.DELTA_MAX)
    hold("delta", delta)
    return delta, int(np.count_nonzero(delta != wide))


def check_noisy(delta: Int64, epsilon: Int64, spread: Int64) -> tuple[Int64, int]:
    """Gradient times noise over deviation, and how many were clamped."""
    inverse = np.where(spread == 0, 0, (1 << 30) // np.maximum(spread, 1))
    hold("ratio_product", epsilon * inverse + (1 << 13))
    ratio = epsilon * inverse + (1 << 13) >> 14
    np.testing.assert_array_equal(golden.ratios(epsilon, spread), ratio)
    hold("noisy_product", delta * ratio + (1 << 11))
    wide = delta * ratio + (1 << 11) >> 12
    noisy = np.clip(wide, -golden.RATIO_MAX, golden.RATIO_MAX)
    hold("noisy", noisy)
    return noisy, int(np.count_nonzero(noisy != wide))


def check_backward(
    law: Law, byte: Int64, x: Int64, delta: Int64, noisy: Int64, slope: Int64, size: Size
) -> tuple[Int64, int]:
    """Gradient by the layer below; ``size``: of this layer's sums."""
    for s in range(delta.shape[1]):
        hold_partial_sums("through_mean", law.mean[byte] * delta[:, s], 1)
        hold_partial_sums("through_spread", law.variance[byte] * noisy[:, s], 1)
    spread = shift_round(law.variance[byte] @ noisy, 15)
    total = shift_round(law.mean[byte] @ delta, 8) + (x > 0) * spread
    inverse = 2**31 // size.mantissa if size.mantissa else 0
    hold("input_gradient", total * inverse)
    wide = shift_round(slope * total * inverse, max(31 - size.exponent, 0))
    kept = np.clip(wide, -golden.DELTA_MAX, golden.DELTA_MAX)
    hold("delta", kept)
    found, clamped = golden.backward(law, byte, x, delta, noisy, slope, size)
    np.testing.assert_array_equal(found, kept)
    assert clamped == np.count_nonzero(kept != wide)
    return kept, clamped


def check_pull(b: Int64, layer: int, n: int, plan: BimuPlan, key: int) -> tuple[Int64, int]:
    """The λ of a layer after the prior's pull, and how many stood at an end."""
    rows, columns = b.shape
    first, result, at_end = sum(r for r, _ in plan.shapes[:layer]), b.copy(), 0
    row_word = noise.words(key, noise.STREAM_PULL_ROW + layer, rows).astype(np.int64)
    column_word = noise.words(key, noise.STREAM_COLUMN + layer, columns).astype(np.int64)
    for i in range(rows):
        if (first + i + n) % plan.sweep:
            continue
        u, size = (row_word[i] ^ column_word) & 65535, np.abs(b[i])
        if plan.belief.low_bits:
            share = size * plan.pull[byte_of(size, plan.belief.low_bits) - 128]
            hold("share_pulled", share)
            far = share >> plan.pull_shift
            hold("wide_pulled", far + u)
        else:
            far = plan.pull[size]
            hold("pulled", far + u)
        step = far + u >> 16
        result[i] = np.where(b[i] < 0, b[i] + step, b[i] - step)
        at_end += int(np.count_nonzero(size == 127 << plan.belief.low_bits))
    return result, at_end


def check_learner(
    spec: NetworkSpec, config: BimuConfig, state: State, z: Int64, label: int
) -> None:
    """Forward pass and update of a whole network, every intermediate held; ``state`` moves."""
    belief = belief_of(state)
    plan = make_bimu_plan(spec, config, belief)
    before, count = state.copy(), Saturations()
    key, n = noise.key_of(state), int(state["n_samples"][0])
    passed = golden.forward(spec, plan, state, z, count)
    beliefs = [belief_view(spec, before, i).astype(np.int64) for i in range(len(plan.shapes))]
    first = z
    if len(plan.cuts):
        first = np.array([SIGN if column >= cut else -SIGN for column in z for cut in plan.cuts])
    x, sizes, spreads, slopes = first[:, None], [], [], []
    for i, b in enumerate(beliefs):
        if spec.bias:
            x = np.vstack([x, np.full((1, x.shape[1]), SIGN)])
        np.testing.assert_array_equal(passed.inputs[i], x)
        square_sum = len(x) * SIGN**2 if i else int(x[:, 0] @ x[:, 0])
        byte = byte_of(b, belief.low_bits)
        spreads.append(check_spread(x, byte, square_sum, plan.law))
        a = check_sums(x, byte, spreads[-1], passed.epsilon[i], plan.law)
        apart, size = check_normal(a)
        sizes.append(size)
        np.testing.assert_array_equal(passed.apart[i], apart)
        is_open, slope = check_gate(apart, size, plan)
        slopes.append(slope)
        x = SIGN * is_open
    logits = check_logits(apart, sizes[-1], plan)
    np.testing.assert_array_equal(passed.outputs, logits)
    golden.update(spec, plan, state, passed, label, count)
    gradient = HEADS[spec.head].verbs.output_gradient(logits, label, Saturations())
    (delta, clamped), at_end = check_delta(gradient, apart, sizes[-1], plan), 0
    for i in range(len(beliefs) - 1, -1, -1):
        b, x, used = beliefs[i], passed.inputs[i], delta
        noisy, n_noisy = check_noisy(used, passed.epsilon[i], spreads[i])
        clamped += n_noisy
        if i > 0:
            units = spec.layers[i]
            byte = byte_of(b[:units], belief.low_bits)
            delta, n_delta = check_backward(
                plan.law, byte, x[:units], used, noisy, slopes[i - 1], sizes[i]
            )
            clamped += n_delta
        if i == 0 and plan.gather > 1 and not replaying(before):
            b, after, cut = check_gathered(b, before, x, used, noisy, sizes[0], plan, key)
            clamped += cut
            for name in NAMES:
                np.testing.assert_array_equal(state[name], after[name])
        elif sizes[i].mantissa:
            b, cut = check_layer(b, i, x, used, noisy, sizes[i], plan, key)
            clamped += cut
        if not replaying(before):
            b, n_end = check_pull(b, i, n, plan, key)
            at_end += n_end
        np.testing.assert_array_equal(belief_view(spec, state, i), b)
    assert (count.gradient, count.mu) == (clamped, at_end)


def edge_state(
    spec: NetworkSpec, config: BimuConfig, mode: int, seed: int, arithmetic: str = "q8"
) -> State:
    """λ at the ends of its format, around zero, or anything."""
    state, rng = init_state(spec, config, arithmetic, seed), np.random.default_rng(seed)
    most = belief_of(state).most
    values = ([-most, most], [-1, 0, 1], [-most, -1, 0, most], range(-most, most + 1))[mode % 4]
    for layer in range(len(spec.shapes)):
        view = belief_view(spec, state, layer)
        view[:] = rng.choice(np.array(values), view.shape)
    for name in NAMES if config.gather > 1 else ():
        end = 127 if name == NAMES[0] else GATHERED_MAX
        ends = np.array([-end, end] if mode % 4 == 0 else range(-end, end + 1))
        state[name] = rng.choice(ends, state[name].shape)
    state["n_samples"] = rng.choice(np.array([0, 1, 2**32 - 1, seed], np.uint32))
    return state
