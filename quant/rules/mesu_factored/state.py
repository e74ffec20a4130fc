"""The state of MESU with factored variance: μ per synapse, one factor per row and per column."""

from __future__ import annotations

from typing import Any, Literal

import numpy.typing as npt

from quant.layout import REAL, Field, State
from quant.network import NetworkSpec
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import (
    COLUMN_START,
    MU_FRAC_BITS_MAX,
    make_factored_plan,
)
from quant.sampling import step
from quant.sampling.state import draw_integer_mu, draw_real_mu, integer_mu_starts
from quant.starts import Copy, Draw

Factor = Literal["row", "column"]
FACTORS: tuple[Factor, Factor] = ("row", "column")


def integer_fields(spec: NetworkSpec, config: MesuFactoredConfig) -> list[Field]:
    """Return what fixed point keeps: the factors as codes, μ and its range."""
    depth, code = (len(spec.shapes),), "of sigma^2: 5 bits of exponent and 27 of mantissa"
    return [
        Field("row", "<u4", code, (spec.n_rows,)),
        Field("column", "<u4", "the other factor, likewise", (spec.n_columns,), COLUMN_START),
        Field("mu_frac_bits", "<i2", "the f of mu", depth, 0, 0, MU_FRAC_BITS_MAX),
        Field("mu_peak", "<u2", "largest |mu| seen in this sweep", depth, most=1 << 15),
        Field("mu", "<i2", "Q(15-f).f, f per layer", (spec.n_synapses,)),
        *step.fields(spec, config, "integer"),
    ]


def integer_init(spec: NetworkSpec, config: MesuFactoredConfig, state: State) -> None:
    """Draw μ uniform in ±mu_limit_q (biases 0), and set the rows' factors and μ's formats."""
    layers = make_factored_plan(spec, config).layers
    draw_integer_mu(spec, [mine.mu_limit_q for mine in layers], state)
    for layer, mine in enumerate(layers):
        factor_view(spec, state, "row", layer)[:] = mine.row_init_q
        state["mu_frac_bits"][0, layer] = mine.mu_frac_bits
    step.start(spec, config, state)


def integer_starts(spec: NetworkSpec, config: MesuFactoredConfig) -> list[Draw | Copy]:
    """Return what :func:`integer_init` draws and copies."""
    limits = [mine.mu_limit_q for mine in make_factored_plan(spec, config).layers]
    return integer_mu_starts(spec, config, limits)


def real_fields(numbers: str, spec: NetworkSpec, config: MesuFactoredConfig) -> list[Field]:
    """Return what float32 or float64 keeps."""
    real = REAL[numbers]
    return [
        Field("row", real, "sigma^2 is a row's factor times a column's", (spec.n_rows,), least=0),
        Field("column", real, "the other factor", (spec.n_columns,), 1, 0),
        Field("mu", real, "mean of a weight", (spec.n_synapses,)),
        *step.fields(spec, config, numbers),
    ]


def real_init(spec: NetworkSpec, config: MesuFactoredConfig, state: State) -> None:
    """Draw μ uniform in ±mu_init/√fan_in (biases 0), and set the rows' factors."""
    draw_real_mu(spec, config, state)
    for layer, fan_in in enumerate(spec.layers[:-1]):
        factor_view(spec, state, "row", layer)[:] = config.sigma_init_of(fan_in) ** 2
    step.start(spec, config, state)


def factor_view(spec: NetworkSpec, state: State, field: Factor, layer: int) -> npt.NDArray[Any]:
    """Return the view ``[rows]`` or ``[columns]`` of one layer's factors."""
    sizes = [shape[field == "column"] for shape in spec.shapes]
    start = sum(sizes[:layer])
    view: npt.NDArray[Any] = state[field][0, start : start + sizes[layer]]
    return view
