"""What BiMU adds to the C build."""

from __future__ import annotations

from pathlib import Path

from quant.c_text import DRAWS_DIR, Constants, RuleKernel, unsigned, whole
from quant.cuts import cuts_of, n_inputs
from quant.network import NetworkSpec
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.plan import SHRINK, TANH, VARIANCE, make_bimu_plan
from quant.rules.bimu.state import stride
from quant.tables import EPSILON


def constants(spec: NetworkSpec, config: BimuConfig, arithmetic: str) -> Constants:
    """Return the constants of the rule."""
    plan = make_bimu_plan(spec, config)
    widths = [stride(columns) for _, columns in plan.shapes]
    defines: dict[str, object] = {
        "SL_N_DRAWS": plan.n_draws,
        "SL_N_UNITS": sum(columns for _, columns in plan.shapes),
        "SL_N_SPREADS": f"({plan.shapes[0][1]} + "
        f"{sum(columns for _, columns in plan.shapes[1:])} * SL_N_LANES)",
        "SL_MAX_UNITS": max(columns for _, columns in plan.shapes),
        "SL_MAX_ROWS": max(rows for rows, _ in plan.shapes),
        "SL_N_BELIEFS": sum(
            rows * width for (rows, _), width in zip(plan.shapes, widths, strict=True)
        ),
        "SL_N_INPUTS": unsigned(n_inputs(spec, cuts_of(spec, config.cuts))),
        "SL_N_CUTS": unsigned(len(plan.cuts)),
        "SL_GAIN_MANTISSA": unsigned(plan.gain[0]),
        "SL_GAIN_EXPONENT": plan.gain[1],
        "SL_CAUTION_MANTISSA": unsigned(plan.caution[0]),
        "SL_CAUTION_SHIFT": unsigned(plan.caution[1]),
        "SL_LOGIT_SCALE": unsigned(plan.logit_scale_q),
        "SL_SCALE": plan.scale_q,
        "SL_GATE_SIDES": plan.sides,
        "SL_THRESHOLD": plan.threshold_q,
        "SL_WINDOW": plan.window_q,
        "SL_RADIAL": unsigned(plan.radial_q),
        "SL_SWEEP": unsigned(plan.sweep),
        "SL_EPSILON_TABLE": whole(EPSILON),
        "SL_EPSILON_LOWER": whole(EPSILON[:128]),
        "SL_BELIEF_TABLE": whole(VARIANCE << 16 | TANH & 0xFFFF),
        "SL_SHRINK_TABLE": whole(SHRINK),
        "SL_PULL_TABLE": whole(plan.pull),
    }
    if len(plan.cuts):
        defines["SL_CUTS"] = whole(plan.cuts)
    layers: list[list[object]] = []
    belief = unit = first = 0
    for (rows, columns), width in zip(plan.shapes, widths, strict=True):
        layers.append([rows, columns, width, belief, unit, first])
        belief, unit, first = belief + rows * width, unit + columns, first + rows
    return Constants(defines, layers)


KERNEL = RuleKernel(Path(__file__).parent / "kernel", constants, (DRAWS_DIR,))
