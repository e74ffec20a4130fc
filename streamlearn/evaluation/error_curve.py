"""How an error went over a stream of any length, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Bins at most. When they are full, neighbours merge, and half of them are left.
MAX_BINS = 1024


class ErrorCurve:
    """Absolute and squared errors, summed in bins of equal width: the widths are powers of two.

    What it holds depends on the samples alone, not on how they were divided into blocks.

    Attributes
    ----------
    n_samples : int
        How many samples were counted.
    width : int
        Samples of a bin; the last one may have fewer.

    Examples
    --------
    >>> curve = ErrorCurve()
    >>> curve.add(np.array([1.0, -3.0]))
    >>> curve.mae, curve.rmse
    (2.0, 2.23606797749979)
    """

    def __init__(self) -> None:
        self.n_samples, self.width = 0, 1
        self._sums = np.zeros((MAX_BINS, 2))

    def add(self, errors: Floats) -> None:
        """Count samples: float64 ``[n]``, predictions minus targets."""
        at = 0
        with np.errstate(over="ignore", invalid="ignore"):  # of what diverged: infinite from then
            while at < len(errors):
                if self.n_samples == MAX_BINS * self.width:
                    halved = self._sums[::2] + self._sums[1::2]
                    self._sums = np.concatenate([halved, np.zeros_like(halved)])
                    self.width *= 2
                part = errors[at : at + MAX_BINS * self.width - self.n_samples]
                bins = np.arange(self.n_samples, self.n_samples + len(part)) // self.width
                np.add.at(self._sums, bins, np.column_stack([np.abs(part), part * part]))
                self.n_samples += len(part)
                at += len(part)

    @property
    def mae(self) -> float:
        """Mean absolute error; NaN without samples."""
        return self._mean(0)

    @property
    def rmse(self) -> float:
        """Root mean square error; NaN without samples."""
        return float(np.sqrt(self._mean(1)))

    def _mean(self, column: int) -> float:
        total = float(self._sums[:, column].sum())
        return total / self.n_samples if self.n_samples else float("nan")

    def over_time(self, window: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the mean absolute error over the latest samples, at the end of each bin.

        Parameters
        ----------
        window
            Number of samples, at least 1. It is rounded up to whole bins.

        Returns
        -------
        tuple
            int64 ``[k]``, after how many samples; float64 ``[k]``, over about the latest `window`
            of them.
        """
        k = -(-self.n_samples // self.width)
        ends = np.minimum(np.arange(k + 1, dtype=np.int64) * self.width, self.n_samples)
        reach = -(-window // self.width)
        last = np.arange(1, k + 1)
        first = np.maximum(last - reach, 0)
        # Sums of each stretch alone: one wild error is gone again when the window has passed it.
        sums = np.array(
            [self._sums[a:b, 0].sum() for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        )
        return ends[1:], sums / (ends[last] - ends[first])

    def to_dict(self) -> dict[str, Any]:
        """Return what it holds, as JSON can; what diverged is null."""
        k = -(-self.n_samples // self.width)
        sums = [
            [value if np.isfinite(value) else None for value in row]
            for row in self._sums[:k].tolist()
        ]
        return {"n_samples": self.n_samples, "width": self.width, "sums": sums}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> ErrorCurve:
        """Invert :meth:`to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not what :meth:`to_dict` returned.
        """
        self = cls()
        self.n_samples, self.width = int(state["n_samples"]), int(state["width"])
        rows = [[np.inf if value is None else value for value in row] for row in state["sums"]]
        self._sums[: len(rows)] = np.array(rows, np.float64).reshape(-1, 2)
        return self
