"""Sizes and settings at which this rule's kernel takes other paths than at its defaults."""

from __future__ import annotations

from registered import Case

from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig

MORE = {
    "metaplastic 5-9-3": Case(NetworkSpec((5, 9, 3)), MetaplasticConfig(), "q8"),
    "metaplastic 17-40-21-4": Case(
        NetworkSpec((17, 40, 21, 4), bias=False, front_end="none"),
        MetaplasticConfig(skip=0.0, window=3.0, lr=8.0, lr_output=2.0, clamp=0.5),
        "q8",
    ),
    "metaplastic 33-6": Case(
        NetworkSpec((33, 6), front_end="none"),
        MetaplasticConfig(skip=0.0, metaplasticity=6.0, logit_scale=8.0, calibration_window=64),
        "q8",
    ),
    "metaplastic 17-40-21-4, 4 of 10 blocks": Case(
        NetworkSpec((17, 40, 21, 4), front_end="none"),
        MetaplasticConfig(skip=0.0, window=3.0, lr=8.0, lr_output=2.0, n_blocks=10, n_active=4),
        "q8",
    ),
    "metaplastic 6-72-3, 7 of 36 blocks": Case(
        NetworkSpec((6, 72, 3)),
        MetaplasticConfig(skip=0.0, window=3.0, logit_scale=8.0, n_blocks=36, n_active=7),
        "q8",
    ),
}
