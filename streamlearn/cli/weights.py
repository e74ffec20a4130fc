"""How a learner's weights go over a stream, for the report: percentiles, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from quant.factored_plan import decode_column, decode_row, make_factored_plan
from quant.factored_state import factor_view
from quant.metaplastic_config import WEIGHT_FRAC_BITS
from quant.metaplastic_state import weight_view
from quant.plan import decode_rho, make_plan
from quant.state import layer_view
from streamlearn.report.data import PERCENTILES, Floats, LayerHistory
from streamlearn.stream_classifier import StreamClassifier

SIGMA = (
    "σ",
    "A small σ means that the stream has settled the weight, which now changes slowly.",
)
HIDDEN_WEIGHT = (
    "|hidden weight|",
    "A large value means that many samples agreed on the weight's sign, which now changes rarely.",
)


class WeightWatch:
    """Looks at the weights a bounded number of times, however long the stream.

    Parameters
    ----------
    learner : StreamClassifier
    n_points : int
        About how many looks to keep; between this and twice as many.
    """

    def __init__(self, learner: StreamClassifier, n_points: int = 150) -> None:
        self._learner = learner
        self._most = 2 * n_points
        self._stride = 1
        self._at: list[int] = []
        self._percentiles: list[list[list[float]]] = []

    def __call__(self, n: int) -> None:
        """Look, if it is time: after ``n`` samples, rising from 1."""
        if (n - 1) % self._stride:
            return
        values = layer_values(self._learner)
        self._at.append(n)
        self._percentiles.append([np.percentile(v, PERCENTILES).tolist() for v in values])
        if len(self._at) >= self._most:
            self._stride *= 2
            self._at, self._percentiles = self._at[::2], self._percentiles[::2]

    def history(self) -> LayerHistory:
        """Return what was seen."""
        quantity, meaning = quantity_of(self._learner)
        shape = (len(self._at), len(self._learner.spec.shapes), len(PERCENTILES))
        percentiles = np.array(self._percentiles, np.float64).reshape(shape)
        return LayerHistory(quantity, meaning, np.array(self._at, np.int64), percentiles)


def quantity_of(learner: StreamClassifier) -> tuple[str, str]:
    """Return what :func:`layer_values` has: its name, and what a small or a large value means."""
    return HIDDEN_WEIGHT if "hidden_weight" in _fields(learner) else SIGMA


def layer_values(learner: StreamClassifier) -> list[Floats]:
    """Return, of each layer, how certain its weights are, from the fields that its state has."""
    fields, n_layers = _fields(learner), len(learner.spec.shapes)
    read = next(read for name, read in _READERS.items() if name in fields)
    return [np.asarray(values, np.float64) for values in read(learner, learner.state, n_layers)]


def _fields(learner: StreamClassifier) -> tuple[str, ...]:
    return learner.state.dtype.names or ()


def _sigma(learner: StreamClassifier, state: Any, n: int) -> list[Any]:
    return [layer_view(learner.spec, state, "sigma", layer) for layer in range(n)]


def _rho(learner: StreamClassifier, state: Any, n: int) -> list[Any]:
    plan = make_plan(learner.spec, learner.config)
    views = [layer_view(learner.spec, state, "rho", layer) for layer in range(n)]
    return [
        np.sqrt(decode_rho(rho, mine.v_exponent))
        for rho, mine in zip(views, plan.layers, strict=True)
    ]


def _factors(learner: StreamClassifier, state: Any, n: int) -> list[Any]:
    plan = make_factored_plan(learner.spec, learner.config)
    found = []
    for layer in range(n):
        row = factor_view(learner.spec, state, "row", layer)
        column = factor_view(learner.spec, state, "column", layer)
        if row.dtype.kind == "u":
            row = decode_row(row, plan.layers[layer].v_exponent)
            column = decode_column(column)
        found.append(np.sqrt(np.outer(row, column)))
    return found


def _hidden_weight(learner: StreamClassifier, state: Any, n: int) -> list[Any]:
    views = [weight_view(learner.spec, state, layer) for layer in range(n)]
    unit = 2.0**-WEIGHT_FRAC_BITS if views[0].dtype.kind == "i" else 1.0
    return [np.abs(view.astype(np.float64)) * unit for view in views]


#: By the field of the state that it reads.
_READERS = {"sigma": _sigma, "rho": _rho, "row": _factors, "hidden_weight": _hidden_weight}
