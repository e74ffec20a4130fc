"""What BiMU adds to the C build."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from quant.c_text import DRAWS_DIR, Constants, RuleKernel, cut_type, real, table, unsigned, whole
from quant.cuts import SIGN, cut_values, cuts_of, n_inputs, shapes_of
from quant.integers import Int64
from quant.network import NetworkSpec
from quant.rules.bimu.belief import BELIEFS
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.law import Law
from quant.rules.bimu.plan import HARD, SHRINK, make_bimu_plan
from quant.rules.bimu.state import stride
from quant.spiking.sums import hidden_rows, sizes_of
from quant.tables import EPSILON


def _shared(spec: NetworkSpec, config: BimuConfig) -> dict[str, object]:
    """Return what integers and real numbers have alike."""
    shapes = shapes_of(spec, cuts_of(spec, config.cuts))
    return {
        "SL_N_DRAWS": config.n_draws,
        "SL_N_UNITS": sum(columns for _, columns in shapes),
        "SL_MAX_UNITS": max(columns for _, columns in shapes),
        "SL_N_INPUTS": unsigned(n_inputs(spec, cuts_of(spec, config.cuts))),
        "SL_N_CUTS": unsigned(cuts_of(spec, config.cuts)),
        "SL_GATE_SIDES": config.sides,
        "SL_SWEEP": unsigned(config.sweep),
        "SL_EPSILON_TABLE": whole(EPSILON),
        "SL_EPSILON_LOWER": whole(EPSILON[:128]),
        **({"SL_N_HIDDEN_ROWS": max(hidden_rows(spec), 1)} if spec.leaks else {}),
    }


def integer_constants(spec: NetworkSpec, config: BimuConfig, arithmetic: str) -> Constants:
    """Return the constants of the rule in integers."""
    plan = make_bimu_plan(spec, config, BELIEFS[arithmetic])
    widths = [stride(columns) for _, columns in plan.shapes]
    defines = _shared(spec, config) | {
        **cut_type(),
        "SL_N_SPREADS": f"({plan.shapes[0][1]} + "
        f"{sum(columns for _, columns in plan.shapes[1:])} * SL_N_LANES)",
        "SL_MAX_ROWS": max(rows for rows, _ in plan.shapes),
        "SL_GAIN_MANTISSA": unsigned(plan.gain[0]),
        "SL_GAIN_EXPONENT": plan.gain[1],
        "SL_CAUTION_MANTISSA": unsigned(plan.caution[0]),
        "SL_CAUTION_SHIFT": unsigned(plan.caution[1]),
        "SL_LOGIT_SCALE": unsigned(plan.logit_scale_q),
        "SL_SCALE": plan.scale_q,
        "SL_GATE_THRESHOLD": plan.threshold_q,
        "SL_GATE_WINDOW": plan.window_q,
        "SL_RADIAL": unsigned(plan.radial_q),
        "SL_RELAXED": config.relaxed,
        "SL_BELIEF_TABLE": whole(_belief_table(plan.law)),
        "SL_SHRINK_TABLE": whole(SHRINK),
        "SL_PULL_TABLE": whole(plan.pull),
        "SL_PULL_SHIFT": unsigned(plan.pull_shift),
        "SL_SETTLE": plan.settle_q,
        "SL_GATHER": unsigned(plan.gather),
    }
    if len(plan.cuts):
        defines["SL_CUTS"] = whole(plan.cuts)
    if spec.leaks:
        defines["SL_CHARGES"] = table(map(table, plan.charges))
    return Constants(defines, _layers(plan.shapes, widths, padded=True))


def _belief_table(law: Law) -> Int64:
    """Return two numbers of a byte in one word: of the forward pass; then, if others, of steps."""
    forward = law.variance << 16 | law.mean & 0xFFFF
    step = law.slope << 16 | law.lean & 0xFFFF
    return forward if law is HARD else np.concatenate([forward, step])


def real_constants(spec: NetworkSpec, config: BimuConfig, arithmetic: str) -> Constants:
    """Return the constants of the rule in float32."""
    del arithmetic
    cuts = cuts_of(spec, config.cuts)
    shapes = shapes_of(spec, cuts)
    defines = _shared(spec, config) | {
        **cut_type("float", "1.0f"),
        "SL_N_SYNAPSES": sum(rows * columns for rows, columns in shapes),
        "SL_LR": real(config.lr),
        "SL_CAUTION": real(config.caution_of(n_inputs(spec, cuts))),
        "SL_LOGIT_SCALE": real(config.logit_scale),
        "SL_GATE_THRESHOLD": real(config.threshold),
        "SL_GATE_WINDOW": real(config.window),
        "SL_RADIAL": real(config.radial),
        "SL_RELAXED": config.relaxed,
        "SL_SWEEP_OVER_WINDOW": real(config.sweep / config.memory_window),
        "SL_EPSILON_TABLE": table(real(entry / 256) for entry in EPSILON),
        "SL_EPSILON_LOWER": table(real(entry / 256) for entry in EPSILON[:128]),
    }
    if cuts:
        defines["SL_CUTS"] = table(real((cut - 0.5) / SIGN) for cut in cut_values(cuts))
    if spec.leaks:
        defines["SL_CHARGES"] = table(map(real, sizes_of(shapes, config.threshold)))
    return Constants(defines, _layers(shapes, [columns for _, columns in shapes], padded=False))


def _layers(
    shapes: Sequence[tuple[int, int]], widths: Sequence[int], padded: bool
) -> list[list[object]]:
    """Return where each layer lies; of padded rows their width, too."""
    layers: list[list[object]] = []
    belief = unit = first = 0
    for (rows, columns), width in zip(shapes, widths, strict=True):
        layers.append([rows, columns, *([width] if padded else []), belief, unit, first])
        belief, unit, first = belief + rows * width, unit + columns, first + rows
    return layers


def _hidden(numbers: str, spec: NetworkSpec) -> str:
    return f"{numbers}/{'spiking' if spec.leaks else 'dense'}"


def _integer_parts(spec: NetworkSpec, config: BimuConfig) -> tuple[str, ...]:
    return "gather" if config.gather > 1 else "at_once", _hidden("integer", spec)


def _real_parts(spec: NetworkSpec, config: BimuConfig) -> tuple[str, ...]:
    del config
    return (_hidden("float32", spec),)


_FOLDER = Path(__file__).parent / "kernel"
INTEGER_KERNEL = RuleKernel(_FOLDER, integer_constants, (DRAWS_DIR, _FOLDER), _integer_parts)
REAL_KERNEL = RuleKernel(_FOLDER, real_constants, (DRAWS_DIR,), _real_parts)
