"""Bounds of the metaplastic rule, computed operation by operation."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from bounds_categorical import DISTANCE_MAX, LOG2_E
from bounds_quant import ROWS
from holding import Bounds

from quant.front_end import INPUT_MAX
from quant.network import MAX_LAYER_SYNAPSES, MAX_UNITS
from quant.rules.metaplastic.config import RANGES
from quant.rules.metaplastic.gates import WORD_BITS
from quant.rules.metaplastic.golden import DELTA_MAX, LOG_TEMPERATURE_MAX, LOG_TEMPERATURE_MIN
from quant.rules.metaplastic.plan import GRADIENT_FRAC_BITS, LOGIT_SCALE_FRAC_BITS
from quant.rules.metaplastic.step import (
    LOG2_MAX,
    LOG2_MIN,
    RATIO,
    RATIO_MAX,
    SIZE_MAX,
    SPREAD_FRAC_BITS,
)
from quant.spiking.golden import GATE_MAX
from quant.spiking.sums import CHARGE_MAX
from quant.tables import EXP2

LARGEST = {name: high for name, _, high, _ in RANGES}
SCALE = int(LARGEST["logit_scale"] * 2**LOGIT_SCALE_FRAC_BITS)
WINDOW = int(LARGEST["window"] * 2**8)
GAIN = int(max(LARGEST["lr"], LARGEST["lr_output"]) * 2**8)
MANTISSA_MIN, MANTISSA_MAX = 1 << 15, (1 << 16) - 1
INVERSE = SCALE // MANTISSA_MIN
SUM = ROWS * INPUT_MAX
BITS = DISTANCE_MAX * LOG2_E >> 14
#: A gradient of the last layer is a probability less 1 or not, rounded.
OUTPUT = 1 << GRADIENT_FRAC_BITS
#: Learning rates with the largest multiplier.
STEPPED = GAIN << (LOG2_MAX >> 16)
STRENGTH = DELTA_MAX * STEPPED
ROW_PULSES, COLUMN_PULSES = INPUT_MAX + 15 >> 4, (STRENGTH >> 4) + 65535 >> 16


def largest_trace_logit() -> int:
    """A mean trace over what sums are measured in, whose mantissa is short by 2^-15 at most."""
    exact = Fraction(SCALE * INPUT_MAX, 1 << 16) * math.isqrt(ROWS) / (1 - Fraction(1, 1 << 15))
    return math.floor(exact + Fraction(1, 2))


def largest_logit() -> int:
    """|Σ ±x| ≤ √rows · √Σ x² (Cauchy and Schwarz), and the norm is short by 2^-15 at most."""
    rooted = math.isqrt(ROWS)
    assert rooted**2 == ROWS
    exact = Fraction(SCALE, 1 << 12) * rooted / (1 - Fraction(1, 1 << 15))
    return math.floor(exact + Fraction(1, 2))


def largest_gate_word() -> int:
    """Index of the last word of gates, over every number of features and the most units each."""
    features = np.arange(1, MAX_UNITS + 1, dtype=np.int64)
    units = np.minimum(MAX_LAYER_SYNAPSES // features, MAX_UNITS)
    return int((features * -(-units // WORD_BITS)).max()) - 1


LOGIT, TRACE_LOGIT = largest_logit(), largest_trace_logit()
BOUNDS = Bounds(
    {
        # forward
        "square_sum": (ROWS * INPUT_MAX**2, "uint32"),
        "norm_mantissa": (MANTISSA_MAX, "uint32"),
        "sum": (SUM, "int32"),
        "gate_score": (MAX_UNITS * INPUT_MAX, "int32"),
        "gate_word": (largest_gate_word(), "uint32"),
        "lane": (255, "uint8"),
        "inverse": (INVERSE, "int64"),
        "scaled_sum": (SUM * INVERSE, "int64"),
        "logit": (LOGIT, "int32"),
        "window_limit": (WINDOW * MANTISSA_MAX, "uint32"),
        # softmax, temperature and gradient
        "logit_below": (2 * LOGIT, "uint32"),
        "distance": (2 * LOGIT * int(EXP2[0]), "int64"),
        "softmax_bits": (BITS, "int32"),
        "expected_bits": ((1 << 16) * BITS, "uint32"),
        "surprise": (BITS, "int32"),
        "log_temperature": (max(LOG_TEMPERATURE_MAX, -LOG_TEMPERATURE_MIN), "int32"),
        "output_delta": (OUTPUT, "int32"),
        # backward
        "output_below": (2 * OUTPUT + MAX_UNITS // 2, "int32"),
        "below": (MAX_UNITS * DELTA_MAX, "int32"),
        "delta": (DELTA_MAX, "int32"),
        # where units spike
        "charged": (SUM * (1 << 16) << 2, "int64"),
        "charge": (CHARGE_MAX, "int32"),
        "trace_logit": (TRACE_LOGIT, "int32"),
        "trace_below": (2 * TRACE_LOGIT, "uint32"),
        "trace_distance": (2 * TRACE_LOGIT * int(EXP2[0]), "int64"),
        "passed": (DELTA_MAX * GATE_MAX + 64, "int32"),
        # the step's multiplier
        "apart": (255, "int32"),
        "trace_sum": (ROWS * INPUT_MAX * 255, "int32"),
        "slope": ((2 * OUTPUT + MAX_UNITS // 2) * ROWS * INPUT_MAX * 255, "int64"),
        "step_spread": (SIZE_MAX << SPREAD_FRAC_BITS, "int32"),
        "ratio": (SIZE_MAX * RATIO, "uint32"),
        "step_log2": (max(LOG2_MAX, -LOG2_MIN), "int32"),
        "step_log2_before": (max(LOG2_MAX, -LOG2_MIN) + 4 * (RATIO_MAX + 16), "int32"),
        "stepped": (GAIN * int(EXP2[0]), "uint32"),
        "stepped_gain": (STEPPED, "uint32"),
        # pulses
        "strength": (STRENGTH, "uint32"),
        "row_pulses": (ROW_PULSES, "int32"),
        "column_pulses": (COLUMN_PULSES, "int32"),
        "step": (ROW_PULSES * COLUMN_PULSES, "int32"),
        "weight_before_store": (128 + ROW_PULSES * COLUMN_PULSES, "int32"),
    }
)
