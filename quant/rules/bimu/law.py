"""What a synapse's weight is, by its λ: ±1, or relaxed between -1 and 1.

A weight of ±1 is +1 with probability ``sigmoid(2λ)``. A relaxed one is ``tanh(λ + ½ logit u)`` with
u uniform in 0 to 1: a Concrete variable of temperature 1. Both have closed moments.

References
----------
arXiv 2605.30198 (ICML 2026) learns by relaxed weights. Maddison et al., arXiv 1611.00712; Jang et
al., arXiv 1611.01144: Concrete variables.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

#: Nearer to 0 the moments of a relaxed weight are small differences of large numbers, and their
#: series in λ is taken.
SMALL = 0.5
#: Of the mean, by λ, λ³, λ⁵ …: 2k times the k-th coefficient of coth.
SERIES = (
    2 / 3, -4 / 45, 4 / 315, -8 / 4725, 4 / 18711, -5528 / 212837625, 8 / 2606175,
    -57872 / 162820783125,
)  # fmt: skip


class Law(NamedTuple):
    """Moments of weights, and what a gradient by λ is made of, each of the shape of λ.

    Attributes
    ----------
    mean, variance : floating[...]
    slope : floating[...]
        Derivative of the mean by λ.
    lean : floating[...]
        Minus the derivative of the variance by λ, over twice the slope.
    """

    mean: npt.NDArray[Any]
    variance: npt.NDArray[Any]
    slope: npt.NDArray[Any]
    lean: npt.NDArray[Any]


def law_of(belief: npt.NDArray[Any], relaxed: int) -> Law:
    """Return the law of weights whose λ is `belief`, floating of any shape, in its type."""
    return _relaxed(belief) if relaxed else _hard(belief)


def _hard(belief: npt.NDArray[Any]) -> Law:
    mean = np.tanh(belief)
    variance = 1 - mean**2
    return Law(mean, variance, variance, mean)


def _relaxed(belief: npt.NDArray[Any]) -> Law:
    near = np.abs(belief) < SMALL
    square = np.where(near, belief, 0) ** 2
    mean, slope, curvature = np.zeros((3, *belief.shape), belief.dtype)
    for k in range(len(SERIES) - 1, -1, -1):
        mean = mean * square + SERIES[k]
        slope = slope * square + (2 * k + 1) * SERIES[k]
        if k:
            curvature = curvature * square + 2 * k * (2 * k + 1) * SERIES[k]
    far = np.where(near, 1, belief)
    coth = 1 / np.tanh(far)
    over = coth**2 - 1  # 1 over the square of the sine
    above = far * coth - 1
    far_mean = coth - far * over
    mean = np.where(near, mean * belief, far_mean)
    slope = np.where(near, slope, 2 * above * over)
    bend = np.where(near, curvature * belief / (2 * slope), far_mean / (2 * above) - coth)
    return Law(mean, 1 - slope - mean**2, slope, mean + bend)
