"""BiMU in integers: what happens to the λ of a layer.

C counterpart: ``kernel/integer/sl_bimu_update.c``, function for function. Every format and bound:
NUMBERS.md beside this file; the names of the steps there are the names used here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant import noise
from quant.counters import Saturations
from quant.integers import Int64, bit_length, bit_lengths, clip, shift_round
from quant.rules.bimu.golden_normal import Size
from quant.rules.bimu.plan import GAIN_BITS, SETTLE_FRAC_BITS, SHRINK, BimuPlan

#: A column's sum over the draws has this many bits, and half a step of each draw.
LANE_BITS = 14
#: The shift that remains, and how many bits of an input it may leave at least: more is more than a
#: step has room for.
RIGHT_MAX, INPUT_BITS = 31, 5
#: A row is taken once in up to 2^8 samples.
RAREST = 8


def lanes(y: Int64, scale: int, exponent: int, least: int) -> tuple[Int64, int, int]:
    """Return ``y · scale`` in 14 bits for the sum of a column's draws, and the shift that remains.

    Parameters
    ----------
    y : int64[columns, draws]
    scale : int
        At most 2^15.
    exponent : int
        ``y · scale · 2^-exponent`` is what the lanes stand for.
    least : int
        The shift is this or more; where it would be less, all lanes are smaller than they should.

    Returns
    -------
    int64[columns, draws], int, int
        Lanes, shift, and 1 if the gradient was cut.
    """
    drop = bit_length(int(np.abs(y).sum(axis=1).max()) * scale) - LANE_BITS
    right = exponent - drop
    return shift_round(y * scale, drop), min(max(right, least), RIGHT_MAX), int(right < least)


def least_shift(largest: int) -> int:
    """Return the smallest shift of a layer whose largest input, or its square, is this."""
    return max(bit_length(largest) - INPUT_BITS, 0)


def rarity(bound: Int64, bits: int) -> Int64:
    """Return how often the steps of a row are doubled, so that none is more than one LSB.

    Parameters
    ----------
    bound : int64[rows]
    bits : int
        Fraction bits of a step.
    """
    return clip(bits - bit_lengths(bound), 0, RAREST)


def steps(byte: Int64, g: Int64, q: Int64, right: tuple[int, int], plan: BimuPlan) -> Int64:
    """Return the steps against the gradient, in LSBs of a byte, .12: shrunk where they are large.

    Parameters
    ----------
    byte : int64[rows, columns]
        λ in LSBs of a byte, and 128.
    g, q : int64[rows, columns]
        Lanes times inputs, and lanes of the noise times squares of inputs.
    right : (int, int)
    plan : BimuPlan
    """
    law = plan.law
    t = law.mean[byte]
    m = shift_round(g, right[0]) - shift_round(law.lean[byte] * shift_round(q, right[1]), 8)
    y = shift_round(m * (law.slope[byte] >> 5), 10)
    against = np.abs(y) + (y * t >> 8)
    worth = np.minimum(against * plan.caution[0] >> plan.caution[1], len(SHRINK) - 1)
    step = shift_round(y * SHRINK[worth], 10)
    settled = shift_round(np.abs(step) * t, 8) * plan.settle_q
    return step + shift_round(settled, SETTLE_FRAC_BITS)


def learn_layer(
    belief: npt.NDArray[np.integer[Any]],
    x: Int64,
    largest: int,
    delta: Int64,
    noisy: Int64,
    size: Size,
    plan: BimuPlan,
    row_word: Int64,
    column_word: Int64,
    count: Saturations,
) -> None:
    """Step the λ of a layer against the gradient, in place; ``largest``: of the inputs.

    A row whose steps are small is taken for a share of the samples, 2^-e, with steps that are 2^e
    times as large: rounding at random makes the same of both, and the other samples are free.
    """
    scale = plan.gain[0] * ((1 << 31) // size.mantissa) >> 16
    exponent = 23 + plan.gain[1] - size.exponent
    z = np.abs(x).max(axis=1)
    d, right_d, cut_d = lanes(delta, scale, exponent, least_shift(largest))
    r, right_r, cut_r = lanes(noisy, scale, exponent + 4, least_shift(largest**2))
    count.gradient += cut_d + cut_r
    if x.shape[1] == 1:  # one input for all draws
        d, r = d.sum(axis=1, keepdims=True), r.sum(axis=1, keepdims=True)
    most_d, most_r = (int(np.abs(y).sum(axis=1).max()) for y in (d, r))
    bound = shift_round(z * most_d, right_d) + shift_round(z * z * most_r, right_r)
    take_steps(belief, bound, x, x * x, (d, r), (right_d, right_r), row_word, column_word, plan)


def take_steps(
    belief: npt.NDArray[np.integer[Any]],
    bound: Int64,
    x: Int64,
    square: Int64,
    lane: tuple[Int64, Int64],
    right: tuple[int, int],
    row_word: Int64,
    column_word: Int64,
    plan: BimuPlan,
) -> None:
    """Step rows whose turn it is, in place.

    Parameters
    ----------
    belief : int[rows, columns]
    bound : int64[rows]
        No step of a row is larger.
    x, square : int64[rows, n]
        Inputs and their squares, in the draws or the samples that are added up.
    lane : (int64[columns, n], int64[columns, n])
    right : (int, int)
        Shifts of the two sums.
    row_word, column_word : int64[rows], int64[columns]
    plan : BimuPlan
    """
    kept = plan.belief
    e = rarity(bound, kept.step_frac_bits)
    taken = np.flatnonzero((bound > 0) & (row_word >> 24 < 256 >> e))
    if not len(taken):
        return
    old = belief[taken].astype(np.int64)
    g, q = x[taken] @ lane[0].T, square[taken] @ lane[1].T
    step = steps(kept.byte(old), g, q, right, plan) << e[taken, None]
    u = (row_word[taken, None] ^ column_word) & (1 << kept.step_frac_bits) - 1
    belief[taken] = clip(old - (step + u >> kept.step_frac_bits), -kept.most, kept.most)


def pull_of(size: Int64, plan: BimuPlan) -> Int64:
    """Return how far the prior pulls λ of a magnitude, in LSBs, Q.16."""
    share = plan.pull[plan.belief.rounded(size)]
    return size * share >> plan.pull_shift if plan.belief.low_bits else share


def pull(
    belief: npt.NDArray[np.integer[Any]],
    layer: int,
    n: int,
    plan: BimuPlan,
    key: int,
    column_word: Int64,
    count: Saturations,
) -> None:
    """``sweep`` samples of the prior's pull on some rows: λ goes towards 0, in place."""
    first = sum(rows for rows, _ in plan.shapes[:layer])
    pulled = slice(-(first + n) % plan.sweep, None, plan.sweep)
    words = noise.words(key, noise.STREAM_PULL_ROW + layer, len(belief)).astype(np.int64)
    old = belief[pulled].astype(np.int64)
    count.mu += int(np.count_nonzero(np.abs(old) == plan.belief.most))
    u = (words[pulled, None] ^ column_word) & 0xFFFF
    step = pull_of(np.abs(old), plan) + u >> 16
    belief[pulled] = np.where(old < 0, old + step, old - step)


assert GAIN_BITS == 15  # of scale
