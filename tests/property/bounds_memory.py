"""Bounds of the memory's whole numbers: scaled inputs, and sums of random features."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from holding import Bounds

from quant.memory import FEATURES_MAX
from quant.memory.features import WEIGHT_MAX, Z_MAX, Z_MAX_RANDOM, bias_gain, random_weights, scaled
from quant.memory.golden import UPDATES_MAX
from quant.network import MAX_UNITS

BIAS = 510 * bias_gain(MAX_UNITS)

BOUNDS = Bounds(
    {
        "weight_index": (FEATURES_MAX * -(-MAX_UNITS // 8) - 1, "uint32"),
        "bias_product": (BIAS, "int32"),
        "random_sum": (MAX_UNITS * WEIGHT_MAX * Z_MAX_RANDOM + (BIAS >> 8), "int32"),
        "updates": (UPDATES_MAX, "uint32"),
    }
)


def _format(kind: str, bits: int, largest: int) -> dict[str, str]:
    return {
        "type": kind,
        "fraction bits": str(bits),
        "smallest": str(-largest),
        "largest": str(largest),
    }


TABLES = {
    "format": {
        "z": _format("int16", 8, Z_MAX),
        "z_random": _format("int16", 8, Z_MAX_RANDOM),
        "weight": _format("int32", 0, WEIGHT_MAX),
    }
}


def exercise() -> None:
    """The widest network whose every input is at the end of its range, with the weights' signs."""
    index = np.uint32(FEATURES_MAX - 1) * np.uint32(-(-MAX_UNITS // 8)) + np.uint32(MAX_UNITS >> 3)
    BOUNDS.hold("weight_index", index)
    weights, bias = random_weights(3, 8, MAX_UNITS)
    assert set(np.unique(np.abs(weights))) == set(range(1, WEIGHT_MAX + 1, 2))
    BOUNDS.hold("bias_product", np.abs(bias) << 8)
    sums = np.abs(weights).sum(axis=1) * Z_MAX_RANDOM + np.abs(bias)
    BOUNDS.hold("random_sum", sums)
    BOUNDS.hold("updates", UPDATES_MAX)
    state = {
        "memory_scaled": np.array([100]),
        "memory_centre": np.zeros((1, 4), np.float32),
        "memory_scale": np.array([[1e18, 1e-18, 0, 1]], np.float32),
    }
    for front_end, limit in (("standardise", Z_MAX), ("none", Z_MAX_RANDOM)):
        spec = SimpleNamespace(front_end=front_end, n_features=4)
        for x in (3.4e38, -3.4e38, 1e-45, -0.0):
            z = scaled(spec, state, np.full(4, x, np.float32))  # type: ignore[arg-type]
            assert np.abs(z).max() <= limit
