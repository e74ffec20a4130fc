"""ADWIN's window in C: what a Python window holds, and how many values to it in one call."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quant.compiler import build_shared
from quant.errors import BuildError

SOURCE = Path(__file__).parent / "kernel" / "sl_adwin.c"
_ROWS, _BUCKETS = 64, 6

#: Rows of buckets: in row r, of 2^r values, their sums and their squared distances.
Rows = list[list[tuple[float, float]]]


class _Window(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_double),
        ("total", ctypes.c_double),
        ("variance", ctypes.c_double),
        ("delta", ctypes.c_double),
        ("n", ctypes.c_uint64),
        ("n_rows", ctypes.c_uint64),
        ("n_buckets", ctypes.c_uint64 * _ROWS),
        ("sums", ctypes.c_double * _BUCKETS * _ROWS),
        ("variances", ctypes.c_double * _BUCKETS * _ROWS),
    )


class Window:
    """A window as the C library has it.

    Parameters
    ----------
    delta, n, width, total, variance, rows
        Of :class:`streamlearn.evaluation.adwin.Adwin`.
    """

    def __init__(
        self, delta: float, n: int, width: int, total: float, variance: float, rows: Rows
    ) -> None:
        self._c = _Window(width, total, variance, delta, n, len(rows))
        for r, row in enumerate(rows):
            self._c.n_buckets[r] = len(row)
            for i, (total_of, variance_of) in enumerate(row):
                self._c.sums[r][i], self._c.variances[r][i] = total_of, variance_of

    def add(self, values: NDArray[np.float64]) -> int:
        """Add values until there may be a cut, or all of them; return how many."""
        library = _library()
        assert library is not None
        return int(library.slw_add(ctypes.byref(self._c), values.ctypes.data, len(values)))

    @property
    def held(self) -> tuple[int, int, float, float, Rows]:
        """n, width, total, variance and rows, for the window in Python."""
        c = self._c
        rows = [
            [(c.sums[r][i], c.variances[r][i]) for i in range(c.n_buckets[r])]
            for r in range(c.n_rows)
        ]
        return int(c.n), int(c.width), c.total, c.variance, rows


def is_there() -> bool:
    """Tell whether the library can be had; without a compiler Python does it alone."""
    return _library() is not None


@functools.cache
def _library() -> ctypes.CDLL | None:
    try:
        found = ctypes.CDLL(str(build_shared([SOURCE], {})))
    except BuildError:
        return None
    pointer = ctypes.c_void_p
    found.slw_add.argtypes = [pointer, pointer, ctypes.c_uint64]
    found.slw_add.restype = ctypes.c_uint64
    return found
