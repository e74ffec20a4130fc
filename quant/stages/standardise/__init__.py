"""Standardise: every channel by its own running mean and standard deviation.

What stands behind it counts in standard deviations, whatever the sensor's unit: the threshold of
events, above all. The statistics are those of the learner's front end. They follow the sensor, and
so they stay when a recording begins. The numbers are in NUMBERS.md beside this file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quant.c_text import unsigned
from quant.c_text import whole as whole_numbers
from quant.errors import ConfigError, ShapeError
from quant.front_end import EXPONENT_LEAST, EXPONENT_START, STATISTICS_END, WINDOW_MAX
from quant.layout import State
from quant.stages.stage import Stage, whole, wrong_state

#: Fraction bits of a standardised value, and what it is within.
Z_FRAC_BITS, Z_MAX = 8, 16


#: The statistics of each channel, and what the state remembers of its first values.
_FIELDS = {"mean": "<i4", "low": "<u4", "variance": "<u4", "exponent": "<i4"}
_FIRST = {"steady": "<f4", "other": "<f4"}


@dataclass(frozen=True)
class Standardise(Stage):
    """A stage that gives each channel as standard deviations from its mean.

    Parameters
    ----------
    window : int
        Samples over which mean and standard deviation follow the sensor, 2 to 32,768.
    channels : int or sequence of str, optional
        Values of a sample: how many, or their names. In a chain only the first stage's are given.
    settled : sequence of sequence of int, optional
        Statistics to begin with, as :meth:`quant.stages.Stages.settled` takes them from a state:
        each field of the state but ``count``, which is the window. By default nothing is known.

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
    settled: Sequence[Sequence[int]] | None = None

    def __post_init__(self) -> None:
        self._know("window", whole("window", self.window, 2, WINDOW_MAX))
        self._know_channels()
        if self.settled is not None and self.channels is not None:
            self._know("settled", self._known_statistics())

    def _known_statistics(self) -> tuple[tuple[int, ...], ...]:
        given: Any = self.settled
        try:
            found = np.array(given)
            if found.dtype.kind not in "iu" or found.shape != (len(_FIELDS), self.n_channels):
                raise ValueError
            self.check(self._state_of(found.tolist()))
        except (ValueError, ShapeError, OverflowError):
            raise ConfigError(
                f"settled={given!r}: expected what Stages.settled(state) gives: "
                f"{', '.join(_FIELDS)} of {self.n_channels} channels, whole numbers"
            ) from None
        return tuple(map(tuple, found.tolist()))

    def _state_of(self, statistics: Sequence[Sequence[int]]) -> State:
        state: State = np.zeros(1, self.dtype)
        state["count"] = self.window
        for name, values in zip(_FIELDS, statistics, strict=True):
            state[name] = np.array(values, np.int64).astype(self.dtype[name].base, casting="unsafe")
            if not np.array_equal(state[name][0].astype(np.int64), values):
                raise OverflowError
        return state

    def settled_by(self, state: State) -> Standardise:
        """Return the stage that begins with the statistics of a state."""
        statistics = tuple(tuple(state[name][0].tolist()) for name in _FIELDS)
        return dataclasses.replace(self, settled=statistics) if state["count"][0] else self

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the channels."""
        return self.channel_names

    @property
    def dtype(self) -> np.dtype[Any]:
        """The state of the C struct.

        ``count``: samples in the statistics, up to the window; ``mean``, ``low``, ``variance``,
        ``exponent``: of each channel, as the front end has them; ``steady``, ``other``: what it
        was at first, and its first other value, while it is not known whether one was wild.
        """
        each = [(name, kind, (self.n_channels,)) for name, kind in {**_FIELDS, **_FIRST}.items()]
        return np.dtype([("count", "<u4"), *each])

    def reset(self, state: State) -> None:
        """Begin a recording, in place: statistics stay, and begin as settled if there are none."""
        if self.settled is not None and not state["count"][0]:
            state[:] = self._state_of(self.settled)

    def check(self, state: State) -> None:
        """Refuse a state that no samples lead to."""
        count = int(state["count"][0])
        known = {name: state[name][0].astype(np.int64) for name in _FIELDS}
        values = [state[name][0] for name in _FIRST]
        every = [*known.values(), *values]
        if count > self.window or (not count and any(part.any() for part in every)):
            raise wrong_state(self, f"count={count}")
        if not np.isfinite(values).all():
            raise wrong_state(self, "a value that is no finite number")
        ends = {
            "mean": (1 - STATISTICS_END, STATISTICS_END - 1),
            "low": (0, 65535),
            "variance": (0, STATISTICS_END - 1),
            "exponent": (EXPONENT_LEAST, EXPONENT_START),
        }
        for name, (least, most) in ends.items():
            if known[name].min() < least or known[name].max() > most:
                raise wrong_state(self, f"{name} out of range")

    @property
    def scratch_bytes(self) -> int:
        """The statistics after a step, of each channel 24 bytes."""
        return 24 * self.n_channels

    def work(self) -> float:
        """Each channel is one."""
        return self.n_channels

    def defines(self) -> Mapping[str, object]:
        """Return the constants of its C."""
        found: dict[str, object] = {
            "CHANNELS": unsigned(self.n_channels),
            "FEATURES": unsigned(self.n_features),
            "WINDOW": unsigned(self.window),
            "SETTLED": int(self.settled is not None),
        }
        for name, numbers in zip(_FIELDS, self.settled or (), strict=False):
            found[name.upper()] = whole_numbers(numbers)
        return found


STAGE = Standardise
