"""Sizes and settings at which this rule's kernel takes other paths than at its defaults."""

from __future__ import annotations

from registered import Case

from quant.network import NetworkSpec
from quant.rules.bimu.belief import BELIEFS
from quant.rules.bimu.config import BimuConfig

GIVEN = {
    "bimu 17-40-21-4, 64 draws": (
        NetworkSpec((17, 40, 21, 4), bias=False, front_end="none"),
        BimuConfig(
            n_draws=64,
            lr=64.0,
            caution=0.0,
            sides=2,
            window=4.0,
            radial=1.0,
            logit_scale=8.0,
            sweep=1,
        ),
    ),
    "bimu 9-2, one draw": (
        NetworkSpec((9, 2), front_end="none"),
        BimuConfig(n_draws=1, memory_window=1.0, lr=1 / 64, caution=64.0, logit_scale=1 / 16),
    ),
    "bimu 17-40-4, 64 gathered": (
        NetworkSpec((17, 40, 4), bias=False, front_end="none"),
        BimuConfig(gather=64, settle=4.0, lr=64.0, window=4.0, n_draws=5),
    ),
    "bimu 8-6-2, 2 gathered": (
        NetworkSpec((8, 6, 2), front_end="none"),
        BimuConfig(gather=2, lr=1.0, cuts=0),
    ),
}
MORE = {
    f"{name}, {arithmetic}": Case(*given, arithmetic)
    for name, given in GIVEN.items()
    for arithmetic in BELIEFS
}
