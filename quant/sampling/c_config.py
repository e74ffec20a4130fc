"""What the rules that sample pre-activations add to the generated header."""

from __future__ import annotations

from pathlib import Path

from quant.c_text import DRAWS_DIR, real, table, unsigned, whole
from quant.network import NetworkSpec
from quant.sampling.config import SamplingConfig
from quant.sampling.plan import effective_sweep
from quant.sampling.step import Scale
from quant.tables import EPSILON

#: What rules that sample pre-activations share in C.
KERNEL_DIRS = (Path(__file__).parent / "kernel", DRAWS_DIR)


def sampling_defines(spec: NetworkSpec, config: SamplingConfig) -> dict[str, object]:
    """Return sizes, draws and the table of the noise."""
    columns = [n_out for _, n_out in spec.shapes]
    hidden_rows = [rows for rows, _ in spec.shapes[1:]]
    return {
        "SL_TARGET_WINDOW": unsigned(config.target_window),
        "SL_N_SYNAPSES": spec.n_synapses,
        "SL_N_UNITS": sum(columns),
        "SL_N_LATER_UNITS": max(1, sum(columns[1:])),
        "SL_FIRST_UNITS": columns[0],
        "SL_MAX_UNITS": max(columns),
        "SL_N_HIDDEN_ROWS": max(1, sum(hidden_rows)),
        "SL_N_DRAWS": config.n_draws,
        "SL_ADAPTIVE": int(config.step == "adaptive"),
        "SL_SWEEP": unsigned(effective_sweep(config)),
        "SL_EPSILON_TABLE": whole(EPSILON),
        "SL_EPSILON_LOWER": whole(EPSILON[:128]),
    }


def gain_defines(gain: Scale, guard: Scale | None) -> dict[str, object]:
    """Return the gain of μ in integers, and what holds it where the step is adaptive."""
    held = guard or (0, 0)
    return {
        "SL_GAIN_MU_MANTISSA": gain[0],
        "SL_GAIN_MU_EXPONENT": gain[1],
        "SL_GUARD_MANTISSA": held[0],
        "SL_GUARD_EXPONENT": held[1],
    }


def layer_sizes(spec: NetworkSpec) -> list[list[object]]:
    """Return the first eight members of each layer's ``sl_layer_t``."""
    layers: list[list[object]] = []
    hidden = synapse = unit = first = 0
    first_units = spec.shapes[0][1]
    for index, (rows, n_out) in enumerate(spec.shapes):
        later = unit - first_units if index else 0
        layers.append([rows, n_out, spec.layers[index], synapse, hidden, unit, later, first])
        hidden += rows if index else 0
        synapse, unit, first = synapse + rows * n_out, unit + n_out, first + rows
    return layers


def float_defines(config: SamplingConfig) -> dict[str, object]:
    """Return what the float32 kernels have as real numbers: the noise and the learning rates."""
    return {
        "SL_EPSILON_TABLE": table(real(entry / 256) for entry in EPSILON),
        "SL_EPSILON_LOWER": table(real(entry / 256) for entry in EPSILON[:128]),
        "SL_LR_MU": real(config.lr_mu),
        "SL_LR_SIGMA": real(config.lr_sigma),
        "SL_SWEEP_OVER_WINDOW": real(effective_sweep(config) / config.memory_window),
    }


def float_layers(spec: NetworkSpec, config: SamplingConfig) -> list[list[object]]:
    """Return the layers of the float32 kernels: their sizes and the prior."""
    return [
        [*sizes, real(config.mu_prior), real(config.sigma_prior_of(fan_in) ** 2)]
        for sizes, fan_in in zip(layer_sizes(spec), spec.layers, strict=False)
    ]
