"""What the metaplastic rule adds to the C build."""

from __future__ import annotations

from pathlib import Path

from quant.c_text import Constants, RuleKernel, cut_type, unsigned, whole
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import n_inputs, shapes_of
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import stride
from quant.spiking.sums import hidden_rows


def constants(spec: NetworkSpec, config: MetaplasticConfig, arithmetic: str) -> Constants:
    """Return the constants of the rule."""
    plan = make_metaplastic_plan(spec, config)
    shapes = shapes_of(spec, config)
    widths = [stride(columns) for _, columns in shapes]
    defines: dict[str, object] = {
        "SL_N_DRAWS": 1,
        "SL_WEIGHT_BYTES": sum(
            rows * width for (rows, _), width in zip(shapes, widths, strict=True)
        ),
        "SL_N_SUMS": sum(widths),
        "SL_MAX_ROWS": max(rows for rows, _ in shapes),
        "SL_MAX_WIDTH": max(widths),
        "SL_ADAPTS": int(plan.adapts),
        "SL_N_INPUTS": unsigned(n_inputs(spec, config)),
        "SL_N_CUTS": unsigned(len(plan.cuts)),
        **cut_type(),
        "SL_CLAMP": plan.clamp_q,
        "SL_WINDOW": unsigned(plan.window_q),
        "SL_SKIP": plan.skip_q,
        "SL_LOGIT_SCALE": unsigned(plan.logit_scale_q),
        "SL_CALIBRATION_SHIFT": plan.calibration_shift,
        "SL_BIAS_INPUT": plan.bias_input_q,
        "SL_LET_THROUGH_HIDDEN": whole(plan.let_through[0]),
        "SL_LET_THROUGH_OUTPUT": whole(plan.let_through[-1]),
        "SL_N_BLOCKS": unsigned(plan.gates.n_blocks),
        "SL_N_ACTIVE": unsigned(plan.gates.n_active),
    }
    if len(plan.cuts):
        defines["SL_CUTS"] = whole(plan.cuts)
    if plan.gates.n_blocks:
        defines["SL_BLOCK_UNITS"] = unsigned(plan.gates.block_units)
    if spec.leaks:
        defines["SL_N_HIDDEN_ROWS"] = max(hidden_rows(spec), 1)
    layers: list[list[object]] = []
    weight = sums = 0
    for index, ((rows, columns), width) in enumerate(zip(shapes, widths, strict=True)):
        gains = [plan.gains[index], plan.backward_shifts[index]]
        layers.append([rows, columns, width, weight, sums, *gains])
        if spec.leaks:
            layers[-1] += [sum(spec.layers[1 : index + 1]), *plan.charges[index]]
        weight, sums = weight + rows * width, sums + width
    return Constants(defines, layers)


def _parts(spec: NetworkSpec, config: MetaplasticConfig) -> tuple[str, ...]:
    del config
    return ("q8/spiking" if spec.leaks else "q8/dense",)


KERNEL = RuleKernel(Path(__file__).parent / "kernel", constants, parts=_parts)
