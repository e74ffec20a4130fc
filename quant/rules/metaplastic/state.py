"""The state of the metaplastic rule: int8 hidden weights whose sign bit is the binary weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import ShapeError
from quant.layout import REAL, Field, State
from quant.network import NetworkSpec
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import adapts, shapes_of
from quant.rules.metaplastic.gates import gates_of
from quant.rules.metaplastic.plan import init_limit
from quant.rules.metaplastic.step import ONE, trace_view, traced
from quant.rules.metaplastic.step import integer_fields as step_integers
from quant.rules.metaplastic.step import real_fields as step_reals
from quant.starts import Copy, Draw, Place

#: Rows of int8 weights end at a multiple of this many, so that a word is never cut.
ROW_ALIGNMENT = 4
#: Of the logarithm of the temperature, Q15.16.
LOG_TEMPERATURE_MIN, LOG_TEMPERATURE_MAX = -4 << 16, 4 << 16


def stride(columns: int) -> int:
    """Return the bytes of a row of ``columns`` int8 weights: a multiple of 4."""
    return -(-columns // ROW_ALIGNMENT) * ROW_ALIGNMENT


def integer_fields(spec: NetworkSpec, config: MetaplasticConfig) -> list[Field]:
    """Return what q8 keeps; rows of int8 weights are padded to words."""
    sizes = [rows * stride(columns) for rows, columns in shapes_of(spec, config)]
    words, trace = step_integers(adapts(spec, config), sizes[-1])
    return [
        Field(
            "log_temperature",
            "<i4",
            "Q15.16: log2 of what divides the logits",
            (),
            0,
            LOG_TEMPERATURE_MIN,
            LOG_TEMPERATURE_MAX,
        ),
        *_gates_field(spec, config),
        *words,
        Field("hidden_weight", "i1", "Q0.7; rows end at a word, padded with 0", (sum(sizes),)),
        *trace,
    ]


def real_fields(numbers: str, spec: NetworkSpec, config: MetaplasticConfig) -> list[Field]:
    """Return what float32 or float64 keeps."""
    sizes, real = [rows * columns for rows, columns in shapes_of(spec, config)], REAL[numbers]
    gates = _gates_field(spec, config)
    words, trace = step_reals(real, adapts(spec, config), sizes[-1])
    weights = Field("hidden_weight", real, "its sign is the weight", (sum(sizes),))
    temperature = Field("log_temperature", real, "log2 of what divides the logits")
    if numbers == "float32":  # a replay in C leaves the single words, which come first, as they are
        return [temperature, *gates, *words, weights, *trace]
    return [*gates, weights, temperature, *words, *trace]


def _gates_field(spec: NetworkSpec, config: MetaplasticConfig) -> list[Field]:
    gates = gates_of(spec, config)
    if not gates.n_blocks:
        return []
    return [Field("gates", "<u4", "n_blocks << 16 | n_active", start=gates.word)]


def check_gates(spec: NetworkSpec, config: MetaplasticConfig, state: State) -> None:
    """Refuse a state that was learned with other gates than the network's.

    Raises
    ------
    ShapeError
        If it was.
    """
    gates = gates_of(spec, config)
    names = [name for name in ("gates", "reserved") if name in (state.dtype.names or ())]
    found = [int(state[name][0]) for name in names]
    if found and found[0] != gates.word:
        raise ShapeError(
            f"state with {found[0] & 0xFFFF} of {found[0] >> 16} blocks of hidden units active: "
            f"this network has {gates.n_active} of {gates.n_blocks}; was it written for another "
            "network?"
        )


def weight_view(spec: NetworkSpec, state: npt.NDArray[Any], layer: int) -> npt.NDArray[Any]:
    """Return the ``[rows, columns]`` view of one layer's hidden weights, padding left out.

    The first layer has the rows that the later ones leave: one per cut of each column.
    """
    flat = state["hidden_weight"][0]
    widths = [stride(n) if flat.dtype == np.int8 else n for _, n in spec.shapes]
    later = [rows * width for (rows, _), width in zip(spec.shapes, widths, strict=True)][1:]
    sizes = [len(flat) - sum(later), *later]
    start = sum(sizes[:layer])
    view: npt.NDArray[Any] = flat[start : start + sizes[layer]]
    return view.reshape(-1, widths[layer])[:, : spec.shapes[layer][1]]


def integer_init(spec: NetworkSpec, config: MetaplasticConfig, state: State) -> None:
    """Draw w uniform in -w0 - 1 to w0: word ``i·columns + j`` of stream ``32 + layer``."""
    for layer, drawn, limit in _starts(spec, config, state):
        scaled = (drawn.astype(np.int64) * (2 * limit + 2) >> 32) - limit - 1
        weight_view(spec, state, layer)[:] = scaled
    _start_trace(spec, config, state)


def integer_starts(spec: NetworkSpec, config: MetaplasticConfig) -> list[Draw | Copy]:
    """Return what :func:`integer_init` draws, and the trace of the last layer."""
    found: list[Draw | Copy] = []
    first, shapes = 0, shapes_of(spec, config)
    for layer, (rows, columns) in enumerate(shapes):
        limit = init_limit(spec, config, layer == len(shapes) - 1)
        place = Place("hidden_weight", first, rows, columns, stride(columns))
        found.append(Draw(place, STREAM_INIT + layer, 2 * limit + 2, -limit - 1))
        first += rows * stride(columns)
    if adapts(spec, config):
        rows, columns = shapes[-1]
        place = Place("trace", 0, rows, columns, stride(columns))
        found.append(Copy(place, "hidden_weight", first - rows * stride(columns), sign=ONE))
    return found


def real_init(spec: NetworkSpec, config: MetaplasticConfig, state: State) -> None:
    """Draw W uniform in ±(w0 + 1)/128, from the words that q8 draws."""
    for layer, drawn, limit in _starts(spec, config, state):
        weight_view(spec, state, layer)[:] = (drawn / 2.0**31 - 1) * (limit + 1) / 128
    _start_trace(spec, config, state)


def _start_trace(spec: NetworkSpec, config: MetaplasticConfig, state: State) -> None:
    """Nothing has moved yet."""
    if adapts(spec, config):
        trace_view(spec, state)[:] = traced(weight_view(spec, state, len(spec.shapes) - 1))


def _starts(
    spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> Iterator[tuple[int, npt.NDArray[np.uint32], int]]:
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer, (rows, columns) in enumerate(shapes_of(spec, config)):
        limit = init_limit(spec, config, layer == len(spec.shapes) - 1)
        drawn = words(key, STREAM_INIT + layer, rows * columns).reshape(rows, columns)
        yield layer, drawn, limit


def calibrated(state: State, logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return logits divided by the state's temperature."""
    value = state["log_temperature"][0]
    exponent = value / 65536 if value.dtype.kind == "i" else value
    scaled: npt.NDArray[np.float64] = logits / 2.0**exponent
    return scaled
