"""How unsure a classifier is, and how well that tells apart and tells the truth."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from streamlearn.errors import (
    ConfigError,
    InputValueError,
    LabelError,
    ShapeError,
    UndefinedError,
)

Floats = npt.NDArray[np.floating[Any]]
#: How far probabilities may be from a sum of 1: float16 rounds about that much.
SUM_TOLERANCE = 1e-2


class Entropies(NamedTuple):
    """Entropies of each sample in bits, ``float64[n]``.

    Attributes
    ----------
    predictive : float64[n]
        Entropy of the mean over the draws: the whole uncertainty.
    aleatoric : float64[n]
        Mean over the draws of the entropy: what more learning would not take away.
    epistemic : float64[n]
        Their difference, the mutual information of prediction and weights; 0 for one draw.
    """

    predictive: npt.NDArray[np.float64]
    aleatoric: npt.NDArray[np.float64]
    epistemic: npt.NDArray[np.float64]


class Uncertainty(NamedTuple):
    """Entropies of one sample in bits: :class:`Entropies`, each a float."""

    predictive: float
    aleatoric: float
    epistemic: float


class PredictiveUncertainty(NamedTuple):
    """Entropy of one sample's probabilities in bits, of a rule whose weights are one value each.

    It has no aleatoric and no epistemic part: ``hasattr`` says so, and asking says why.
    """

    predictive: float

    @property
    def aleatoric(self) -> NoReturn:
        """Raise UndefinedError: there is no such part."""
        raise UndefinedError(_NO_SPLIT.format("aleatoric"))

    @property
    def epistemic(self) -> NoReturn:
        """Raise UndefinedError: there is no such part."""
        raise UndefinedError(_NO_SPLIT.format("epistemic"))


_NO_SPLIT = (
    "this rule has no {} uncertainty: the split needs draws of the weights, and its weights are "
    "one value each; predictive is the whole, and learner.novelty_one(x) tells what is unlike "
    "anything learned"
)


def uncertainty_of(logits: Floats) -> Uncertainty:
    """Split the entropy of one prediction, from the logits of each draw: :func:`entropies` of them.

    Parameters
    ----------
    logits : float[classes, draws]
        Finite; at least one class and one draw.

    Raises
    ------
    ShapeError
        If there are not two dimensions, or no draw or no class.
    InputValueError
        If the logits are not finite.

    Examples
    --------
    >>> round(uncertainty_of(np.array([[0.0, 0.0], [0.0, 0.0]])).predictive, 6)
    1.0
    """
    values = np.asarray(logits, np.float64)
    if values.ndim != 2 or not values.size:
        raise ShapeError(f"logits have shape {values.shape}: expected [classes, draws]")
    weights = np.exp(values - values.max(axis=0))
    n_classes, n_draws = values.shape
    both = np.empty((n_classes, n_draws + 1))  # the mean is the last column
    np.divide(weights, np.add.reduce(weights, axis=0), out=both[:, :-1])
    np.divide(np.add.reduce(both[:, :-1], axis=1), n_draws, out=both[:, -1])
    bits = 0.0 - np.add.reduce(both * np.log2(both + (both == 0)), axis=0)  # no -0.0
    if not math.isfinite(bits[-1]):
        raise InputValueError("logits must be finite: the entropy of these is not a number")
    predictive = min(max(float(bits[-1]), 0.0), math.log2(n_classes))
    aleatoric = min(
        max(float(np.add.reduce(bits[:-1])) / n_draws, 0.0), predictive
    )  # rounding may turn them round
    return Uncertainty(predictive, aleatoric, predictive - aleatoric)


def entropies(probabilities: Floats) -> Entropies:
    """Split the entropy of a prediction: ``H(mean_s p_s) = mean_s H(p_s) + I``, in bits.

    Parameters
    ----------
    probabilities : float[draws, n, classes]
        Of each Monte-Carlo draw of the weights; each sums to 1 over the classes.

    Returns
    -------
    Entropies
        All within 0 and log2(classes).

    Raises
    ------
    ShapeError
        If there are not three dimensions, or no draw or no class.
    InputValueError
        If a value is NaN or outside [0, 1], or a sum is not 1 within 0.01.

    Examples
    --------
    >>> agree, differ = [[[0.5, 0.5]], [[0.5, 0.5]]], [[[1.0, 0.0]], [[0.0, 1.0]]]
    >>> [entropies(np.array(p)).epistemic.item() for p in (agree, differ)]
    [0.0, 1.0]
    """
    p = _probabilities(probabilities, 3, "[draws, n, classes]")
    predictive = _entropy(p.mean(axis=0))
    aleatoric = np.minimum(_entropy(p).mean(axis=0), predictive)  # rounding may turn them round
    return Entropies(predictive, aleatoric, predictive - aleatoric)


def auc(in_scores: Floats, out_scores: Floats) -> float:
    """Return P(out > in) + P(out = in)/2: the area under the ROC curve, exactly.

    Parameters
    ----------
    in_scores, out_scores : float[n], float[m]
        Scores of samples from inside and from outside the distribution; the outside ones should
        be larger. Infinite scores are scores like others.

    Returns
    -------
    float
        In [0, 1]; 0.5 where the scores say nothing. Time O((n + m) log(n + m)).

    Raises
    ------
    ShapeError
        If one is empty or not one-dimensional.
    InputValueError
        If a score is NaN.

    Notes
    -----
    Differs from the authors' code, which integrates 1,000 thresholds by trapezoids.

    Examples
    --------
    >>> auc(np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.4]))
    0.9166666666666666
    """
    inside, outside = np.asarray(in_scores), np.asarray(out_scores)
    for name, scores in (("in_scores", inside), ("out_scores", outside)):
        if scores.ndim != 1 or not len(scores):
            raise ShapeError(f"{name} has shape {scores.shape}: expected [n], n at least 1")
        if np.isnan(scores).any():
            raise InputValueError(f"{name} has {int(np.isnan(scores).sum())} NaN")
    inside = np.sort(inside)
    below = int(np.searchsorted(inside, outside, "left").sum())
    not_above = int(np.searchsorted(inside, outside, "right").sum())
    return (below + not_above) / (2 * len(inside) * len(outside))


def expected_calibration_error(
    probabilities: Floats, labels: npt.NDArray[np.integer[Any]], n_bins: int = 15
) -> float:
    """Return ``Σ_b n_b/n |accuracy_b - confidence_b|`` over bins of equal width in (0, 1].

    Parameters
    ----------
    probabilities : float[n, classes]
        Of the prediction; the largest is its confidence.
    labels : int[n]
        Indices of the true classes.
    n_bins : int
        1 or more; a confidence on a boundary belongs to the bin below it.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ShapeError, InputValueError
        As :func:`entropies`, with two dimensions and one label per row.
    LabelError
        If a label is no index of a class.
    ConfigError
        If `n_bins` is below 1.

    References
    ----------
    Guo et al., On calibration of modern neural networks, arXiv 1706.04599, equation 3.

    Examples
    --------
    >>> expected_calibration_error(np.array([[0.75, 0.25]] * 4), np.array([0, 0, 0, 1]))
    0.0
    """
    p, y = _probabilities(probabilities, 2, "[n, classes]"), np.asarray(labels)
    if n_bins < 1:
        raise ConfigError(f"n_bins={n_bins}: expected 1 or more")
    if y.shape != (len(p),) or not len(p):
        raise ShapeError(f"labels have shape {y.shape}: expected one for each of {len(p)} rows")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= p.shape[1]:
        raise LabelError(f"labels must be whole numbers from 0 to {p.shape[1] - 1}")
    confidence = p.max(axis=1)
    right = p.argmax(axis=1) == y
    bins = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    gap = np.bincount(bins, right - confidence, n_bins)
    return float(np.abs(gap).sum() / len(p))


def _probabilities(values: Floats, n_dimensions: int, layout: str) -> npt.NDArray[np.float64]:
    p = np.asarray(values, np.float64)
    if p.ndim != n_dimensions or p.shape[-1] < 1 or p.shape[0] < 1:
        raise ShapeError(f"probabilities have shape {p.shape}: expected {layout}")
    wrong = ~((p >= 0) & (p <= 1)).all(axis=-1) | (np.abs(p.sum(axis=-1) - 1) > SUM_TOLERANCE)
    if wrong.any():
        raise InputValueError(
            f"probabilities must be in [0, 1] and sum to 1 over the last axis: {int(wrong.sum())} "
            f"of {wrong.size} rows are not"
        )
    return p


def _entropy(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return -Σ p log2 p over the last axis, in [0, log2 n]; 0 log 0 = 0."""
    logarithms = np.log2(p, out=np.zeros_like(p), where=p > 0)
    result = np.clip(0.0 - np.sum(p * logarithms, axis=-1), 0, np.log2(p.shape[-1]))
    return np.asarray(result, np.float64)
