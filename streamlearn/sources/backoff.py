"""How long to wait before the next try to reach a source that went."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from streamlearn.sources.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S


def pauses(draw: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield the seconds before each try: doubling up to a cap, each shortened by up to a half.

    Without the random part, a thousand learners would all knock at the moment when their broker
    comes back.

    Parameters
    ----------
    draw
        Returns a number in [0, 1).
    """
    longest = BACKOFF_FIRST_S
    while True:
        yield longest * (1 - draw() / 2)
        longest = min(2 * longest, BACKOFF_MAX_S)
