"""The generated header: sizes, constants and tables of one learner. Data, never logic."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from quant.factored_plan import FactoredLayerPlan, make_factored_plan
from quant.metaplastic_c import metaplastic_header
from quant.metaplastic_config import MetaplasticConfig
from quant.plan import effective_sweep, make_plan
from quant.spec import Config, Likelihood, MesuConfig, NetworkSpec
from quant.state import Arithmetic
from quant.tables import EPSILON, EXP2

KERNEL_DIR = Path(__file__).parent / "kernel"

_SOURCES = {
    "q16": ("sl_front_end_q16.c", "sl_mesu_q16_forward.c", "sl_mesu_q16_learn.c"),
    "float32": ("sl_front_end_f32.c", "sl_mesu_f32.c"),
    "q8": (
        "sl_front_end_q16.c",
        "sl_metaplastic_q8_forward.c",
        "sl_metaplastic_q8_gate.c",
        "sl_metaplastic_q8_learn.c",
        "sl_metaplastic_q8_sum.c",
    ),
}
_HEADERS = {
    "q16": (
        "sl_integer.h",
        "sl_statistics.h",
        "sl_mesu_q16.h",
        "sl_factored_q16.h",
        "sl_factored_q16_backward.h",
        "sl_factored_q16_factors.h",
        "sl_factored_q16_forward.h",
        "sl_factored_q16_learn.h",
        "sl_factored_q16_mu.h",
    ),
    "float32": ("sl_factored_f32.h",),
    "q8": ("sl_integer.h", "sl_statistics.h", "sl_metaplastic_q8.h"),
}
_GAUSSIAN = {"q16": "sl_gaussian_q16.c", "float32": "sl_gaussian_f32.c"}


def kernel_sources(
    arithmetic: Arithmetic, likelihood: Likelihood = "categorical"
) -> tuple[str, ...]:
    """Return the names of the C files of an arithmetic, in ``quant/kernel``."""
    gaussian = (_GAUSSIAN[arithmetic],) if likelihood == "gaussian" else ()
    return ("sl_learner.c", *_SOURCES[arithmetic], *gaussian)


def kernel_headers(arithmetic: Arithmetic) -> tuple[str, ...]:
    """Return the names of the headers that those files include, but for ``sl_config.h``."""
    return ("sl_learner.h", "sl_parts.h", "sl_metaplastic_q8_state.h", *_HEADERS[arithmetic])


def _table(values: npt.NDArray[np.integer]) -> str:
    return "{" + ", ".join(str(int(v)) for v in values) + "}"


def _real(value: float) -> str:
    return f"{float(np.float32(value))!r}f"


def _factored_constants(plan: FactoredLayerPlan) -> list[str]:
    pairs = (plan.gain_row, plan.gain_column, plan.ratio_row, plan.ratio_column, plan.gain_pull)
    numbers = [str(plan.v_exponent), str(plan.mu_prior_q)]
    return numbers + [f"{{{mantissa}, {exponent}}}" for mantissa, exponent in pairs]


def config_header(spec: NetworkSpec, config: Config, arithmetic: Arithmetic) -> str:
    """Return the text of ``sl_config.h``.

    Raises
    ------
    ConfigError
        If the fixed-point formats cannot hold the configuration.
    """
    if spec.rule == "metaplastic":
        return metaplastic_header(spec, cast(MetaplasticConfig, config))
    config = cast(MesuConfig, config)
    columns = [n_out for _, n_out in spec.shapes]
    hidden_rows = [rows for rows, _ in spec.shapes[1:]]
    defines: dict[str, object] = {
        "SL_Q16": int(arithmetic == "q16"),
        "SL_FRONT_END": int(spec.front_end == "standardise"),
        "SL_FRONT_END_WINDOW": f"{config.front_end_window}u",
        "SL_BIAS": int(spec.bias),
        "SL_N_LAYERS": len(spec.shapes),
        "SL_N_FEATURES": spec.n_features,
        "SL_N_CLASSES": spec.n_classes,
        "SL_N_OUTPUTS": spec.n_outputs,
        "SL_GAUSSIAN": int(spec.likelihood == "gaussian"),
        "SL_TARGET_WINDOW": f"{config.target_window}u",
        "SL_N_SYNAPSES": spec.n_synapses,
        "SL_N_UNITS": sum(columns),
        "SL_N_LATER_UNITS": max(1, sum(columns[1:])),
        "SL_FIRST_UNITS": columns[0],
        "SL_MAX_UNITS": max(columns),
        "SL_N_HIDDEN_ROWS": max(1, sum(hidden_rows)),
        "SL_N_DRAWS": config.n_draws,
        "SL_SWEEP": f"{effective_sweep(config)}u",
        "SL_EPSILON_TABLE": _table(EPSILON),
    }
    if spec.variance == "factored":
        defines |= {"SL_FACTORED": 1, "SL_N_ROWS": spec.n_rows}
    layers = []
    hidden = synapse = unit = first = 0
    for index, (rows, n_out) in enumerate(spec.shapes):
        fan_in = spec.layers[index]
        later = unit - columns[0] if index else 0
        layers.append([rows, n_out, fan_in, synapse, hidden, unit, later, first])
        hidden += rows if index else 0
        synapse, unit, first = synapse + rows * n_out, unit + n_out, first + rows
    if arithmetic == "q16" and spec.variance == "factored":
        factored = make_factored_plan(spec, config)
        defines |= {
            "SL_EXP2_TABLE": _table(EXP2),
            "SL_GAIN_MU_MANTISSA": factored.gain_mu[0],
            "SL_GAIN_MU_EXPONENT": factored.gain_mu[1],
            "SL_PULL_FACTOR": factored.pull_factor,
        }
        rows_text = [
            "{" + ", ".join([*map(str, sizes), *_factored_constants(p)]) + "}"
            for sizes, p in zip(layers, factored.layers, strict=True)
        ]
    elif arithmetic == "q16":
        plan = make_plan(spec, config)
        defines |= {
            "SL_EXP2_TABLE": _table(EXP2),
            "SL_GAIN_MU_MANTISSA": plan.gain_mu[0],
            "SL_GAIN_MU_EXPONENT": plan.gain_mu[1],
            "SL_GAIN_RHO_MANTISSA": plan.gain_sigma[0],
            "SL_GAIN_RHO_EXPONENT": plan.gain_sigma[1],
            "SL_PULL_MU": plan.pull_mu,
            "SL_PULL_RHO": plan.pull_rho,
        }
        constants = [
            [p.mu_frac_bits, p.v_exponent, p.mu_prior_q, p.ratio_mantissa, p.ratio_exponent]
            for p in plan.layers
        ]
        rows_text = [
            "{" + ", ".join(map(str, sizes + more)) + "}"
            for sizes, more in zip(layers, constants, strict=True)
        ]
    else:
        defines |= {
            "SL_LR_MU": _real(config.lr_mu),
            "SL_LR_SIGMA": _real(config.lr_sigma),
            "SL_SWEEP_OVER_WINDOW": _real(effective_sweep(config) / config.memory_window),
        }
        rows_text = [
            "{"
            + ", ".join(
                [
                    *map(str, sizes),
                    _real(config.mu_prior),
                    _real(config.sigma_prior_of(sizes[2]) ** 2),
                ]
            )
            + "}"
            for sizes in layers
        ]
    defines["SL_LAYERS"] = "{" + ", ".join(rows_text) + "}"
    body = "".join(f"#define {name} {value}\n" for name, value in defines.items())
    return (
        f"/* Generated for a {spec} network, rule {spec.rule}, {arithmetic}. Do not edit. */\n"
        f"#ifndef SL_CONFIG_H\n#define SL_CONFIG_H\n\n{body}\n#endif\n"
    )
