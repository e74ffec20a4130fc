"""A learner with labels, seen through class indices: what prequential evaluation works with."""

from __future__ import annotations

from streamlearn.baselines.base import FloatRow
from streamlearn.learners.classifier import StreamClassifier


class ByIndex:
    """Adapt a :class:`StreamClassifier` whose classes are all known to class indices.

    Parameters
    ----------
    learner : StreamClassifier
        Made with ``classes=``.
    """

    def __init__(self, learner: StreamClassifier) -> None:
        self.learner = learner
        self._labels = learner.labels
        self._index = {label: index for index, label in enumerate(self._labels)}

    def predict_one(self, x: FloatRow, /) -> int:
        """Return the class index of ``float32[n_features]``."""
        return self._index[self.learner.predict_one(x)]

    def learn_one(self, x: FloatRow, y: int, /) -> None:
        """Learn one sample of class index ``y``."""
        self.learner.learn_one(x, self._labels[y])

    def test_then_learn_one(self, x: FloatRow, y: int, /) -> int:
        """Predict, then learn, in one forward pass; return the class index."""
        return self._index[self.learner.test_then_learn_one(x, self._labels[y])]
