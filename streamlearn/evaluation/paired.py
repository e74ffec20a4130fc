"""Is one learner better than another on the same samples? McNemar's test, and an interval."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

#: Up to so many samples on which the two differ, the binomial is summed exactly.
EXACT = 1000


class Paired(NamedTuple):
    """Two learners on the same samples.

    Attributes
    ----------
    n_samples : int
    only_first, only_second : int
        Samples that only the one, only the other predicted right.
    difference : float
        Accuracy of the second minus that of the first, in [-1, 1]; NaN without samples.
    low, high : float
        Its 95 % interval (Wald).
    p_value : float
        Of McNemar's test, two-sided: how often chance alone would split the samples on which they
        differ so unevenly. 1 if they never differ.
    """

    n_samples: int
    only_first: int
    only_second: int
    difference: float
    low: float
    high: float
    p_value: float


def paired(right: Iterable[tuple[bool, bool]]) -> Paired:
    """Compare two learners, sample by sample.

    Parameters
    ----------
    right
        Of each sample: whether the first, and whether the second predicted it right.

    Notes
    -----
    Both take the samples as independent. Samples of a stream seldom are: then the interval is too
    narrow, and the p-value too small.

    References
    ----------
    Q. McNemar, Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12 (1947) 153-157. With more than 1,000 differing samples the
    binomial is replaced by a normal with Edwards' correction.

    Examples
    --------
    >>> found = paired([(True, True)] * 80 + [(True, False)] * 5 + [(False, True)] * 15)
    >>> found.only_first, found.only_second, round(found.difference, 2), round(found.p_value, 3)
    (5, 15, 0.1, 0.041)
    """
    n = b = c = 0
    for first, second in right:
        n += 1
        b += first and not second
        c += second and not first
    if not n:
        nan = float("nan")
        return Paired(0, 0, 0, nan, nan, nan, 1.0)
    difference = (c - b) / n
    reach = 1.959964 * math.sqrt(max(b + c - (c - b) ** 2 / n, 0.0)) / n
    return Paired(n, b, c, difference, difference - reach, difference + reach, _p_value(b, c))


def _p_value(b: int, c: int) -> float:
    n = b + c
    if not n:
        return 1.0
    if n <= EXACT:
        tail = sum(math.comb(n, i) for i in range(min(b, c) + 1))
        return min(1.0, 2 * tail / (1 << n))
    return math.erfc(max(abs(b - c) - 1, 0) / math.sqrt(2 * n))
