"""Bounds of weights of few levels, computed operation by operation."""

from __future__ import annotations

import math
from fractions import Fraction

from bounds_quant import ROWS
from holding import Bounds

from quant.front_end import INPUT_MAX
from quant.network import MAX_UNITS
from quant.rules.multilevel.config import MOST_STEPS, RANGES
from quant.rules.multilevel.golden import CERTAIN, DELTA_MAX
from quant.rules.multilevel.plan import KEEP_STEPS, LOGIT_SCALE_FRAC_BITS, rounded

LARGEST = {name: high for name, _, high, _ in RANGES}
STEPS = range(1, MOST_STEPS + 1)
SUM = ROWS * INPUT_MAX * MOST_STEPS
MANTISSA_MIN = 1 << 15


def logit_scale(steps: int) -> int:
    """Return the largest factor of the logits."""
    return rounded(LARGEST["logit_scale"] / steps, LOGIT_SCALE_FRAC_BITS)


def consolidation(steps: int) -> int:
    """Return the largest factor of a counter."""
    return rounded(KEEP_STEPS * LARGEST["consolidation"] / steps, 16)


def largest_logit() -> int:
    """|Σ x w| ≤ √rows · √Σ x² for |w| ≤ 1, and the norm is short by 2^-15 at most."""
    rooted = math.isqrt(ROWS)
    assert rooted**2 == ROWS
    scale = max(Fraction(logit_scale(steps) * steps, 1 << 20) for steps in STEPS)
    return math.floor(scale * rooted / (1 - Fraction(1, 1 << 15)) + Fraction(1, 2))


BACK_PRODUCT = DELTA_MAX * ((1 << 16) * 256 + MAX_UNITS * MOST_STEPS // 2 + 1)
BOUNDS = Bounds(
    {
        "square_sum": (ROWS * INPUT_MAX**2, "uint32"),
        "norm_mantissa": ((1 << 16) - 1, "uint32"),
        "level_sum": (SUM, "int32"),
        "sum": (SUM, "int32"),
        "all_sums": (MAX_UNITS * SUM, "int64"),
        "apart": (2 * SUM, "uint64"),
        "deviate": (1 << 15, "int32"),
        "power": (MAX_UNITS << 30, "uint64"),
        "deviation": (1 << 15, "uint32"),
        "inverse": (1 << 20, "int64"),
        "unit_product": ((1 << 35) + (1 << 21), "int64"),
        "logit_inverse": (logit_scale(1) // MANTISSA_MIN, "int64"),
        "scaled_sum": (
            max(ROWS * INPUT_MAX * s * (logit_scale(s) // MANTISSA_MIN) for s in STEPS),
            "int64",
        ),
        "logit": (largest_logit(), "int32"),
        "delta": (DELTA_MAX, "int32"),
        "gradient_sum": (MAX_UNITS * MOST_STEPS * DELTA_MAX, "int64"),
        "back_product": (BACK_PRODUCT, "int64"),
        "scale_product": (((1 << 15) - 1) << 16, "uint32"),
        "wide": (DELTA_MAX * ((1 << 15) - 1) << 6, "uint64"),
        "size_chance": (INPUT_MAX * CERTAIN, "uint32"),
        "probability": (CERTAIN >> 8, "uint32"),
        "worth": (max(255 * s * consolidation(s) for s in STEPS), "uint32"),
        "likely": ((1 << 16) * ((1 << 16) - 1), "uint32"),
        "faded": ((255 << 16) + 65535, "uint32"),
    }
)
