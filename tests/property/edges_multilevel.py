"""Sizes and settings at which this rule's kernel takes other paths than at its defaults."""

from __future__ import annotations

from registered import Case

from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig

MORE = {
    "multilevel 17-40-21-4, two levels, all at once": Case(
        NetworkSpec((17, 40, 21, 4), bias=False, front_end="none"),
        MultilevelConfig(
            n_levels=2,
            devices=1,
            lr=64.0,
            lr_hidden=64.0,
            consolidation=8.0,
            growth=1.0,
            growth_hidden=1.0,
            threshold=-7.0,
            active=1 / 16,
            logit_scale=32.0,
            memory_window=1.0,
            sweep=1,
        ),
        "q8",
    ),
    "multilevel 9-1-2, 256 levels, hardly anything moves": Case(
        NetworkSpec((9, 1, 2), front_end="none"),
        MultilevelConfig(
            n_levels=256,
            devices=1,
            lr=1e-9,
            lr_hidden=0.0,
            growth=0.0,
            threshold=7.0,
            logit_scale=1 / 16,
            weight_init=0.0,
            memory_window=float("inf"),
        ),
        "q8",
    ),
}
