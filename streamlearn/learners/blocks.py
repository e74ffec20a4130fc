"""Blocks of samples: the verbs of one sample for many, with the same bits.

``learn_many(X, y)`` leaves the state that ``learn_one`` leaves after each row in turn, and
``predict_many(X)`` predicts what ``predict_one`` predicts of each. A block is learned whole or not
at all: every row and label is checked before the first is learned, and what goes wrong later
leaves the learner as it was.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from quant.errors import LabelError
from streamlearn.learners.labels import read_labels, read_targets
from streamlearn.learners.numbers import Floats, library_of

if TYPE_CHECKING:
    from typing_extensions import Self


def probabilities(logits: Floats) -> Floats:
    """Return the softmax of ``float64[classes]``; minus infinity gives 0.

    One row at a time, since NumPy's sums and exponentials of a matrix may round otherwise.
    """
    weights = np.exp(logits - logits.max())
    found: Floats = weights / weights.sum()
    return found


class Blocks:
    """What both kinds of block verbs share."""

    _engine: Any
    _state: Any
    _lock: Any
    _read_many: Any
    _note_names: Any
    test_then_learn_many: Any

    def learn_many(self, X: Any, y: Any) -> Self:
        """Learn a block of samples, as :meth:`learn_one` would row after row: the same bits.

        Parameters
        ----------
        X : data frame, array or tensor ``[n, n_features]``, or list of samples
            A data frame of pandas or polars is matched by name, as are dicts.
        y : list, one-dimensional array or tensor, or Series
            ``n`` labels; of a regressor, ``n`` finite numbers.

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_one`; they name the row, counted from 0. Then nothing was learned of
            the whole block.
        """
        self.test_then_learn_many(X, y)
        return self


class ClassBlocks(Blocks):
    """The block verbs of a classifier."""

    _labels: list[Any]
    _index: dict[Any, int]
    _class_of: Any
    _shares: Any

    def test_then_learn_many(self, X: Any, y: Any) -> Any:
        """Predict, then learn, each row in turn; return what :meth:`test_then_learn_one` would.

        Returns
        -------
        list, or pandas Series with the index of ``X`` where that is a data frame of pandas

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_many`.
        """
        with self._lock:
            values = self._read_many(X)
            indices, known, labels = self._classes_of(read_labels(y, len(values)))
            state = self._state.copy()
            predicted = self._engine.learn_many(state, values, indices)
            self._state, self._labels = state, labels
            self._index = {label: i for i, label in enumerate(labels)}
            self._note_names(X)
        found = [
            labels[int(p)] if p < n else None
            for p, n in zip(predicted, known.tolist(), strict=True)
        ]
        return like(X, found)

    def predict_many(self, X: Any, *, draws: bool = True) -> Any:
        """Return the label of each row, as :meth:`predict_one`.

        Returns
        -------
        list, or pandas Series with the index of ``X`` where that is a data frame of pandas

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`predict_one`; they name the row, counted from 0.
        """
        with self._lock:
            values, known = self._read_many(X), len(self._labels)
            if not known or not len(values):
                return like(X, [None] * len(values))
            best, _ = self._engine.predict_many(self._state, values, draws)
            return like(X, [self._labels[i] if i < known else None for i in best.tolist()])

    def predict_proba_many(self, X: Any, *, draws: bool = True) -> Any:
        """Return the probability of each known label in each row, as :meth:`predict_proba_one`.

        Returns
        -------
        float64[n, labels], or a data frame of pandas where ``X`` is one
            Columns are :attr:`labels`, in that order.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`predict_many`.
        """
        with self._lock:
            values, known = self._read_many(X), len(self._labels)
            found = np.zeros((len(values), known))
            if known and len(values):
                _, logits = self._engine.predict_many(self._state, values, draws)
                for row, outputs in enumerate(logits):
                    found[row] = self._shares(outputs)
            return like(X, found, self._labels)

    def recall_many(self, X: Any) -> Any:
        """Return the label of each row by the memory alone, as :meth:`recall_one`.

        Returns
        -------
        list, or pandas Series with the index of ``X`` where that is a data frame of pandas

        Raises
        ------
        ConfigError
            If the learner has no memory.
        ShapeError, InputValueError
            As :meth:`recall_one`; they name the row, counted from 0.
        """
        with self._lock:
            values, known = self._read_many(X), len(self._labels)
            logs = self._engine.recall_many(self._state, values)
            if not known:
                return like(X, [None] * len(values))
            return like(X, [self._labels[int(np.argmax(row[:known]))] for row in logs])

    def recall_proba_many(self, X: Any) -> Any:
        """Return the probability of each known label in each row, as :meth:`recall_proba_one`.

        Returns
        -------
        float64[n, labels], or a data frame of pandas where ``X`` is one
            Columns are :attr:`labels`, in that order.

        Raises
        ------
        ConfigError, ShapeError, InputValueError
            As :meth:`recall_many`.
        """
        with self._lock:
            values, known = self._read_many(X), len(self._labels)
            logs = self._engine.recall_many(self._state, values)
            found = np.zeros((len(values), known))
            for row, outputs in enumerate(logs if known else ()):
                found[row] = probabilities(outputs[:known])
            return like(X, found, self._labels)

    def _classes_of(
        self, labels: list[Any]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[Any]]:
        """Return each row's class index, how many labels are known before it, and all labels."""
        before, index = (self._labels, self._index), dict(self._index)
        indices, known = np.empty(len(labels), np.int64), np.empty(len(labels), np.int64)
        self._labels, self._index = list(self._labels), index
        try:
            for row, label in enumerate(labels):
                indices[row] = at = self._class_of(label)
                known[row] = len(self._labels)
                if at == len(self._labels):
                    self._labels.append(label)
                    index[label] = at
            return indices, known, self._labels
        except LabelError as error:
            raise LabelError(f"row {row}: {error}. Nothing was learned") from error
        finally:
            self._labels, self._index = before


class TargetBlocks(Blocks):
    """The block verbs of a regressor."""

    def test_then_learn_many(self, X: Any, y: Any) -> Floats:
        """Predict, then learn, each row in turn; return what :meth:`test_then_learn_one` would.

        Returns
        -------
        float64[n, 3]
            Mean, aleatoric and epistemic standard deviation.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_many`.
        """
        with self._lock:
            values = self._read_many(X)
            targets = read_targets(y, len(values))
            state = self._state.copy()
            predicted = _triples(self._engine.learn_many(state, values, targets))
            self._state = state
            self._note_names(X)
            return predicted

    def predict_many(self, X: Any, *, draws: bool = True) -> Any:
        """Return the mean of each row's predicted target, as :meth:`predict_one`.

        Returns
        -------
        float64[n], or pandas Series with the index of ``X`` where that is a data frame of pandas

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`predict_one`; they name the row, counted from 0.
        """
        return like(X, self.predict_distribution_many(X, draws=draws)[:, 0])

    def predict_distribution_many(self, X: Any, *, draws: bool = True) -> Floats:
        """Return mean, aleatoric and epistemic standard deviation of each row, ``float64[n, 3]``.

        ``draws`` as in :meth:`predict_distribution_one`.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`predict_many`.
        """
        with self._lock:
            values = self._read_many(X)
            return _triples(self._engine.predict_many(self._state, values, draws)[0])


def _triples(predictions: Any) -> Floats:
    """Return ``float64[n, 3]``, also of no rows."""
    return np.asarray(predictions, np.float64).reshape(-1, 3)


def like(X: Any, values: Any, columns: list[Any] | None = None) -> Any:
    """Return values as pandas' own, with the index of ``X``, where ``X`` is a pandas frame."""
    if library_of(X) != "pandas":
        return values
    pandas = sys.modules["pandas"]
    if columns is None:
        # Beside None, which pandas would make NaN, labels keep their kind as objects only.
        kind = object if any(value is None for value in values) else None
        return pandas.Series(values, index=X.index, dtype=kind)
    # An Index of tuples would become levels; labels are labels.
    names = pandas.Index(columns, tupleize_cols=False)
    return pandas.DataFrame(values, index=X.index, columns=names)
