"""How a learner's weights settle over a stream, for the report: percentiles, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamlearn.certainty import certainty_of
from streamlearn.learners.base import StreamLearner
from streamlearn.report.data import PERCENTILES, LayerHistory


class WeightWatch:
    """Looks at the weights a bounded number of times, however long the stream.

    Parameters
    ----------
    learner : StreamLearner
    n_points : int
        About how many looks to keep; between this and twice as many.
    """

    def __init__(self, learner: StreamLearner, n_points: int = 150) -> None:
        self._learner = learner
        self._certainty = certainty_of(learner.config.rule)
        self._most = 2 * n_points
        self._stride = 1
        self._at: list[int] = []
        self._percentiles: list[list[list[float]]] = []

    def __call__(self, n: int) -> None:
        """Look, if it is time: after ``n`` samples, rising from 1."""
        if self._certainty is None or (n - 1) % self._stride:
            return
        learner = self._learner
        values = self._certainty.values(learner.spec, learner.config, learner.state)
        self._at.append(n)
        self._percentiles.append([_percentiles(np.sort(v, axis=None)) for v in values])
        if len(self._at) >= self._most:
            self._stride *= 2
            self._at, self._percentiles = self._at[::2], self._percentiles[::2]

    def to_json(self) -> dict[str, Any]:
        """Return what was seen so far, for a checkpoint."""
        return {"stride": self._stride, "at": self._at, "percentiles": self._percentiles}

    def go_on(self, seen: dict[str, Any]) -> None:
        """Go on from what :meth:`to_json` returned."""
        self._stride = seen["stride"]
        self._at, self._percentiles = list(seen["at"]), list(seen["percentiles"])

    def history(self) -> LayerHistory | None:
        """Return what was seen; None if the rule has nothing to show of its weights."""
        if self._certainty is None:
            return None
        shape = (len(self._at), len(self._learner.spec.shapes), len(PERCENTILES))
        percentiles = np.array(self._percentiles, np.float64).reshape(shape)
        at = np.array(self._at, np.int64)
        return LayerHistory(self._certainty.quantity, self._certainty.meaning, at, percentiles)


def _percentiles(rising: npt.NDArray[np.floating[Any]]) -> list[float]:
    """Return `PERCENTILES` of rising values; NumPy's own take ten times as long to ask."""
    last = len(rising) - 1
    at = [last * percentile / 100 for percentile in PERCENTILES]
    found: list[float] = np.interp(at, np.arange(last + 1), rising).tolist()
    return found
