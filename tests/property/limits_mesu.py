"""Bounds of MESU, computed operation by operation."""

from __future__ import annotations

import math

import numpy as np
from bounds_quant import DRAWS
from bounds_sampling import EPSILON_MAX, GAIN, INVERSE_MAX, NARROW, SQUARES, WEIGHT
from holding import Bounds, accepted
from rerun_step import PULL_MU, PULL_SIGMA

from quant.integers import bit_length
from quant.network import MAX_UNITS
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.golden import (
    PRODUCT_MAX,
    RATIO_MAX,
    RHO_STEP_BITS,
    WHOLE_PULL,
    moved,
)
from quant.sampling.golden import DELTA_MAX, MU_STEP_BITS
from quant.sampling.plan import LayerPlan, layer_plan, mantissa_exponent

#: Mantissa of σ², 12 bits; its square, cut to 12 bits.
MANTISSA = 4095
MANTISSA_SQUARE = MANTISSA**2 >> 12
CODE_MAX = 2**16 - 1
DITHER = 2**16 - 1
#: A block of r has sums of magnitudes of 19 bits.
RATIOS = 2**19 - 1
MU_FRAC_BITS = accepted(lambda n: MesuConfig(mu_frac_bits=n), range(32))


def _layer_of(v_exponent: int) -> LayerPlan:
    """A layer whose σ² keeps below two to this power."""
    sigma = 2.0 ** ((v_exponent - 1.5) / 2)
    return layer_plan(1, 12, MesuConfig(sigma_prior=sigma, sigma_init=sigma, mu_init=0.0))


V_EXPONENTS = accepted(_layer_of, range(-40, 40))
assert _layer_of(V_EXPONENTS[1]).v_exponent == V_EXPONENTS[1]
#: v/σ_prior² in Q.16 is at most this; of its constants the mantissa has 16 bits.
RATIO_LIMIT = 1 << 12
RATIO_MANTISSA = 2**16 - 1
RATIO_EXPONENTS = tuple(
    mantissa_exponent(ratio, 16)[1] for ratio in (math.nextafter(RATIO_LIMIT, 0), 32.0)
)

NOISE = (DELTA_MAX * EPSILON_MAX + 128) >> 8
G, Q = ((1 << 15) * GAIN + (1 << 18)) >> 19, ((1 << 15) * GAIN + (1 << 19)) >> 20
W, Y = NARROW * G, NARROW * Q
STEP, CURVE = MANTISSA * W, MANTISSA_SQUARE * Y
STEP_DITHERED = max(STEP, 1 << MU_STEP_BITS) + DITHER
CURVE_DITHERED = max(CURVE, 1 << RHO_STEP_BITS) + DITHER
#: Of the gradient by the inputs through the standard deviations: it is shifted left if negative.
RIGHT_MIN = 8 + 0 + (19 - bit_length(MAX_UNITS * RATIO_MAX)) - V_EXPONENTS[1]
HIGHEST = int(moved(*(np.array(n) for n in (CODE_MAX, MANTISSA, MANTISSA))))
PULLED = MANTISSA * RATIO_LIMIT

BOUNDS = Bounds(
    {
        # forward
        "mantissa_square": (MANTISSA * SQUARES, "uint32"),
        "power": (MANTISSA * SQUARES, "uint32"),
        # backward
        "delta_epsilon": (DELTA_MAX * EPSILON_MAX + 128, "int64"),
        "ratio_product": (NOISE * INVERSE_MAX + 2**21, "int64"),
        "ratio": (RATIO_MAX, "int32"),
        "blocked_ratio_sum": (RATIOS, "int32"),
        "through_spread": (MANTISSA * RATIOS, "int32"),
        "input_spread": (PRODUCT_MAX << -RIGHT_MIN, "int64"),
        # update
        "g": (G, "int32"),
        "q": (Q, "int32"),
        "square": (NARROW, "int32"),
        "sum_w": (DRAWS * W, "int32"),
        "sum_y": (DRAWS * Y, "int32"),
        "w": (W, "int32"),
        "y": (Y, "int32"),
        "mantissa_w": (STEP, "int32"),
        "mantissa_y": (CURVE, "int32"),
        "step_dithered": (STEP_DITHERED, "int32"),
        "curve_dithered": (CURVE_DITHERED, "int32"),
        "mu_before_store": (WEIGHT + (STEP_DITHERED >> 16), "int32"),
        "rho_before_store": (HIGHEST, "int32"),
        # pull of the prior
        "mantissa_ratio": (MANTISSA * RATIO_MANTISSA, "uint32"),
        "u": (PULLED, "uint32"),
        "pull_share": (PULLED * PULL_MU, "int64"),
        "pull_step": (DITHER * WHOLE_PULL, "int64"),
        "mantissa_pull": (MANTISSA * PULL_SIGMA, "int64"),
        "pull_curve": ((MANTISSA * PULL_SIGMA >> 12) * (PULLED - 65536), "int64"),
    }
)
