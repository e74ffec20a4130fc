"""MESU: its tables, and its golden model at extreme values."""

from __future__ import annotations

import itertools

import numpy as np
from bounds_quant import DRAWS
from bounds_sampling import (
    ALL_SET,
    EPSILON_MAX,
    GAIN,
    INVERSE_MAX,
    WEIGHT,
    between,
    signed,
)
from limits_mesu import (
    BOUNDS,
    CODE_MAX,
    DITHER,
    MU_FRAC_BITS,
    RATIO_EXPONENTS,
    RATIO_MANTISSA,
    RATIOS,
    V_EXPONENTS,
)
from rerun_mesu import check_backward, check_forward_layer, check_ratio, check_update
from rerun_step import FACTORS

from quant.rules.mesu.golden import RATIO_MAX
from quant.rules.mesu.plan import Plan
from quant.sampling.golden import DELTA_MAX
from quant.sampling.plan import PULL_MAX, LayerPlan
from quant.sampling.step import Step

__all__ = ["BOUNDS", "TABLES", "exercise"]

TABLES = {
    "format": {
        "mu": {
            "type": "int16",
            "fraction bits": "{} to {}".format(*MU_FRAC_BITS),
            "smallest": str(-WEIGHT),
            "largest": str(WEIGHT - 1),
        },
        "rho": {
            "type": "uint16",
            "fraction bits": "a code",
            "smallest": "0",
            "largest": str(CODE_MAX),
        },
        "r": signed("int32", "16", RATIO_MAX),
    },
    "constant": {
        "mu_frac_bits": between(*MU_FRAC_BITS),
        "v_exponent": between(*V_EXPONENTS),
        "ratio_mantissa": between(1 << 15, RATIO_MANTISSA),
        "ratio_exponent": between(*RATIO_EXPONENTS),
    },
}


def _forward_of_any_width() -> None:
    for rows in (1, 516, 4096, 65536):
        column = np.ones((rows, 1), np.int64)
        for mu, rho in ((-32768, 0), (-32768, 65535), (32767, 0), (32767, 65535)):
            for x in (127, -127, 1, 0):
                plan = LayerPlan(12, 6, 0, 0, 0, 32768, 10)
                noise_ends = np.array([[-EPSILON_MAX, EPSILON_MAX]])
                check_forward_layer(column * x, 4, column * mu, column * rho, plan, noise_ends)
    for rows in (1, 2, 65536):
        column = np.ones((rows, 1), np.int64)
        for v_exponent in (-20, 0, 6):
            for x in (32767, 1024, 1):
                plan = LayerPlan(12, v_exponent, 0, 0, 0, 32768, 10)
                for mu, rho in ((-32768, 65535), (32767, 0)):
                    check_forward_layer(
                        np.full((rows, 2), x), 8, column * mu, column * rho, plan,
                        np.array([[-EPSILON_MAX, EPSILON_MAX]]),
                    )  # fmt: skip
    # Squares whose sum has 20 bits, all of them set.
    x = np.array(ALL_SET)[:, None]
    for v_exponent in (6, 5):
        plan = LayerPlan(12, v_exponent, 0, 0, 0, 32768, 10)
        codes = np.full(x.shape, CODE_MAX)
        check_forward_layer(x, 8, codes * 0, codes, plan, np.array([[EPSILON_MAX]]))


def _backward_of_any_width() -> None:
    for columns in (1, 2, 255, 65535):
        ones = np.ones((columns, 1), np.int64)
        for size in (DELTA_MAX, -DELTA_MAX, RATIOS, 1, -1, 0):
            for v_exponent in V_EXPONENTS:
                for mu, rho in ((-32768, 65535), (32767, 65535), (-32768, 0)):
                    plan = LayerPlan(12, v_exponent, 0, 0, 0, 32768, 10)
                    for frac_bits in (0, 8):
                        check_backward(
                            np.array([[32767], [1], [0]]), frac_bits, ones * size, ones * size,
                            np.full((3, columns), mu), np.full((3, columns), rho), plan,
                        )  # fmt: skip


def _update(
    n_draws: int, exponent: int, first: bool, size: int, ratio: tuple[int, int], dither: int
) -> None:
    """All of one sign and as large as given: the sums of g and q are as large as they get."""
    plan = Plan(
        (LayerPlan(12, 6, 32767, 0, 0, *ratio),),
        (GAIN, exponent), (GAIN, exponent), PULL_MAX, PULL_MAX, 1, n_draws, 300,
    )  # fmt: skip
    # The eight highest bits of 181² are all set.
    x = np.array([[127], [-127], [1], [0]]) if first else np.array([[255], [181], [1], [0]])
    delta, u = np.full((2, n_draws), size), np.full((len(x), 2), dither)
    x = x if first else np.repeat(x, n_draws, axis=1)
    for mu, rho in itertools.product((-32768, 32767), (0, 65535)):
        for at in (Step(), Step(FACTORS[1], (GAIN, 12))):
            check_update(
                x, 4 if first else 8, np.full(u.shape, mu), np.full(u.shape, rho), delta, delta,
                plan, 0, (u, u), first, at, plan.gain_mu,
            )  # fmt: skip


def _update_at_every_extreme() -> None:
    for n_draws in (1, 2, 3, 33, 63, 64):
        for exponent in (-1000, 16, 1100):
            for first in (True, False):
                for size in (DELTA_MAX, -DELTA_MAX, 65535, -65535, 1, -1, 0):
                    _update(n_draws, exponent, first, size, (RATIO_MANTISSA, 4), DITHER)
    # Exponents around those at which the largest products need no shift.
    for exponent in range(24, 36):
        for size in (DELTA_MAX, -DELTA_MAX):
            for dither in (0, DITHER):
                _update(DRAWS, exponent, False, size, (1 << 15, 3), dither)


def exercise() -> None:
    """Layers of any width, everything at its largest and of one sign."""
    _forward_of_any_width()
    _backward_of_any_width()
    ends = np.array([[DELTA_MAX, -DELTA_MAX, 1, -1]])
    for inverse in (0, 1, INVERSE_MAX):
        epsilon = np.array([[EPSILON_MAX, EPSILON_MAX, -1, -EPSILON_MAX]])
        check_ratio(ends, epsilon, np.full((1, 4), inverse))
    _update_at_every_extreme()
