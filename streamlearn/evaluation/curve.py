"""How accuracy went over a stream of any length, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamlearn.errors import ConfigError
from streamlearn.evaluation.bins import Bins

#: Bins at most.
MAX_BINS = 2048


class Curve(Bins):
    """Right predictions, counted in bins of equal width.

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
        super().__init__(np.zeros(MAX_BINS, np.int64))

    def add(self, right: ArrayLike) -> None:
        """Count samples: ``bool[n]``, whether each prediction was right."""
        found = np.asarray(right, bool)
        for part, bins in self._places(len(found)):
            first, last = bins[0], bins[-1] + 1
            self._sums[first:last] += np.bincount(bins[found[part]] - first, minlength=last - first)

    @property
    def n_right(self) -> int:
        """How many were right."""
        return int(self._sums.sum())

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
        at, first, last, n = self._stretches(window)
        before = np.concatenate([[0], np.cumsum(self._sums[: self.n_bins])])
        return at, np.asarray((before[last] - before[first]) / n, np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return what it holds, as JSON can."""
        right = self._sums[: self.n_bins].tolist()
        return {"n_samples": self.n_samples, "width": self.width, "right": right}

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
        self._sums[: len(state["right"])] = state["right"]
        return self

    @classmethod
    def of(cls, predictions: NDArray[Any], labels: NDArray[Any]) -> Curve:
        """Return the curve of predictions ``[n]`` of the first n labels."""
        self = cls()
        self.add(predictions == labels[: len(predictions)])
        return self
