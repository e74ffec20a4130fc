"""This rule's golden cases beside the registry's defaults, and what it may not lose."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig

#: Heads; by arithmetic the backends.
PROMISED = (("categorical",), {"q8": "c numpy", "float64": "numpy"})

#: By name: network, hyperparameters, seed, samples.
MORE = {
    "multilevel 128-13-10-6, two levels, no bias, nothing fades": (
        NetworkSpec((128, 13, 10, 6), bias=False),
        MultilevelConfig(n_levels=2, devices=1, memory_window=float("inf"), growth=1.0, sweep=1),
        1,
        200,
    ),
    "multilevel 128-6, 256 levels, no front end": (
        NetworkSpec((128, 6), front_end="none"),
        MultilevelConfig(n_levels=256, devices=1, lr=20.0, memory_window=64.0, logit_scale=32.0),
        2**32 - 1,
        200,
    ),
}
