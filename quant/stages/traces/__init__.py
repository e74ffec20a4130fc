"""Leaky traces: memory without a buffer, one accumulator for each channel and leak.

A trace is a mean of what came, the newer the more: after 2^k steps a value counts 1/e of what it
did. The numbers are in NUMBERS.md beside this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quant.c_text import unsigned, whole
from quant.errors import ConfigError
from quant.hyperparameters import is_whole
from quant.layout import State
from quant.stages.signal import VALUE_BITS
from quant.stages.stage import HOP_MAX, Stage, wrong_state
from quant.stages.stage import whole as whole_number

LEAK_MAX = 10
#: The exponent of a channel in which nothing came yet: that of the least normal binary32.
FINEST = VALUE_BITS + 125
#: The exponent of the largest.
COARSEST = VALUE_BITS - 128
#: A value that is no 0 and leaves so many bits unused, as its channel's traces do, makes units
#: finer by as many.
UNUSED_BITS = 14


@dataclass(frozen=True)
class Traces(Stage):
    """A stage of leaky traces of values or of events. A recording begins at its first sample.

    Parameters
    ----------
    leaks : sequence of int
        A trace forgets 2^-leak of itself per step, 0 to 10; 0 is the value as it is.
    hop : int
        Steps from one row of features to the next.
    channels : int or sequence of str, optional
        Values of a sample: how many, or their names. In a chain only the first stage's are given.

    Raises
    ------
    ConfigError
        If a number is out of range or there twice.
    """

    name: ClassVar[str] = "traces"
    channels_max: ClassVar[int] = 512

    leaks: Sequence[int]
    hop: int = 1
    channels: int | Sequence[str] | None = None

    def __post_init__(self) -> None:
        given: Any = (self.leaks,) if is_whole(self.leaks) else self.leaks
        if isinstance(given, str) or not isinstance(given, Sequence) or not given:
            raise ConfigError(f"leaks={given!r}: expected whole numbers from 0 to {LEAK_MAX}")
        leaks = tuple(whole_number("leaks", one, 0, LEAK_MAX) for one in given)
        if len({*leaks}) < len(leaks):
            raise ConfigError(f"leaks={given!r}: expected different numbers")
        self._know("leaks", leaks)
        self._know("hop", whole_number("hop", self.hop, 1, HOP_MAX))
        self._know_channels()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Of each channel its traces."""
        return tuple(f"{name} leak {k}" for name in self.channel_names for k in self.leaks)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The state of the C struct.

        ``begun``: whether a sample came; ``waiting``: steps until a row of features comes, that one
        included; ``exponent``: of each channel; ``trace``: in units of 2^-exponent.
        """
        traces = (self.n_channels, len(self.leaks))
        exponents = (self.n_channels,)
        return np.dtype(
            [
                ("begun", "<u4"),
                ("waiting", "<u4"),
                ("exponent", "<i4", exponents),
                ("trace", "<i4", traces),
            ]
        )

    def reset(self, state: State) -> None:
        """Begin a recording, in place."""
        state["begun"], state["waiting"] = 0, self.hop
        state["exponent"], state["trace"] = FINEST, 0

    def check(self, state: State) -> None:
        """Refuse a state that no samples lead to."""
        begun, waiting = int(state["begun"][0]), int(state["waiting"][0])
        exponent = state["exponent"][0]
        new = waiting == self.hop and exponent.min() == FINEST and not state["trace"].any()
        if begun > 1 or not 1 <= waiting <= self.hop or (not begun and not new):
            raise wrong_state(self, f"begun={begun}, waiting={waiting}")
        if exponent.min() < COARSEST or exponent.max() > FINEST:
            raise wrong_state(self, "an exponent out of range")
        most = np.int64(1) << np.array(self.leaks) + VALUE_BITS
        if (np.abs(state["trace"][0].astype(np.int64)) > most).any():
            raise wrong_state(self, "a trace out of range")

    def work(self) -> float:
        """Each trace is one, at every step."""
        return self.n_features * self.hop

    def defines(self) -> Mapping[str, object]:
        """Return the constants of its C."""
        return {
            "CHANNELS": unsigned(self.n_channels),
            "FEATURES": unsigned(self.n_features),
            "HOP": unsigned(self.hop),
            "N_LEAKS": unsigned(len(self.leaks)),
            "LEAKS": whole(self.leaks),
            "FINEST": FINEST,
            "UNUSED_BITS": UNUSED_BITS,
        }


STAGE = Traces
