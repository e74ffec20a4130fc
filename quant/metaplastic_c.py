"""The generated header of the metaplastic kernel. Data, never logic."""

from __future__ import annotations

from quant.metaplastic_config import MetaplasticConfig
from quant.metaplastic_plan import make_metaplastic_plan
from quant.metaplastic_state import stride
from quant.spec import NetworkSpec
from quant.tables import EXP2


def metaplastic_header(spec: NetworkSpec, config: MetaplasticConfig) -> str:
    """Return the text of ``sl_config.h``."""
    plan = make_metaplastic_plan(spec, config)
    widths = [stride(columns) for _, columns in spec.shapes]
    defines: dict[str, object] = {
        "SL_Q16": 0,
        "SL_Q8": 1,
        "SL_FRONT_END": int(spec.front_end == "standardise"),
        "SL_FRONT_END_WINDOW": f"{plan.front_end_window}u",
        "SL_BIAS": int(spec.bias),
        "SL_N_LAYERS": len(spec.shapes),
        "SL_N_FEATURES": spec.n_features,
        "SL_N_CLASSES": spec.n_classes,
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
    if spec.n_blocks:
        defines |= {
            "SL_N_BLOCKS": f"{spec.n_blocks}u",
            "SL_N_ACTIVE": f"{spec.n_active}u",
            "SL_BLOCK_UNITS": f"{spec.block_units}u",
        }
    layers = []
    weight = sums = 0
    for index, ((rows, columns), width) in enumerate(zip(spec.shapes, widths, strict=True)):
        constants = [plan.gains[index], plan.backward_shifts[index]]
        layers.append([rows, columns, width, weight, sums, *constants])
        weight, sums = weight + rows * width, sums + width
    rows_text = ["{" + ", ".join(map(str, sizes)) + "}" for sizes in layers]
    defines["SL_LAYERS"] = "{" + ", ".join(rows_text) + "}"
    body = "".join(f"#define {name} {value}\n" for name, value in defines.items())
    return (
        f"/* Generated for a {spec} network, rule {spec.rule}, q8. Do not edit. */\n"
        f"#ifndef SL_CONFIG_H\n#define SL_CONFIG_H\n\n{body}\n#endif\n"
    )
