"""What the generated headers of both MESU rules share. Data, never logic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from quant.network import NetworkSpec
from quant.sampling.config import SamplingConfig
from quant.sampling.plan import effective_sweep
from quant.tables import EPSILON


def table(values: npt.NDArray[np.integer]) -> str:
    """Return integers as a C initialiser."""
    return "{" + ", ".join(str(int(v)) for v in values) + "}"


def real(value: float) -> str:
    """Return a number as a C float."""
    return f"{float(np.float32(value))!r}f"


def shared_defines(spec: NetworkSpec, config: SamplingConfig) -> dict[str, object]:
    """Return sizes and tables."""
    columns = [n_out for _, n_out in spec.shapes]
    return {
        "SL_N_OUTPUTS": spec.n_outputs,
        "SL_GAUSSIAN": int(spec.head == "gaussian"),
        "SL_TARGET_WINDOW": f"{config.target_window}u",
        "SL_N_SYNAPSES": spec.n_synapses,
        "SL_N_UNITS": sum(columns),
        "SL_N_LATER_UNITS": max(1, sum(columns[1:])),
        "SL_FIRST_UNITS": columns[0],
        "SL_MAX_UNITS": max(columns),
        "SL_N_HIDDEN_ROWS": max(1, sum(rows for rows, _ in spec.shapes[1:])),
        "SL_N_DRAWS": config.n_draws,
        "SL_SWEEP": f"{effective_sweep(config)}u",
        "SL_EPSILON_TABLE": table(EPSILON),
    }


def layer_table(spec: NetworkSpec, constants: Sequence[Sequence[str]]) -> str:
    """Return the table of layers: sizes and places, then the rule's constants of each."""
    columns, texts = spec.shapes[0][1], []
    hidden = synapse = unit = first = 0
    for index, (rows, n_out) in enumerate(spec.shapes):
        later = unit - columns if index else 0
        sizes = [rows, n_out, spec.layers[index], synapse, hidden, unit, later, first]
        hidden += rows if index else 0
        synapse, unit, first = synapse + rows * n_out, unit + n_out, first + rows
        texts.append("{" + ", ".join([*map(str, sizes), *constants[index]]) + "}")
    return "{" + ", ".join(texts) + "}"


def float_defines(spec: NetworkSpec, config: SamplingConfig) -> dict[str, object]:
    """Return everything that float32 needs."""
    constants = [
        [real(config.mu_prior), real(config.sigma_prior_of(fan_in) ** 2)]
        for fan_in in spec.layers[:-1]
    ]
    return {
        "SL_Q16": 0,
        **shared_defines(spec, config),
        "SL_LR_MU": real(config.lr_mu),
        "SL_LR_SIGMA": real(config.lr_sigma),
        "SL_SWEEP_OVER_WINDOW": real(effective_sweep(config) / config.memory_window),
        "SL_LAYERS": layer_table(spec, constants),
    }
