"""Averaged weights in a graph: :mod:`quant.averages.golden`, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.learner import LearningStep
from export.graph.shapes import read, reshaped
from export.graph.whole import floor, minimum, shift_floor
from export.graph.words import high_half
from quant import averages, noise
from quant.network import NetworkSpec

#: Of how often all rows were visited, plus one.
_VISITS_BITS = 27


def wanted(spec: NetworkSpec) -> list[tuple[int, int]]:
    """The words of a step: one for each row of a layer."""
    rows = [n for n, _ in spec.shapes] if spec.average_window else []
    return [(noise.STREAM_AVERAGE + layer, n) for layer, n in enumerate(rows)]


def shown(step: LearningStep, mu: Sequence[str], average: Sequence[str], learns: str) -> list[str]:
    """The layers' weights that a step reads: μ where there is a label, else the average.

    ONNX Runtime has no Where of 16-bit integers.
    """
    g, which = step.g, step.g.cast(learns, TensorProto.INT64)
    both = (
        g.op("Concat", *(g.unsqueeze(part, 0) for part in pair), axis=0)
        for pair in zip(average, mu, strict=True)
    )
    return [g.op("Gather", pair, which) for pair in both]


def followed(
    step: LearningStep, average: Sequence[str], mu: Sequence[str], words: Sequence[str]
) -> list[str]:
    """The layers' averages after some of their rows have followed μ of after the step."""
    g, window = step.g, step.spec.average_window
    visits = floor(reshaped(step.fields.value("n_samples"), [1]) * (1 / averages.ROWS)) + 1
    most = (window // averages.ROWS).bit_length() - 1
    right = minimum(bit_length(visits, _VISITS_BITS) - 1, most)
    found = []
    for layer, (was, now, word) in enumerate(zip(average, mu, words, strict=True)):
        rows = step.rows_to_pull(layer, averages.ROWS)
        columns = np.arange(step.shapes[layer][1], dtype=np.uint32) * np.uint32(noise.GOLDEN)
        u = high_half(g, g.op("Add", g.unsqueeze(g.op("Gather", word, rows), 1), columns))
        old, new = (read(g, g.op("Gather", part, rows)) for part in (was, now))
        moved = old + shift_floor(new - old + shift_floor(u, 16 - right), right)
        found.append(step.scattered(was, rows, step.fields.stored("average", moved)))
    return found
