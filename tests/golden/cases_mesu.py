"""This rule's golden cases beside the registry's defaults, and what it may not lose."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig

#: Heads; by arithmetic the backends.
PROMISED = (("categorical", "gaussian"), {"q16": "c numpy", "float32": "c", "float64": "numpy"})

#: By name: network, hyperparameters, seed, samples.
MORE = {
    "mesu 128-12-10-6, no bias": (
        NetworkSpec((128, 12, 10, 6), bias=False),
        MesuConfig(memory_window=5000, n_draws=3, sweep=16),
        1,
        120,
    ),
    "mesu 128-6, one draw, no front end": (
        NetworkSpec((128, 6), front_end="none"),
        MesuConfig(n_draws=1, sweep=1, memory_window=4096, mu_prior=0.25),
        2**32 - 1,
        120,
    ),
    "mesu 128-12-1, a target": (
        NetworkSpec((128, 12, 1), head="gaussian"),
        MesuConfig(mu_init=1.0, sigma_init=0.5, target_window=50),
        2,
        120,
    ),
}
