"""A learner with labels, seen through class indices: what prequential evaluation works with."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant import spiking
from quant.layout import State
from quant.status import REFUSED
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
            quick = learner._learn_row(x, y) if type(x) is np.ndarray else REFUSED
            if quick != REFUSED:
                return quick
            predicted: int = learner._engine.learn(learner._state, learner._read(x), y)
        return predicted

    def test_then_learn_block(
        self, x: NDArray[np.float32], y: NDArray[np.int64], begins: Collection[int] = (), /
    ) -> NDArray[np.int64]:
        """Predict, then learn, each row in turn, with the bits of :meth:`test_then_learn_one`.

        Parameters
        ----------
        x : float32[n, n_features]
            Finite, in the learner's order of features.
        y : int64[n]
            Class indices; -1: no label, and the row is predicted only. To a spiking learner it is a
            step of time that passes.
        begins : collection of int
            Rows with which a recording begins: a spiking learner forgets the time before.

        Returns
        -------
        int64[n]
            Class indices.

        Raises
        ------
        LabelError
            If an index is no class; nothing was learned.
        ShapeError, InputValueError
            As the learner; nothing was learned.
        DivergedError
            The learner is then as before the block.
        """
        self._check(y)
        learner = self.learner
        found = np.empty(len(y), np.int64)
        with learner._lock:
            values, state = learner._read_many(x), learner._state.copy()
            for part in runs(y >= 0, begins):
                if part.start in begins:
                    spiking.reset(state)
                if y[part.start] < 0:
                    found[part] = self._seen(state, values[part])
                else:
                    found[part] = learner._engine.learn_many(state, values[part], y[part])
            learner._state = state
        return found

    def _seen(self, state: State, values: Any) -> NDArray[np.int64]:
        """Return the class indices of rows without a label; time passes if there is any."""
        engine = self.learner._engine
        if not self.learner.spec.leaks:
            return engine.predict_many(state, values)[0]
        return np.array([engine.advance(state, row).class_index for row in values], np.int64)

    def test_then_learn_shares(
        self, x: NDArray[np.float32], y: NDArray[np.int64], begins: Collection[int] = (), /
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Do as :meth:`test_then_learn_block`, and return the probabilities too.

        Returns
        -------
        int64[n], float64[n, n_classes]
            Class indices, and what ``predict_proba_one`` gives before a row is learned.

        Raises
        ------
        LabelError, ShapeError, InputValueError, DivergedError
            As :meth:`test_then_learn_block`.
        """
        self._check(y)
        learner = self.learner
        found = np.empty(len(y), np.int64)
        shares = np.empty((len(y), len(self._index)))
        with learner._lock:
            values, state = learner._read_many(x), learner._state.copy()
            engine = learner._engine
            for row, label in enumerate(y.tolist()):
                if row in begins:
                    spiking.reset(state)
                found[row], logits = engine.predict(state, values[row])
                shares[row] = learner._shares(logits, state)
                if label >= 0:
                    found[row] = engine.learn(state, values[row], label)
                elif learner.spec.leaks:
                    engine.advance(state, values[row])
            learner._state = state
        return found, shares

    def _check(self, y: NDArray[np.int64]) -> None:
        n_classes = len(self._index)
        if len(y) and not -1 <= int(y.min()) <= int(y.max()) < n_classes:
            raise LabelError(f"class indices {y.min()} to {y.max()}: the learner has {n_classes}")


def runs(known: NDArray[np.bool_], begins: Collection[int] = ()) -> list[slice]:
    """Return the longest runs of rows that have a label, and of those that have none.

    A new one begins at each row of ``begins``.
    """
    if not len(known):
        return []
    turns = np.flatnonzero(known[1:] != known[:-1]) + 1
    return [slice(a, b) for a, b in pairwise(sorted({0, *turns.tolist(), *begins, len(known)}))]
