"""How figures went over a stream of any length, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import ConfigError, ShapeError

Floats = NDArray[np.float64]


class Timeline:
    """Means of several figures over bins of equal width; when the bins are full, pairs are merged.

    :class:`Curve` counts right predictions of every sample; this takes figures of any size, of
    samples that somebody looked at.

    Parameters
    ----------
    names
        Of the figures.
    n_bins
        At least so many bins once so many samples came, and at most twice as many.

    Attributes
    ----------
    width : int
        Samples of a bin: 1, 2, 4, ...

    Raises
    ------
    ConfigError
        If there is no name, or fewer than two bins.

    Examples
    --------
    >>> line = Timeline(["step"], n_bins=2)
    >>> for at, value in enumerate([1, 1, 2, 2, 3]):
    ...     line.add(at, [value])
    >>> line.width, line.ends.tolist(), line.mean("step").tolist()
    (2, [2, 4, 5], [1.0, 2.0, 3.0])
    """

    def __init__(self, names: Sequence[str], n_bins: int = 512) -> None:
        if not names or n_bins < 2:
            raise ConfigError(f"{len(names)} figures in {n_bins} bins: expected 1 and 2 or more")
        self.names = tuple(names)
        self.width, self._most, self._end = 1, 2 * n_bins, 0
        self._sums = np.zeros((self._most, len(names)))
        self._counts = np.zeros((self._most, len(names)), np.int64)

    def add(self, at: int, values: Sequence[float]) -> None:
        """Add what was found at a sample.

        Parameters
        ----------
        at
            Samples before it.
        values
            One for each name; NaN where nobody looked.

        Raises
        ------
        ShapeError
            If there is not one for each name.
        """
        row = np.asarray(values, np.float64)
        if row.shape != (len(self.names),):
            raise ShapeError(f"values {row.shape}: expected one for each of {self.names}")
        while at // self.width >= self._most:
            self._merge()
        self._end = max(self._end, at + 1)
        known = ~np.isnan(row)
        self._sums[at // self.width] += np.where(known, row, 0.0)
        self._counts[at // self.width] += known

    def _merge(self) -> None:
        half = self._most // 2
        for part in (self._sums, self._counts):
            part[:half] = part[::2] + part[1::2]
            part[half:] = 0
        self.width *= 2

    @property
    def ends(self) -> NDArray[np.int64]:
        """Samples until the end of each bin, ``int64[k]``, rising."""
        k = -(-self._end // self.width)
        return np.minimum(self.width * np.arange(1, k + 1, dtype=np.int64), self._end)

    def mean(self, name: str, window: int = 1) -> Floats:
        """Return the mean of a figure in each bin, ``float64[k]``; NaN where nobody looked.

        Parameters
        ----------
        name
            One of :attr:`names`.
        window
            Look back over so many samples, rounded to whole bins.
        """
        column, k = self.names.index(name), len(self.ends)
        first = np.maximum(np.arange(1, k + 1) - max(1, round(window / self.width)), 0)
        sums, counts = (
            np.diff(np.stack([before[first], before[1:]]), axis=0)[0]
            for before in (
                np.concatenate([[0], np.cumsum(part[:k, column])])
                for part in (self._sums, self._counts)
            )
        )
        found = np.full(k, np.nan)
        np.divide(sums, counts, out=found, where=counts > 0)
        return found

    def total(self, name: str) -> tuple[float, int]:
        """Return the sum of a figure over all samples, and of how many samples it is."""
        column = self.names.index(name)
        return float(self._sums[:, column].sum()), int(self._counts[:, column].sum())

    def to_dict(self) -> dict[str, Any]:
        """Return everything that it knows, as JSON can hold it."""
        k = len(self.ends)
        return {
            "names": [*self.names],
            "n_bins": self._most // 2,
            "width": self.width,
            "end": self._end,
            "sums": self._sums[:k].tolist(),
            "counts": self._counts[:k].tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Timeline:
        """Invert :meth:`to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not what :meth:`to_dict` returned.
        """
        self = cls(state["names"], state["n_bins"])
        self.width, self._end = int(state["width"]), int(state["end"])
        k = len(self.ends)
        self._sums[:k] = np.array(state["sums"], np.float64).reshape(k, -1)
        self._counts[:k] = np.array(state["counts"], np.int64).reshape(k, -1)
        return self
