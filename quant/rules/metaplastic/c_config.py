"""What the metaplastic rule adds to the C build."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from quant.c_text import Constants, RuleKernel, cut_type, real, table, unsigned, whole
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import (
    SIGN,
    adapts,
    cut_values,
    cuts_of,
    layers_of,
    metaplasticity_of,
    n_inputs,
    shapes_of,
)
from quant.rules.metaplastic.gates import gates_of
from quant.rules.metaplastic.plan import ONE, make_metaplastic_plan
from quant.rules.metaplastic.state import stride
from quant.spiking.sums import hidden_rows, sizes_of


def _shared(spec: NetworkSpec, config: MetaplasticConfig) -> dict[str, object]:
    """Return what integers and real numbers have alike."""
    gates = gates_of(spec, config)
    return {
        "SL_N_DRAWS": 1,
        "SL_ADAPTS": int(adapts(spec, config)),
        "SL_N_INPUTS": unsigned(n_inputs(spec, config)),
        "SL_N_CUTS": unsigned(cuts_of(spec, config)),
        "SL_N_BLOCKS": unsigned(gates.n_blocks),
        "SL_N_ACTIVE": unsigned(gates.n_active),
        "SL_N_HIDDEN_ROWS": max(hidden_rows(spec), 1),
        **({"SL_BLOCK_UNITS": unsigned(gates.block_units)} if gates.n_blocks else {}),
    }


def integer_constants(spec: NetworkSpec, config: MetaplasticConfig, arithmetic: str) -> Constants:
    """Return the constants of the rule in integers."""
    plan = make_metaplastic_plan(spec, config)
    shapes = shapes_of(spec, config)
    widths = [stride(columns) for _, columns in shapes]
    defines: dict[str, object] = _shared(spec, config) | {
        "SL_WEIGHT_BYTES": sum(
            rows * width for (rows, _), width in zip(shapes, widths, strict=True)
        ),
        "SL_N_SUMS": sum(widths),
        "SL_MAX_ROWS": max(rows for rows, _ in shapes),
        "SL_MAX_WIDTH": max(widths),
        **cut_type(),
        "SL_CLAMP": plan.clamp_q,
        "SL_WINDOW": unsigned(plan.window_q),
        "SL_SKIP": plan.skip_q,
        "SL_LOGIT_SCALE": unsigned(plan.logit_scale_q),
        "SL_CALIBRATION_SHIFT": plan.calibration_shift,
        "SL_BIAS_INPUT": plan.bias_input_q,
        "SL_LET_THROUGH_HIDDEN": whole(plan.let_through[0]),
        "SL_LET_THROUGH_OUTPUT": whole(plan.let_through[-1]),
    }
    if len(plan.cuts):
        defines["SL_CUTS"] = whole(plan.cuts)
    layers: list[list[object]] = []
    weight = sums = 0
    for index, ((rows, columns), width) in enumerate(zip(shapes, widths, strict=True)):
        gains = [plan.gains[index], plan.backward_shifts[index]]
        layers.append([rows, columns, width, weight, sums, *gains])
        if spec.leaks:
            layers[-1] += [sum(spec.layers[1 : index + 1]), *plan.charges[index]]
        weight, sums = weight + rows * width, sums + width
    return Constants(defines, layers)


def real_constants(spec: NetworkSpec, config: MetaplasticConfig, arithmetic: str) -> Constants:
    """Return the constants of the rule in float32."""
    del arithmetic
    sized, cuts = config.for_sizes(layers_of(spec, config)), cuts_of(spec, config)
    shapes, shifts = shapes_of(spec, config), make_metaplastic_plan(spec, config).backward_shifts
    defines: dict[str, object] = _shared(spec, config) | {
        "SL_MAX_UNITS": max(columns for _, columns in shapes),
        **cut_type("float", "1.0f"),
        "SL_WEIGHT_MAX": real(config.clamp),
        "SL_WINDOW": real(sized.window),
        "SL_SKIP": real(config.skip),
        "SL_LOGIT_SCALE": real(sized.logit_scale),
        "SL_CALIBRATION": real(config.calibration_window),
        "SL_BIAS_INPUT": real(config.bias_input),
    }
    if cuts:
        defines["SL_CUTS"] = table(real((cut - 0.5) / SIGN) for cut in cut_values(cuts))
    layers: list[list[object]] = []
    weight = unit = 0
    sizes = sizes_of(shapes, sized.window)
    for index, (rows, columns) in enumerate(shapes):
        last = index == len(shapes) - 1
        rate = (sized.lr_output if last else sized.lr) / ONE
        m = config.metaplasticity_output if last else metaplasticity_of(spec, config)
        numbers = map(real, (rate, m, 2.0 ** -shifts[index], sizes[index]))
        layers.append([rows, columns, weight, unit, *numbers])
        weight, unit = weight + rows * columns, unit + columns
    return Constants(defines, layers)


def _parts(numbers: str, spec: NetworkSpec, config: MetaplasticConfig) -> tuple[str, ...]:
    blocks = (
        ("blocks", f"blocks/{numbers}") if gates_of(spec, config).n_blocks else ("blocks/none",)
    )
    return f"{numbers}/{'spiking' if spec.leaks else 'dense'}", *blocks


_FOLDER = Path(__file__).parent / "kernel"
INTEGER_KERNEL = RuleKernel(_FOLDER, integer_constants, parts=partial(_parts, "q8"))
REAL_KERNEL = RuleKernel(_FOLDER, real_constants, parts=partial(_parts, "float32"))
