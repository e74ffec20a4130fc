"""What the rule of few levels adds to the C build."""

from __future__ import annotations

from pathlib import Path

from quant.c_text import Constants, RuleKernel, unsigned, whole
from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig
from quant.rules.multilevel.plan import KEEP, make_multilevel_plan
from quant.rules.multilevel.state import stride


def constants(spec: NetworkSpec, config: MultilevelConfig, arithmetic: str) -> Constants:
    """Return the constants of the rule."""
    plan = make_multilevel_plan(spec, config)
    widths = [stride(columns) for _, columns in spec.shapes]
    defines: dict[str, object] = {
        "SL_N_DRAWS": 1,
        "SL_MAX_WIDTH": max(widths),
        "SL_MAX_ROWS": max(rows for rows, _ in spec.shapes),
        "SL_N_ROWS": sum(rows for rows, _ in spec.shapes),
        "SL_STEPS": plan.steps,
        "SL_CONSOLIDATION": unsigned(plan.consolidation),
        "SL_THRESHOLD": plan.threshold_q,
        "SL_ACTIVE": plan.active_q,
        "SL_LOGIT_SCALE": f"{plan.logit_scale_q}ull",
        "SL_FADE": unsigned(plan.fade),
        "SL_SWEEP": unsigned(plan.sweep),
        "SL_KEEP_TABLE": whole(KEEP),
    }
    layers: list[list[object]] = []
    level = first = 0
    for index, ((rows, columns), width) in enumerate(zip(spec.shapes, widths, strict=True)):
        given = [*plan.gains[index], plan.back[index], *plan.growth[index]]
        layers.append([rows, columns, width, level, first, *given])
        level, first = level + rows * width, first + rows
    return Constants(defines, layers)


KERNEL = RuleKernel(Path(__file__).parent / "kernel", constants)
