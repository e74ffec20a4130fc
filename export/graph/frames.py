"""Stages that look at the last n samples, in a graph: :mod:`quant.stages.frames`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto

from export.graph.builder import GraphBuilder
from export.graph.shapes import read
from export.graph.signal import values
from export.graph.whole import Value, equal, where
from quant.stages.frames import Framed


class Step(NamedTuple):
    """What a stage makes of a sample.

    Attributes
    ----------
    after : mapping of str to value
        The new fields of its state: names, or whole numbers to be stored.
    ready : value or None
        Whether features come; None: always.
    features : callable
        Writes what makes them, ``number[n_features]``; to be called where they are needed.
    """

    after: Mapping[str, Any]
    ready: Any
    features: Callable[[], Any]


def framed(
    g: GraphBuilder,
    stage: Framed,
    state: Mapping[str, str],
    x: str,
    features: Callable[[Any, Value], Any],
) -> Step:
    """Take a sample into the last n.

    Parameters
    ----------
    g : GraphBuilder
    stage : Framed
    state : mapping
        Names of its fields in the graph.
    x : str
        float32[channels].
    features : callable
        Of the stage and ``number[n, channels]``, the oldest first: ``number[n_features]``.
    """
    waiting, at = read(g, state["waiting"]), read(g, state["at"])
    place = g.op("Reshape", g.cast(state["at"], TensorProto.INT64), np.array([1, 1]))
    sample = g.op("ScatterND", state["sample"], place, g.unsqueeze(x, 0))
    ready = equal(waiting, 1)
    after = {
        "waiting": where(ready, float(stage.hop), waiting - 1),
        "at": where(equal(at, float(stage.n - 1)), 0.0, at + 1),
        "sample": sample,
    }

    def make() -> Any:
        order = g.op("Add", g.squeeze(place, 0), np.arange(1, stage.n + 1))
        ordered = g.op("Gather", sample, g.op("Mod", order, stage.n), axis=0)
        return features(stage, values(g, ordered))

    return Step(after, ready, make)
