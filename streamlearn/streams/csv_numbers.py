"""Decimal numbers of many cells at once: exactly the numbers that `float` gives.

A decimal of at most 15 digits is a whole number below 2**53 divided by a power of ten below 10**23.
Both are exact in float64, so their quotient is the float64 nearest to the decimal: one rounding, as
in `float`. Every other cell (an exponent, more digits, no number) is left to the caller.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_DIGITS = 15
#: The digits and a point.
MOST_BYTES = MOST_DIGITS + 1
_POWERS = 10.0 ** np.arange(MOST_BYTES + 1)
_PLUS, _MINUS, _ZERO = 43, 45, 48


def parse_decimals(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], point: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Parse the cells that are plain decimals.

    Parameters
    ----------
    data
        uint8 ``[size]``: the bytes.
    starts, ends
        int64 ``[n]``: where each cell begins and ends.
    point
        Code of the decimal point, or comma.

    Returns
    -------
    tuple
        float64 ``[n]``; and bool ``[n]``: whether the cell is a plain decimal. Without that its
        number means nothing.
    """
    lengths = ends - starts
    first = data.take(starts, mode="clip")
    negative = first == _MINUS
    signed = negative | (first == _PLUS)
    signed &= lengths > 0
    size = np.minimum(lengths - signed, 255).astype(np.uint8)
    width = int(min(size.max(initial=0), MOST_BYTES))
    place = np.arange(width, 0, -1, dtype=np.uint8)[:, np.newaxis]
    # One row per place, counted from the end of the cell; what lies before the cell is 0.
    digits = data.take((ends - width) + np.arange(width)[:, np.newaxis], mode="clip")
    inside = place <= size
    points = digits == point
    points &= inside
    digits -= np.uint8(_ZERO)
    digits[~inside | points] = 0
    n_points = points.sum(0, dtype=np.uint8)
    after = (points * (place - np.uint8(1))).sum(0, dtype=np.uint8)
    plain = (digits <= 9).all(0)
    plain &= n_points <= 1
    plain &= size > n_points
    plain &= size - n_points <= MOST_DIGITS
    value = np.zeros(len(starts))
    scale = np.where(points, 1.0, 10.0)
    for row in range(width):
        value *= scale[row]
        value += digits[row]
    value /= _POWERS[np.minimum(after, MOST_BYTES)]
    np.negative(value, out=value, where=negative)
    return value, plain
