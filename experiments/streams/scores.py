"""What a column of predictions is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamlearn.prequential import majority_accuracy, no_change_accuracy

Integers = npt.NDArray[np.int64]


def scores(y: Integers, predicted: Integers) -> dict[str, float]:
    """Return accuracy and what it leaves out, all in %.

    Parameters
    ----------
    y, predicted : int64[n]
        In learning order; a prediction may be -1: none.

    Returns
    -------
    dict
        ``accuracy``; ``kappa`` against chance with the same frequencies (Cohen 1960); ``kappa_m``
        against the majority so far, ``kappa_t`` against the label before (Bifet et al., KDD 2015;
        Žliobaitė et al., Machine Learning 98, 2015); ``balanced``: the mean recall of the classes.
    """
    right = float(np.mean(y == predicted))
    chance = float(sum(np.mean(y == k) * np.mean(predicted == k) for k in np.unique(y)))
    recalls = [np.mean(predicted[y == k] == k) for k in np.unique(y)]
    found = {
        "accuracy": right,
        "kappa": _against(right, chance),
        "kappa_m": _against(right, majority_accuracy(y)),
        "kappa_t": _against(right, no_change_accuracy(y)),
        "balanced": float(np.mean(recalls)),
    }
    return {name: round(100 * value, 3) for name, value in found.items()}


def by_regime(y: Integers, predicted: Integers, regime: Integers) -> list[float]:
    """Return the accuracy in each regime, in %."""
    return [
        round(100 * float(np.mean(predicted[regime == k] == y[regime == k])), 3)
        for k in np.unique(regime)
    ]


def _against(right: float, other: float) -> float:
    return (right - other) / (1 - other) if other < 1 else 0.0
