"""Blocks of samples for an engine that takes one at a time: its own verbs, row after row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import DivergedError
from quant.state import State
from streamlearn.inputs import Raw

Floats = npt.NDArray[np.float64]


class ClassesRowByRow:
    """The block verbs of an engine of classes: ``learn`` and ``predict`` for each row."""

    learn: Any
    predict: Any

    def learn_many(self, state: State, x: Raw, targets: npt.NDArray[Any]) -> Any:
        """Test, then train in place, on each row.

        Parameters
        ----------
        state : State
        x : float64[n, n_features]
            Raw and finite.
        targets : int64[n]
            Class indices.

        Returns
        -------
        list of int, or int[n]
            The classes predicted before learning each row.

        Raises
        ------
        DivergedError
            If outputs are no longer finite; it names the row, and the rows before it are learned.
        """
        predicted = []
        for t, (row, label) in enumerate(zip(x, targets.tolist(), strict=True)):
            try:
                predicted.append(self.learn(state, row, label))
            except DivergedError as error:
                raise DivergedError(f"row {t}: {error}") from error
        return predicted

    def predict_many(self, state: State, x: Raw) -> tuple[Any, Floats]:
        """Return the class index of each row and its mean logits, ``float64[n, n_outputs]``."""
        found = [self.predict(state, row) for row in x]
        width = len(found[0][1]) if found else 0
        return [index for index, _ in found], np.array([v for _, v in found]).reshape(-1, width)


class TargetsRowByRow:
    """The block verbs of an engine of targets: ``learn_target`` and ``predict_target``."""

    learn_target: Any
    predict_target: Any

    def learn_many(self, state: State, x: Raw, targets: npt.NDArray[Any]) -> Floats:
        """Test, then train in place, on each row of ``float64[n, n_features]``.

        Returns ``float64[n, 3]``: mean, aleatoric and epistemic deviation before learning.
        Raises as :meth:`ClassesRowByRow.learn_many`.
        """
        predicted = []
        for t, (row, y) in enumerate(zip(x, targets.tolist(), strict=True)):
            try:
                predicted.append(self.learn_target(state, row, y))
            except DivergedError as error:
                raise DivergedError(f"row {t}: {error}") from error
        return np.array(predicted, np.float64).reshape(-1, 3)

    def predict_many(self, state: State, x: Raw) -> tuple[Any, Floats]:
        """Return :meth:`learn_many`'s three numbers of each row, twice: a target has no logits."""
        found = np.array([self.predict_target(state, row) for row in x], np.float64).reshape(-1, 3)
        return found, found
