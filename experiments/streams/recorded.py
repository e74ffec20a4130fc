"""Streams that sensors recorded: gases, motion, a machine's temperature, spoken digits."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from experiments.streams import features
from streamlearn.streams.gas_drift import BATCHES, gas_order
from streamlearn.streams.gas_drift import read_bundle as _read_bundle
from streamlearn.streams.locate import data_files

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Rows = tuple[Floats, Integers]
HeldOut = tuple[Floats, Integers, Integers]

#: Batches of the stream in which one gas follows the other.
CLASS_BATCHES = (1, 2, 3)
ROUNDS = 3
#: What is not bundled: folder, files and publisher, by the folder's name.
DATA: dict[str, tuple[str, tuple[str, ...], str]] = {
    "motion": (
        "motion",
        ("exercises.csv.gz", "gestures.csv.gz"),
        "emlearn-micropython, Jon Nordby",
    ),
    "machine": ("machine", ("temperature.csv.gz",), "Numenta Anomaly Benchmark"),
    "spoken_digits": ("spoken_digits", ("fsdd_8khz.npz",), "Free Spoken Digit Dataset"),
}
#: 100 Hz: windows of a second, ten a second of exercises, and twenty of the shorter gestures.
WINDOW, EXERCISE_HOP, GESTURE_HOP = 100, 10, 5
#: Readings in an hour, and hours of the features.
HOUR, HOURS = 12, 6


read_bundle = lru_cache(maxsize=1)(_read_bundle)


def _rng(seed: int, what: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64((what, seed)))


def gas(seed: int) -> Rows:
    """Return all 6,697 measurements, shuffled in each batch."""
    x, y, _ = read_bundle()
    order = gas_order(seed, None)
    return x[order], y[order]


def _quarters(seed: int) -> tuple[list[Integers], list[Integers]]:
    """Return the rows to learn and the held-out quarter, batch by batch, each in recorded order."""
    _, _, batch = read_bundle()
    rng = _rng(seed, 1)
    learned, kept = [], []
    for number in BATCHES:
        rows = np.flatnonzero(batch == number)
        mixed = rng.permutation(rows)
        cut = len(rows) // 4
        learned.append(np.sort(mixed[cut:]))
        kept.append(np.sort(mixed[:cut]))
    return learned, kept


def gas_held_out(seed: int) -> HeldOut:
    """Return the held-out quarter of all batches, and the batch of each row."""
    x, y, batch = read_bundle()
    rows = np.concatenate(_quarters(seed)[1])
    return x[rows], y[rows], batch[rows]


def gas_memory(seed: int) -> Rows:
    """Return three quarters of each batch, shuffled in it."""
    x, y, _ = read_bundle()
    rng = _rng(seed, 2)
    rows = np.concatenate([rng.permutation(part) for part in _quarters(seed)[0]])
    return x[rows], y[rows]


def gas_recorded(seed: int) -> Rows:
    """Return three quarters of each batch in recorded order."""
    x, y, _ = read_bundle()
    rows = np.concatenate(_quarters(seed)[0])
    return x[rows], y[rows]


def gas_returning(seed: int) -> Rows:
    """Return three quarters of each batch in three rounds over all batches, a third in each."""
    x, y, _ = read_bundle()
    rng = _rng(seed, 3)
    parts = [rng.permutation(part) for part in _quarters(seed)[0]]
    rows = np.concatenate([part[turn::ROUNDS] for turn in range(ROUNDS) for part in parts])
    return x[rows], y[rows]


def gas_classes(seed: int) -> Rows:
    """Return three quarters of the first three batches, one gas after the other."""
    x, y, _ = read_bundle()
    rng = _rng(seed, 4)
    rows = np.concatenate(_quarters(seed)[0][: len(CLASS_BATCHES)])
    order = rng.permutation(np.unique(y[rows]))
    rows = np.concatenate([rng.permutation(rows[y[rows] == gas]) for gas in order])
    return x[rows], y[rows]


def gas_classes_held_out(seed: int) -> HeldOut:
    """Return the held-out quarter of the first three batches, and the gas of each row."""
    x, y, _ = read_bundle()
    rows = np.concatenate(_quarters(seed)[1][: len(CLASS_BATCHES)])
    return x[rows], y[rows], y[rows]


def exercises(seed: int) -> Rows:
    """Return windows of three quarters of the recordings of exercises, one after the other."""
    x, y, learned = _exercises(seed)
    return x[learned], y[learned]


def exercises_held_out(seed: int) -> HeldOut:
    """Return the windows of the other recordings, and the exercise of each."""
    x, y, learned = _exercises(seed)
    return x[~learned], y[~learned], y[~learned]


def gestures(seed: int) -> Rows:
    """Return windows of three quarters of the recordings of gestures, one after the other."""
    x, y, learned = _gestures(seed)
    return x[learned], y[learned]


def gestures_held_out(seed: int) -> HeldOut:
    """Return the windows of the other recordings, and the gesture of each."""
    x, y, learned = _gestures(seed)
    return x[~learned], y[~learned], y[~learned]


def _exercises(seed: int) -> tuple[Floats, Integers, Flags]:
    return _motion(0, seed, EXERCISE_HOP)


def _gestures(seed: int) -> tuple[Floats, Integers, Flags]:
    return _motion(1, seed, GESTURE_HOP)


def _motion(which: int, seed: int, hop: int) -> tuple[Floats, Integers, Flags]:
    """Return windows, recording after recording in a drawn order, and which are to be learned."""
    path = data_files(*DATA["motion"])[which]
    with gzip.open(path, "rt") as lines:
        cells = [line.rstrip("\n").split(",") for line in lines][1:]
    recording = np.array([int(row[0]) for row in cells])
    g = np.array([[float(value) for value in row[2:5]] for row in cells])
    names, activity = np.unique([row[5] for row in cells], return_inverse=True)
    order = _rng(seed, 5).permutation(np.unique(recording))
    label = {number: int(activity[recording == number][0]) for number in order}
    held = [
        number
        for what in range(len(names))
        for number in _quarter([n for n in order if label[n] == what])
    ]
    x, y, learned = [], [], []
    for number in order:
        x.append(features.motion_windows(g[recording == number], WINDOW, hop))
        y.append(np.full(len(x[-1]), label[number], np.int64))
        learned.append(np.full(len(x[-1]), number not in held))
    return np.concatenate(x).astype(np.float32), np.concatenate(y), np.concatenate(learned)


def _quarter(numbers: Sequence[int]) -> Sequence[int]:
    """Return the last quarter, one at least."""
    return numbers[-max(1, len(numbers) // 4) :]


def machine(seed: int) -> Rows:
    """Return hours of the machine's temperature; label: is the next hour's mean above this one's.

    Features: the newest reading, and mean, slope and standard deviation of each of the last six
    hours, in °F. The label is known an hour later, which is when the next row comes. The order is
    the recorded one whatever the seed.
    """
    del seed
    (path,) = data_files(*DATA["machine"])
    with gzip.open(path, "rt") as lines:
        readings = np.array([float(line.split(",")[1]) for line in list(lines)[1:]])
    hours = readings[: len(readings) // HOUR * HOUR].reshape(-1, HOUR)
    means, deviations, slopes = hours.mean(1), hours.std(1), hours[:, -1] - hours[:, 0]
    x, y = [], []
    for now in range(HOURS - 1, len(hours) - 1):
        past = slice(now - HOURS + 1, now + 1)
        x.append([hours[now, -1], *means[past], *slopes[past], *deviations[past]])
        y.append(int(means[now + 1] > means[now]))
    return np.array(x, np.float32), np.array(y, np.int64)


def spoken_digits(seed: int) -> Rows:
    """Return 3,000 spoken digits, speaker after speaker in a drawn order, shuffled inside.

    Features: log energy of 8 mel-like bands in each of 8 equal parts of the recording.
    """
    (path,) = data_files(*DATA["spoken_digits"])
    with np.load(path) as arrays:
        samples, lengths = arrays["samples"], arrays["lengths"].astype(np.int64)
        digit, speaker = arrays["digit"].astype(np.int64), arrays["speaker"]
    ends = np.cumsum(lengths)
    x = np.stack(
        [features.spoken_word(samples[end - n : end]) for end, n in zip(ends, lengths, strict=True)]
    ).astype(np.float32)
    rng = _rng(seed, 6)
    rows = np.concatenate(
        [
            rng.permutation(np.flatnonzero(speaker == who))
            for who in rng.permutation(np.unique(speaker))
        ]
    )
    return x[rows], digit[rows]
