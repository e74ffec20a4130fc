"""How an error went over a stream of any length, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamlearn.evaluation.bins import Bins

Floats = NDArray[np.float64]
#: Bins at most.
MAX_BINS = 1024


class ErrorCurve(Bins):
    """Absolute and squared errors, summed in bins of equal width.

    Examples
    --------
    >>> curve = ErrorCurve()
    >>> curve.add(np.array([1.0, -3.0]))
    >>> curve.mae, curve.rmse
    (2.0, 2.23606797749979)
    """

    def __init__(self) -> None:
        super().__init__(np.zeros((MAX_BINS, 2)))

    def add(self, errors: Floats) -> None:
        """Count samples: float64 ``[n]``, predictions minus targets."""
        with np.errstate(over="ignore", invalid="ignore"):  # of what diverged: infinite from then
            for part, bins in self._places(len(errors)):
                found = errors[part]
                np.add.at(self._sums, bins, np.column_stack([np.abs(found), found * found]))

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
        at, first, last, n = self._stretches(window)
        # Sums of each stretch alone: one wild error is gone again when the window has passed it.
        sums = np.array(
            [self._sums[a:b, 0].sum() for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        )
        return at, sums / n

    def to_dict(self) -> dict[str, Any]:
        """Return what it holds, as JSON can; what diverged is null."""
        sums = [
            [value if np.isfinite(value) else None for value in row]
            for row in self._sums[: self.n_bins].tolist()
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
