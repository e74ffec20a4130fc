"""The state of MESU with factored variance: μ of every synapse, one factor a row and a column."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from quant.factored_plan import COLUMN_START, make_factored_plan
from quant.metaplastic_state import EXPONENT_START
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.spec import MesuConfig, NetworkSpec

Factor = Literal["row", "column"]
FACTORS: tuple[Factor, Factor] = ("row", "column")


def state_dtype(spec: NetworkSpec, arithmetic: str) -> np.dtype[Any]:
    """Return the layout: little endian, no padding but a named one at the end."""
    n, depth = spec.n_features, len(spec.shapes)
    gaussian, standardise = spec.likelihood == "gaussian", spec.front_end == "standardise"
    real = {"float32": "<f4", "float64": "<f8"}.get(arithmetic)
    fields: list[tuple[Any, ...]] = [
        ("n_samples", "<u4"),
        ("seed", "<u4"),
        ("front_end_count", "<u4"),
        ("target_count" if gaussian else "reserved", "<u4"),
    ]
    if gaussian:
        fields += [("target_mean", real or "<i4"), ("target_variance", real or "<u4")]
    if gaussian and real is None:
        fields.append(("target_exponent", "<i4"))
    if standardise:
        fields += [("mean", real or "<i4", (n,)), ("variance", real or "<u4", (n,))]
    fields += [("row", real or "<u4", (spec.n_rows,)), ("column", real or "<u4", (spec.n_columns,))]
    if real is None:
        halves = 2 * depth + spec.n_synapses
        if standardise:
            fields.append(("exponent", "<i2", (n,)))
            halves += n
        fields += [("mu_frac_bits", "<i2", (depth,)), ("mu_peak", "<u2", (depth,))]
        fields.append(("mu", "<i2", (spec.n_synapses,)))
        if halves % 2:
            fields.append(("padding", "<u2"))
    else:
        fields.append(("mu", real, (spec.n_synapses,)))
    return np.dtype(fields)


def factor_view(
    spec: NetworkSpec, state: npt.NDArray[Any], field: Factor, layer: int
) -> npt.NDArray[Any]:
    """Return the view ``[rows]`` or ``[columns]`` of one layer's factors."""
    sizes = [shape[field == "column"] for shape in spec.shapes]
    start = sum(sizes[:layer])
    view: npt.NDArray[Any] = state[field][0, start : start + sizes[layer]]
    return view


def start(spec: NetworkSpec, config: MesuConfig, arithmetic: str, state: npt.NDArray[Any]) -> None:
    """Set what is not 0 before the first sample: μ from the words that every arithmetic draws."""
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    plan = make_factored_plan(spec, config) if arithmetic == "q16" else None
    first = 0
    for layer, fan_in in enumerate(spec.layers[:-1]):
        rows, columns = spec.shapes[layer]
        uniform = words(key, STREAM_INIT + layer, fan_in * columns)
        weights = state["mu"][0, first : first + fan_in * columns]
        first += rows * columns
        row, column = (factor_view(spec, state, field, layer) for field in FACTORS)
        if plan is None:
            weights[:] = (uniform / 2.0**31 - 1) * config.mu_limit_of(fan_in)
            row[:], column[:] = config.sigma_init_of(fan_in) ** 2, 1
            continue
        mine = plan.layers[layer]
        limit = mine.mu_limit_q
        weights[:] = (uniform.astype(np.int64) * (2 * limit + 1) >> 32) - limit
        row[:], column[:] = mine.row_init_q, COLUMN_START
        state["mu_frac_bits"][0, layer] = mine.mu_frac_bits
    if plan is not None and spec.front_end == "standardise":
        state["exponent"] = EXPONENT_START
    if plan is not None and spec.likelihood == "gaussian":
        state["target_exponent"] = EXPONENT_START
