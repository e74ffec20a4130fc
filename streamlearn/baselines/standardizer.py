"""Inputs standardised online, with statistics that follow the sensor over a window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatVector = NDArray[np.float64]


class RunningStandardizer:
    """Running mean and variance; z = (x - mean) / sd, clipped.

    The statistics that standardise a sample include that sample: with
    ``n = min(samples, window)``, ``mean += (x - mean) / n`` and
    ``var += ((x - mean_before) (x - mean) - var) / n``: Welford's exact statistics up to the
    window, an exponential average from then on. A feature that has never varied gives 0.

    Parameters
    ----------
    n_features
        Number of features.
    window
        Samples over which the statistics follow. The default is what MESU's front end uses, and
        lifts plain SGD on the gas stream by half a point over statistics of everything seen.
    limit
        z is clipped to ``[-limit, limit]``.

    References
    ----------
    B. P. Welford, Note on a method for calculating corrected sums of squares and products,
    Technometrics 4 (1962) 419-420.
    """

    def __init__(self, n_features: int, window: float = 300, limit: float = 8.0) -> None:
        self.n = 0
        self.mean = np.zeros(n_features)
        self.variance = np.zeros(n_features)
        self.window = window
        self.limit = limit

    def standardize(self, x: FloatVector) -> FloatVector:
        """Return z of `x` as if it had been learned, and change nothing.

        Parameters
        ----------
        x
            float64 ``[n_features]``, finite.

        Returns
        -------
        numpy.ndarray
            float64 ``[n_features]`` in ``[-limit, limit]``.
        """
        return self._z(x, *self._with(x))

    def update(self, x: FloatVector) -> FloatVector:
        """Take `x` into the statistics, and return its z, both as :meth:`standardize`'s."""
        self.n, self.mean, self.variance = updated = self._with(x)
        return self._z(x, *updated)

    def _with(self, x: FloatVector) -> tuple[int, FloatVector, FloatVector]:
        n = self.n + 1
        rate = 1 / min(n, self.window)
        delta = x - self.mean
        mean = self.mean + delta * rate
        return n, mean, self.variance + (delta * (x - mean) - self.variance) * rate

    def _z(self, x: FloatVector, _: int, mean: FloatVector, variance: FloatVector) -> FloatVector:
        sd = np.sqrt(variance)
        z = np.divide(x - mean, sd, out=np.zeros_like(x), where=sd > 0)
        return np.clip(z, -self.limit, self.limit)
