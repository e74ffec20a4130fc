"""Bounds of MESU, computed operation by operation."""

from __future__ import annotations

import math

from bounds_quant import DRAWS, ROWS
from bounds_sampling import EPSILON_MAX, GAIN, INVERSE_MAX, NARROW, WEIGHT
from holding import Bounds, accepted
from rerun_step import PULL_MU, PULL_SIGMA

from quant.front_end import INPUT_MAX
from quant.integers import bit_length
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.golden import (
    LANE_BITS,
    POWER_BITS,
    PRODUCT_MAX,
    RATIO_MAX,
    RATIO_SUM_MAX,
    SQUARE_BITS,
    SQUARE_MORE_BITS,
)
from quant.rules.mesu.golden_steps import (
    DRAWN_BITS,
    DRAWN_MU,
    DRAWN_RHO,
    FACTOR_BITS,
    FACTOR_MORE_BITS,
    LANE_MAX,
    RHO_STEP_BITS,
    WHOLE_PULL,
)
from quant.rules.mesu.variance import RHO_MAX, WIDE_BITS, least_exponent, most_exponent
from quant.sampling.golden import DELTA_MAX, MU_STEP_BITS
from quant.sampling.plan import LayerPlan, layer_plan, mantissa_exponent

DITHER = 2**16 - 1
MU_FRAC_BITS = accepted(lambda n: MesuConfig(mu_frac_bits=n), range(32))


def _layer_of(v_exponent: int) -> LayerPlan:
    """A layer whose σ² keeps below two to this power."""
    sigma = 2.0 ** ((v_exponent - 1.5) / 2)
    return layer_plan(1, 12, MesuConfig(sigma_prior=sigma, sigma_init=sigma, mu_init=0.0))


V_EXPONENTS = accepted(_layer_of, range(-40, 40))
assert _layer_of(V_EXPONENTS[1]).v_exponent == V_EXPONENTS[1]
EXPONENTS = least_exponent(V_EXPONENTS[0]), most_exponent(V_EXPONENTS[1])
#: v/σ_prior² in Q.16 is at most this; of its constants the mantissa has 16 bits.
RATIO_LIMIT = 1 << 12
RATIO_MANTISSA = 2**16 - 1
RATIO_EXPONENTS = tuple(
    mantissa_exponent(ratio, 16)[1] for ratio in (math.nextafter(RATIO_LIMIT, 0), 32.0)
)

WIDE_SQUARE = NARROW**2 << SQUARE_MORE_BITS
SQUARE, SQUARES = (1 << SQUARE_BITS) - 1, (1 << POWER_BITS) - 1
#: Sums of magnitudes of what is blocked for the gradient by the inputs.
LANES = (1 << LANE_BITS) - 1
NOISE = DRAWS * DELTA_MAX * EPSILON_MAX + 128
#: A block that is not 0 is shifted right by less than the bits of its numbers. So the gradient by
#: the inputs is shifted left by this at most, through the standard deviations and the means.
LEFT_SPREAD = bit_length(RATIO_MAX) - 1 - 11 - 0 + EXPONENTS[1]
LEFT_MEAN = bit_length(DELTA_MAX) - 1 - MU_FRAC_BITS[0]

# Layer 0: an input or its square, at 14 bits.
FACTOR, FACTOR_SQUARE = (
    max(n << FACTOR_BITS - bit_length(n) for n in (x**power for x in range(1, INPUT_MAX + 1)))
    for power in (1, 2)
)
LASTING = DRAWN_BITS - min(DRAWN_MU, DRAWN_RHO)
LANE_PRODUCT = FACTOR * LANE_MAX + (1 << 14)
ROW_LANE = LANE_PRODUCT >> 15
STEP_PRODUCT = RHO_MAX * ROW_LANE + (1 << 14)
STEP_LANE = STEP_PRODUCT >> 15
CURVE_LANE = RHO_MAX * (FACTOR_SQUARE * LANE_MAX + (1 << 14) >> 15) + (1 << 14) >> 15

# Later layers.
G, Q = ((1 << 15) * GAIN + (1 << 18)) >> 19, ((1 << 15) * GAIN + (1 << 19)) >> 20
SUM_W, SUM_Y = DRAWS * NARROW * G, DRAWS * NARROW * Q
W, Y = NARROW * G >> 2, NARROW * Q >> 1
RHO_W, RHO_Y = RHO_MAX * W, RHO_MAX * Y + (1 << 14)
CURVE = RHO_MAX * (RHO_Y >> 15)
STEP_DITHERED = max(RHO_W, 1 << MU_STEP_BITS) + DITHER
CURVE_DITHERED = max(CURVE, 1 << RHO_STEP_BITS) + DITHER

RATIO_U = RHO_MAX * RATIO_LIMIT >> 2
PULLED = RHO_MAX + ((RHO_MAX * PULL_SIGMA >> 12) + DITHER >> 16)

BOUNDS = Bounds(
    {
        # forward
        "wide_square": (WIDE_SQUARE, "uint32"),
        "wide_square_sum": (ROWS * WIDE_SQUARE, "uint64"),
        "square": (SQUARE, "int16"),
        "square_sum": (SQUARES, "int32"),
        "rho_square": (RHO_MAX * SQUARE, "int32"),
        "power": (RHO_MAX * SQUARES, "int32"),
        # backward
        "delta_epsilon": (NOISE, "int64"),
        "ratio_product": ((NOISE >> 8) * INVERSE_MAX + 2**21, "int64"),
        "ratio": (RATIO_MAX, "int32"),
        "ratio_sum": (RATIO_SUM_MAX, "int32"),
        "blocked_sum": (LANES, "int16"),
        "through_mean": (WEIGHT * LANES, "int32"),
        "through_spread": (RHO_MAX * LANES, "int32"),
        "input_mean": (WEIGHT * LANES << LEFT_MEAN, "int64"),
        "input_spread": (PRODUCT_MAX << LEFT_SPREAD, "int64"),
        "input_gradient": (
            (WEIGHT * LANES << LEFT_MEAN) + (PRODUCT_MAX << LEFT_SPREAD),
            "int64",
        ),
        # update of layer 0
        "lane": (LANE_MAX, "int16"),
        "factor": (FACTOR, "int16"),
        "wide_factor": (FACTOR << 2 * FACTOR_MORE_BITS, "uint32"),
        "share": ((1 << 16) - 1, "uint32"),
        "first_dither": ((1 << LASTING) - 1, "int16"),
        "lane_product": (LANE_PRODUCT, "int32"),
        "row_lane": (ROW_LANE, "int16"),
        "step_product": (STEP_PRODUCT, "int32"),
        "step_lane": (STEP_LANE, "int16"),
        "lane_dithered": (STEP_LANE + (1 << LASTING) - 1, "int16"),
        "rho_lane": (RHO_MAX * CURVE_LANE, "int32"),
        # update of the later layers
        "g": (G, "int32"),
        "q": (Q, "int32"),
        "later_square": (NARROW, "int32"),
        "sum_w": (SUM_W, "int32"),
        "sum_y": (SUM_Y, "int32"),
        "w": (W, "int32"),
        "y": (Y, "int32"),
        "rho_w": (RHO_W, "int32"),
        "rho_y": (RHO_Y, "int32"),
        "curve": (CURVE, "int32"),
        "step_dithered": (STEP_DITHERED, "int32"),
        "curve_dithered": (CURVE_DITHERED, "int32"),
        # what is stored
        "relative_step": (RHO_MAX << 6, "int32"),
        "step_square": (RHO_MAX**2, "int32"),
        "four_rho": (4 * RHO_MAX, "int32"),
        "mu_before_store": (WEIGHT + (STEP_DITHERED >> 16), "int32"),
        "rho_before_store": (2 * RHO_MAX + RHO_MAX // 4, "int32"),
        "rho_stored": (LANE_MAX, "int16"),
        "rho_widened": ((1 << WIDE_BITS) - 2, "int16"),
        # pull of the prior
        "mantissa_ratio": (RHO_MAX * RATIO_MANTISSA, "uint32"),
        "u": (RATIO_U, "int64"),
        "pull_share": (RATIO_U * PULL_MU, "int64"),
        "pull_step": (DITHER * WHOLE_PULL, "int64"),
        "mantissa_pull": (RHO_MAX * PULL_SIGMA, "uint64"),
        "pull_curve": ((RHO_MAX * PULL_SIGMA >> 12) * (RATIO_U - 65536), "int64"),
        "rho_pulled": (PULLED, "int16"),
    }
)
