"""Sizes and settings at which this rule's kernel takes other paths than at its defaults."""

from __future__ import annotations

from registered import Case

from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig

MORE = {
    "mesu 5-4-3": Case(NetworkSpec((5, 4, 3)), MesuConfig(n_draws=3, memory_window=2000), "q16"),
    "mesu 7-9-6-4, 64 draws": Case(
        NetworkSpec((7, 9, 6, 4), front_end="none"),
        MesuConfig(n_draws=64, memory_window=2000, sigma_prior=4.0, sigma_init=4.0),
        "q16",
    ),
    "mesu 9-2, one draw": Case(
        NetworkSpec((9, 2), bias=False, front_end="none"),
        MesuConfig(n_draws=1, memory_window=256, lr_mu=1.0, lr_sigma=1.0, sweep=1),
        "q16",
    ),
    "mesu 6-5-5-2, other formats": Case(
        NetworkSpec((6, 5, 5, 2)),
        MesuConfig(n_draws=2, memory_window=3000, mu_init=0.5, mu_frac_bits=(6, 15, 10)),
        "q16",
    ),
    "mesu 5-4-1": Case(NetworkSpec((5, 4, 1), head="gaussian"), MesuConfig(n_draws=3), "q16"),
    "mesu 7-9-6-1, 64 draws": Case(
        NetworkSpec((7, 9, 6, 1), front_end="none", head="gaussian"),
        MesuConfig(n_draws=64, memory_window=2000, sigma_prior=4.0, sigma_init=4.0),
        "q16",
    ),
    "mesu 9-1, one draw": Case(
        NetworkSpec((9, 1), bias=False, front_end="none", head="gaussian"),
        MesuConfig(n_draws=1, memory_window=256, lr_mu=1.0, lr_sigma=1.0, target_window=2),
        "q16",
    ),
    "mesu 6-5-5-1, other formats": Case(
        NetworkSpec((6, 5, 5, 1), head="gaussian"),
        MesuConfig(
            n_draws=2,
            memory_window=3000,
            mu_init=0.5,
            target_window=32768,
            mu_frac_bits=(6, 15, 10),
        ),
        "q16",
    ),
}
