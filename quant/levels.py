"""Where a learner stands now: levels, beside the counters that only grow.

C: ``sl_health.c``; a device answers HEALTH with both.
"""

from __future__ import annotations

from dataclasses import dataclass

from quant.front_end.hold import blind
from quant.layout import State

#: One, in a ``step_log2`` of integers: Q.16.
STEP_ONE = 1 << 16


@dataclass(frozen=True)
class Levels:
    """Where a learner stood after the last sample that it learned.

    Attributes
    ----------
    blind : int
        Features of which the network saw nothing: the value was held, because it was too far from
        the feature's recent past; or the last eight and more values lay within a hundredth of a
        standard deviation, so that they were one input to the network, but were not all equal. 0
        with a front end that does not follow the stream. A level that stays above 0 is a sensor to
        look at.
    step : float
        By what the learning rate was multiplied: above 1 where the stream drifts. 1 for a rule
        whose step is fixed.
    """

    blind: int
    step: float


def levels_of(state: State) -> Levels:
    """Return the levels of a state."""
    names = state.dtype.names or ()
    step = 1.0
    if "step_log2" in names:
        log2 = state["step_log2"][0]
        step = float(2.0 ** (log2 / STEP_ONE if log2.dtype.kind == "i" else log2))
    return Levels(blind(state) if "streak" in names else 0, step)
