"""Which samples deserve a label: those whose draws disagree, as many as a budget allows.

In integers, and with one number to keep: a threshold. A sample asks for its label if its margin is
below; each sample that asks lowers the threshold, each other one raises it by so much less that a
share of them asks, the budget. Where nothing was asked for a while the next sample asks: a learner
may be as sure of what it never saw.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from quant.errors import ConfigError

FRAC_BITS = 16
#: How far a sample that asks moves the threshold: a quarter of a logit.
STEP = 1 << FRAC_BITS - 2
#: The threshold begins at the upper end, so that a new learner asks for all labels first.
LIMIT = 8 << FRAC_BITS
#: A sample asks at the latest when nothing was asked for so many times the usual distance.
PATIENCE = 3


def margin(outputs: npt.NDArray[np.float64]) -> int:
    """Return by how much the least certain draw prefers the predicted class, Q.16 within ±8.

    Negative if a draw prefers another class. 0 if fewer than two classes are known: there is
    nothing to be sure of, and a budget to keep.

    Parameters
    ----------
    outputs : float64[classes, draws]
        Logits of the classes that are known: whole multiples of 2^-16 of a learner in integers.
    """
    if len(outputs) < 2:
        return 0
    predicted = int(outputs.sum(axis=1).argmax())
    others = np.delete(outputs, predicted, axis=0).max(axis=0)
    least = math.floor(float((outputs[predicted] - others).min()) * (1 << FRAC_BITS))
    return min(max(least, -LIMIT), LIMIT)


class Asking:
    """A threshold that follows a budget.

    Parameters
    ----------
    budget : float
        The share of samples that may ask, above 0, and at most 1.

    Attributes
    ----------
    threshold : int
        Q.16 within ±8: what asks has a smaller margin.
    quiet : int
        Samples since one asked.

    Raises
    ------
    ConfigError
        If the budget is no such share.
    """

    def __init__(self, budget: float) -> None:
        if not 0 < budget <= 1:
            raise ConfigError(f"budget={budget!r}: expected a share of the samples, such as 0.05")
        self.budget, self.threshold, self.quiet = budget, LIMIT, 0
        least = STEP if budget == 1 else math.floor(STEP * budget / (1 - budget) + 0.5)
        self._up = min(max(least, 1), 2 * LIMIT)

    def to_dict(self) -> dict[str, float]:
        """Return what goes on as this does, as JSON takes it."""
        return {"budget": self.budget, "threshold": self.threshold, "quiet": self.quiet}

    @classmethod
    def from_dict(cls, found: Mapping[str, float]) -> Asking:
        """Invert :meth:`to_dict`."""
        asking = cls(found["budget"])
        asking.threshold, asking.quiet = int(found["threshold"]), int(found["quiet"])
        return asking

    def asks(self, margin: int) -> bool:
        """Return whether a sample with this margin asks, and move the threshold."""
        if self.budget == 1:
            return True
        late = self.quiet >= PATIENCE * (STEP + self._up) // self._up
        asking = margin < self.threshold or late
        self.quiet = 0 if asking else self.quiet + 1
        moved = self.threshold - STEP if asking else self.threshold + self._up
        self.threshold = min(max(moved, 1 - LIMIT), LIMIT)
        return asking
