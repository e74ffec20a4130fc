"""Standardise: every channel by its own running mean and standard deviation.

What stands behind it counts in standard deviations, whatever the sensor's unit: the threshold of
events, above all. The statistics are those of the learner's front end. They follow the sensor, and
so they stay when a recording begins. The numbers are in NUMBERS.md beside this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quant.c_text import unsigned
from quant.front_end import EXPONENT_LEAST, EXPONENT_START, STATISTICS_END, WINDOW_MAX
from quant.layout import State
from quant.stages.stage import Stage, whole, wrong_state

#: Fraction bits of a standardised value, and what it is within.
Z_FRAC_BITS, Z_MAX = 8, 16


@dataclass(frozen=True)
class Standardise(Stage):
    """A stage that gives each channel as standard deviations from its mean.

    Parameters
    ----------
    window : int
        Samples over which mean and standard deviation follow the sensor, 2 to 32,768.
    channels : int or sequence of str, optional
        Values of a sample: how many, or their names. In a chain only the first stage's are given.

    Raises
    ------
    ConfigError
        If a number is out of range.
    """

    name: ClassVar[str] = "standardise"
    hop: ClassVar[int] = 1  # type: ignore[misc]
    channels_max: ClassVar[int] = 512
    kept: ClassVar[bool] = True
    shared_headers: ClassVar[tuple[str, ...]] = (
        "front_end/kernel/sl_hold.h",
        "front_end/kernel/integer/sl_statistics.h",
    )

    window: int = 4096
    channels: int | Sequence[str] | None = None

    def __post_init__(self) -> None:
        self._know("window", whole("window", self.window, 2, WINDOW_MAX))
        self._know_channels()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the channels."""
        return self.channel_names

    @property
    def dtype(self) -> np.dtype[Any]:
        """The state of the C struct.

        ``count``: samples in the statistics, up to the window; ``mean``, ``low``, ``variance``,
        ``exponent``: of each channel, as the front end has them.
        """
        kinds = {"mean": "<i4", "low": "<u4", "variance": "<u4", "exponent": "<i4"}
        each = [(name, kind, (self.n_channels,)) for name, kind in kinds.items()]
        return np.dtype([("count", "<u4"), *each])

    def reset(self, state: State) -> None:
        """A recording begins: the statistics stay."""

    def check(self, state: State) -> None:
        """Refuse a state that no samples lead to."""
        count, names = int(state["count"][0]), self.dtype.names or ()
        known = {name: state[name][0].astype(np.int64) for name in names[1:]}
        if count > self.window or (not count and any(part.any() for part in known.values())):
            raise wrong_state(self, f"count={count}")
        ends = {
            "mean": (1 - STATISTICS_END, STATISTICS_END - 1),
            "low": (0, 65535),
            "variance": (0, STATISTICS_END - 1),
            "exponent": (EXPONENT_LEAST, EXPONENT_START),
        }
        for name, (least, most) in ends.items():
            if known[name].min() < least or known[name].max() > most:
                raise wrong_state(self, f"{name} out of range")

    def work(self) -> float:
        """Each channel is one."""
        return self.n_channels

    def defines(self) -> Mapping[str, object]:
        """Return the constants of its C."""
        return {
            "CHANNELS": unsigned(self.n_channels),
            "FEATURES": unsigned(self.n_features),
            "WINDOW": unsigned(self.window),
        }


STAGE = Standardise
