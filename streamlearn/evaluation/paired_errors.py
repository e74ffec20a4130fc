"""Is one learner of numbers better than another on the same samples? Diebold and Mariano's test."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class PairedErrors(NamedTuple):
    """Two learners on the same samples.

    Attributes
    ----------
    n_samples : int
    lag : int
        Neighbours that the variance takes into account: differences so many samples apart.
    difference : float
        Mean absolute error of the second minus that of the first; NaN without samples.
    low, high : float
        Its 95 % interval; NaN if there are too few samples for one.
    p_value : float
        Of the test, two-sided: how often chance alone would make so large a difference. 1 if they
        never differ.
    """

    n_samples: int
    lag: int
    difference: float
    low: float
    high: float
    p_value: float


def paired_errors(errors: Iterable[tuple[float, float]]) -> PairedErrors:
    """Compare two learners, sample by sample.

    Parameters
    ----------
    errors
        Of each sample: the absolute error of the first, and of the second.

    Notes
    -----
    Errors of neighbours in a stream resemble each other. The variance of the mean difference takes
    that into account, over as many neighbours as the cube root of the number of samples, with the
    weights of Bartlett. What reaches further makes the interval too narrow.

    References
    ----------
    F. X. Diebold and R. S. Mariano, Comparing predictive accuracy, Journal of Business and Economic
    Statistics 13 (1995) 253-263. W. K. Newey and K. D. West, A simple, positive semi-definite,
    heteroskedasticity and autocorrelation consistent covariance matrix, Econometrica 55 (1987)
    703-708.

    Examples
    --------
    >>> found = paired_errors([(1.0, 0.5), (1.0, 0.7), (1.0, 0.4), (1.0, 0.9)] * 20)
    >>> round(found.difference, 3), found.lag, found.p_value < 0.001
    (-0.375, 4, True)
    """
    differences = np.frombuffer(array("d", (b - a for a, b in errors)), np.float64)
    n = len(differences)
    nan = float("nan")
    if not n:
        return PairedErrors(0, 0, nan, nan, nan, 1.0)
    mean = float(differences.mean())
    lag = max(1, round(n ** (1 / 3))) if n > 2 else 0
    if not math.isfinite(mean) or n < 3:
        return PairedErrors(n, lag, mean, nan, nan, nan)
    variance = _variance_of_mean(differences - mean, lag)
    if not variance:
        return PairedErrors(n, lag, mean, mean, mean, 1.0 if not mean else 0.0)
    sd = math.sqrt(variance)
    reach = 1.959964 * sd
    p_value = math.erfc(abs(mean) / sd / math.sqrt(2))
    return PairedErrors(n, lag, mean, mean - reach, mean + reach, p_value)


def _variance_of_mean(d: NDArray[np.float64], lag: int) -> float:
    n = len(d)
    total = float(d @ d)
    for k in range(1, min(lag, n - 1) + 1):
        total += 2 * (1 - k / (lag + 1)) * float(d[k:] @ d[:-k])
    return max(total, 0.0) / n / n
