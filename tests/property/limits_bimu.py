"""Bounds of BiMU, computed operation by operation."""

from __future__ import annotations

import math
from fractions import Fraction

from bounds_quant import DRAWS, ROWS
from bounds_sampling import EPSILON_MAX
from holding import Bounds

from quant.front_end import INPUT_MAX
from quant.network import MAX_UNITS
from quant.rules.bimu.belief import Q16, STEP_FRAC_BITS
from quant.rules.bimu.config import BELIEF_FRAC_BITS, GATHER_MAX, RANGES
from quant.rules.bimu.gather import GATHERED_MAX
from quant.rules.bimu.golden import DELTA_MAX, RATIO_MAX
from quant.rules.bimu.golden_normal import SIZE_BITS
from quant.rules.bimu.golden_steps import INPUT_BITS, LANE_BITS
from quant.rules.bimu.plan import SETTLE_FRAC_BITS, SHARE_MAX, SHRINK, TANH_MAX, VARIANCE_MAX
from quant.spiking.golden import GATE_MAX
from quant.spiking.sums import CHARGE_MAX

LARGEST = {name: high for name, _, high, _ in RANGES}
SCALE = int(LARGEST["logit_scale"] * 2**28)
SCALE_Q = int(LARGEST["logit_scale"] * 2**8)
THRESHOLD = int(LARGEST["threshold"] * 2**8)
WINDOW = int(LARGEST["window"] * 2**8)
SETTLE = int(LARGEST["settle"] * 2 ** (SETTLE_FRAC_BITS - BELIEF_FRAC_BITS))
MANTISSA_MIN, MANTISSA_MAX = 1 << 15, (1 << 16) - 1
POWER = ((1 << 16) - 1 + ROWS // 2) * VARIANCE_MAX
#: With a shift of 15 no square is half a step.
assert INPUT_MAX**2 < 1 << 14
SPREAD = math.isqrt(POWER) << 7
NOISE = (SPREAD >> 3) * EPSILON_MAX + 16
MEAN = ROWS * INPUT_MAX * TANH_MAX
PRE_ACTIVATION = MEAN + (NOISE >> 5)
INVERSE = SCALE // MANTISSA_MIN
#: A sum less the mean; the root mean square of such sums is at most the largest sum.
APART = 2 * PRE_ACTIVATION
VALUES = MAX_UNITS * DRAWS
KEPT = 1 << SIZE_BITS
#: The largest of all is not below 2^14, so their mean square is at least this.
SQUARE_MIN = (1 << 2 * SIZE_BITS - 2) // VALUES
assert SQUARE_MIN > 0
#: Gradients are within 2^16, so their mean product with the sums is within 2^16 · √square.
RADIAL_MEAN = KEPT << 16
SHARE = (math.isqrt(SQUARE_MIN) + 1 << 32) // SQUARE_MIN
RADIAL = (math.isqrt(VALUES) + 1 << 16) * 2
DELTA = DELTA_MAX
RATIO = (EPSILON_MAX << 30) + (1 << 13) >> 14
THROUGH_MEAN = MAX_UNITS * DELTA * TANH_MAX
THROUGH_SPREAD = MAX_UNITS * RATIO_MAX * VARIANCE_MAX
#: A trace of spikes, as an input, is within 127.
TRACE_PART = (THROUGH_SPREAD + (1 << 14) >> 15) * INPUT_MAX
DRAW_SUM = DRAWS * RATIO_MAX
LANE = (1 << LANE_BITS) + DRAWS // 2


def part(most: int, power: int) -> int:
    """Return the largest lane times an input to a power, shifted as little as may be."""

    def shifted(value: int) -> int:
        right = max(value.bit_length() - INPUT_BITS, 0)
        return LANE * value + (1 << right >> 1) >> right

    return max(shifted(x**power) for x in range(1, most + 1))


def largest_logit() -> int:
    """|y| ≤ √values, and the deviation is short by what rounding takes from a mean square.

    All sums keep 15 bits of the largest, to half a step; a mean square is rounded down, and its
    root is short by 2^-15.
    """
    root = Fraction(math.isqrt(VALUES) + 1)
    mean_square = Fraction(1 << 2 * SIZE_BITS - 2, VALUES)
    short = (1 - 1 / mean_square) * (1 - Fraction(1, 1 << 13))
    exact = Fraction(SCALE, 1 << 12) * root / (short * (1 - Fraction(1, 1 << 15)))
    return math.floor(exact + Fraction(1, 2))


LOGIT = largest_logit()
#: Sums of lanes that were kept of several samples.
GATHER_SUM = DRAW_SUM * ((1 << 15) - 1)
GATHERED_SQUARE = INPUT_MAX**2 + 8 >> 4
GATHERED_PART = GATHER_MAX * INPUT_MAX * GATHERED_MAX
GATHERED_NOISE = GATHER_MAX * GATHERED_SQUARE * GATHERED_MAX + 128
MEAN_PART = max(part(INPUT_MAX, 1), GATHERED_PART + 8 >> 4)
NOISE_PART = max(part(INPUT_MAX, 2), GATHERED_NOISE >> 8)
TANH_PART = TANH_MAX * NOISE_PART + (1 << 7)
M = MEAN_PART + (TANH_PART >> 8)
WEIGHTED = M * (VARIANCE_MAX >> 5) + (1 << 9)
Y = WEIGHTED >> 10
AGAINST = Y + (TANH_MAX * Y >> 8)
SHRUNK = Y * int(SHRINK[0]) + (1 << 9)
OUTWARDS = (SHRUNK >> 10) * TANH_MAX + 128
SETTLED = (OUTWARDS >> 8) * SETTLE + 512
STEP = (SHRUNK >> 10) + (SETTLED >> 10)
BOUNDS = Bounds(
    {
        # forward
        "square_sum": (ROWS * INPUT_MAX**2, "uint32"),
        "square": (2 * INPUT_MAX**2, "int16"),
        "power": (POWER, "uint32"),
        "spread": (SPREAD, "uint32"),
        "mean": (MEAN, "int32"),
        "noise": (NOISE, "int32"),
        "pre_activation": (PRE_ACTIVATION, "int32"),
        "total": (VALUES * PRE_ACTIVATION, "int64"),
        "apart": (APART, "int64"),
        "kept": (KEPT, "int32"),
        "kept_sum": (VALUES * KEPT**2, "int64"),
        "mean_square": (KEPT**2, "uint32"),
        "size_mantissa": (MANTISSA_MAX, "uint32"),
        "deviation": (APART, "uint32"),
        "gate_limit": (APART * (THRESHOLD + WINDOW), "int64"),
        "inverse": (INVERSE, "int64"),
        "scaled_sum": (APART * INVERSE, "int64"),
        "logit": (LOGIT, "int32"),
        "logit_sum": (DRAWS * LOGIT, "int64"),
        # backward
        "radial_sum": (VALUES * KEPT << 16, "int64"),
        "radial_mean": (RADIAL_MEAN << 16, "uint64"),
        "radial_share": (SHARE, "int64"),
        "radial_part": (KEPT * SHARE + (1 << 15), "int64"),
        "less_radial": (RADIAL, "int32"),
        "scaled_gradient": (RADIAL * SCALE_Q + 128, "int64"),
        "delta": (DELTA, "int32"),
        "ratio_product": ((EPSILON_MAX << 30) + (1 << 13), "int64"),
        "noisy_product": (DELTA * RATIO + (1 << 11), "int64"),
        "noisy": (RATIO_MAX, "int32"),
        "through_mean": (THROUGH_MEAN, "int64"),
        "through_spread": (THROUGH_SPREAD, "int64"),
        "input_gradient": (
            ((THROUGH_MEAN + (1 << 7) >> 8) + (THROUGH_SPREAD + (1 << 14) >> 15)) << 16,
            "int64",
        ),
        # where units spike
        "charged": (PRE_ACTIVATION * INVERSE, "int64"),
        "charge": (CHARGE_MAX, "int32"),
        "trace_part": (TRACE_PART, "int64"),
        "trace_gradient": (
            ((THROUGH_MEAN + (1 << 7) >> 8) + (TRACE_PART + (1 << 3) >> 4)) << 16,
            "int64",
        ),
        "passed": (DELTA * GATE_MAX + 64, "int32"),
        # update
        "draw_sum": (DRAW_SUM, "uint32"),
        "scale": ((1 << 15) - 1, "uint32"),
        "wide": (DRAW_SUM * ((1 << 15) - 1), "uint64"),
        "lane_sum": (LANE, "int16"),
        "lane_input": (LANE * INPUT_MAX, "int32"),
        "lane_square": (LANE * INPUT_MAX**2 + (1 << 30), "int32"),
        "mean_part": (MEAN_PART, "int32"),
        "noise_part": (NOISE_PART, "int32"),
        "tanh_part": (TANH_PART, "int32"),
        "m": (M, "int32"),
        "weighted": (WEIGHTED, "int32"),
        "y": (Y, "int32"),
        "against": (AGAINST, "uint32"),
        "worth": (AGAINST * 1023, "uint32"),
        "shrunk": (SHRUNK, "int32"),
        "outwards": (OUTWARDS, "int32"),
        "settled": (SETTLED, "int32"),
        "step": (STEP, "int32"),
        "belief_before_store": (
            127 + (STEP + (1 << STEP_FRAC_BITS) - 1 >> STEP_FRAC_BITS),
            "int32",
        ),
        "gather_sum": (GATHER_SUM, "int64"),
        "gathered_square": (GATHERED_SQUARE, "int16"),
        "gathered_part": (GATHERED_PART, "int32"),
        "gathered_noise": (GATHERED_NOISE, "int32"),
        "pulled": ((127 << 16) + 65535, "int32"),
        "wide_before_store": (
            Q16.most + (STEP + (1 << Q16.step_frac_bits) - 1 >> Q16.step_frac_bits),
            "int32",
        ),
        "share_pulled": (Q16.most * SHARE_MAX, "uint32"),
        "wide_pulled": (Q16.most * SHARE_MAX + 65535, "uint32"),
    }
)
