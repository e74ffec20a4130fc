"""MESU: its tables, and its golden model at extreme values."""

from __future__ import annotations

import itertools

import numpy as np
from bounds_quant import DRAWS
from bounds_sampling import (
    ACTIVATION,
    EPSILON_MAX,
    GAIN,
    INVERSE_MAX,
    WEIGHT,
    between,
    signed,
)
from limits_mesu import (
    BOUNDS,
    DITHER,
    EXPONENTS,
    LANES,
    MU_FRAC_BITS,
    RATIO_EXPONENTS,
    RATIO_MANTISSA,
    V_EXPONENTS,
)
from rerun_mesu import check_backward, check_forward_layer, check_ratio, check_ratio_sum
from rerun_mesu_steps import (
    check_factors,
    check_fit,
    check_lanes,
    check_step_rho,
    check_update,
    check_widened,
)
from rerun_step import FACTORS

from quant.front_end import INPUT_MAX
from quant.integers import bit_length
from quant.rules.mesu.golden import RATIO_MAX, RATIO_SUM_MAX
from quant.rules.mesu.golden_steps import (
    DRAWN_BITS,
    DRAWN_MU,
    DRAWN_RHO,
    LANE_MAX,
    RIGHT_MIN_MU,
    RIGHT_MIN_RHO,
    Weights,
    rounded,
)
from quant.rules.mesu.plan import Plan
from quant.rules.mesu.variance import POINT, RHO_MAX, WIDE_BITS, least_exponent, most_exponent
from quant.sampling.golden import DELTA_MAX
from quant.sampling.plan import PULL_MAX, LayerPlan
from quant.sampling.step import Step

__all__ = ["BOUNDS", "TABLES", "exercise"]


def smallest_moved(y: int) -> int:
    """Return the smallest ρ whose σ² a step y of its row moves, up or down."""
    rho = np.arange(1, RHO_MAX + 1)
    return next(int(n) for n in rho if rounded(n, np.int64(y)) or rounded(n, np.int64(-y)))


#: y of the largest input and r of a sample, at its smallest and largest; and of a drawn row.
LARGEST_Y = {
    "own_least": int(rounded(np.int64(1 << 13), np.int64(1 << 14))),
    "own_most": int(BOUNDS["row_lane"][0]),
    "drawn_most": int(rounded(np.int64(1 << DRAWN_BITS), np.int64(LANE_MAX))),
    "later_most": int(BOUNDS["y"][0]),
}


def _floor(y: int) -> dict[str, str]:
    rho = smallest_moved(y)
    return {
        "smallest rho": str(rho),
        "part of the largest": f"2^{np.log2(rho / RHO_MAX):.1f}",
    }


TABLES = {
    "format": {
        "mu": {
            "type": "int16",
            "fraction bits": "{} to {}".format(*MU_FRAC_BITS),
            "smallest": str(-WEIGHT),
            "largest": str(WEIGHT - 1),
        },
        "rho": {
            "type": "int16",
            "fraction bits": f"{POINT} - rho_exponent",
            "smallest": "1",
            "largest": str(RHO_MAX),
        },
        "rho_exponent": {"type": "int8", "fraction bits": "0", **between(*EXPONENTS)},
        "r": signed("int32", "16", RATIO_MAX),
    },
    "constant": {
        "mu_frac_bits": between(*MU_FRAC_BITS),
        "v_exponent": between(*V_EXPONENTS),
        "ratio_mantissa": between(1 << 15, RATIO_MANTISSA),
        "ratio_exponent": between(*RATIO_EXPONENTS),
    },
    "floor": {name: {"y": str(y), **_floor(y)} for name, y in LARGEST_Y.items()},
}


def layer_of(v_exponent: int, ratio: tuple[int, int] = (1 << 15, 10)) -> LayerPlan:
    """A layer with 12 fraction bits and a prior of 0."""
    return LayerPlan(12, v_exponent, 0, 0, *ratio)


def weights(rows: int, columns: int, mu: int, rho: int, exponent: np.ndarray) -> Weights:
    """All synapses alike."""
    shape = rows, columns
    return Weights(np.full(shape, mu), np.full(shape, rho), exponent)


def _forward_of_any_width() -> None:
    epsilon = np.array([[-EPSILON_MAX, EPSILON_MAX]])
    for rows, v_exponent in itertools.product((1, 516, 65536), V_EXPONENTS):
        ends = least_exponent(v_exponent), most_exponent(v_exponent)
        mixed = np.where(np.arange(rows) % 3 == 0, *ends)
        for exponent in (np.full(rows, ends[0]), np.full(rows, ends[1]), mixed):
            for mu, rho in ((-32768, 1), (-32768, RHO_MAX), (32767, RHO_MAX)):
                was = weights(rows, 1, mu, rho, exponent)
                plan = layer_of(v_exponent)
                for x in (INPUT_MAX, -INPUT_MAX, 1, 0):
                    column = np.full((rows, 1), x)
                    check_forward_layer(column, 4, was, plan, epsilon[:, :1])
                    column[::3] = 0  # idle rows, whose exponents do not count
                    check_forward_layer(column, 4, was, plan, epsilon[:, :1])
                for x in (ACTIVATION, 1024, 255, 1):
                    check_forward_layer(np.full((rows, 2), x), 8, was, plan, epsilon)
    # A sum of squares of 17 bits, all of them set.
    for x, exponent in (
        ([181] * 4 + [5, 1, 1], [1] * 7),
        ([255, 255, 3, 1, 1], [1, -1, -5, -9, -10]),
        ([1] * 15, [*range(7, -8, -1)]),
    ):
        column = np.array(x)[:, None]
        was = weights(len(column), 1, 0, RHO_MAX, np.array(exponent))
        check_forward_layer(column, 8, was, layer_of(6), epsilon[:, :1])


def _backward_of_any_width() -> None:
    for columns in (1, 2, 255, 65535):
        ones = np.ones((columns, 1), np.int64)
        for size in (DELTA_MAX, -DELTA_MAX, LANES, 1, -1, 0):
            for v_exponent in V_EXPONENTS:
                exponent = np.array([most_exponent(v_exponent), least_exponent(v_exponent), 0])
                for mu, rho in ((-32768, RHO_MAX), (32767, RHO_MAX), (-32768, 1)):
                    for frac_bits, mu_frac_bits in itertools.product((0, 8), MU_FRAC_BITS):
                        check_backward(
                            np.array([[ACTIVATION], [1], [0]]), frac_bits, ones * size,
                            ones * size, weights(3, columns, mu, rho, exponent),
                            LayerPlan(mu_frac_bits, v_exponent, 0, 0, 1 << 15, 10),
                        )  # fmt: skip
    # As many as a block takes whose numbers are the smallest that are not cut to 0.
    size = np.full((LANES, 1), 1 << bit_length(RATIO_MAX) - 1)
    was = weights(1, LANES, -WEIGHT, RHO_MAX, np.array(EXPONENTS[1:]))
    plan = LayerPlan(MU_FRAC_BITS[0], V_EXPONENTS[1], 0, 0, 1 << 15, 10)
    check_backward(np.array([[ACTIVATION]]), 0, -size, size, was, plan)


def _update(
    n_draws: int, gain_exponent: int, layer: int, size: int, ratio: tuple[int, int], dither: int
) -> None:
    """All of one sign and as large as given: the sums of g and q are as large as they get.

    The columns have every end of μ and σ².
    """
    mine = LayerPlan(12, 6, 32767, 0, *ratio)
    gain = GAIN, gain_exponent
    plan = Plan((mine, mine), gain, gain, PULL_MAX, PULL_MAX, 1, n_draws, 300)
    # The eight highest bits of 181² are all set.
    x = np.array([[127], [-127], [90], [1], [0]] if layer == 0 else [[255], [181], [16], [1], [0]])
    ends = np.array([*itertools.product((-WEIGHT, WEIGHT - 1), (1, 64, RHO_MAX))])
    mu, rho = np.broadcast_to(ends.T[:, None], (2, len(x), len(ends)))
    delta, u = np.full((len(ends), n_draws), size), np.full(mu.shape, dither)
    r = delta.sum(axis=1) if layer == 0 else delta
    x = x if layer == 0 else np.repeat(x, n_draws, axis=1)
    for exponents in ([7, 7, 7, 7, 7], [3, -24, 7, 3, 7], [-24] * 5):
        was = Weights(mu, rho, np.array(exponents))
        for at in (Step(), Step(FACTORS[1], (GAIN, 12))):
            check_update(was, layer, x, 4 if layer == 0 else 8, delta, r, plan, 5, (u, u), at, gain)


def _update_at_every_extreme() -> None:
    for n_draws in (1, 3, 33, 64):
        for gain_exponent in (-1000, 16, 1100):
            for layer in (0, 1):
                for size in (DELTA_MAX, -DELTA_MAX, 65535, 1, -1, 0):
                    _update(n_draws, gain_exponent, layer, size, (RATIO_MANTISSA, 4), DITHER)
    # Exponents around those at which the largest products need no shift; layer 0: every shift.
    for gain_exponent in range(8, 53):
        for size in (DELTA_MAX, -DELTA_MAX):
            for dither, layer in itertools.product((0, DITHER), (0, 1)):
                _update(DRAWS, gain_exponent, layer, size, (1 << 15, 3), dither)


def _factors_of_every_shift() -> None:
    size = np.repeat(np.arange(0, INPUT_MAX + 1), 4)
    draw = np.tile([0, 1, 255, DITHER], INPUT_MAX + 1)
    for exponent in (np.zeros_like(size), np.arange(len(size)) % 32 - 24):
        for lasting in range(-12, 60):
            check_factors(size, exponent, lasting, RIGHT_MIN_MU, DRAWN_MU, draw)
            check_factors(size * size, exponent, lasting, RIGHT_MIN_RHO, DRAWN_RHO, draw)


def _variances_at_their_ends() -> None:
    rho = np.array([[1, 2, 3, 63, 64, 65, 4095, 8191, 8192, RHO_MAX]])
    for y, dither in itertools.product((1, 255, 4096, 1 << 14, BOUNDS["y"][0]), (0, DITHER)):
        for sign, right in itertools.product((1, -1), (-40, -31, -11, -2, 0, 5, 31, 90)):
            wide = np.full_like(rho, sign * y)
            check_step_rho(rho, wide, np.array(right), np.full_like(rho, dither), False)
            if y <= BOUNDS["row_lane"][0] and -11 <= right <= 5:
                check_step_rho(rho, wide, np.array(right), np.full_like(rho, dither), True)
    plan = layer_of(V_EXPONENTS[1])
    least, most = least_exponent(plan.v_exponent), most_exponent(plan.v_exponent)
    grown = np.repeat(
        [[1, RHO_MAX], [1, RHO_MAX + 1], [LANE_MAX - 1, LANE_MAX], [1, 2], [5, (1 << 12) - 1],
         [1, 1 << WIDE_BITS - 1]], 4, axis=0,
    )  # fmt: skip
    exponent = np.tile([least, least + 3, most - 1, most], 6)
    new, exponents, _ = check_fit(grown, exponent, plan)
    check_widened(new, exponents, plan)


def exercise() -> None:
    """Layers of any width, everything at its largest and of one sign."""
    _forward_of_any_width()
    _backward_of_any_width()
    ends = np.array([[DELTA_MAX, -DELTA_MAX, 1, -1]])
    for inverse in (0, 1, INVERSE_MAX):
        epsilon = np.array([[EPSILON_MAX, EPSILON_MAX, -1, -EPSILON_MAX]])
        check_ratio(ends, epsilon, np.full((1, 4), inverse))
        for size in (DELTA_MAX, -DELTA_MAX, 1):
            size = np.full((1, DRAWS), size)
            check_ratio_sum(size, np.full_like(size, EPSILON_MAX), np.full_like(size, inverse))
    for y in (1, 16383, 16384, DELTA_MAX, RATIO_SUM_MAX):
        for gain in (GAIN, 1 << 14):
            check_lanes(np.array([y, -y, y // 3]), (gain, 16))
    _factors_of_every_shift()
    _variances_at_their_ends()
    _update_at_every_extreme()
