"""BiMU in integers: rows of the first layer take turns, each with the steps of several samples.

C counterpart: ``kernel/gather/sl_gather.h``. Every format and bound: NUMBERS.md beside this file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.integers import Int64, clamp_count, shift_round
from quant.layout import State
from quant.rules.bimu.gather import GATHERED_MAX, slots
from quant.rules.bimu.golden_normal import Size
from quant.rules.bimu.golden_steps import take_steps
from quant.rules.bimu.plan import BimuPlan

#: From a gradient times the layer's scale to a lane; and from the sums over samples to .12.
TO_LANE, TO_NOISY_LANE = -4, -8
RIGHT, RIGHT_NOISY = 4, 8
#: Beyond these shifts a lane is at its end, or 0.
LEFT_MAX, LEFT_NOISY_MAX, RIGHT_MOST = 22, 17, 62
#: Squares of inputs are kept with four bits less.
SQUARE_SHIFT = 4


def _lane(y: Int64, scale: int, right: int, left_max: int) -> tuple[Int64, int]:
    """Return the sum over the draws as a lane, and how many were cut."""
    wide = y.sum(axis=1) * scale
    return clamp_count(shift_round(wide, min(max(right, -left_max), RIGHT_MOST)), GATHERED_MAX)


def learn_gathered(
    belief: npt.NDArray[np.integer[Any]],
    state: State,
    x: Int64,
    delta: Int64,
    noisy: Int64,
    size: Size,
    plan: BimuPlan,
    row_word: Int64,
    column_word: Int64,
    count: Saturations,
) -> None:
    """Keep a sample's inputs and gradients, and step the rows whose turn it is, in place.

    Parameters
    ----------
    belief : int[rows, columns]
        Of the first layer.
    state : State
    x : int64[rows, 1]
        Q3.4.
    delta, noisy : int64[columns, draws]
    size : Size
    plan : BimuPlan
    row_word, column_word : int64[rows], int64[columns]
    count : Saturations
    """
    n, gather = int(state["n_samples"][0]), plan.gather
    inputs, lanes, noisy_lanes = slots(state, gather)
    d = r = np.zeros(len(delta), np.int64)
    if size.mantissa:
        scale = plan.gain[0] * ((1 << 31) // size.mantissa) >> 16
        exponent = 23 + plan.gain[1] - size.exponent
        d, cut_d = _lane(delta, scale, exponent + TO_LANE, LEFT_MAX)
        r, cut_r = _lane(noisy, scale, exponent + TO_NOISY_LANE, LEFT_NOISY_MAX)
        count.gradient += cut_d + cut_r
    slot = n % gather
    inputs[: len(x), slot], lanes[:, slot], noisy_lanes[:, slot] = x[:, 0], d, r
    turn = slice(-n % gather, len(x), gather)
    kept = inputs[turn].astype(np.int64)
    square = shift_round(kept * kept, SQUARE_SHIFT)
    lane = lanes.astype(np.int64), noisy_lanes.astype(np.int64)
    most_d, most_r = (np.abs(part).max(axis=0) for part in lane)
    bound = shift_round(np.abs(kept) @ most_d, RIGHT) + shift_round(square @ most_r, RIGHT_NOISY)
    mine = belief[turn]
    take_steps(
        mine, bound, kept, square, lane, (RIGHT, RIGHT_NOISY), row_word[turn], column_word, plan
    )
