"""How many samples a learner has learned, beyond the 32 bits that its state counts with.

A state counts modulo 2^32: the counter is what the noise is drawn from, and a device adds to it for
as long as it lives. A person wants the number itself. An odometer adds the epochs, of 2^32 samples
each, that the counter has passed. It looks whenever somebody asks for the number or saves the
learner; an epoch that passed whole between two looks would not be seen.
"""

from __future__ import annotations

from quant.layout import State

EPOCH = 1 << 32


class Odometer:
    """Counts a learner's samples.

    Parameters
    ----------
    epochs : int
        How often the counter has passed 2^32 before.
    state : State
        Of the learner, which counts modulo 2^32.
    """

    def __init__(self, epochs: int, state: State) -> None:
        self._total = epochs * EPOCH + counted(state)

    def read(self, state: State) -> int:
        """Return the number of samples; ``state`` has learned more since the last look."""
        self._total += (counted(state) - self._total) % EPOCH
        return self._total

    def epochs(self, state: State) -> int:
        """Return how often the counter has passed 2^32."""
        return self.read(state) // EPOCH

    def move(self, old: State, new: State) -> None:
        """Follow a learner that takes another state: its own an hour ago, or a device's.

        The counter then went the shorter way, forwards or back.
        """
        ahead = (counted(new) - self.read(old)) % EPOCH
        back = EPOCH - ahead
        self._total += ahead if ahead <= back or back > self._total else -back


def counted(state: State) -> int:
    """Return what a state counts, modulo 2^32."""
    return int(state["n_samples"][0])
