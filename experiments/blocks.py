"""Learns a block of samples whose labels are places of classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamlearn.learners.classifier import StreamClassifier


def learn_block(
    learner: StreamClassifier, x: npt.ArrayLike, y: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    """Test, then learn every sample in order; return what was predicted.

    Parameters
    ----------
    learner : StreamClassifier
        Made with ``classes=``; is afterwards where it would be after ``learn_one`` on each.
    x : [n, features]
    y : int[n]
        Places of the classes.
    """
    labels = learner.labels
    predicted = learner.test_then_learn_many(x, [labels[int(place)] for place in np.asarray(y)])
    return np.array([labels.index(label) for label in predicted], np.int64)
