"""A learner with labels, seen through class indices: what prequential evaluation works with."""

from __future__ import annotations

from streamlearn.baselines.base import FloatRow
from streamlearn.errors import LabelError
from streamlearn.learners.classifier import StreamClassifier


class ByIndex:
    """Adapt a :class:`StreamClassifier` whose classes are all known to class indices.

    Parameters
    ----------
    learner : StreamClassifier
        Made with ``classes=``.

    Notes
    -----
    A sample that is tested and learned goes to the engine as it comes, an index in and an index
    out: no label is looked up on the way.
    """

    def __init__(self, learner: StreamClassifier) -> None:
        self.learner = learner
        self._index = {label: index for index, label in enumerate(learner.labels)}

    def predict_one(self, x: FloatRow, /) -> int:
        """Return the class index of ``float32[n_features]``."""
        return self._index[self.learner.predict_one(x)]

    def learn_one(self, x: FloatRow, y: int, /) -> None:
        """Learn one sample of class index ``y``."""
        self.test_then_learn_one(x, y)

    def test_then_learn_one(self, x: FloatRow, y: int, /) -> int:
        """Predict, then learn, in one forward pass; return the class index.

        Raises
        ------
        LabelError
            If ``y`` is no index of a class.
        ShapeError, InputValueError, DivergedError
            As the learner.
        """
        if not 0 <= y < len(self._index):
            raise LabelError(f"class index {y}: the learner has {len(self._index)} classes")
        learner = self.learner
        with learner._lock:
            predicted: int = learner._engine.learn(learner._state, learner._read(x), y)
        return predicted
