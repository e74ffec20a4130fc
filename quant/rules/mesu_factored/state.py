"""The state of MESU with factored variance: μ of every synapse, one factor a row and a column."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from quant.layout import REAL, Field, State
from quant.network import NetworkSpec, layer_view
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import COLUMN_START, make_factored_plan

Factor = Literal["row", "column"]
FACTORS: tuple[Factor, Factor] = ("row", "column")


def integer_fields(spec: NetworkSpec, config: MesuFactoredConfig) -> list[Field]:
    """Return what fixed point keeps: the factors as codes, μ and its range."""
    depth, code = (len(spec.shapes),), "of sigma^2: 5 bits of exponent and 27 of mantissa"
    return [
        Field("row", "<u4", code, (spec.n_rows,)),
        Field("column", "<u4", "the other factor, likewise", (spec.n_columns,), COLUMN_START),
        Field("mu_frac_bits", "<i2", "the f of mu", depth),
        Field("mu_peak", "<u2", "largest |mu| seen in this sweep", depth),
        Field("mu", "<i2", "Q(15-f).f, f per layer", (spec.n_synapses,)),
    ]


def integer_init(spec: NetworkSpec, config: MesuFactoredConfig, state: State) -> None:
    """Draw μ uniform in ±mu_limit_q (biases 0), and set the rows' factors."""
    plan, key = make_factored_plan(spec, config), sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer, fan_in in enumerate(spec.layers[:-1]):
        mine, columns = plan.layers[layer], spec.shapes[layer][1]
        uniform = words(key, STREAM_INIT + layer, fan_in * columns).astype(np.int64)
        drawn = (uniform * (2 * mine.mu_limit_q + 1) >> 32) - mine.mu_limit_q
        layer_view(spec, state, "mu", layer)[:fan_in] = drawn.reshape(fan_in, columns)
        factor_view(spec, state, "row", layer)[:] = mine.row_init_q
        state["mu_frac_bits"][0, layer] = mine.mu_frac_bits


def real_fields(numbers: str, spec: NetworkSpec) -> list[Field]:
    """Return what float32 or float64 keeps."""
    real = REAL[numbers]
    return [
        Field("row", real, "sigma^2 is a row's factor times a column's", (spec.n_rows,)),
        Field("column", real, "the other factor", (spec.n_columns,), 1),
        Field("mu", real, "mean of a weight", (spec.n_synapses,)),
    ]


def real_init(spec: NetworkSpec, config: MesuFactoredConfig, state: State) -> None:
    """Draw μ uniform in ±mu_init/√fan_in (biases 0), and set the rows' factors."""
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer, fan_in in enumerate(spec.layers[:-1]):
        columns = spec.shapes[layer][1]
        uniform = words(key, STREAM_INIT + layer, fan_in * columns)
        drawn = (uniform / 2.0**31 - 1) * config.mu_limit_of(fan_in)
        layer_view(spec, state, "mu", layer)[:fan_in] = drawn.reshape(fan_in, columns)
        factor_view(spec, state, "row", layer)[:] = config.sigma_init_of(fan_in) ** 2


def factor_view(spec: NetworkSpec, state: State, field: Factor, layer: int) -> npt.NDArray[Any]:
    """Return the view ``[rows]`` or ``[columns]`` of one layer's factors."""
    sizes = [shape[field == "column"] for shape in spec.shapes]
    start = sum(sizes[:layer])
    view: npt.NDArray[Any] = state[field][0, start : start + sizes[layer]]
    return view
