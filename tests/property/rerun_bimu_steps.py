"""BiMU run again in whole numbers, each bound held: the steps of a layer, gathered or not."""

from __future__ import annotations

import numpy as np
from limits_bimu import BOUNDS

from quant import noise
from quant.cuts import SIGN
from quant.integers import Int64, bit_length, shift_round
from quant.rules.bimu import golden_steps
from quant.rules.bimu.belief import STEP_FRAC_BITS
from quant.rules.bimu.gather import GATHERED_MAX, NAMES, slots
from quant.rules.bimu.golden_normal import Size
from quant.rules.bimu.plan import SHRINK, BimuPlan
from quant.state import State

hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def byte_of(b: Int64, low_bits: int) -> Int64:
    """Where tables have λ: in LSBs of a byte, rounded half up, and 128."""
    found: Int64 = np.floor(b / 2.0**low_bits + 0.5).astype(np.int64) + 128
    return found


def check_lanes(y: Int64, scale: int, exponent: int, largest: int) -> tuple[Int64, int, int]:
    """Lanes, their shift, and whether the gradient was cut."""
    hold_partial_sums("draw_sum", np.abs(y), 1)
    most = int(np.abs(y).sum(axis=1).max())
    hold("wide", most * scale)
    drop = bit_length(most * scale) - golden_steps.LANE_BITS
    found = shift_round(y * scale, drop)
    hold("lane_sum", np.abs(found).sum(axis=1))
    right = exponent - drop
    least = max(bit_length(largest) - golden_steps.INPUT_BITS, 0)
    return found, min(max(right, least), golden_steps.RIGHT_MAX), int(right < least)


def check_steps(
    byte: Int64,
    g: Int64,
    q: Int64,
    right: tuple[int, int],
    plan: BimuPlan,
    gathered: bool = False,
) -> Int64:
    """Steps in LSBs of a byte, .12, before they are doubled; ``gathered``: of several samples."""
    t, lean, slope = (part[byte] for part in (plan.law.mean, plan.law.lean, plan.law.slope))
    if not gathered:
        hold("lane_input", g)
        hold("lane_square", np.abs(q) + (1 << right[1] >> 1))
    mean, noisy = shift_round(g, right[0]), shift_round(q, right[1])
    hold("mean_part", mean)
    hold("noise_part", noisy)
    hold("tanh_part", lean * noisy + 128)
    m = mean - (lean * noisy + 128 >> 8)
    hold("m", m)
    hold("weighted", m * (slope >> 5) + 512)
    y = m * (slope >> 5) + 512 >> 10
    hold("y", y)
    against = np.abs(y) + (y * t >> 8)
    hold("against", against)
    hold("worth", against * plan.caution[0])
    worth = np.minimum(against * plan.caution[0] >> plan.caution[1], 255)
    hold("shrunk", y * SHRINK[worth] + 512)
    step: Int64 = y * SHRINK[worth] + 512 >> 10
    hold("outwards", np.abs(step) * t + 128)
    outwards = np.abs(step) * t + 128 >> 8
    hold("settled", outwards * plan.settle_q + 512)
    step = step + (outwards * plan.settle_q + 512 >> 10)
    hold("step", step)
    np.testing.assert_array_equal(golden_steps.steps(byte, g, q, right, plan), step)
    return step


def check_layer(
    b: Int64,
    layer: int,
    x: Int64,
    delta: Int64,
    noisy: Int64,
    size: Size,
    plan: BimuPlan,
    key: int,
) -> tuple[Int64, int]:
    """The λ of a layer after the gradient's steps, and how often the gradient was cut."""
    low_bits, most = plan.belief.low_bits, 127 << plan.belief.low_bits
    frac_bits = STEP_FRAC_BITS - low_bits
    scale = plan.gain[0] * ((1 << 31) // size.mantissa) >> 16
    hold("scale", scale)
    exponent = 23 + plan.gain[1] - size.exponent
    z = np.abs(x).max(axis=1)
    largest = SIGN if layer else int(z.max())
    d, right, cut = check_lanes(delta, scale, exponent, largest)
    r, right_noisy, cut_noisy = check_lanes(noisy, scale, exponent + 4, largest**2)
    rows, columns = b.shape
    x_all = np.broadcast_to(x, (rows, plan.n_draws))
    row_word = noise.words(key, noise.STREAM_ROW + layer, rows).astype(np.int64)
    column_word = noise.words(key, noise.STREAM_COLUMN + layer, columns).astype(np.int64)
    sizes, noise_sizes = (
        np.abs(y.sum(axis=1)) if layer == 0 else np.abs(y).sum(axis=1) for y in (d, r)
    )
    result = b.copy()
    for i in range(rows):
        square = int(z[i]) ** 2
        bound = int(shift_round(np.int64(int(z[i]) * int(sizes.max())), right))
        noisiest = square * int(noise_sizes.max())
        bound += int(shift_round(np.int64(noisiest), right_noisy))
        doubled = min(max(frac_bits - bit_length(bound), 0), golden_steps.RAREST)
        if bound == 0 or int(row_word[i]) >> 24 >= 256 >> doubled:
            continue
        byte, g, q = byte_of(b[i], low_bits), d @ x_all[i], r @ x_all[i] ** 2
        step = check_steps(byte, g, q, (right, right_noisy), plan)
        assert int(np.abs(step).max()) <= bound + (bound * plan.settle_q >> 10) + 1
        u = (row_word[i] ^ column_word) & (1 << frac_bits) - 1
        moved = b[i] - ((step << doubled) + u >> frac_bits)
        hold("wide_before_store" if low_bits else "belief_before_store", moved)
        result[i] = np.clip(moved, -most, most)
    return result, cut + cut_noisy


def check_gathered(
    b: Int64,
    before: State,
    x: Int64,
    delta: Int64,
    noisy: Int64,
    size: Size,
    plan: BimuPlan,
    key: int,
) -> tuple[Int64, State, int]:
    """The first layer after a sample was kept and rows took their turn, the state, and cuts."""
    after, gather, n = before.copy(), plan.gather, int(before["n_samples"][0])
    rows, columns = b.shape
    scale = plan.gain[0] * ((1 << 31) // size.mantissa) >> 16 if size.mantissa else 0
    exponent, slot, cut = 23 + plan.gain[1] - size.exponent, n % gather, 0
    for i in range(rows):
        after["gathered_input"][0, i * gather + slot] = x[i, 0]
    shifts = (min(max(exponent - 4, -22), 62), min(max(exponent - 8, -17), 62))
    for name, y, right in zip(NAMES[1:], (delta, noisy), shifts, strict=True):
        for j in range(columns):
            hold("gather_sum", int(np.abs(y[j]).sum()) * scale)
            wide = int(y[j].sum()) * scale
            wide = wide << -right if right <= 0 else wide + (1 << right - 1) >> right
            kept = min(max(wide, -GATHERED_MAX), GATHERED_MAX)
            cut += kept != wide
            after[name][0, j * gather + slot] = kept
    inputs, lanes, noisy_lanes = (part.astype(np.int64) for part in slots(after, gather))
    row_word = noise.words(key, noise.STREAM_ROW, rows).astype(np.int64)
    column_word = noise.words(key, noise.STREAM_COLUMN, columns).astype(np.int64)
    result = b.copy()
    for i in range(rows):
        if (i + n) % gather:
            continue
        square = inputs[i] ** 2 + 8 >> 4
        hold("gathered_square", square)
        hold("gathered_part", int((np.abs(inputs[i]) * np.abs(lanes).max(axis=0)).sum()))
        hold("gathered_noise", int((square * np.abs(noisy_lanes).max(axis=0)).sum()) + 128)
        bound = int((np.abs(inputs[i]) * np.abs(lanes).max(axis=0)).sum()) + 8 >> 4
        bound += int((square * np.abs(noisy_lanes).max(axis=0)).sum()) + 128 >> 8
        bits = plan.belief.step_frac_bits
        doubled = min(max(bits - bit_length(bound), 0), golden_steps.RAREST)
        if bound == 0 or int(row_word[i]) >> 24 >= 256 >> doubled:
            continue
        byte = byte_of(b[i], plan.belief.low_bits)
        step = check_steps(byte, lanes @ inputs[i], noisy_lanes @ square, (4, 8), plan, True)
        u = (row_word[i] ^ column_word) & (1 << bits) - 1
        moved = b[i] - ((step << doubled) + u >> bits)
        result[i] = np.clip(moved, -plan.belief.most, plan.belief.most)
    return result, after, cut
