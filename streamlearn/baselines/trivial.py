"""Baselines that never look at the features: what labels alone give away."""

from __future__ import annotations

from collections import Counter

from streamlearn.baselines.base import FloatRow
from streamlearn.errors import LabelError


class NoChangeClassifier:
    """Predicts the previous label; class 0 before the first."""

    def __init__(self) -> None:
        self._last = 0

    def predict_one(self, x: FloatRow, /) -> int:  # noqa: ARG002
        """Return the label learned last, 0 before any."""
        return self._last

    def learn_one(self, x: FloatRow, y: int, /) -> None:  # noqa: ARG002
        """Remember `y`.

        Raises
        ------
        LabelError
            `y` is negative.
        """
        self._last = _checked(y)


class MajorityClassifier:
    """Predicts the most frequent label so far; the lowest among equals; class 0 before any."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._best = 0

    def predict_one(self, x: FloatRow, /) -> int:  # noqa: ARG002
        """Return the label learned most often, 0 before any."""
        return self._best

    def learn_one(self, x: FloatRow, y: int, /) -> None:  # noqa: ARG002
        """Count `y`.

        Raises
        ------
        LabelError
            `y` is negative.
        """
        y = _checked(y)
        self._counts[y] += 1
        lead = self._counts[y] - self._counts[self._best]
        if lead > 0 or (lead == 0 and y < self._best):
            self._best = y


def _checked(y: int) -> int:
    if y < 0:
        raise LabelError(f"a label must be a class index from 0, got {y}")
    return int(y)
