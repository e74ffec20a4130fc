"""Compiles the experiments' plain Python loops by numba."""

from __future__ import annotations

import functools
from collections.abc import Callable

from experiments.needs import load_with


@functools.cache
def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Return the numba-compiled form of a loop over samples.

    Raises
    ------
    MissingError
        If numba is not installed.
    """
    numba = load_with("numba", "numba", "a compiled loop")
    # Sums may be taken in any order and products fused; NaN and infinity stay what they are.
    jit: Callable[[Callable[..., None]], Callable[..., None]] = numba.njit(
        fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy", cache=True
    )
    return jit(function)
