"""Send-on-delta: a value becomes events when it has moved by a threshold, up or down.

Nothing is said while nothing happens. A reference follows the value by whole thresholds; with a
leak it also drifts back to a level of rest, so that a level that stays keeps sending. The numbers
are in NUMBERS.md beside this file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quant.c_text import unsigned, whole
from quant.errors import ConfigError
from quant.hyperparameters import real
from quant.labels import shown
from quant.layout import State
from quant.stages.stage import Stage, wrong_state
from quant.stages.stage import whole as whole_number

#: Bits of a threshold, and of the largest value and reference.
THRESHOLD_BITS, REFERENCE_BITS = 12, 28
#: Events of a channel in one step.
EVENTS_MAX = 127
LEAK_MAX = 15
#: Thresholds beyond these would leave binary32.
LEAST, MOST = 2.0**-100, 2.0**100


@dataclass(frozen=True)
class Delta(Stage):
    """A stage of events: of each channel how many thresholds it rose, and how many it fell.

    A recording begins without an event, at its first sample.

    Parameters
    ----------
    threshold : float or sequence of float
        In the unit of what comes in; one for all channels, or one for each. Behind
        :class:`~quant.stages.standardise.Standardise` that unit is a channel's own standard
        deviation, and the default fits.
    leak : int
        The reference goes back to rest by 2^-leak of its distance per step, 1 to 15; 0: it stays.
    rest : float or sequence of float
        The level that it goes back to.
    channels : int or sequence of str, optional
        Values of a sample: how many, or their names. In a chain only the first stage's are given.

    Raises
    ------
    ConfigError
        If a number is out of range, or there are not as many as channels.

    References
    ----------
    Miskowicz, "Send-on-delta concept: an event-based data reporting strategy", Sensors 6 (2006).
    """

    name: ClassVar[str] = "delta"
    hop: ClassVar[int] = 1  # type: ignore[misc]

    threshold: float | Sequence[float] = 0.1
    leak: int = 4
    rest: float | Sequence[float] = 0.0
    channels: int | Sequence[str] | None = None

    def __post_init__(self) -> None:
        self._know("threshold", _numbers("threshold", self.threshold, LEAST, MOST))
        self._know("rest", _numbers("rest", self.rest, -MOST, MOST))
        self._know("leak", whole_number("leak", self.leak, 0, LEAK_MAX))
        self._know_channels()
        if self.channels is not None:
            for name in ("threshold", "rest"):
                given = getattr(self, name)
                if isinstance(given, tuple) and len(given) != self.n_channels:
                    raise ConfigError(
                        f"{name}: {len(given)} numbers for {self.n_channels} channels; give one "
                        "for each, or one for all"
                    )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Of each channel its events of rising, then those of falling."""
        return tuple(f"{name} {way}" for name in self.channel_names for way in ("up", "down"))

    def _each(self, given: float | Sequence[float]) -> list[float]:
        return [given] * self.n_channels if isinstance(given, float | int) else [*given]

    @property
    def thresholds(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of each channel the threshold as ``m 2^-e``, 2048 <= m < 4096: all m, then all e."""
        pairs = [math.frexp(one) for one in self._each(self.threshold)]
        m = [round(part * (1 << THRESHOLD_BITS)) for part, _ in pairs]
        up = [one >> THRESHOLD_BITS for one in m]  # rounded to the next power of two
        found = zip(m, pairs, up, strict=True)
        return (
            tuple(one >> more for one, more in zip(m, up, strict=True)),
            tuple(THRESHOLD_BITS - p - more for _, (_, p), more in found),
        )

    @property
    def rests(self) -> tuple[int, ...]:
        """Of each channel the level of rest, in units of its threshold's ``2^-e``."""
        top = 1 << REFERENCE_BITS
        pairs = zip(self._each(self.rest), self.thresholds[1], strict=True)
        found = [math.ldexp(one, e) for one, e in pairs]
        return tuple(
            int(max(-top, min(top, math.floor(abs(v) + 0.5) * (-1 if v < 0 else 1)))) for v in found
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        """``begun``: whether a sample came; ``reference``: what values are compared with."""
        return np.dtype([("begun", "<u4"), ("reference", "<i4", (self.n_channels,))])

    def reset(self, state: State) -> None:
        """Begin a recording, in place."""
        state["begun"], state["reference"] = 0, 0

    def check(self, state: State) -> None:
        """Refuse a state that no samples lead to."""
        begun, reference = int(state["begun"][0]), state["reference"][0].astype(np.int64)
        if (
            begun > 1
            or np.abs(reference).max() > 1 << REFERENCE_BITS
            or (not begun and reference.any())
        ):
            raise wrong_state(self, f"begun={begun}, or a reference out of range")

    def work(self) -> float:
        """Each channel is one."""
        return self.n_channels

    def defines(self) -> Mapping[str, object]:
        """Return the constants of its C."""
        thresholds, exponents = self.thresholds
        return {
            "CHANNELS": unsigned(self.n_channels),
            "FEATURES": unsigned(self.n_features),
            "THRESHOLDS": whole(thresholds),
            "EXPONENTS": whole(exponents),
            "RESTS": whole(self.rests),
            "LEAK": self.leak,
        }


def _numbers(name: str, given: Any, least: float, most: float) -> float | tuple[float, ...]:
    """Return a setting as a number, or one for each channel."""
    given = given.tolist() if isinstance(given, np.ndarray) else given
    many = isinstance(given, Sequence) and not isinstance(given, str)
    values = [*given] if many else [given]
    found = [*map(real, values)]
    for value, number in zip(values, found, strict=True):
        if number is None or not least <= number <= most:
            raise ConfigError(
                f"{name}={shown(value)}: expected a number from {least:.3g} to {most:.3g}, or one "
                "for each channel"
            )
    if not values:
        raise ConfigError(f"{name}={given!r}: expected a number, or one for each channel")
    return tuple(map(float, values)) if many else float(given)


STAGE = Delta
