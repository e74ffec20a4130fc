"""The categorical head in float64: softmax, its gradient, and the predicted class.

Integer counterpart: :mod:`quant.heads.categorical.golden`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.heads.categorical import taught
from quant.heads.head import ClassPrediction
from quant.layout import State

Float = npt.NDArray[np.float64]


def standardise_target(state: State, y: int, config: Any) -> tuple[dict[str, Any], int, int]:
    """Return the class index as it is, and that it was taught; nothing is clamped."""
    return {"taught": taught.with_class(state, y)}, y, 0


def output_gradient(outputs: Float, target: int, count: Saturations) -> Float:
    """Gradient of -log softmax by the logits, ``float64[classes, draws]``."""
    shifted = np.exp(outputs - outputs.max(axis=0))
    delta: Float = shifted / shifted.sum(axis=0)
    delta[target] -= 1
    return delta


def predict(state: State, forward: Any, count: Saturations) -> ClassPrediction:
    """Return the taught class of the largest mean logit; the lowest index wins a tie."""
    outputs: Float = forward.outputs
    index = int(np.argmax(taught.compared(state, outputs.sum(axis=1))))
    return ClassPrediction(index, outputs.mean(axis=1))
