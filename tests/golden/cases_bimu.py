"""This rule's golden cases beside the registry's defaults, and what it may not lose."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rules.bimu.config import BimuConfig

#: Heads; by arithmetic the backends.
PROMISED = (
    ("categorical",),
    {"q8": "c numpy", "q16": "c numpy", "float32": "c", "float64": "numpy"},
)

#: By name: network, hyperparameters, seed, samples.
MORE = {
    "bimu 128-13-10-6, no bias": (
        NetworkSpec((128, 13, 10, 6), bias=False),
        BimuConfig(
            memory_window=500, n_draws=3, sweep=16, caution=2.0, sides=2, threshold=1.0, radial=1.0
        ),
        1,
        200,
    ),
    "bimu 128-6, one draw, no front end": (
        NetworkSpec((128, 6), front_end="none"),
        BimuConfig(n_draws=1, sweep=1, memory_window=64, lr=20.0, belief_init=3.9, caution=0.0),
        2**32 - 1,
        200,
    ),
    "bimu 128-13-6, rows that take turns": (
        NetworkSpec((128, 13, 6), bias=False),
        BimuConfig(memory_window=500, lr=0.5, gather=16, settle=2.0),
        3,
        200,
    ),
}
