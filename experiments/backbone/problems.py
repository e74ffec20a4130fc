"""Two streams whose first part a backbone sees: digits 0 to 4, and three speakers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.data import load_digits
from experiments.spiking.data import spoken_digits

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

#: Frames of a spoken digit after stretching it to one length.
FRAMES, BANDS = 32, 24
OLD_DIGITS, OLD_SPEAKERS, N_CLASSES = 5, 3, 10


@dataclass(frozen=True, eq=False)
class Problem:
    """What a backbone sees, what the head learns behind it, and what is asked at the end.

    Attributes
    ----------
    name, new : str
        What it is, and what the backbone never saw.
    shape : tuple of int
        Of a sample: channels, rows, columns.
    x, y : float32[n, n_inputs], int64[n]
        The head's stream, in an order of the data's own.
    old : bool[n]
        Which of them the backbone sees.
    test_x, test_y, test_old : the same, of what is never learned.
    bits, frac_bits : int
        Format of the raw values, without a sign.
    channels : int
        Of the last convolution.
    rotations : bool
        Whether the backbone tells turned images apart.
    epochs : int
        Of the backbone's part in floats; half as many follow with quantisation, or without.
    alone : dict
        Parameters of a learner without a backbone.
    """

    name: str
    new: str
    shape: tuple[int, ...]
    x: Floats
    y: Integers
    old: npt.NDArray[np.bool_]
    test_x: Floats
    test_y: Integers
    test_old: npt.NDArray[np.bool_]
    bits: int
    frac_bits: int
    channels: int
    rotations: bool
    epochs: int
    alone: dict[str, Any]


def digits(n: int) -> Problem:
    """Return the first so many training images of MNIST and all test images."""
    found = load_digits()
    x, y = found.train[:n], found.train_labels[:n]
    return Problem(
        name="MNIST",
        new="digits 5 to 9",
        shape=(1, 28, 28),
        x=x,
        y=y,
        old=y < OLD_DIGITS,
        test_x=found.test,
        test_y=found.test_labels,
        test_old=found.test_labels < OLD_DIGITS,
        bits=7,
        frac_bits=7,
        channels=48,
        rotations=True,
        epochs=2,
        alone={"front_end": "none"},
    )


def speakers() -> Problem:
    """Return spoken digits of six speakers, stretched to one length; a backbone sees three."""
    data = spoken_digits()
    x = np.stack([stretched(signal) for signal in data.signals])
    old = np.isin(data.groups, np.unique(data.groups)[:OLD_SPEAKERS])
    learned, held = data.learned, data.held
    return Problem(
        name="spoken digits",
        new="three speakers",
        shape=(1, FRAMES, BANDS),
        x=x[learned],
        y=data.labels[learned],
        old=old[learned],
        test_x=x[held],
        test_y=data.labels[held],
        test_old=old[held],
        bits=7,
        frac_bits=4,
        channels=32,
        rotations=False,
        epochs=6,
        alone={},
    )


def stretched(signal: npt.NDArray[np.float64]) -> Floats:
    """Return log energies, float32[frames · bands], near 2 where they are as usual, 0 at least."""
    at = np.linspace(0, len(signal) - 1, FRAMES)
    low = np.minimum(at.astype(int), len(signal) - 2) if len(signal) > 1 else np.zeros(FRAMES, int)
    part = (at - low)[:, None]
    upper = np.minimum(low + 1, len(signal) - 1)
    rows = signal[low] * (1 - part) + signal[upper] * part
    found: Floats = np.maximum(rows + 1, 0).astype(np.float32).ravel()
    return found
