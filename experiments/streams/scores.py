"""What a column of predictions is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamlearn.evaluation import ClassificationMetrics

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
        ``accuracy``; ``kappa``, ``kappa_m``, ``kappa_t`` and ``balanced`` (accuracy), as
        :class:`streamlearn.evaluation.ClassificationMetrics` has them; 0 for what is not defined.
    """
    n_classes = int(max(y.max(), predicted.max())) + 1
    nothing = n_classes  # a prediction that is none is right nowhere
    found = ClassificationMetrics(range(n_classes + 1))
    found.update_block(y, np.where(predicted < 0, nothing, predicted))
    values = {
        "accuracy": found.accuracy,
        "kappa": found.kappa,
        "kappa_m": found.kappa_m,
        "kappa_t": found.kappa_t,
        "balanced": found.balanced_accuracy,
    }
    return {name: round(100 * float(np.nan_to_num(value)), 3) for name, value in values.items()}


def by_regime(y: Integers, predicted: Integers, regime: Integers) -> list[float]:
    """Return the accuracy in each regime, in %."""
    return [
        round(100 * float(np.mean(predicted[regime == k] == y[regime == k])), 3)
        for k in np.unique(regime)
    ]
