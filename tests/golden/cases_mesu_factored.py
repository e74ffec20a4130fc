"""This rule's golden cases beside the registry's defaults, and what it may not lose."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rules.mesu_factored.config import MesuFactoredConfig

#: Heads; by arithmetic the backends.
PROMISED = (("categorical", "gaussian"), {"q16": "c numpy", "float32": "c", "float64": "numpy"})

#: By name: network, hyperparameters, seed, samples.
MORE = {
    "mesu_factored 128-12-10-6, no bias": (
        NetworkSpec((128, 12, 10, 6), bias=False),
        MesuFactoredConfig(memory_window=5000, n_draws=3, sweep=16),
        1,
        120,
    ),
}
