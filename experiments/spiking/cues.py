"""Cue accumulation: seven cues from left or right, a silence, and the question which were more.

The task of ReckOn (Frenkel and Indiveri, ISSCC 2022) and of Bellec et al. (2020), made anew: 40
lines in groups of ten. The first two groups are the cues' sides, the third asks, and the fourth
fires all the time. Spikes are counted in bins.
"""

from __future__ import annotations

import numpy as np

from experiments.spiking.data import Floats, Integers

CUES, GROUP, LINES = 7, 10, 40
#: In bins of 50 ms: a cue, the silence behind each, the one behind all, and the question.
BIN, CUE, GAP, DELAY, QUESTION = 0.05, 2, 1, 20, 3
STEPS = CUES * (CUE + GAP) + DELAY + QUESTION
#: Spikes a second of a line that is driven, and of one of the last group.
RATE, NOISE = 40.0, 10.0
#: The share of cues that are on the side that the trial leans to.
LEANING = 0.7
#: What a spike brings: traces of a whole trial stay within their format.
WORTH = 0.25


def trials(n: int, seed: int) -> tuple[Floats, Integers]:
    """Return trials and the side with more cues.

    Parameters
    ----------
    n : int
    seed : int

    Returns
    -------
    signals : float64[n, STEPS, LINES]
    sides : int64[n]
        0 or 1.
    """
    rng = np.random.default_rng(seed)
    rates = np.zeros((n, STEPS, LINES))
    rates[:, -QUESTION:, 2 * GROUP : 3 * GROUP] = RATE
    rates[:, :, 3 * GROUP :] = NOISE
    leaning = np.where(rng.random(n) < 0.5, LEANING, 1 - LEANING)
    cues = (rng.random((n, CUES)) < leaning[:, None]).astype(np.int64)
    for trial, sides in enumerate(cues):
        for k, side in enumerate(sides):
            first = k * (CUE + GAP)
            rates[trial, first : first + CUE, GROUP * side : GROUP * (side + 1)] = RATE
    signals = WORTH * rng.poisson(rates * BIN)
    return np.minimum(signals, 7.5), (cues.sum(axis=1) > CUES // 2).astype(np.int64)
