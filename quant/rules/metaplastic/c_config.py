"""The generated header of the metaplastic kernel. Data, never logic."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import stride
from quant.tables import EXP2


def q8(spec: NetworkSpec, config: MetaplasticConfig) -> dict[str, object]:
    """Return the constants of one byte per synapse."""
    plan = make_metaplastic_plan(spec, config)
    gates = plan.gates
    widths = [stride(columns) for _, columns in spec.shapes]
    defines: dict[str, object] = {
        "SL_Q16": 0,
        "SL_Q8": 1,
        "SL_WEIGHT_BYTES": sum(
            rows * width for (rows, _), width in zip(spec.shapes, widths, strict=True)
        ),
        "SL_N_SUMS": sum(widths),
        "SL_MAX_ROWS": max(rows for rows, _ in spec.shapes),
        "SL_MAX_WIDTH": max(widths),
        "SL_CLAMP": plan.clamp_q,
        "SL_WINDOW": f"{plan.window_q}u",
        "SL_SKIP": plan.skip_q,
        "SL_LOGIT_SCALE": f"{plan.logit_scale_q}u",
        "SL_CALIBRATION_SHIFT": plan.calibration_shift,
        "SL_BIAS_INPUT": plan.bias_input_q,
        "SL_LET_THROUGH_HIDDEN": "{" + ", ".join(map(str, plan.let_through[0].tolist())) + "}",
        "SL_LET_THROUGH_OUTPUT": "{" + ", ".join(map(str, plan.let_through[-1].tolist())) + "}",
        "SL_EXP2_TABLE": "{" + ", ".join(map(str, EXP2.tolist())) + "}",
    }
    if gates.n_blocks:
        defines |= {
            "SL_N_BLOCKS": f"{gates.n_blocks}u",
            "SL_N_ACTIVE": f"{gates.n_active}u",
            "SL_BLOCK_UNITS": f"{gates.block_units}u",
        }
    layers = []
    weight = sums = 0
    for index, ((rows, columns), width) in enumerate(zip(spec.shapes, widths, strict=True)):
        constants = [plan.gains[index], plan.backward_shifts[index]]
        layers.append([rows, columns, width, weight, sums, *constants])
        weight, sums = weight + rows * width, sums + width
    rows_text = ["{" + ", ".join(map(str, sizes)) + "}" for sizes in layers]
    defines["SL_LAYERS"] = "{" + ", ".join(rows_text) + "}"
    return defines
