"""The state of MESU with factored variance: μ of every synapse, one factor a row and a column."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from quant.factored_plan import COLUMN_START, make_factored_plan
from quant.layout import Field
from quant.metaplastic_state import EXPONENT_START
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.spec import MesuConfig, NetworkSpec

Factor = Literal["row", "column"]
FACTORS: tuple[Factor, Factor] = ("row", "column")


def fields(spec: NetworkSpec, arithmetic: str) -> list[Field]:
    """Return what the rule keeps in the state."""
    depth = (len(spec.shapes),)
    real = {"float32": "<f4", "float64": "<f8"}.get(arithmetic)
    if real is not None:
        return [
            Field("row", real, "sigma^2 is a row's factor times a column's", (spec.n_rows,)),
            Field("column", real, "the other factor", (spec.n_columns,)),
            Field("mu", real, "mean of a weight", (spec.n_synapses,)),
        ]
    code = "of sigma^2: 5 bits of exponent and 27 of mantissa"
    return [
        Field("row", "<u4", code, (spec.n_rows,)),
        Field("column", "<u4", "the other factor", (spec.n_columns,)),
        Field("mu_frac_bits", "<i2", "the f of mu", depth),
        Field("mu_peak", "<u2", "largest |mu| seen in this sweep", depth),
        Field("mu", "<i2", "Q(15-f).f, f per layer", (spec.n_synapses,)),
    ]


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
