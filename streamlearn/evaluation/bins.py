"""Sums over a stream of any length, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Bins:
    """Sums in bins of equal width: the widths are powers of two.

    What they hold depends on the samples alone, not on how they were divided into blocks.

    Parameters
    ----------
    sums
        Zeros, one row per bin. When all are full, neighbours merge, and half of them are left.

    Attributes
    ----------
    n_samples : int
        How many samples were counted.
    width : int
        Samples of a bin; the last one may have fewer.
    """

    def __init__(self, sums: NDArray[Any]) -> None:
        self.n_samples, self.width = 0, 1
        self._sums = sums

    @property
    def n_bins(self) -> int:
        """How many bins have samples."""
        return -(-self.n_samples // self.width)

    def _places(self, n: int) -> Iterator[tuple[slice, Ints]]:
        """Yield where so many more samples go: a slice of them, and the bin of each in it."""
        at, most = 0, len(self._sums)
        while at < n:
            if self.n_samples == most * self.width:
                halved = self._sums[::2] + self._sums[1::2]
                self._sums = np.concatenate([halved, np.zeros_like(halved)])
                self.width *= 2
            count = min(n - at, most * self.width - self.n_samples)
            yield (
                slice(at, at + count),
                np.arange(self.n_samples, self.n_samples + count) // self.width,
            )
            self.n_samples += count
            at += count

    def _stretches(self, window: int) -> tuple[Ints, Ints, Ints, Ints]:
        """Return of each bin's end: after how many samples, first and last bin, samples in them.

        A stretch has the latest ``window`` samples, rounded up to whole bins; fewer at the start.
        """
        ends = np.minimum(np.arange(self.n_bins + 1, dtype=np.int64) * self.width, self.n_samples)
        last = np.arange(1, self.n_bins + 1)
        first = np.maximum(last - -(-window // self.width), 0)
        return ends[1:], first, last, ends[last] - ends[first]
