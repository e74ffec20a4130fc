"""The state of the metaplastic rule: int8 hidden weights whose sign bit is the binary weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import ShapeError
from quant.layout import Field
from quant.metaplastic_config import MetaplasticConfig
from quant.metaplastic_plan import init_limit
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.spec import NetworkSpec

EXPONENT_START = 127
#: Rows of int8 weights end at a multiple of this many, so that a word is never cut.
ROW_ALIGNMENT = 4


def stride(columns: int) -> int:
    """Return the bytes of a row of ``columns`` int8 weights: a multiple of 4."""
    return -(-columns // ROW_ALIGNMENT) * ROW_ALIGNMENT


def fields(spec: NetworkSpec, arithmetic: str) -> list[Field]:
    """Return what the rule keeps in the state; rows of int8 weights are padded to words."""
    gates = [Field("gates", "<u4", "n_blocks << 16 | n_active")] if spec.n_blocks else []
    if arithmetic == "q8":
        size = sum(rows * stride(columns) for rows, columns in spec.shapes)
        temperature = Field("log_temperature", "<i4", "Q15.16: log2 of what divides the logits")
        weight = Field("hidden_weight", "i1", "Q0.7; rows end at a word, padded with 0", (size,))
        return [temperature, *gates, weight]
    weight = Field("hidden_weight", "<f8", "its sign is the weight", (spec.n_synapses,))
    return [*gates, weight, Field("log_temperature", "<f8", "log2 of what divides the logits")]


def gates_word(spec: NetworkSpec) -> int:
    """Return what tells states of different gates apart: ``n_blocks << 16 | n_active``."""
    return spec.n_blocks << 16 | spec.n_active


def check_gates(spec: NetworkSpec, state: npt.NDArray[Any]) -> None:
    """Refuse a state that was learned with other gates than the network's.

    Raises
    ------
    ShapeError
        Then.
    """
    names = [name for name in ("gates", "reserved") if name in (state.dtype.names or ())]
    held = [int(state[name][0]) for name in names]
    if held and held[0] != gates_word(spec):
        raise ShapeError(
            f"state with {held[0] & 0xFFFF} of {held[0] >> 16} blocks of hidden units active: this "
            f"network has {spec.n_active} of {spec.n_blocks}; was it written for another network?"
        )


def weight_view(spec: NetworkSpec, state: npt.NDArray[Any], layer: int) -> npt.NDArray[Any]:
    """Return the ``[rows, columns]`` view of one layer's hidden weights, padding left out."""
    flat = state["hidden_weight"][0]
    widths = [stride(n) if flat.dtype == np.int8 else n for _, n in spec.shapes]
    start = sum(
        rows * width for (rows, _), width in zip(spec.shapes[:layer], widths[:layer], strict=True)
    )
    rows, columns = spec.shapes[layer]
    view: npt.NDArray[Any] = flat[start : start + rows * widths[layer]]
    return view.reshape(rows, widths[layer])[:, :columns]


def start(
    spec: NetworkSpec, config: MetaplasticConfig, arithmetic: str, state: npt.NDArray[Any]
) -> None:
    """Draw the weights of a zeroed state, the same words in every arithmetic.

    Word ``i·columns + j`` of stream ``32 + layer`` gives w uniform in -w0 - 1 to w0, or in float
    W uniform in ±(w0 + 1)/128.
    """
    if spec.n_blocks:
        state["gates"] = gates_word(spec)
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer, (rows, columns) in enumerate(spec.shapes):
        limit = init_limit(spec, config, layer == len(spec.shapes) - 1)
        drawn = words(key, STREAM_INIT + layer, rows * columns).reshape(rows, columns)
        weight = weight_view(spec, state, layer)
        if arithmetic == "q8":
            weight[:] = (drawn.astype(np.int64) * (2 * limit + 2) >> 32) - limit - 1
        else:
            weight[:] = (drawn / 2.0**31 - 1) * (limit + 1) / 128
    if arithmetic == "q8" and spec.front_end == "standardise":
        state["exponent"] = EXPONENT_START
