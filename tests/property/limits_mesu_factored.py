"""Bounds of MESU with factored variance, computed operation by operation."""

from __future__ import annotations

from fractions import Fraction

from bounds_quant import DRAWS, ROWS
from bounds_sampling import ACTIVATION, BLOCK, EPSILON_MAX, GAIN, NARROW, WEIGHT
from holding import Bounds
from rerun_step import PULL_SIGMA

from quant.network import MAX_UNITS
from quant.rules.mesu_factored.golden_codes import OCTAVE
from quant.rules.mesu_factored.golden_factors import RATIO_MAX
from quant.rules.mesu_factored.plan import FACTOR_MAX
from quant.sampling.golden import MU_STEP_BITS

#: Sums of squares in a block have 20 bits.
SQUARES = (1 << 20) - 1
#: Inputs whose squares sum to 2^20 - 1.
ALL_SET = (1023, 45, 4, 2, 1)
#: Of a factor's code the highest 12 bits, and 16.
MANTISSA, MANTISSA_16 = 2**12 - 1, 2**16 - 1
DITHER = WORD = 2**16 - 1
ROOT = 2**16 - 1
#: √c for the gradient of the rows, 13 bits.
SHORT_ROOT = 2**13 - 1
#: Σ_j |δ ε| of a draw: each of at most 65535 terms that are not 0 rounds up by half at most.
NOISY = int(Fraction(BLOCK * EPSILON_MAX, 256) + Fraction(MAX_UNITS, 2))
BY_ROW = 2**15 - 1
BY_COLUMN = 2**30 - 1
#: After their mean was taken off.
BY_COLUMN_SHORT = 2 * BY_COLUMN
THROUGH = MANTISSA * BY_ROW
WEIGHT_15 = MANTISSA_16 >> 1
FIRST_G = ((1 << 15) * GAIN + (1 << 14)) >> 15
FIRST_FACTOR = (127 * MANTISSA_16 + 128) >> 8
#: Of a later layer: inputs of 8 bits, gains of 15 bits of which 19 are dropped.
STEP = MANTISSA * NARROW * (((1 << 15) * GAIN + (1 << 18)) >> 19)
STEP_DITHERED = max(STEP, 1 << MU_STEP_BITS) + DITHER
STRENGTH = MANTISSA_16 * GAIN >> 16
#: A sum over the draws, each rounded after a gain below 1.
CURVATURE = NARROW**2 * (BY_ROW + DRAWS // 2)
ROW_STEP = (MANTISSA_16**2 >> 16) * CURVATURE
COLUMN_GAIN = BY_COLUMN_SHORT * GAIN
COLUMN_STEP = MANTISSA_16 * ((COLUMN_GAIN + (1 << 14)) >> 15)

BOUNDS = Bounds(
    {
        # forward
        "raw_square_sum": (BLOCK**2, "uint32"),
        "square_sum": (SQUARES, "uint32"),
        "factor_square": (MANTISSA * SQUARES, "uint32"),
        "factor_power": (MANTISSA * SQUARES, "uint32"),
        "root": (ROOT, "uint32"),
        "root_product": (ROOT**2, "uint32"),
        # backward
        "blocked_epsilon": (BLOCK * EPSILON_MAX + 128, "int32"),
        "noisy_sum": (NOISY, "int32"),
        "noisy_draws": (DRAWS * NOISY, "int32"),
        "noisy_root": (NOISY * SHORT_ROOT, "int32"),
        "noisy_root_draws": (DRAWS * NOISY * SHORT_ROOT, "int64"),
        "quotient": (2**31 - 1 >> 15, "uint32"),
        "by_row_sum": (BY_ROW, "int32"),
        "by_column": (DRAWS * NOISY * ROOT**2, "int64"),
        "by_column_sum": (MAX_UNITS * BY_COLUMN, "int64"),
        "by_column_short": (BY_COLUMN_SHORT, "int64"),
        "through_row": (THROUGH, "int32"),
        "input_row": (ACTIVATION * ((THROUGH >> 11) + 1), "int32"),
        # update of mu
        "weight": (WEIGHT_15, "int32"),
        "weighted": ((1 << 15) * WEIGHT_15, "int32"),
        "first_gain_product": ((1 << 15) * GAIN, "int32"),
        "first_g": (FIRST_G, "int32"),
        "first_factor": (FIRST_FACTOR, "int32"),
        "first_step": (FIRST_FACTOR * FIRST_G, "int32"),
        "later_step": (STEP, "int32"),
        "step_dithered": (STEP_DITHERED, "int32"),
        "mu_before_store": (WEIGHT + (STEP_DITHERED >> 16), "int32"),
        "pull_strength": (STRENGTH, "int32"),
        "pull_product": (WORD * (STRENGTH * WEIGHT_15 >> 16), "int32"),
        # update of the factors
        "row_gain_product": (BY_ROW * GAIN, "int32"),
        "row_curvature": (CURVATURE, "int32"),
        "row_step": (ROW_STEP, "int64"),
        "column_gain_product": (COLUMN_GAIN, "int64"),
        "column_step": (COLUMN_STEP, "int64"),
        "step_before_shift": (max(ROW_STEP, COLUMN_STEP) << 16, "int64"),
        # pull of the factors
        "factor_sum": (ROWS * MANTISSA_16, "uint32"),
        "prior_ratio_product": (MANTISSA_16**2, "uint32"),
        "factor_ratio": (RATIO_MAX, "int32"),
        "ratio_sum": (MAX_UNITS * RATIO_MAX, "int64"),
        "pull_of_code": (MANTISSA_16 * PULL_SIGMA * RATIO_MAX, "int64"),
        "code_before_store": (FACTOR_MAX + OCTAVE, "int64"),
    }
)
