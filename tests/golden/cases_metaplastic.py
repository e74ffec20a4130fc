"""This rule's golden cases beside the registry's defaults, and what it may not lose."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig

#: Heads; by arithmetic the backends.
PROMISED = (("categorical",), {"q8": "c numpy", "float32": "c", "float64": "numpy"})

#: By name: network, hyperparameters, seed, samples.
MORE = {
    "metaplastic 128-64-6, no bias": (
        NetworkSpec((128, 64, 6), False),
        MetaplasticConfig(),
        0,
        200,
    ),
    "metaplastic 128-13-10-6": (
        NetworkSpec((128, 13, 10, 6)),
        MetaplasticConfig(
            metaplasticity=3.0,
            metaplasticity_output=0.5,
            bias_input=2.0,
            clamp=0.75,
            lr=2.0,
            window=2.0,
            logit_scale=0.5,
        ),
        1,
        200,
    ),
    "metaplastic 128-6, no front end": (
        NetworkSpec((128, 6), front_end="none"),
        MetaplasticConfig(
            metaplasticity_output=0.0, skip=0.0, lr_output=3.0, calibration_window=64
        ),
        2**32 - 1,
        200,
    ),
    "metaplastic 128-80-6, 11 of 40 blocks": (
        NetworkSpec((128, 80, 6), False),
        MetaplasticConfig(metaplasticity=1.02, window=2.0, n_blocks=40, n_active=11),
        3,
        200,
    ),
    "metaplastic 128-24-10-6, 3 of 8 blocks, no front end": (
        NetworkSpec((128, 24, 10, 6), True, "none"),
        MetaplasticConfig(skip=0.0, window=2.0, n_blocks=8, n_active=3),
        4,
        200,
    ),
}
