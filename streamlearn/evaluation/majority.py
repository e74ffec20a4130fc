"""The most frequent label before each sample of a block."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
#: Counts that stand in memory at a time.
MOST = 1 << 17


def majorities(y: Ints, seen: Mapping[int, int], majority: int) -> Ints:
    """Return the most frequent label before each label, and after the last; the lowest of equals.

    Parameters
    ----------
    y
        int64 ``[n]``, the labels.
    seen
        How often each came before them.
    majority
        The most frequent of those; -1: none came, and none is guessed.

    Returns
    -------
    int64[n + 1]
    """
    labels, place = np.unique(y, return_inverse=True)
    # Only labels that come here can overtake.
    known = np.unique([*labels.tolist(), max(majority, 0)])
    column = np.searchsorted(known, labels)[place]
    counts = np.array([seen.get(label, 0) for label in known.tolist()], np.int64)
    found, step = [np.array([majority], np.int64)], max(1, MOST // len(known))
    for at in range(0, len(y), step):
        came = np.zeros((len(column[at : at + step]), len(known)), np.int64)
        came[np.arange(len(came)), column[at : at + step]] = 1
        came[0] += counts
        came = came.cumsum(axis=0)
        counts = came[-1]
        found.append(known[came.argmax(axis=1)])
    return np.concatenate(found)
