"""Rows of BiMU's first layer that take turns, in a graph: golden_gather.py, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from export.graph.shapes import squeezed, transposed
from export.graph.whole import (
    Value,
    absolute,
    clip,
    equal,
    matmul,
    maximum,
    minimum,
    reduce,
    shift_floor,
    shift_round,
    where,
)
from export.rules.bimu.graph import Layer
from export.rules.bimu.normal import inverse_mantissa, size_of
from quant.rules.bimu.gather import GATHERED_MAX, NAMES
from quant.rules.bimu.golden_gather import (
    LEFT_MAX,
    LEFT_NOISY_MAX,
    RIGHT,
    RIGHT_MOST,
    RIGHT_NOISY,
    SQUARE_SHIFT,
    TO_LANE,
    TO_NOISY_LANE,
)


def gathered_steps(
    step: Any, mine: Layer, delta: Any, noisy: Any, row: str, column: str
) -> tuple[str, dict[str, str]]:
    """Keep a sample, and step the rows whose turn it is; ``step``: a BimuStep.

    Returns
    -------
    str
        The first layer's bytes, padding and all.
    dict of str to str
        What is kept of the newest samples: new fields by name.
    """
    g, plan = step.g, step.plan
    mantissa, exponent = size_of(mine.size)
    scale = shift_floor(inverse_mantissa(mantissa) * float(plan.gain[0]), 16)
    exponent = 23 + plan.gain[1] - exponent
    new = (
        transposed(squeezed(mine.x, 0)),
        transposed(_lane(delta, scale, exponent + TO_LANE, LEFT_MAX)),
        transposed(_lane(noisy, scale, exponent + TO_NOISY_LANE, LEFT_NOISY_MAX)),
    )
    counter = g.cast("n_samples", TensorProto.INT64)
    slot = Value(g, g.cast(g.op("Mod", counter, np.array(plan.gather)), TensorProto.DOUBLE))
    here = equal(np.arange(plan.gather, dtype=float)[None, :], slot)
    kept = [_put(step, name, here, values) for name, values in zip(NAMES, new, strict=True)]
    fields = {name: _stored(step, name, values) for name, values in zip(NAMES, kept, strict=True)}
    rows = step.rows_to_pull(0, plan.gather)
    x = Value(g, g.op("Gather", kept[0].name, rows))
    square = shift_round(x * x, SQUARE_SHIFT)
    most, most_noisy = (transposed(reduce("Max", absolute(part), 0)) for part in kept[1:])
    bound = shift_round(matmul(absolute(x), most), RIGHT)
    bound = bound + shift_round(matmul(square, most_noisy), RIGHT_NOISY)
    words = g.op("Gather", row, rows)
    rarity, taken = step.turn(bound, words)
    sums = (
        shift_round(matmul(x, transposed(kept[1])), RIGHT),
        shift_round(matmul(square, transposed(kept[2])), RIGHT_NOISY),
    )
    return step.moved(0, rows, sums, rarity, taken, words, column), fields


def _lane(y: Any, scale: Any, right: Any, left_max: int) -> Any:
    """The sum over the draws as a lane, ``number[1, columns]``."""
    wide = reduce("Sum", y, 0) * scale
    right = minimum(maximum(right, -left_max), RIGHT_MOST)
    return clip(shift_round(wide, right), -GATHERED_MAX, GATHERED_MAX)


def _put(step: Any, name: str, here: Any, new: Any) -> Any:
    """A field with new values in one slot, ``number[rows or units, slots]``, without padding."""
    g, gather = step.g, step.plan.gather
    n = step.shapes[0][0 if name == NAMES[0] else 1]
    flat = g.op("Slice", name, np.array([0]), np.array([n * gather]), np.array([0]))
    old = Value(g, g.cast(g.op("Reshape", flat, np.array([n, gather])), TensorProto.DOUBLE))
    return where(here, new, old)


def _stored(step: Any, name: str, values: Any) -> str:
    """A field in its type and shape, filled up with 0."""
    g = step.g
    n = step.shapes[0][0 if name == NAMES[0] else 1] * step.plan.gather
    flat = Value(g, g.op("Reshape", values.name, np.array([-1])))
    padding = -n % 4 if name == NAMES[0] else 0
    if padding:
        flat = Value(
            g, g.op("Pad", flat.name, np.array([0, padding]), np.array(0.0), mode="constant")
        )
    found: str = step.fields.stored(name, flat)
    return found
