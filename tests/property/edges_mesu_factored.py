"""Sizes and settings at which this rule's kernel takes other paths than at its defaults."""

from __future__ import annotations

from registered import Case

from quant.network import NetworkSpec
from quant.rules.mesu_factored.config import MesuFactoredConfig

MORE = {
    "mesu_factored 5-4-3": Case(
        NetworkSpec((5, 4, 3)), MesuFactoredConfig(n_draws=3, memory_window=2000, sweep=16), "q16"
    ),
    "mesu_factored 7-9-6-4, 64 draws": Case(
        NetworkSpec((7, 9, 6, 4), front_end="none"),
        MesuFactoredConfig(
            n_draws=64, memory_window=2000, sigma_prior=4.0, sigma_init=4.0, sweep=2
        ),
        "q16",
    ),
    "mesu_factored 9-2, one draw": Case(
        NetworkSpec((9, 2), bias=False, front_end="none"),
        MesuFactoredConfig(
            n_draws=1, memory_window=256, lr_mu=1.0, lr_sigma=1.0, sweep=1, mu_prior=0.5
        ),
        "q16",
    ),
    "mesu_factored 70-66-5": Case(
        NetworkSpec((70, 66, 5)),
        MesuFactoredConfig(n_draws=2, memory_window=float("inf"), mu_init=0.5, sigma_prior=0.02),
        "q16",
    ),
}
