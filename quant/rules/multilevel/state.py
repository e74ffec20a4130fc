"""The state of the rule of few levels: of every synapse its level, and how often it was used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import ShapeError
from quant.layout import Field, State
from quant.network import NetworkSpec
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.rules.multilevel.config import MultilevelConfig
from quant.starts import Copy, Draw, Place

#: Rows of bytes end at a multiple of this many, so that a word is never cut.
ROW_ALIGNMENT = 4


def stride(columns: int) -> int:
    """Return the bytes of a row: a multiple of 4."""
    return -(-columns // ROW_ALIGNMENT) * ROW_ALIGNMENT


def integer_fields(spec: NetworkSpec, config: MultilevelConfig) -> list[Field]:
    """Return what q8 keeps."""
    n = sum(rows * stride(columns) for rows, columns in spec.shapes)
    return [
        Field("level", "u1", "level; rows end at a word, padded with 0", (n,), 0, 0, config.steps),
        Field("used", "u1", "counter of co-activity, in the order of level", (n,)),
    ]


def real_fields(spec: NetworkSpec, config: MultilevelConfig) -> list[Field]:
    """Return what float64 keeps."""
    n = sum(rows * columns for rows, columns in spec.shapes)
    return [
        Field("level", "<f8", "level, a real number from 0", (n,)),
        Field("used", "<f8", "counter of co-activity", (n,)),
    ]


def view(spec: NetworkSpec, state: State, field: str, layer: int) -> npt.NDArray[Any]:
    """Return the ``[rows, columns]`` view of one layer of a field, padding left out."""
    flat = state[field][0]
    widths = [stride(n) if flat.dtype == np.uint8 else n for _, n in spec.shapes]
    sizes = [rows * width for (rows, _), width in zip(spec.shapes, widths, strict=True)]
    start = sum(sizes[:layer])
    found: npt.NDArray[Any] = flat[start : start + sizes[layer]]
    return found.reshape(-1, widths[layer])[:, : spec.shapes[layer][1]]


def lowest(spec: NetworkSpec, config: MultilevelConfig, layer: int) -> int:
    """Return the lowest level that a layer's weights start at; the highest mirrors it."""
    last = layer == len(spec.shapes) - 1
    init = config.weight_init_output if last else config.weight_init
    return min(math.floor((1 - init) * config.steps / 2 + 0.5), config.steps // 2)


def integer_init(spec: NetworkSpec, config: MultilevelConfig, state: State) -> None:
    """Draw levels uniform: word ``i·columns + j`` of stream ``32 + layer``."""
    for layer, drawn in _words(spec, state):
        low = lowest(spec, config, layer)
        found = drawn.astype(np.int64) * (config.steps - 2 * low + 1) >> 32
        view(spec, state, "level", layer)[:] = found + low


def integer_starts(spec: NetworkSpec, config: MultilevelConfig) -> list[Draw | Copy]:
    """Return what :func:`integer_init` draws."""
    found: list[Draw | Copy] = []
    first = 0
    for layer, (rows, columns) in enumerate(spec.shapes):
        place = Place("level", first, rows, columns, stride(columns))
        low = lowest(spec, config, layer)
        found.append(Draw(place, STREAM_INIT + layer, config.steps - 2 * low + 1, low))
        first += rows * stride(columns)
    return found


def real_init(spec: NetworkSpec, config: MultilevelConfig, state: State) -> None:
    """Draw levels uniform, from the words that q8 draws."""
    for layer, drawn in _words(spec, state):
        low = lowest(spec, config, layer)
        span = config.steps - 2 * low
        view(spec, state, "level", layer)[:] = low + drawn / 2.0**32 * span


def _words(spec: NetworkSpec, state: State) -> Iterator[tuple[int, npt.NDArray[np.uint32]]]:
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer, (rows, columns) in enumerate(spec.shapes):
        drawn = words(key, STREAM_INIT + layer, rows * columns)
        yield layer, drawn.reshape(rows, columns)


def integer_check(spec: NetworkSpec, config: MultilevelConfig, state: State) -> None:
    """Refuse a state that no learner comes to.

    Raises
    ------
    ShapeError
        If it holds a level above the highest.
    """
    highest = int(state["level"][0].max())
    if highest > config.steps:
        raise ShapeError(
            f"state with a level of {highest}: expected 0 to {config.steps}; was it written for "
            "other levels or devices, or damaged?"
        )
