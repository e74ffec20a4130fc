"""MESU with factored variance: its tables, and its golden model at extreme values."""

from __future__ import annotations

import numpy as np
from bounds_quant import DRAWS, ROWS
from bounds_sampling import (
    ACTIVATION,
    BLOCK,
    EPSILON_MAX,
    GAIN,
    NARROW,
    WEIGHT,
    between,
    signed,
    unsigned,
)
from limits_mesu import RATIO_MANTISSA, V_EXPONENTS
from limits_mesu_factored import ALL_SET, BOUNDS, ROOT
from rerun_mesu_factored import (
    check_curvature,
    check_forward_layer,
    check_inputs,
    check_mu,
    check_roots,
)
from rerun_mesu_factored_factors import check_factors
from rerun_step import PULL_SIGMA

from quant.network import MAX_UNITS
from quant.rules.mesu_factored.golden_backward import Curvature
from quant.rules.mesu_factored.golden_codes import OCTAVE, Roots
from quant.rules.mesu_factored.golden_factors import GAUGE_HIGH, GAUGE_LOW
from quant.rules.mesu_factored.golden_mu import PEAK_HIGH, PEAK_LOW
from quant.rules.mesu_factored.plan import (
    FACTOR_MAX,
    MU_FRAC_BITS_MAX,
    FactoredLayerPlan,
    FactoredPlan,
)
from quant.sampling.golden import DELTA_MAX
from quant.sampling.plan import PULL_MAX
from quant.sampling.step import Step

__all__ = ["BOUNDS", "TABLES", "exercise"]

TABLES = {
    "format": {
        "row": unsigned("uint32", "a code", FACTOR_MAX),
        "column": unsigned("uint32", "a code", FACTOR_MAX),
        "mu": {
            **signed("int16", f"0 to {MU_FRAC_BITS_MAX}", WEIGHT - 1), "smallest": str(-WEIGHT),
        },
        "mu_frac_bits": unsigned("int16", "0", MU_FRAC_BITS_MAX),
        "mu_peak": unsigned("uint16", "mu_frac_bits", WEIGHT),
    },
    "constant": {
        "peak": between(PEAK_LOW, PEAK_HIGH),
        "gauge": between(GAUGE_LOW, GAUGE_HIGH),
    },
}  # fmt: skip

PAIR = (GAIN, 10)
RATIO_PAIR = (RATIO_MANTISSA, 30)
LAYER = FactoredLayerPlan(12, 6, 0, 0, 0, PAIR, PAIR, RATIO_PAIR, RATIO_PAIR, PAIR)
ROWS_AT_ENDS = np.array([0, OCTAVE - 1, 2 * OCTAVE - 1, FACTOR_MAX])


def _forward_of_any_width() -> None:
    epsilon = np.array([[-EPSILON_MAX, EPSILON_MAX]])
    for rows in (1, 4096, ROWS):
        column = np.ones((rows, 1), np.int64)
        for code in (0, OCTAVE - 1, FACTOR_MAX):
            codes, one = np.full(rows, code), np.full(1, code)
            for x, frac_bits, v in (
                (127, 4, V_EXPONENTS[1]), (1, 4, 0), (0, 4, 0), (32767, 8, V_EXPONENTS[0]),
            ):  # fmt: skip
                for mu in (-WEIGHT, WEIGHT - 1):
                    check_forward_layer(
                        column * x, frac_bits, column * mu, 12, codes, one, v, epsilon
                    )
    check_roots(np.array([[65535]]), 8, ROWS_AT_ENDS[:1], ROWS_AT_ENDS[:1], 0)
    x = np.array(ALL_SET)[:, None]
    codes = np.full(len(x), FACTOR_MAX)
    check_roots(x, 8, codes, codes[:1], 0)


def _update(
    columns: int, n_draws: int, first: bool, code: int, size: int, exponent: int = 16,
    other: int | None = None,
) -> None:  # fmt: skip
    """All as large as given, the last column ``other``: sums are as large as they get."""
    plan = FactoredPlan((LAYER,), (GAIN, exponent), PULL_MAX, 1, n_draws, 300)
    draws = 1 if first else n_draws
    inputs = Roots(np.full(draws, ROOT), np.zeros(draws, np.int64))
    codes, row = np.full(columns, code), ROWS_AT_ENDS
    x = np.array([[127], [-127], [1], [0]]) if first else np.full((4, n_draws), NARROW)
    delta = np.full((columns, n_draws), size)
    delta[-1] = size if other is None else other
    _, _, found = check_curvature(
        delta, np.full((columns, n_draws), EPSILON_MAX), inputs, codes, first
    )
    check_inputs(np.full((4, n_draws), ACTIVATION), row, found)
    for mu in (-WEIGHT, WEIGHT - 1):
        ends = np.full((4, columns), mu)
        check_mu(
            x, 4 if first else 8, ends, 12, delta, row, codes, plan, 0, first, Step(), plan.gain_mu
        )
    check_factors(x, 4 if first else 8, found, row, codes, plan, 0, PULL_SIGMA)


def _update_of_any_width() -> None:
    for columns in (1, 255):
        for n_draws in (1, 3, DRAWS):
            for code in (0, 2 * OCTAVE - 1, FACTOR_MAX):
                for size in (DELTA_MAX, -DELTA_MAX, 1, 0):
                    for first in (True, False):
                        _update(columns, n_draws, first, code, size)
    for first in (True, False):
        for size in (DELTA_MAX, 1, -1):
            _update(MAX_UNITS, 2, first, FACTOR_MAX, size)
    # Exponents around those at which the largest products need no shift.
    for exponent in range(44, 52):
        for size in (DELTA_MAX, -DELTA_MAX):
            _update(1, DRAWS, False, FACTOR_MAX, size, exponent)
    for first in (True, False):
        for size in (BLOCK, -BLOCK):
            for other in (-BLOCK, 0):
                _update(2, DRAWS, first, FACTOR_MAX, size, other=other)
    _prior_of_the_most_rows()


def _prior_of_the_most_rows() -> None:
    plan = FactoredPlan((LAYER,), (GAIN, 16), PULL_MAX, 1, 1, 300)
    ends = np.full(ROWS, FACTOR_MAX)
    nothing = Curvature(np.zeros(1, np.int64), 0, np.zeros(1, np.int64), 0)
    check_factors(np.zeros((ROWS, 1), np.int64), 8, nothing, ends, ends[:1], plan, 0, PULL_SIGMA)


def exercise() -> None:
    """Layers of any width, everything at its largest and of one sign."""
    _forward_of_any_width()
    _update_of_any_width()
