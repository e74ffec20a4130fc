"""How accuracy went over a stream of any length, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamlearn.errors import ConfigError

#: Bins at most. When they are full, neighbours merge, and half of them are left.
MAX_BINS = 2048


class Curve:
    """Right predictions, counted in bins of equal width: the widths are powers of two.

    What it holds depends on the samples alone, not on how they were divided into blocks.

    Attributes
    ----------
    n_samples : int
        How many samples were counted.
    width : int
        Samples of a bin; the last one may have fewer.

    Examples
    --------
    >>> curve = Curve()
    >>> curve.add([True, False, True, True])
    >>> curve.accuracy
    0.75
    >>> at, accuracy = curve.over_time(window=2)
    >>> at.tolist(), accuracy.tolist()
    ([1, 2, 3, 4], [1.0, 0.5, 0.5, 1.0])
    """

    def __init__(self) -> None:
        self.n_samples, self.width = 0, 1
        self._right = np.zeros(MAX_BINS, np.int64)

    def add(self, right: ArrayLike) -> None:
        """Count samples: ``bool[n]``, whether each prediction was right."""
        found = np.asarray(right, bool)
        if not found.size:
            return
        end = self.n_samples + len(found)
        while end > MAX_BINS * self.width:
            halved = self._right.reshape(-1, 2).sum(axis=1)
            self._right = np.concatenate([halved, np.zeros_like(halved)])
            self.width *= 2
        first, last = self.n_samples // self.width, (end - 1) // self.width
        bins = (self.n_samples + np.flatnonzero(found)) // self.width - first
        self._right[first : last + 1] += np.bincount(bins, minlength=last + 1 - first)
        self.n_samples = end

    @property
    def n_right(self) -> int:
        """How many were right."""
        return int(self._right.sum())

    @property
    def accuracy(self) -> float:
        """Share of right predictions in [0, 1]; NaN without samples."""
        return self.n_right / self.n_samples if self.n_samples else float("nan")

    def over_time(self, window: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the accuracy over the latest samples, at the end of each bin.

        Parameters
        ----------
        window
            Number of samples, at least 1. It is rounded up to whole bins.

        Returns
        -------
        tuple
            int64 ``[k]``, after how many samples; float64 ``[k]`` in [0, 1], over the latest
            `window` of them, fewer at the start.

        Raises
        ------
        ConfigError
            `window` is below 1.
        """
        if window < 1:
            raise ConfigError(f"window must be 1 or more, got {window}")
        k = -(-self.n_samples // self.width)
        at = np.minimum(np.arange(1, k + 1, dtype=np.int64) * self.width, self.n_samples)
        before = np.concatenate([[0], np.cumsum(self._right[:k])])
        ends = np.concatenate([[0], at])
        first = np.maximum(np.arange(1, k + 1) - -(-window // self.width), 0)
        return at, np.asarray((before[1:] - before[first]) / (at - ends[first]), np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return what it holds, as JSON can."""
        k = -(-self.n_samples // self.width)
        return {
            "n_samples": self.n_samples,
            "width": self.width,
            "right": self._right[:k].tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Curve:
        """Invert :meth:`to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not what :meth:`to_dict` returned.
        """
        self = cls()
        self.n_samples, self.width = int(state["n_samples"]), int(state["width"])
        self._right[: len(state["right"])] = state["right"]
        return self

    @classmethod
    def of(cls, predictions: NDArray[Any], labels: NDArray[Any]) -> Curve:
        """Return the curve of predictions ``[n]`` of the first n labels."""
        self = cls()
        self.add(predictions == labels[: len(predictions)])
        return self
