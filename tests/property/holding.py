"""Largest magnitudes that may occur, and how values are held to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from quant.errors import ConfigError

CONTAINERS = {
    "uint8": 2**8 - 1,
    "int16": 2**15 - 1,
    "int32": 2**31 - 1,
    "uint32": 2**32 - 1,
    "int64": 2**63 - 1,
    "uint64": 2**64 - 1,
}


def accepted(make: Callable[[int], object], values: Iterable[int]) -> tuple[int, int]:
    """Return the smallest and the largest value that a constructor does not refuse.

    Raises
    ------
    ValueError
        If it refuses all of them, or one between two that it accepts.
    """
    taken = []
    for value in values:
        with suppress(ConfigError):
            make(value)
            taken.append(value)
    if not taken or taken != list(range(taken[0], taken[-1] + 1)):
        raise ValueError(f"accepted {taken}: expected whole numbers without a gap")
    return taken[0], taken[-1]


class Bounds(dict[str, tuple[int, str]]):
    """By name: the largest magnitude, computed, and the C type that must hold it.

    Attributes
    ----------
    reached : dict
        By name: the largest magnitude that was held so far.

    Raises
    ------
    ValueError
        If a type cannot hold its magnitude.
    """

    def __init__(self, bounds: Mapping[str, tuple[int, str]]) -> None:
        super().__init__(bounds)
        self.reached: dict[str, int] = {}
        for name, (limit, container) in bounds.items():
            if not 0 < limit <= CONTAINERS[container]:
                raise ValueError(f"{name}: {container} does not hold {limit}")

    def hold(self, name: str, value: Any) -> None:
        """Fail if a value exceeds its bound, or is negative in a type without a sign.

        A magnitude beyond int64 must come as a Python integer: an array would have wrapped.
        """
        array = np.asarray(value)
        if not array.size:
            return
        low, high = int(array.min()), int(array.max())
        limit, container = self[name]
        largest = max(abs(low), abs(high))
        self.reached[name] = max(largest, self.reached.get(name, 0))
        assert largest <= limit, f"{name}: {largest} > {limit}"
        assert low >= 0 or not container.startswith("u"), f"{name}: {low} in {container}"

    def hold_partial_sums(self, name: str, terms: np.ndarray, axis: int) -> None:
        """Fail if any prefix of a sum exceeds the bound: C accumulates in this order."""
        self.hold(name, np.cumsum(terms, axis=axis))
