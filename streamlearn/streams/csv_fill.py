"""What takes the place of missing values, and how many there were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamlearn.streams.csv_options import Missing

Rows32 = NDArray[np.float32]


class Filling:
    """Puts values where there are none, row after row, from the rows before.

    Parameters
    ----------
    policy
        As :attr:`streamlearn.streams.csv_options.ReadOptions.missing`.
    n_features
        Length of a row.
    """

    def __init__(self, policy: Missing, n_features: int) -> None:
        self._policy = policy
        self._last = np.full(n_features, np.nan, np.float32)
        self._sum = np.zeros(n_features)
        self._count = np.zeros(n_features, np.int64)

    @property
    def learns(self) -> bool:
        """Whether it has to see every row."""
        return self._policy in ("hold", "mean")

    def fill(self, x: Rows32) -> NDArray[np.bool_]:
        """Fill what is NaN, in place; see all rows.

        Parameters
        ----------
        x
            float32 ``[n, n_features]``.

        Returns
        -------
        numpy.ndarray
            bool ``[n]``: whether the row is whole now. A row that is not counts for nothing.
        """
        whole: NDArray[np.bool_] = np.logical_not(np.isnan(x).any(1))
        if not self.learns:
            return whole
        begin = 0
        for row in np.flatnonzero(~whole).tolist():
            self._see(x[begin:row])
            begin = row + 1
            there = ~np.isnan(x[row])
            filled = np.where(there, x[row], self._values())
            if np.isnan(filled).any():
                continue
            self._note(x[row : row + 1], there)
            x[row], whole[row] = filled, True
        self._see(x[begin:])
        return whole

    def _see(self, x: Rows32) -> None:
        if len(x):
            self._note(x, np.ones(x.shape[1], np.bool_))

    def _note(self, x: Rows32, there: NDArray[np.bool_]) -> None:
        self._last[there] = x[-1, there]
        if self._policy == "mean":
            # One after the other, as accumulate does it: the same sum however rows come in blocks.
            sums = np.add.accumulate(np.vstack((self._sum[there], x[:, there])), dtype=np.float64)
            self._sum[there] = sums[-1]
            self._count[there] += len(x)

    def _values(self) -> Rows32:
        if self._policy == "hold":
            return self._last
        with np.errstate(invalid="ignore"):
            return (self._sum / self._count).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Return what was seen, for JSON: every number comes back exactly."""
        if not self.learns:
            return {}
        return {
            "last": [None if np.isnan(value) else float(value) for value in self._last],
            "sum": self._sum.tolist(),
            "count": self._count.tolist(),
        }

    def recall(self, found: Mapping[str, Any]) -> None:
        """Go on from what :meth:`to_dict` gave."""
        if found:
            last = [np.nan if value is None else value for value in found["last"]]
            self._last = np.array(last, np.float32)
            self._sum = np.array(found["sum"], np.float64)
            self._count = np.array(found["count"], np.int64)
