"""Merging of what an adaptive step keeps beside the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from quant.layout import State
from quant.network import NetworkSpec, layer_view

WORDS = ("step_log2", "step_usual")


def merge_step(spec: NetworkSpec, learned: Sequence[State], merged: State) -> None:
    """Set the multiplier and the usual slope to the learners' mean, in place.

    The slow copy becomes the merged μ, as at a start: the merged learner has not moved yet. Nothing
    is done if the step is fixed.
    """
    names = merged.dtype.names or ()
    for name in WORDS:
        if name in names:
            merged[name] = _mean([state[name][0].item() for state in learned], merged.dtype[name])
    if "slow" in names:
        merged["slow"][0] = layer_view(spec, merged, "mu", len(spec.shapes) - 1).ravel()


def _mean(values: list[float], dtype: np.dtype[np.generic]) -> float:
    if dtype.kind == "f":
        return math.fsum(values) / len(values)
    return (2 * int(sum(values)) + len(values)) // (2 * len(values))
