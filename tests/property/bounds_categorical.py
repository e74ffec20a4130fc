"""Bounds of the categorical head: softmax and the gradient by the logits."""

from __future__ import annotations

import numpy as np
from bounds_sampling import PRE_ACTIVATION
from holding import Bounds

from quant.counters import Saturations
from quant.heads.categorical.golden import output_gradient, softmax_q
from quant.layout import State
from quant.network import MAX_UNITS
from quant.tables import EXP2

#: Of the distance from the largest logit, in nats, Q.10.
DISTANCE_MAX = 16383
#: log2 e in Q.14.
LOG2_E = 23637

BOUNDS = Bounds(
    {
        "logit_below": (2 * PRE_ACTIVATION, "uint32"),
        "softmax_t": (DISTANCE_MAX * LOG2_E, "int32"),
        "softmax_bits": (DISTANCE_MAX * LOG2_E >> 14, "int32"),
        "softmax_sum": (MAX_UNITS * int(EXP2[0]), "uint32"),
        "softmax_shifted": (int(EXP2[0]) << 16, "uint32"),
        "probability": (1 << 16, "uint32"),
        "output_delta": (1 << 20, "int32"),
    }
)
hold = BOUNDS.hold

TABLES = {
    "format": {
        "p": {
            "type": "uint32",
            "fraction bits": "16",
            "smallest": "0",
            "largest": str(BOUNDS["probability"][0]),
        },
        "delta": {
            "type": "int32",
            "fraction bits": "20",
            "smallest": str(-BOUNDS["output_delta"][0]),
            "largest": str(BOUNDS["output_delta"][0]),
        },
    }
}


def check_output_gradient(logits: np.ndarray, label: int) -> np.ndarray:
    """Softmax and its gradient, every intermediate held."""
    hold("logit_below", logits.max(axis=0) - logits)
    t = np.minimum((logits.max(axis=0) - logits) >> 6, DISTANCE_MAX)
    hold("softmax_t", t * LOG2_E)
    u = t * LOG2_E >> 14
    hold("softmax_bits", u)
    e = EXP2[u >> 2 & 255].astype(np.int64) >> (u >> 10)
    BOUNDS.hold_partial_sums("softmax_sum", e, 0)
    assert (e.sum(axis=0) >= int(EXP2[0])).all()
    hold("softmax_shifted", e << 16)
    p = softmax_q(logits)
    np.testing.assert_array_equal((e << 16) // e.sum(axis=0), p)
    hold("probability", p)
    assert (p.sum(axis=0) <= 1 << 16).all()
    count = Saturations()
    delta = output_gradient(logits, label, count)
    assert count == Saturations(), "nothing saturates here"
    hold("output_delta", delta)
    return delta


def edge_statistics(state: State, rng: np.random.Generator) -> None:
    """Say that none, all or some classes were taught; words beyond the last class too."""
    words = state["taught"].shape[1]
    state["taught"] = [
        np.zeros(words, np.uint32),
        np.full(words, 0xFFFFFFFF, np.uint32),
        rng.integers(0, 2**32, words, np.uint32),
    ][rng.integers(3)]


def exercise() -> None:
    """Logits as far apart and as equal as they get, of two classes and of the most."""
    for classes in (2, MAX_UNITS):
        logits = np.full((classes, 3), -PRE_ACTIVATION)
        logits[0] = [PRE_ACTIVATION, -PRE_ACTIVATION, 0]
        for label in (0, classes - 1):
            check_output_gradient(logits, label)
