"""The state of BiMU: λ of every synapse, half the log-odds that its weight is +1."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.cuts import cuts_of, shapes_of
from quant.errors import ShapeError
from quant.layout import REAL, Field, State
from quant.network import NetworkSpec
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.rules.bimu import gather
from quant.rules.bimu.belief import Belief
from quant.rules.bimu.config import BimuConfig
from quant.starts import Copy, Draw, Place

#: Rows end at a multiple of this many beliefs, so that a word is never cut.
ROW_ALIGNMENT = 4


def stride(columns: int) -> int:
    """Return the beliefs of a row in integers: a multiple of 4."""
    return -(-columns // ROW_ALIGNMENT) * ROW_ALIGNMENT


def integer_fields(belief: Belief, spec: NetworkSpec, config: BimuConfig) -> list[Field]:
    """Return what integers keep."""
    shapes = _shapes(spec, config)
    n = sum(rows * stride(columns) for rows, columns in shapes)
    meaning = f"Q2.{belief.frac_bits}; rows end at a word, padded with 0"
    most = belief.most if belief.low_bits else None  # a byte holds no more
    return [
        Field("belief", belief.dtype, meaning, (n,), 0, -belief.most, most),
        *gather.fields(*shapes[0], config.gather),
    ]


def real_fields(numbers: str, spec: NetworkSpec, config: BimuConfig) -> list[Field]:
    """Return what float32 or float64 keeps."""
    n = sum(rows * columns for rows, columns in _shapes(spec, config))
    return [Field("belief", REAL[numbers], "half the log-odds that the weight is +1", (n,))]


def _shapes(spec: NetworkSpec, config: BimuConfig) -> tuple[tuple[int, int], ...]:
    return shapes_of(spec, cuts_of(spec, config.cuts))


def belief_view(spec: NetworkSpec, state: npt.NDArray[Any], layer: int) -> npt.NDArray[Any]:
    """Return the ``[rows, columns]`` view of one layer's λ, padding left out.

    The first layer has the rows that the later ones leave: one for each cut of each column.
    """
    flat = state["belief"][0]
    widths = [stride(n) if flat.dtype.kind == "i" else n for _, n in spec.shapes]
    later = [rows * width for (rows, _), width in zip(spec.shapes, widths, strict=True)][1:]
    sizes = [len(flat) - sum(later), *later]
    start = sum(sizes[:layer])
    view: npt.NDArray[Any] = flat[start : start + sizes[layer]]
    return view.reshape(-1, widths[layer])[:, : spec.shapes[layer][1]]


def _limit(belief: Belief, config: BimuConfig) -> int:
    return math.floor(config.belief_init * (1 << belief.frac_bits))


def integer_init(belief: Belief, spec: NetworkSpec, config: BimuConfig, state: State) -> None:
    """Draw λ uniform in whole LSBs: word ``i·columns + j`` of stream ``32 + layer``."""
    limit = _limit(belief, config)
    for view, drawn in _starts(spec, state):
        view[:] = (drawn.astype(np.int64) * (2 * limit + 1) >> 32) - limit


def integer_starts(belief: Belief, spec: NetworkSpec, config: BimuConfig) -> list[Draw | Copy]:
    """Return what :func:`integer_init` draws."""
    limit = _limit(belief, config)
    found: list[Draw | Copy] = []
    first = 0
    for layer, (rows, columns) in enumerate(_shapes(spec, config)):
        place = Place("belief", first, rows, columns, stride(columns))
        found.append(Draw(place, STREAM_INIT + layer, 2 * limit + 1, -limit))
        first += rows * stride(columns)
    return found


def real_init(spec: NetworkSpec, config: BimuConfig, state: State) -> None:
    """Draw λ uniform, from the words that integers draw."""
    for view, drawn in _starts(spec, state):
        view[:] = (drawn / 2.0**31 - 1) * config.belief_init


def _starts(
    spec: NetworkSpec, state: State
) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.uint32]]]:
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer in range(len(spec.shapes)):
        view = belief_view(spec, state, layer)
        yield view, words(key, STREAM_INIT + layer, view.size).reshape(view.shape)


def integer_check(belief: Belief, spec: NetworkSpec, config: BimuConfig, state: State) -> None:
    """Refuse a state that no learner comes to: λ is within ±127/32.

    Raises
    ------
    ShapeError
        If it holds another.
    """
    for end in (int(state["belief"][0].min()), int(state["belief"][0].max())):
        if abs(end) > belief.most:
            raise ShapeError(
                f"state with a belief of {end}: expected -{belief.most} to {belief.most}; was it "
                "written by another streamlearn, or damaged?"
            )
