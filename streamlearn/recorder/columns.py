"""Columns of numbers as few bytes: exact, and read back at millions of values per second.

A float column whose values are decimal numbers, as sensors and CSV files have them, becomes
integers: 21.37 is 2137 with two decimals, if that gives the same float32 again. Other floats become
the integers that lie in the order of the floats. Integers are stored as they are, less their least,
or as differences of neighbours, whichever is smaller, in as few bytes as the largest needs, all
lowest bytes first, then the next. What repeats is left to zlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

#: One column's header: ``kind`` 0 is integers, 1 ordered float32, 2 + k decimals with k digits.
HEADER = np.dtype(
    [("kind", "u1"), ("width", "u1"), ("delta", "u1"), ("spare", "u1"), ("base", "<i8")]
)
_INTEGERS, _FLOATS, _DECIMALS = 0, 1, 2
_MAX_DIGITS = 6
_LIMIT = 1 << 31
_TRY_ROWS = 64


def encode(floats: Sequence[NDArray[np.float32]], integers: Sequence[Ints]) -> bytes:
    """Return columns as bytes, those of floats first.

    Parameters
    ----------
    floats : sequence of float32[n]
        Finite or not: every bit comes back, but of NaN, which comes back as NaN.
    integers : sequence of int64[n]
    """
    columns = len(floats) + len(integers)
    headers = np.zeros(columns, HEADER)
    parts: list[bytes] = []
    for header, values in zip(headers[: len(floats)], floats, strict=True):
        header["kind"], whole = _as_integers(np.ascontiguousarray(values, np.float32))
        parts.append(_packed(header, whole))
    for header, numbers in zip(headers[len(floats) :], integers, strict=True):
        parts.append(_packed(header, np.asarray(numbers, np.int64)))
    return headers.tobytes() + b"".join(parts)


def decode(
    data: bytes, n: int, n_floats: int, n_integers: int
) -> tuple[NDArray[np.float32], list[Ints]]:
    """Invert :func:`encode`.

    Returns
    -------
    float32[n, n_floats], list of int64[n]

    Raises
    ------
    ValueError
        If the bytes are not such columns.
    """
    headers = np.frombuffer(data, HEADER, n_floats + n_integers)
    if n_floats and headers["kind"][:n_floats].min(initial=_FLOATS) < _FLOATS:
        raise ValueError("a column of floats has the kind of integers")
    if (
        headers["kind"].max(initial=0) > _DECIMALS + _MAX_DIGITS
        or headers["width"].max(initial=0) > 8
    ):
        raise ValueError("a column of an unknown kind")
    if headers.nbytes + n * int(headers["width"].sum(dtype=np.int64)) != len(data):
        raise ValueError("columns of another length than they announce")
    at = headers.nbytes
    floats = np.empty((n, n_floats), np.float32)
    integers = []
    for column, header in enumerate(headers):
        size = n * int(header["width"])
        values = _unpacked(header, np.frombuffer(data, np.uint8, size, at), n)
        at += size
        if column < n_floats:
            floats[:, column] = _as_floats(int(header["kind"]), values)
        else:
            integers.append(values)
    return floats, integers


def _as_integers(values: NDArray[np.float32]) -> tuple[int, Ints]:
    """Return the kind of a column of floats, and its integers."""
    wide = values.astype(np.float64)
    for digits in range(_MAX_DIGITS + 1):
        if _decimal(values[:_TRY_ROWS], wide[:_TRY_ROWS], digits) is None:
            continue
        whole = _decimal(values, wide, digits)
        if whole is not None:
            return _DECIMALS + digits, whole
    bits = values.view(np.int32).astype(np.int64)
    return _FLOATS, np.where(bits < 0, -(bits & 0x7FFFFFFF) - 1, bits)


def _decimal(values: NDArray[np.float32], wide: NDArray[np.float64], digits: int) -> Ints | None:
    """Return the values as integers of so many decimals, if that gives the same bits again."""
    with np.errstate(all="ignore"):
        whole = np.rint(wide * 10.0**digits)
        again = (whole / 10.0**digits).astype(np.float32)
    if not np.array_equal(again.view(np.uint32), values.view(np.uint32)):
        return None
    if not (np.abs(whole) < _LIMIT).all():
        return None
    found: Ints = whole.astype(np.int64) - np.signbit(wide)  # -0.0 is -1, and -1 is -2
    return found


def _as_floats(kind: int, values: Ints) -> NDArray[np.float32]:
    if kind == _FLOATS:
        bits = np.where(values < 0, (-(values + 1)) | -0x80000000, values)
        return bits.astype(np.int32).view(np.float32)
    negative = values < 0
    wide = (values + negative) / 10.0 ** (kind - _DECIMALS)
    return np.copysign(wide, np.where(negative, -1.0, 1.0)).astype(np.float32)


def _packed(header: Any, values: Ints) -> bytes:
    """Fill a header and return its column's bytes."""
    if not len(values):
        return b""
    words = values.view(np.uint64)
    base = values.min()
    plain = words - base.view(np.uint64)
    steps = np.zeros_like(words)
    steps[1:] = _folded((words[1:] - words[:-1]).view(np.int64))
    header["delta"] = _cost(steps) < _cost(plain)
    chosen = steps if header["delta"] else plain
    header["base"] = values[0] if header["delta"] else base
    width = (int(chosen.max()).bit_length() + 7) // 8
    header["width"] = width
    planes = chosen.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]
    data: bytes = planes.T.tobytes()
    return data


def _unpacked(header: Any, planes: NDArray[np.uint8], n: int) -> Ints:
    words = np.zeros(n, np.uint64)
    for place, plane in enumerate(planes.reshape(int(header["width"]), n)):
        words |= plane.astype(np.uint64) << np.uint64(8 * place)
    base = np.int64(header["base"]).view(np.uint64)
    if header["delta"]:
        steps = (words >> np.uint64(1)) ^ (~(words & np.uint64(1)) + np.uint64(1))
        words = np.cumsum(steps, dtype=np.uint64)
    found: Ints = (words + base).view(np.int64)
    return found


def _folded(steps: Ints) -> Words:
    """Return differences as 0, -1, 1, -2, 2, ... in the order of the natural numbers."""
    return ((steps << 1) ^ (steps >> 63)).view(np.uint64)


def _cost(words: Words) -> float:
    """Return about how many bits the words need."""
    return float(np.log2(words.astype(np.float64) + 1.0).sum())
