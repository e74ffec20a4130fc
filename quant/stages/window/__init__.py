"""Windows: statistics and band energies of a signal's last samples, as a learner's features.

A raw sample goes in at its own rate; features come out each time a window ends. They are integers
with one exponent per channel and window, handed on as binary32, so a channel may have any unit.
What stands behind standardises them as it does a sensor's values. The numbers are in NUMBERS.md
beside this file; the golden model is :mod:`quant.stages.window.golden`, the C is in ``kernel``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

from quant.c_text import table, unsigned
from quant.errors import ConfigError
from quant.hyperparameters import is_whole
from quant.stages.frames import Framed
from quant.stages.signal import wave
from quant.stages.stage import HOP_MAX, whole

#: What a window says of each channel, in this order.
FEATURES = ("mean", "sd", "min", "max", "range", "rms", "crossings", "bands")
#: Where bands of the spectrum begin and the last one ends, in cycles per window; those that a
#: window has.
EDGES = (1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448)
#: Samples of a window.
N_MIN, N_MAX = 4, 1024
#: With a magnitude its squares have to fit a word.
CHANNELS_MAX, MAGNITUDE_CHANNELS_MAX = 64, 8
#: What the magnitude of all channels is called.
MAGNITUDE = "magnitude"


@dataclass(frozen=True)
class Window(Framed):
    """A front end of windows.

    Parameters
    ----------
    n : int
        Samples of a window, 4 to 1,024.
    hop : int
        Samples from the end of one window to the end of the next.
    channels : int or sequence of str, optional
        Values of a sample: how many, or their names. In a chain only the first stage's are given.
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

    name: ClassVar[str] = "window"
    channels_max: ClassVar[int] = CHANNELS_MAX
    reserved: ClassVar[tuple[str, ...]] = (MAGNITUDE,)

    n: int
    hop: int
    channels: int | Sequence[str] | None = None
    features: Sequence[str] = FEATURES
    edges: Sequence[int] | None = None
    magnitude: bool = False

    def __post_init__(self) -> None:
        self._know("n", whole("n", self.n, N_MIN, N_MAX))
        self._know("hop", whole("hop", self.hop, 1, HOP_MAX))
        if not isinstance(self.magnitude, bool):
            raise ConfigError(f"magnitude={self.magnitude!r}: expected True or False")
        self._know("features", self._known_features())
        self._know("edges", self._known_edges())
        if self.magnitude:  # its squares have to fit a word
            self._know("channels_max", MAGNITUDE_CHANNELS_MAX)
        self._know_channels()

    def _known_features(self) -> tuple[str, ...]:
        given = self.features
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise ConfigError(f"features={given!r}: expected names, of {', '.join(FEATURES)}")
        names = all(isinstance(name, str) for name in given)
        if not given or not names or len(set(given)) < len(given) or not set(given) <= {*FEATURES}:
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
    def n_bands(self) -> int:
        """Bands of a channel; 0 if none are asked for."""
        assert self.edges is not None
        return len(self.edges) - 1 if "bands" in self.features else 0

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each feature: that of its channel and what it says."""
        assert self.edges is not None
        said = [name for name in self.features if name != "bands"]
        said += [f"band {edge}" for edge in self.edges[: self.n_bands]]
        rows = (*self.channel_names, *([MAGNITUDE] if self.magnitude else []))
        return tuple(f"{row} {name}" for row in rows for name in said)

    @property
    def scratch_bytes(self) -> int:
        """The values of a channel."""
        return 4 * self.n

    def work(self) -> float:
        """Most of a window's work are sums with the waves of the bands."""
        return (self.n_channels + self.magnitude) * self.n * (self.n // 2)

    def defines(self) -> Mapping[str, object]:
        """Return the constants of its C."""
        assert self.edges is not None
        found: dict[str, object] = {
            "N": unsigned(self.n),
            "HOP": unsigned(self.hop),
            "CHANNELS": unsigned(self.n_channels),
            "FEATURES": unsigned(self.n_features),
            "MAGNITUDE": int(self.magnitude),
            "BANDS": unsigned(self.n_bands),
            **{f"HAS_{name.upper()}": int(name in self.features) for name in FEATURES[:-1]},
        }
        if self.n_bands:
            found["EDGES"] = table(self.edges)
            found["WAVE"] = table(table(row) for row in wave(self.n).tolist())
        return found


STAGE = Window
