"""float32 in one order of operations: exponential, logarithm, root, sums. C: ``sl_memory_real.h``.

Nothing here calls a mathematical library, whose last bit is its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float32]
F = np.float32

_LOG2_E, _LN2, _HALF, _ONE = F(1.44269504), F(0.693147181), F(0.5), F(1)
#: 1/720, 1/120, ... as the C compiler divides them.
_EXP = tuple(_ONE / F(n) for n in (720, 120, 24, 6, 2, 1))
_LOG = tuple(_ONE / F(n) for n in (9, 7, 5, 3))
_SQRT2 = F(1.41421356)


def in_order(products: Real) -> Real:
    """Return the sums over the last axis, each from its first term to its last.

    Starts from +0, as a loop in C does.
    """
    found: Real = np.add.accumulate(products, axis=-1, dtype=np.float32)[..., -1] + F(0)
    return found


def exp(x: Real) -> Real:
    """Exponential of numbers from -87 to 0, as ``sl_exp`` in ``sl_float.h``."""
    y = x * _LOG2_E
    n = (y - _HALF).astype(np.int32)
    f = (y - n.astype(np.float32)) * _LN2
    p = np.full_like(f, _EXP[0])
    for coefficient in (*_EXP[1:], _ONE):
        p = coefficient + f * p
    found: Real = p * ((n + 127) << 23).astype(np.int32).view(np.float32)
    return found


def log(x: Any) -> Any:
    """Logarithm of one number of 1 or more."""
    bits = int(np.array(x, np.float32).view(np.int32))
    e = (bits >> 23) - 127
    m = np.array(bits & 0x7FFFFF | 127 << 23, np.int32).view(np.float32)[()]
    if m > _SQRT2:
        m, e = m * _HALF, e + 1
    u = (m - _ONE) / (m + _ONE)
    square = u * u
    p = _LOG[0]
    for coefficient in (*_LOG[1:], _ONE):
        p = coefficient + square * p
    return F(e) * _LN2 + (u + u) * p


def inverse_root(x: Real) -> Real:
    """1/sqrt of numbers from 1e-36 to 1e37: three steps of Newton from a guess by the bits."""
    y = (0x5F3759DF - (x.view(np.int32) >> 1)).astype(np.int32).view(np.float32)
    half = x * _HALF
    for _ in range(3):
        y = y * (F(1.5) - half * y * y)
    return y


def clamp(x: Any, low: float, high: float) -> Any:
    """``x`` within two bounds; NaN never comes here."""
    return np.minimum(np.maximum(x, F(low)), F(high))
