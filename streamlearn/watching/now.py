"""How a run stands now: what the terminal and the browser show while it is at work."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic


@dataclass(frozen=True)
class Now:
    """One moment of a run, in figures that people look at.

    Parameters
    ----------
    source
        Name of the stream.
    n_samples
        Learned since the run was begun.
    rate
        Samples per second lately.
    accuracy, accuracy_latest, window
        Share of right predictions in [0, 1] of all samples and of the latest `window`; None if
        there is none yet.
    mae, mae_latest
        Of a regressor instead: the mean absolute error of all and of the latest samples.
    novelty
        Of the latest sample that was looked at, 0 to 1, and what the stream usually gives.
    usual_novelty
        Mean of those that were looked at lately.
    step
        By what the learning rate is multiplied.
    blind
        Names of the features that the network does not see.
    dropped
        What was not learned: a reason and how often.
    n_drifts
        How often the accuracy fell, or the error rose.
    reconnects
        How often the source came back.
    seconds
        Since this sitting began.
    ended
        Why it ended; empty while it is at work.
    """

    source: str
    n_samples: int = 0
    rate: float = 0.0
    accuracy: float | None = None
    accuracy_latest: float | None = None
    mae: float | None = None
    mae_latest: float | None = None
    window: int = 0
    novelty: float | None = None
    usual_novelty: float | None = None
    step: float = 1.0
    blind: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    n_drifts: int = 0
    reconnects: int = 0
    seconds: float = 0.0
    ended: str = ""


class Rate:
    """Samples per second over the latest seconds, whatever the size of the blocks.

    Parameters
    ----------
    window
        Seconds to look back.
    """

    def __init__(self, window: float = 5.0) -> None:
        self._window = window
        self._marks: deque[tuple[float, int]] = deque([(monotonic(), 0)])

    def __call__(self, n: int, now: float | None = None) -> float:
        """Note that `n` samples were learned by now; return the rate."""
        at = monotonic() if now is None else now
        if at - self._marks[-1][0] > self._window / 20:
            self._marks.append((at, n))
        while len(self._marks) > 1 and at - self._marks[1][0] >= self._window:
            self._marks.popleft()
        since, before = self._marks[0]
        return (n - before) / (at - since) if at > since else 0.0

    def begin(self, n: int) -> None:
        """Start from `n` samples that were learned before."""
        self._marks = deque([(monotonic(), n)])
