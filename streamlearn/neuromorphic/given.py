"""What is given to both directions: the package ``nir``, and numbers that others wrote."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import ConfigError

Float = npt.NDArray[np.float64]
_MISSING = "NIR graphs need that package: pip install 'streamlearn[nir]'"


def package() -> Any:
    """Return the package ``nir``.

    Raises
    ------
    ConfigError
        If it is missing.
    """
    try:
        import nir  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        raise ConfigError(_MISSING) from None
    return nir


def seconds(dt: Any) -> float:
    """Return the seconds of a step.

    Raises
    ------
    ConfigError
        If they are no number above 0.
    """
    value = number(dt, "dt")
    if value <= 0:
        raise ConfigError(f"dt={dt!r}: expected the seconds of a step, above 0")
    return value


def number(given: Any, what: str) -> float:
    """Return one real, finite number.

    Raises
    ------
    ConfigError
        If it is none.
    """
    value = np.asarray(given) if np.ndim(given) == 0 else np.empty(0, object)
    if value.dtype.kind not in "fiu" or not math.isfinite(value):
        raise ConfigError(f"{what}={given!r}: expected a number")
    return float(value)


def reals(given: Any, what: str) -> Float:
    """Return an array of real numbers as float64; they may be NaN or infinite.

    Raises
    ------
    ConfigError
        If it is no such array.
    """
    try:
        values = np.asarray(given)
    except ValueError:  # rows of different lengths
        values = np.empty(0, object)
    if values.dtype.kind not in "fiub":
        raise ConfigError(f"{what}: expected real numbers, got {given!r:.60}")
    return values.astype(np.float64)
