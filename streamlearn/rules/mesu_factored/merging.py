"""Merging of posteriors with factored variance: precisions add, and factors are fitted to them.

Precisions add for each synapse, and their sum is no product of a row's and a column's factor. The
factors that are written are those whose Gaussians are closest to the merged ones, by the
Kullback-Leibler divergence from the former to the latter: r_i = columns / Σ_j c_j ρ_ij and
c_j = rows / Σ_i r_i ρ_ij. They are found by turns, with sums that are rounded once: the same bits
on every machine. μ is merged by the exact precisions.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import (
    FACTOR_MANTISSA_BITS,
    MU_FRAC_BITS_MAX,
    START_MAX,
    decode_column,
    encode_row,
    make_factored_plan,
)
from quant.rules.mesu_factored.state import factor_view
from streamlearn.merging.gaussian import Layer, divided, gaussian_merging

#: A precision is 2^(this - both octaves) / (product of both mantissas): 44 bits or more.
PRECISION_BITS = 162
#: What r c = mantissas · 2^(octaves - this + v_exponent) has beside them.
POINT = 98
#: A column's code is that of a row with this v_exponent.
COLUMN_V = 12
#: Turns of rows and columns; each brings the factors about a digit closer.
TURNS = 20

Float = npt.NDArray[np.float64]


def _integers(state: State) -> bool:
    return state["row"].dtype.kind == "u"


def _read(spec: NetworkSpec, config: MesuFactoredConfig, state: State) -> list[Layer]:
    plan = make_factored_plan(spec, config).layers if _integers(state) else ()
    found = []
    for i, fan_in in enumerate(spec.layers[:-1]):
        row, column = (factor_view(spec, state, name, i) for name in ("row", "column"))
        mu = layer_view(spec, state, "mu", i)
        if not plan:
            precision = 1 / np.outer(row.astype(np.float64), column.astype(np.float64))
            prior = 1 / config.sigma_prior_of(fan_in) ** 2
            found.append(Layer(precision, mu.astype(np.float64), prior))
            continue
        of_row, of_column = _code(row)[:, None], _code(column)[None, :]
        ones = np.array([[1 << PRECISION_BITS]], object) >> (of_row >> FACTOR_MANTISSA_BITS) + (
            of_column >> FACTOR_MANTISSA_BITS
        )
        precision = divided(ones, _mantissa(of_row) * _mantissa(of_column))
        unit = Fraction(2) ** (PRECISION_BITS - POINT + plan[i].v_exponent)
        prior_q = round(Fraction(config.sigma_prior_of(fan_in)) ** -2 * unit)
        up = MU_FRAC_BITS_MAX - int(state["mu_frac_bits"][0, i])
        found.append(Layer(precision, mu.astype(object) << up, prior_q))
    return found


def _code(codes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return codes.astype(object)


def _mantissa(code: npt.NDArray[Any]) -> npt.NDArray[Any]:
    one = 1 << FACTOR_MANTISSA_BITS
    return (code & one - 1) | one


def _write(
    spec: NetworkSpec, config: MesuFactoredConfig, layers: list[Layer], merged: State
) -> None:
    plan = make_factored_plan(spec, config).layers if _integers(merged) else ()
    for i, layer in enumerate(layers):
        row, column = (factor_view(spec, merged, name, i) for name in ("row", "column"))
        mu = layer_view(spec, merged, "mu", i)
        if not plan:
            row[:], column[:] = factors(layer.precision, column.astype(np.float64))
            mu[:] = layer.mean
            continue
        v = plan[i].v_exponent
        unit = POINT - v - PRECISION_BITS
        precision = np.ldexp(layer.precision.astype(np.float64), unit)
        r, c = factors(precision, decode_column(column))
        row[:] = [encode_row(value, v) for value in r.tolist()]
        column[:] = [encode_row(value, COLUMN_V) for value in c.tolist()]
        bits, stored = _stored(layer.mean)
        mu[:] = stored
        merged["mu_frac_bits"][0, i] = bits
        merged["mu_peak"][0, i] = int(np.abs(stored).max())


def factors(precision: Float, like: Float) -> tuple[Float, Float]:
    """Return the factors of rows and of columns whose product is nearest to 1/precision.

    Parameters
    ----------
    precision : float64[rows, columns]
    like : float64[columns]
        Factors to begin with, whose sum those of the columns keep.
    """
    rows, columns = precision.shape
    column = like
    for _ in range(TURNS):
        row = columns / _sums(precision * column)
        column = rows / _sums((precision * row[:, None]).T)
    scale = math.fsum(like.tolist()) / math.fsum(column.tolist())
    return row / scale, column * scale


def _sums(values: Float) -> Float:
    """Return the sum of each row, rounded once."""
    return np.array([math.fsum(row) for row in values.tolist()])


def _stored(mean: npt.NDArray[Any]) -> tuple[int, npt.NDArray[np.int64]]:
    """Return μ as int16 from 20 fraction bits, with as many of them as a start would have."""
    for bits in range(MU_FRAC_BITS_MAX, 0, -1):
        stored = divided(mean, 1 << MU_FRAC_BITS_MAX - bits)
        if int(np.abs(stored).max()) <= START_MAX:
            return bits, stored.astype(np.int64)
    whole = divided(mean, 1 << MU_FRAC_BITS_MAX)
    return 0, np.clip(whole, -(1 << 15), (1 << 15) - 1).astype(np.int64)


def _position(spec: NetworkSpec, config: MesuFactoredConfig, state: State) -> Float:
    del config
    found: Float = state["mu"][0].astype(np.float64)
    if _integers(state):
        for place, bits in zip(spec.places, state["mu_frac_bits"][0].tolist(), strict=True):
            found[place] = np.ldexp(found[place], -bits)
    return found


MERGING = gaussian_merging(_read, _write, _position)
