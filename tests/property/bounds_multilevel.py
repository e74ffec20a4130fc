"""Weights of few levels: their tables, and their golden model at extreme values."""

from __future__ import annotations

import numpy as np
from bounds_quant import ROWS
from bounds_sampling import signed, unsigned
from limits_multilevel import BOUNDS, consolidation, logit_scale
from rerun_multilevel import (
    check_backward,
    check_chances,
    check_learner,
    check_logits,
    check_moves,
    check_norm,
    check_sums,
    check_units,
    edge_state,
)

from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.network import MAX_UNITS, NetworkSpec
from quant.rules.multilevel.config import COUNTER_MAX, MOST_STEPS, MultilevelConfig
from quant.rules.multilevel.golden import CERTAIN, DELTA_MAX
from quant.rules.multilevel.plan import KEEP, make_multilevel_plan

__all__ = ["BOUNDS", "TABLES", "exercise"]

TABLES = {
    "format": {
        "x": signed("int16, later uint8", str(INPUT_FRAC_BITS), INPUT_MAX),
        "level": unsigned("uint8", "0", MOST_STEPS),
        "used": unsigned("uint8", "0", COUNTER_MAX),
        "logit": signed("int32", "16", BOUNDS["logit"][0]),
        "delta": signed("int32", "16", DELTA_MAX),
        "chance": unsigned("uint32", "24", CERTAIN),
    },
    "constant": {
        "keep": {**unsigned("uint16", "16", int(KEEP.max())), "smallest": str(KEEP.min())},
        "consolidation_q": unsigned("uint32", "16", consolidation(1)),
        "logit_scale_q": {
            **unsigned("uint64", "36", logit_scale(1)),
            "smallest": str((1 << 32) // MOST_STEPS),
        },
        "back": {**unsigned("int32", "16", 1 << 16), "smallest": "1"},
        "growth": unsigned("uint32", "16", 1 << 16),
        "fade": unsigned("uint32", "16", 1 << 16),
    },
}
ENDS = {"n_levels": 256, "devices": 1, "consolidation": 8.0, "lr": 64.0, "lr_hidden": 64.0}
FEW = {"n_levels": 2, "devices": 1, "consolidation": 8.0, "logit_scale": 32.0}


def _check_constants() -> None:
    """The ends of the table of constants are those of the plan."""
    table = TABLES["constant"]
    few = make_multilevel_plan(NetworkSpec((3, 1, 2)), MultilevelConfig(**FEW, memory_window=1.0))
    wide = NetworkSpec((1, MAX_UNITS), front_end="none")
    many = make_multilevel_plan(wide, MultilevelConfig(**ENDS, logit_scale=1 / 16, growth=1.0))
    assert str(few.consolidation) == table["consolidation_q"]["largest"]
    assert str(few.logit_scale_q) == table["logit_scale_q"]["largest"]
    assert str(many.logit_scale_q) == table["logit_scale_q"]["smallest"]
    assert str(few.back[0]) == table["back"]["largest"]
    assert str(many.back[0]) == table["back"]["smallest"]
    assert str(many.growth[0][0]) == table["growth"]["largest"]
    assert str(few.fade) == table["fade"]["largest"]


def exercise() -> None:
    """Everything at its largest and of one sign, and whole networks at their edges."""
    _check_constants()
    ends = make_multilevel_plan(NetworkSpec((4, 2)), MultilevelConfig(**ENDS, logit_scale=32.0))
    few = make_multilevel_plan(NetworkSpec((4, 2)), MultilevelConfig(**FEW, lr=64.0))
    for rows in (1, 3, ROWS):
        for x in (INPUT_MAX, -INPUT_MAX, 1, 0):
            column = np.full(rows, x)
            size = check_norm(int(column @ column))
            for plan in (ends, few):
                for level in (0, plan.steps):
                    sums = check_sums(column, np.full((rows, 1), level), plan.steps)
                    check_logits(sums, size, plan)
    check_norm(127 * 127 * 4 + 31 * 31 + 49 + 9)  # 2^16 - 1: a root of 16 bits, all of them set
    for n in (2, 3, 1000):
        for most in (BOUNDS["sum"][0], 1, 65535):
            check_units(np.append(np.full(n - 1, -most), most), ends)
            check_units(np.tile([most, -most], n), ends)
    wide = np.full(MAX_UNITS, DELTA_MAX)
    check_backward(np.full((1, MAX_UNITS), MOST_STEPS), wide, np.ones(1, np.int64), 1)
    for sign in (1, -1):
        delta = np.full(2, sign * DELTA_MAX)
        for size in ((1 << 15, 15), (65535, 8), (1 << 15, 0)):
            for gain in (*ends.gains, (32767, 2), few.gains[0]):
                check_chances(delta, size, gain)
        for plan in (ends, few):
            check_moves(
                np.full((2, 2), plan.steps), np.full((2, 2), 255), np.array([127, -127]), delta,
                np.full(2, CERTAIN), plan, np.zeros(2, np.int64), np.zeros(2, np.int64),
            )  # fmt: skip
            check_moves(
                np.full((2, 2), plan.steps), np.zeros((2, 2), np.int64), np.array([127, -127]),
                delta, np.full(2, CERTAIN), plan, np.zeros(2, np.int64), np.zeros(2, np.int64),
            )  # fmt: skip
    spec = NetworkSpec((7, 5, 3), front_end="none")
    for config in (MultilevelConfig(**ENDS, memory_window=1.0, sweep=1), MultilevelConfig(**FEW)):
        for mode in range(12):
            z = np.random.default_rng(mode).integers(-127, 128, 7)
            check_learner(spec, config, edge_state(spec, config, mode, mode), z, mode % 3)
