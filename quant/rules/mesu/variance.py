"""σ² in fixed point: a mantissa of 14 bits for every synapse, an exponent for every row.

``v = rho · 2^(exponent - 15)`` with rho in 1 … 2^14 - 1. NUMBERS.md beside this file has the
bounds; C counterpart: ``kernel/q16/sl_variance.h``.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from quant.integers import Int64, bit_lengths
from quant.network import NetworkSpec

RHO_BITS = 14
RHO_MAX = (1 << RHO_BITS) - 1
#: v = rho · 2^(exponent - this).
POINT = 15
#: A row's exponent lies within this many of the largest, V + 1.
EXPONENTS = 32
#: A row whose largest mantissa has fewer bits is widened when the prior pulls it.
WIDE_BITS = 13


def decode(
    rho: npt.NDArray[np.integer], exponent: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Return v = σ² of a layer.

    Parameters
    ----------
    rho : int[rows, columns]
    exponent : int[rows]

    Returns
    -------
    float64[rows, columns]
    """
    v: npt.NDArray[np.float64] = np.ldexp(
        np.asarray(rho).astype(np.float64), np.asarray(exponent).astype(int)[:, None] - POINT
    )
    return v


def encode(v: npt.NDArray[np.floating]) -> tuple[Int64, Int64]:
    """Return mantissas and exponents nearest to v = σ² > 0, the largest of a row with 13 bits.

    Parameters
    ----------
    v : float[rows, columns]

    Returns
    -------
    int64[rows, columns], int64[rows]
    """
    v = np.asarray(v, np.float64)
    exponent = np.frexp(v.max(axis=1))[1].astype(np.int64) + POINT - WIDE_BITS
    rho = np.floor(np.ldexp(v, POINT - exponent[:, None]) + 0.5).astype(np.int64)
    return np.clip(rho, 1, RHO_MAX), exponent


@lru_cache(maxsize=64)
def start(sigma: float, v_exponent: int) -> tuple[int, int]:
    """Return mantissa and exponent of a start σ: 13 bits, and one more for a power of two."""
    rho, exponent = encode(np.array([[sigma * sigma]]))
    more = max(0, int(exponent[0]) - most_exponent(v_exponent))
    return int(rho[0, 0]) << more, int(exponent[0]) - more


def exponent_view(
    spec: NetworkSpec, exponents: npt.NDArray[np.integer], layer: int
) -> npt.NDArray[np.integer]:
    """Return the part of one layer of the exponents of all rows."""
    first = sum(rows for rows, _ in spec.shapes[:layer])
    return exponents[first : first + spec.shapes[layer][0]]


def narrowed(rho: Int64, exponent: Int64, most: int) -> tuple[Int64, Int64, int]:
    """Halve the rows that have outgrown 14 bits; return how many mantissas the format cut.

    A row whose exponent is ``most`` already is clamped instead.
    """
    grown = rho.max(axis=1) > RHO_MAX
    if not grown.any():
        return rho, exponent, 0
    halved = np.where((grown & (exponent < most))[:, None], (rho + 1) >> 1, rho)
    cut = grown & (exponent >= most)
    n_cut = int(np.count_nonzero(rho[cut] > RHO_MAX))
    return np.minimum(halved, RHO_MAX), exponent + (grown & (exponent < most)), n_cut


def widened(rho: Int64, exponent: Int64, least: int) -> tuple[Int64, Int64]:
    """Double the rows that have shrunk below 13 bits until they have them, if the exponent may."""
    up = WIDE_BITS - bit_lengths(rho.max(axis=1))
    up = np.maximum(np.minimum(up, exponent - least), 0)
    return rho << up[:, None], exponent - up


def least_exponent(v_exponent: int) -> int:
    """Return the smallest exponent of a row."""
    return most_exponent(v_exponent) - EXPONENTS + 1


def most_exponent(v_exponent: int) -> int:
    """Return the largest exponent of a row: with it v is below 2^v_exponent."""
    return v_exponent + POINT - RHO_BITS


assert math.ldexp(RHO_MAX, most_exponent(0) - POINT) < 1
