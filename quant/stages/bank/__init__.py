"""A bank of filters: log energies of bands of a short frame's spectrum, for audio rates.

Bands are triangles, equally wide in octaves, over the spectrum of a frame under a Hann window. The
numbers are in NUMBERS.md beside this file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from quant.c_text import table, unsigned, whole
from quant.errors import ConfigError
from quant.hyperparameters import real
from quant.integers import Int64
from quant.labels import shown
from quant.stages.frames import Framed
from quant.stages.signal import WAVE_ONE, wave
from quant.stages.stage import HOP_MAX
from quant.stages.stage import whole as whole_number

N_MIN, N_MAX = 16, 512
BANDS_MAX = 64
#: Fraction bits of a triangle's height.
WEIGHT_FRAC_BITS = 8
#: Amplitudes below which a band may be called quiet, as powers of two.
QUIET_MIN, QUIET_MAX = -60, 60


@dataclass(frozen=True)
class Bank(Framed):
    """A stage of log2 band energies.

    Parameters
    ----------
    rate : float
        Samples per second.
    n : int
        Samples of a frame, 16 to 512: 80 to 200 are 10 to 25 ms of 8 kHz.
    hop : int
        Samples from one frame to the next.
    bands : int
        How many, 1 to 64.
    lowest, highest : float
        Where the first triangle begins and the last one ends, in Hz; half of the rate at most.
        ``highest`` None: 0.4875 of the rate.
    quiet : float
        A band's energy is never less than that of white noise of this standard deviation, in the
        signal's unit; rounded to a power of two. 1 for whole numbers of 16 bits, 2^-12 for ±1.
    channels : int or sequence of str, optional
        Values of a sample: how many, or their names. In a chain only the first stage's are given.

    Raises
    ------
    ConfigError
        If a number is out of range.
    """

    name: ClassVar[str] = "bank"
    channels_max: ClassVar[int] = 8

    rate: float
    n: int
    hop: int
    bands: int = 24
    lowest: float = 80.0
    highest: float | None = None
    quiet: float = 2.0**-12
    channels: int | Sequence[str] | None = None

    def __post_init__(self) -> None:
        rate = _number("rate", self.rate, 1e-3, 1e9)
        self._know("rate", rate)
        self._know("n", whole_number("n", self.n, N_MIN, N_MAX))
        self._know("hop", whole_number("hop", self.hop, 1, HOP_MAX))
        self._know("bands", whole_number("bands", self.bands, 1, BANDS_MAX))
        given = 0.4875 * rate if self.highest is None else self.highest
        highest = _number("highest", given, 0.0, rate / 2)
        self._know("highest", highest)
        self._know("lowest", _number("lowest", self.lowest, 1e-9 * rate, rate / 2))
        if self.lowest * 1.01 > highest:
            raise ConfigError(
                f"lowest={self.lowest:g}: expected less than highest={highest:g}, by a hundredth"
            )
        self._know("quiet", _number("quiet", self.quiet, 2.0**QUIET_MIN, 2.0**QUIET_MAX))
        self._know_channels()

    @property
    def size(self) -> int:
        """Samples of the spectrum's transform: a frame with zeros behind, a power of two."""
        return 1 << (self.n - 1).bit_length()

    @property
    def quiet_bits(self) -> int:
        """The exponent of two of ``quiet``."""
        return round(math.log2(self.quiet))

    @cached_property
    def edges(self) -> tuple[float, ...]:
        """Where triangles begin, peak and end, in Hz: each begins where the one before peaks."""
        assert self.highest is not None
        found = np.geomspace(self.lowest, self.highest, self.bands + 2)
        return tuple(found.tolist())

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Of each channel its bands, by their middle in Hz."""
        said = [f"{i} at {hz:.4g} Hz" for i, hz in enumerate(self.edges[1:-1], 1)]
        return tuple(f"{name} band {band}" for name in self.channel_names for band in said)

    @cached_property
    def weights(self) -> Int64:
        """The triangles in Q8, ``int64[bands, size / 2 + 1]``; each meets a frequency."""
        hz = np.arange(self.size // 2 + 1) * self.rate / self.size
        found = np.zeros((self.bands, len(hz)), np.int64)
        for band in range(self.bands):
            low, centre, high = self.edges[band : band + 3]
            sides = np.minimum((hz - low) / (centre - low), (high - hz) / (high - centre))
            found[band] = np.floor(np.maximum(sides, 0) * (1 << WEIGHT_FRAC_BITS) + 0.5)
            if not found[band].any():  # narrower than the spectrum's steps
                found[band, np.argmin(np.abs(hz - centre))] = 1 << WEIGHT_FRAC_BITS
        return found

    @cached_property
    def hann(self) -> Int64:
        """The window over a frame, Q15, ``int64[n]``."""
        turn = 2 * np.pi * (np.arange(self.n) + 0.5) / self.n
        return np.floor(WAVE_ONE * (1 - np.cos(turn)) / 2 + 0.5).astype(np.int64)

    @property
    def scratch_bytes(self) -> int:
        """Half a spectrum in two places."""
        return 8 * self.size

    def work(self) -> float:
        """Most of it is the transform."""
        return self.n_channels * self.size * self.size.bit_length()

    def defines(self) -> Mapping[str, object]:
        """Return the constants of its C."""
        rows = [np.flatnonzero(row) for row in self.weights]
        spans = [(row[0], row[-1] + 1) for row in rows]
        held = [self.weights[i, a:b] for i, (a, b) in enumerate(spans)]
        return {
            "N": unsigned(self.n),
            "HOP": unsigned(self.hop),
            "CHANNELS": unsigned(self.n_channels),
            "FEATURES": unsigned(self.n_features),
            "BANDS": unsigned(self.bands),
            "SIZE": unsigned(self.size),
            "SIZE_BITS": self.size.bit_length() - 1,
            "QUIET": f"({self.quiet_bits})",
            "HANN": whole(self.hann),
            "WAVE": table(table(row) for row in wave(self.size)[: self.size // 4 * 3].tolist()),
            "SPANS": table(whole(span) for span in spans),
            "WEIGHTS": whole(np.concatenate(held)),
            "N_WEIGHTS": unsigned(sum(map(len, held))),
        }


def _number(name: str, value: object, least: float, most: float) -> float:
    found = real(value)
    if found is None or not least <= found <= most:
        raise ConfigError(
            f"{name}={shown(value)}: expected a number from {least:.3g} to {most:.3g}"
        )
    return found


STAGE = Bank
