"""The state of BiMU: λ of every synapse, half the log-odds that its weight is +1."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.cuts import cuts_of, shapes_of
from quant.errors import ShapeError
from quant.layout import Field, State
from quant.network import NetworkSpec
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.rules.bimu.config import BELIEF_FRAC_BITS, BimuConfig
from quant.starts import Copy, Draw, Place

#: Rows of bytes end at a multiple of this many, so that a word is never cut.
ROW_ALIGNMENT = 4


def stride(columns: int) -> int:
    """Return the bytes of a row: a multiple of 4."""
    return -(-columns // ROW_ALIGNMENT) * ROW_ALIGNMENT


def integer_fields(spec: NetworkSpec, config: BimuConfig) -> list[Field]:
    """Return what q8 keeps."""
    n = sum(rows * stride(columns) for rows, columns in _shapes(spec, config))
    return [Field("belief", "i1", "Q2.5; rows end at a word, padded with 0", (n,), 0, -127)]


def real_fields(spec: NetworkSpec, config: BimuConfig) -> list[Field]:
    """Return what float64 keeps."""
    n = sum(rows * columns for rows, columns in _shapes(spec, config))
    return [Field("belief", "<f8", "half the log-odds that the weight is +1", (n,))]


def _shapes(spec: NetworkSpec, config: BimuConfig) -> tuple[tuple[int, int], ...]:
    return shapes_of(spec, cuts_of(spec, config.cuts))


def belief_view(spec: NetworkSpec, state: npt.NDArray[Any], layer: int) -> npt.NDArray[Any]:
    """Return the ``[rows, columns]`` view of one layer's λ, padding left out.

    The first layer has the rows that the later ones leave: one for each cut of each column.
    """
    flat = state["belief"][0]
    widths = [stride(n) if flat.dtype == np.int8 else n for _, n in spec.shapes]
    later = [rows * width for (rows, _), width in zip(spec.shapes, widths, strict=True)][1:]
    sizes = [len(flat) - sum(later), *later]
    start = sum(sizes[:layer])
    view: npt.NDArray[Any] = flat[start : start + sizes[layer]]
    return view.reshape(-1, widths[layer])[:, : spec.shapes[layer][1]]


def integer_init(spec: NetworkSpec, config: BimuConfig, state: State) -> None:
    """Draw λ uniform in whole LSBs: word ``i·columns + j`` of stream ``32 + layer``."""
    limit = math.floor(config.belief_init * (1 << BELIEF_FRAC_BITS))
    for view, drawn in _starts(spec, state):
        view[:] = (drawn.astype(np.int64) * (2 * limit + 1) >> 32) - limit


def integer_starts(spec: NetworkSpec, config: BimuConfig) -> list[Draw | Copy]:
    """Return what :func:`integer_init` draws."""
    limit = math.floor(config.belief_init * (1 << BELIEF_FRAC_BITS))
    found: list[Draw | Copy] = []
    first = 0
    for layer, (rows, columns) in enumerate(_shapes(spec, config)):
        place = Place("belief", first, rows, columns, stride(columns))
        found.append(Draw(place, STREAM_INIT + layer, 2 * limit + 1, -limit))
        first += rows * stride(columns)
    return found


def real_init(spec: NetworkSpec, config: BimuConfig, state: State) -> None:
    """Draw λ uniform, from the words that q8 draws."""
    for view, drawn in _starts(spec, state):
        view[:] = (drawn / 2.0**31 - 1) * config.belief_init


def _starts(
    spec: NetworkSpec, state: State
) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.uint32]]]:
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer in range(len(spec.shapes)):
        view = belief_view(spec, state, layer)
        yield view, words(key, STREAM_INIT + layer, view.size).reshape(view.shape)


def integer_check(spec: NetworkSpec, config: BimuConfig, state: State) -> None:
    """Refuse a state that no learner comes to: λ is symmetric, -127 to 127.

    Raises
    ------
    ShapeError
        If it holds -128.
    """
    if int(state["belief"][0].min()) < -127:
        raise ShapeError(
            "state with a belief of -128: expected -127 to 127; was it written by another "
            "streamlearn, or damaged?"
        )
