"""Windows: statistics and band energies of a signal's last samples, as a learner's features.

A raw sample goes in at its own rate; features come out each time a window ends. They are integers
with one exponent per channel and window, handed on as binary32, so a channel may have any unit.
What stands behind standardises them as it does a sensor's values. The numbers are in NUMBERS.md
beside this file; the golden model is :mod:`quant.window.golden`, the C is in ``kernel``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from quant.errors import ConfigError, ShapeError
from quant.hyperparameters import is_whole
from quant.layout import State

#: What a window says of each channel, in this order.
FEATURES = ("mean", "sd", "min", "max", "range", "rms", "crossings", "bands")
#: Where bands of the spectrum begin and the last one ends, in cycles per window; those that a
#: window has.
EDGES = (1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448)
#: Samples of a window, and between the ends of two.
N_MIN, N_MAX, HOP_MAX = 4, 1024, 65535
#: With a magnitude its squares have to fit a word.
CHANNELS_MAX, MAGNITUDE_CHANNELS_MAX = 64, 8
#: What the magnitude of all channels is called.
MAGNITUDE = "magnitude"


@dataclass(frozen=True)
class Window:
    """A front end of windows.

    Parameters
    ----------
    n : int
        Samples of a window, 4 to 1,024.
    hop : int
        Samples from the end of one window to the end of the next.
    channels : int or sequence of str
        Raw values of a sample: how many, or their names.
    features : sequence of str
        Of :data:`FEATURES`, any of them; they come in that order. ``range`` is peak to peak,
        ``crossings`` counts how often the signal crosses its mean, ``bands`` are logarithms of
        energies.
    edges : sequence of int, optional
        Where bands begin, in cycles per window, and where the last one ends; rising, from 1 to
        half a window and one. Default: :data:`EDGES`.
    magnitude : bool
        One more channel: the length of the vector of all channels, whatever way a sensor lies.

    Raises
    ------
    ConfigError
        If a number is out of range, or a name is unknown or there twice.
    """

    n: int
    hop: int
    channels: int | Sequence[str]
    features: Sequence[str] = FEATURES
    edges: Sequence[int] | None = None
    magnitude: bool = False

    def __post_init__(self) -> None:
        _whole("n", self.n, N_MIN, N_MAX)
        _whole("hop", self.hop, 1, HOP_MAX)
        names: Any = self.channels
        if is_whole(names):
            names = tuple(f"x{i}" for i in range(int(names)))
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise ConfigError(f"channels={self.channels!r}: expected their number or their names")
        names = tuple(map(str, names))
        most = MAGNITUDE_CHANNELS_MAX if self.magnitude else CHANNELS_MAX
        if not 1 <= len(names) <= most or len({*names, MAGNITUDE}) <= len(names):
            raise ConfigError(
                f"channels={self.channels!r}: expected 1 to {most} different names, none of them "
                f"{MAGNITUDE!r}"
            )
        if not isinstance(self.magnitude, bool):
            raise ConfigError(f"magnitude={self.magnitude!r}: expected True or False")
        for name, value in (
            ("channels", names),
            ("features", self._known_features()),
            ("edges", self._known_edges()),
        ):
            object.__setattr__(self, name, value)

    def _known_features(self) -> tuple[str, ...]:
        given = self.features
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise ConfigError(f"features={given!r}: expected names, of {', '.join(FEATURES)}")
        if not given or len(set(given)) < len(given) or not set(given) <= {*FEATURES}:
            raise ConfigError(
                f"features={given!r}: expected different names, of {', '.join(FEATURES)}"
            )
        return tuple(name for name in FEATURES if name in given)

    def _known_edges(self) -> tuple[int, ...]:
        end = self.n // 2 + 1
        given = self.edges
        if given is None:
            return (*(edge for edge in EDGES if edge < end), end)
        if (
            isinstance(given, str)
            or not isinstance(given, Sequence)
            or not all(map(is_whole, given))
        ):
            raise ConfigError(f"edges={given!r}: expected whole numbers")
        found = tuple(int(edge) for edge in given)
        rising = all(a < b for a, b in pairwise(found))
        if len(found) < 2 or not rising or found[0] < 1 or found[-1] > end:
            raise ConfigError(
                f"edges={given!r}: expected two rising numbers or more, 1 to {end}: cycles in a "
                f"window of {self.n} samples"
            )
        return found

    @property
    def n_channels(self) -> int:
        """Raw values of a sample."""
        return len(self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        assert not isinstance(self.channels, int)
        return tuple(self.channels)

    @property
    def n_bands(self) -> int:
        """Bands of a channel; 0 if none are asked for."""
        assert self.edges is not None
        return len(self.edges) - 1 if "bands" in self.features else 0

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each feature: that of its channel and what it says."""
        assert self.edges is not None
        spread = [name for name in self.features if name != "bands"]
        spread += [f"band {edge}" for edge in self.edges[: self.n_bands]]
        rows = (*self._names, *([MAGNITUDE] if self.magnitude else []))
        return tuple(f"{row} {name}" for row in rows for name in spread)

    @property
    def n_features(self) -> int:
        """Features of a window: what a learner behind it takes."""
        return len(self.feature_names)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The state, byte by byte the C struct ``sl_window_state_t``.

        ``waiting``: samples until a window ends, that one included; ``at``: where the next sample
        goes; ``sample``: the last ones, binary32 patterns.
        """
        return np.dtype(
            [("waiting", "<u4"), ("at", "<u4"), ("sample", "<u4", (self.n, self.n_channels))]
        )

    def start(self) -> State:
        """Return the state before the first sample of a recording."""
        state: State = np.zeros(1, self.dtype)
        reset(self, state)
        return state

    def state_from_bytes(self, data: bytes) -> State:
        """Return a state from its bytes.

        Raises
        ------
        ShapeError
            If no window comes to such a state.
        """
        if len(data) != self.dtype.itemsize:
            raise ShapeError(
                f"window's state of {len(data)} bytes: {self.n} samples of {self.n_channels} "
                f"values have {self.dtype.itemsize}"
            )
        state: State = np.frombuffer(data, self.dtype).copy()
        waiting, at = int(state["waiting"][0]), int(state["at"][0])
        finite = np.isfinite(state["sample"][0].view("<f4")).all()
        if not 1 <= waiting <= max(self.n, self.hop) or at >= self.n or not finite:
            raise ShapeError(
                f"window's state with waiting={waiting}, at={at}: no window comes to it, or a "
                "sample is no finite number; was it damaged?"
            )
        return state

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        assert self.edges is not None
        return {
            "n": int(self.n),
            "hop": int(self.hop),
            "channels": [*self._names],
            "features": [*self.features],
            "edges": [*self.edges],
            "magnitude": self.magnitude,
        }

    @classmethod
    def from_json(cls, values: Any) -> Window:
        """Invert :meth:`to_json`.

        Raises
        ------
        ConfigError
            If the values are no window's.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"not a description of a window: {error}") from error


def reset(window: Window, state: State) -> None:
    """Begin a recording, in place: no window holds samples of two."""
    state["waiting"], state["at"] = window.n, 0


def _whole(name: str, value: Any, least: int, most: int) -> None:
    if not is_whole(value) or not least <= value <= most:
        raise ConfigError(f"{name}={value!r}: expected a whole number from {least} to {most}")
