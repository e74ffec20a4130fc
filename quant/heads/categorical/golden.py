"""The categorical head in integers: softmax, its gradient, and the predicted class.

Every format and bound: NUMBERS.md beside this file. C counterpart: ``kernel/integer``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from quant.counters import Saturations
from quant.heads.categorical import taught
from quant.heads.head import ClassPrediction
from quant.integers import Int64
from quant.layout import State
from quant.tables import EXP2

OUTPUT_FRAC_BITS = 16


def softmax_q(logits: Int64) -> Int64:
    """Softmax of each column of Q15.16 logits, in Q0.16, by a table of 2^-f and one division."""
    t = np.minimum((logits.max(axis=0) - logits) >> 6, 16383)
    u = t * 23637 >> 14
    e = EXP2[u >> 2 & 255].astype(np.int64) >> (u >> 10)
    p: Int64 = (e << 16) // e.sum(axis=0)
    return p


def standardise_target(state: State, y: int, config: Any) -> tuple[dict[str, Any], int, int]:
    """Return the class index as it is, and that it was taught; nothing is clamped."""
    return {"taught": taught.with_class(state, y)}, y, 0


def output_gradient(outputs: Int64, target: int, count: Saturations) -> Int64:
    """Gradient of -log softmax by the logits, ``int64[classes, draws]`` in Q4.20."""
    delta = softmax_q(outputs)
    delta[target] -= 1 << 16
    return delta << 4


def predict(state: State, forward: Any, count: Saturations) -> ClassPrediction:
    """Return the taught class of the largest mean logit; the lowest index wins a tie."""
    outputs: Int64 = forward.outputs
    index = int(np.argmax(taught.compared(state, outputs.sum(axis=1))))
    return ClassPrediction(index, outputs.mean(axis=1) / (1 << OUTPUT_FRAC_BITS))
