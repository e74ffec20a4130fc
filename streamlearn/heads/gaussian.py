"""The Gaussian head in float64: gradient, and mean and spreads of the prediction.

The last layer has two units: the mean m of the standardised target y and the logarithm l of its
variance v, so that the noise may depend on the input. A draw's loss is
``-log N(y; m, v) = ½ ((y - m)²/v + log v) + const``, and the loss is its mean over the draws.

References
----------
Kendall and Gal, What uncertainties do we need in Bayesian deep learning for computer vision?,
arXiv 1703.04977, equations 5 and 8: the log-variance as an output; aleatoric and epistemic parts.

Differs from the paper: v is clamped to 2^-12 … 2^4, and the standardised residual within ±3
(one outlier moves no weight further than a residual of three standard deviations would; of
Gaussian noise that takes 0.5 % off v).
Counterparts: :mod:`quant.heads.gaussian.golden` (integers), ``quant/heads/gaussian/kernel`` (C).
The constants stand here and there; a test compares them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.heads.head import NumberPrediction
from quant.layout import State

Float = npt.NDArray[np.float64]

#: Residuals are clamped to ± this many standard deviations,
RESIDUAL_MAX = 3
#: the logarithm of the variance to base 2 to this range,
LOG2_VARIANCE_MIN = -12
LOG2_VARIANCE_MAX = 4
#: and standardised targets to ± this.
TARGET_MAX = 8

LOG_VARIANCE_MIN = LOG2_VARIANCE_MIN * math.log(2)
LOG_VARIANCE_MAX = LOG2_VARIANCE_MAX * math.log(2)


class Moments(NamedTuple):
    """Mean and the two variances of a predicted target, standardised.

    Attributes
    ----------
    mean : float
        Of the mixture of the draws.
    aleatoric : float
        Mean over the draws of v: the noise of the target itself.
    epistemic : float
        Variance of the mean over the weights: what more learning would take away.
    """

    mean: float
    aleatoric: float
    epistemic: float


def predict(state: State, forward: Any, count: Saturations) -> NumberPrediction:
    """Mean, aleatoric and epistemic standard deviation of the target, from a forward pass."""
    found = moments(forward.outputs, forward.spread[-1], forward.epsilon[-1])
    return NumberPrediction(*in_units(state, found))


def output_gradient(outputs: Float, target: float, count: Saturations) -> Float:
    """Gradient of the loss of each draw by the two outputs.

    ``∂m = (m - y)/v``, ``∂l = ½ (1 - (y - m)²/v)``; no gradient pushes l further beyond its range.

    Parameters
    ----------
    outputs : float64[2, draws]
        m and l; l in nats, not yet clamped to its range.
    target : float
        Standardised target.
    count : Saturations
        Draws whose standardised residual met ±3 are counted as gradients.

    Returns
    -------
    float64[2, draws]
    """
    m, log_variance = outputs
    inverse_sd = np.exp(-np.clip(log_variance, LOG_VARIANCE_MIN, LOG_VARIANCE_MAX) / 2)
    residual = (target - m) * inverse_sd
    clamped = np.clip(residual, -RESIDUAL_MAX, RESIDUAL_MAX)
    by_log = (1 - clamped**2) / 2
    outward = np.where(
        by_log > 0, log_variance <= LOG_VARIANCE_MIN, log_variance >= LOG_VARIANCE_MAX
    )
    count.gradient += int(np.count_nonzero(clamped != residual))
    return np.stack([-clamped * inverse_sd, np.where(outward, 0, by_log)])


def moments(outputs: Float, spread: Float, epsilon: Float) -> Moments:
    """Mean, aleatoric and epistemic variance of the prediction.

    Given what the layers below drew, the mean of a draw is Gaussian with mean c = m - s ε and
    standard deviation s. So the draws are a mixture of Gaussians, whose mean is the mean of c and
    whose variance the variance of c plus the mean of s²: less noisy than those of m.

    Parameters
    ----------
    outputs, spread, epsilon : float64[2, draws]
        As the forward pass left them in the last layer.
    """
    centre = outputs[0] - spread[0] * epsilon[0]
    v = np.exp(np.clip(outputs[1], LOG_VARIANCE_MIN, LOG_VARIANCE_MAX))
    epistemic = centre.var() + (spread[0] ** 2).mean()
    return Moments(float(centre.mean()), float(v.mean()), float(epistemic))


def standardise_target(state: State, y: float, config: Any) -> tuple[dict[str, Any], float, int]:
    """Follow the target's mean and variance, and standardise it by them.

    The equations of :func:`streamlearn.front_end.standardise`, but the target is first clamped to
    eight standard deviations, once there is one: one outlier must not become the scale of the next
    thousand samples; a scale that really has grown is reached in a few hundred.

    Parameters
    ----------
    state : State
        Not changed.
    y : float
        Raw and finite.
    config : rule's configuration
        Its ``target_window``: samples over which the statistics follow the target.

    Returns
    -------
    statistics : dict
        The new ``target_count``, ``target_mean`` and ``target_variance``.
    z : float
        Within ±8; 0 where the variance is 0.
    n_clamped : int
        How often it was clamped: to that range of the old statistics, and of the new ones.
    """
    count = min(int(state["target_count"][0]) + 1, config.target_window)
    rate = (65536 // count) / 65536
    mean, variance = float(state["target_mean"][0]), float(state["target_variance"][0])
    reach = TARGET_MAX * math.sqrt(variance) if variance > 0 else math.inf
    kept = min(max(y, mean - reach), mean + reach)
    delta = kept - mean
    mean += delta * rate
    variance += (delta * (kept - mean) - variance) * rate
    z = (kept - mean) / math.sqrt(variance) if variance > 0 else 0.0
    held = min(max(z, -TARGET_MAX), TARGET_MAX)
    statistics = {"target_count": count, "target_mean": mean, "target_variance": variance}
    return statistics, held, int(kept != y) + int(held != z)


def in_units(state: State, found: Moments) -> tuple[float, float, float]:
    """Return mean, aleatoric and epistemic standard deviation in the target's units.

    The standard deviations are infinite before a second target has given a scale.
    """
    sd = math.sqrt(state["target_variance"][0])
    mean = float(state["target_mean"][0]) + sd * found.mean
    if state["target_count"][0] < 2:
        return mean, math.inf, math.inf
    return mean, sd * math.sqrt(found.aleatoric), sd * math.sqrt(found.epistemic)
