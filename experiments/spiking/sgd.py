"""The same spiking network under SGD, in floats: what MESU is compared with.

One weight in the place of a mean and a variance, one draw, the same events, leaks, threshold and
surrogate; the step is the gradient times one rate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.spiking import EVENTS_MAX, SLOPE, THRESHOLD, TRACE_END, WIDTH

Floats = npt.NDArray[np.float64]

#: Weights start uniform in ± this/√fan_in: MESU's start is worse for SGD.
STARTS = 2.0, 1.0


def events(signal: Floats, threshold: float, leak: int) -> Floats:
    """Return what a recording's events bring its traces, ``float64[n_steps, 2 n_features]``."""
    reference = np.zeros(signal.shape[1])
    found = np.zeros((len(signal), 2 * signal.shape[1]))
    keep = 1 - 2.0**-leak if leak else 1.0
    for t, row in enumerate(np.floor(np.abs(signal) * 16 + 0.5) / 16 * np.sign(signal)):
        apart = row - keep * reference
        n = np.sign(apart) * np.minimum(np.abs(apart) // threshold, EVENTS_MAX)
        reference = keep * reference + n * threshold
        found[t] = np.concatenate([np.maximum(n, 0), np.maximum(-n, 0)])
    return found


class SgdNetwork:
    """One hidden layer of spiking units, learned forward in time by SGD.

    With an ``average_window``, in learned steps, predictions read a running mean of the weights,
    as those of the learner that it is compared with.
    """

    def __init__(
        self,
        sizes: tuple[int, int, int],
        leaks: tuple[int, int],
        rate: float,
        seed: int,
        average_window: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        inputs, hidden, classes = sizes
        self.first = STARTS[0] * rng.uniform(-1, 1, (inputs, hidden)) / np.sqrt(inputs)
        self.last = STARTS[1] * rng.uniform(-1, 1, (hidden, classes)) / np.sqrt(hidden)
        self.keep = [1 - 2.0**-k for k in leaks]
        self.rate = rate
        self.window, self.learned = average_window, 0
        self.average = self.first.copy(), self.last.copy()

    def run(self, arriving: Floats, label: int | None) -> int:
        """Run a recording, learn every step of it if it has a label; return the predicted class."""
        shown = self.window and label is None
        first, last = self.average if shown else (self.first, self.last)
        trace = np.zeros(len(self.first))
        left, spikes = np.zeros(self.first.shape[1]), np.zeros(self.first.shape[1])
        total, charge = np.zeros(self.last.shape[1]), np.zeros(self.first.shape[1])
        for t, row in enumerate(arriving, 1):
            trace = np.clip(self.keep[0] * trace + row, -TRACE_END, TRACE_END)
            live = np.flatnonzero(trace > 1 / 16)
            charge = self.keep[0] * charge + row @ first
            left *= self.keep[0]
            membrane = charge - left
            fired = membrane >= THRESHOLD
            left += THRESHOLD * fired
            spikes = self.keep[1] * spikes + fired
            logits = spikes @ last
            total += t * logits
            if label is None:
                continue
            delta = np.exp(logits - logits.max())
            delta /= delta.sum()
            delta[label] -= 1
            gate = SLOPE * np.maximum(0, 1 - np.abs(membrane - THRESHOLD) / WIDTH)
            below = self.rate * gate * (self.last @ delta)
            self.last -= np.outer(spikes, self.rate * delta)
            self.first[live] -= np.outer(trace[live], below)
        if label is not None:
            self._follow(len(arriving))
        return int(np.argmax(total))

    def _follow(self, steps: int) -> None:
        """Let the average follow the weights after so many learned steps."""
        self.learned += steps
        share = min(1.0, steps / min(self.learned, max(self.window, 1)))
        for average, weights in zip(self.average, (self.first, self.last), strict=True):
            average += share * (weights - average)
