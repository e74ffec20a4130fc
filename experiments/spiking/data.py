"""Recordings with one label each: spoken digits as 24 log bands at 100 Hz, and accelerometers."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamlearn.streams.locate import data_files

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

RATE, FRAME, HOP, FFT = 8000, 200, 80, 256
BANDS, LOWEST, HIGHEST = 24, 80.0, 3900.0
#: Takes of a speaker's digit that are held out, as the data's authors do.
TEST_TAKES = 5
#: Recordings of motion, and those on which their settings are chosen.
OTHER = {"gestures": "exercises", "exercises": "gestures"}


@dataclass(frozen=True, eq=False)
class Recordings:
    """Signals and their labels.

    Attributes
    ----------
    signals : list of float64[n_steps, n_features]
    labels : int64[n]
    groups : int64[n]
        Of spoken digits the speaker, of motion 0.
    learned, held : int64[...]
        Indices of recordings to learn, and of those held out.
    takes : int64[n]
        Of spoken digits which time the speaker said it, of motion 0.
    """

    signals: list[Floats]
    labels: Integers
    groups: Integers
    learned: Integers
    held: Integers
    takes: Integers


def bank() -> Floats:
    """Return triangles over the spectrum, ``float64[bands, frequencies]``, equal in octaves."""
    frequencies = np.fft.rfftfreq(FFT, 1 / RATE)
    edges = np.geomspace(LOWEST, HIGHEST, BANDS + 2)
    found = np.zeros((BANDS, len(frequencies)))
    for band in range(BANDS):
        low, centre, high = edges[band : band + 3]
        rising = (frequencies - low) / (centre - low)
        falling = (high - frequencies) / (high - centre)
        found[band] = np.clip(np.minimum(rising, falling), 0, None)
        if not found[band].any():  # narrower than the spectrum's steps
            found[band, np.argmin(np.abs(frequencies - centre))] = 1
    return found


def log_bands(sound: Floats, triangles: Floats) -> Floats:
    """Return log energies, ``float64[frames, bands]``, a frame every 10 ms."""
    n = max(1, (len(sound) - FRAME) // HOP + 1)
    padded = np.pad(sound, (0, max(0, (n - 1) * HOP + FRAME - len(sound))))
    frames = np.stack([padded[i * HOP : i * HOP + FRAME] for i in range(n)]) * np.hanning(FRAME)
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2
    found: Floats = np.log(power @ triangles.T + 1e-4)
    return found


def spoken_sounds() -> tuple[list[Floats], Integers, Integers, Integers]:
    """Return 3,000 recordings within ±1, the digit of each, its take and its speaker.

    Raises
    ------
    DataNotFoundError
        If the file is not there.
    """
    (path,) = data_files(
        "spoken_digits", ["fsdd_8khz.npz"], "Free Spoken Digit Dataset, Zohar Jackson et al."
    )
    with np.load(path) as file:
        sound = file["samples"].astype(np.float64) / 32768
        ends = np.cumsum(file["lengths"].astype(np.int64))
        labels, speakers, takes = (
            file[name].astype(np.int64) for name in ("digit", "speaker", "take")
        )
    return np.split(sound, ends[:-1]), labels, takes, speakers


def spoken_digits() -> Recordings:
    """Return 3,000 recordings, each band in the learned ones' deviations, near 0 where it is quiet.

    Raises
    ------
    DataNotFoundError
        If the file is not there.
    """
    sounds, labels, takes, speakers = spoken_sounds()
    triangles = bank()
    signals = [log_bands(part, triangles) for part in sounds]
    learned, held = np.flatnonzero(takes >= TEST_TAKES), np.flatnonzero(takes < TEST_TAKES)
    together = np.concatenate([signals[i] for i in learned])
    mean, deviation = together.mean(axis=0), together.std(axis=0)
    standardised = [(signal - mean) / deviation + 1 for signal in signals]
    return Recordings(standardised, labels, speakers, learned, held, takes)


def motion(name: str) -> Recordings:
    """Return the recordings of "gestures" or "exercises": three axes, 100 Hz, in g.

    Raises
    ------
    DataNotFoundError
        If the file is not there.
    """
    (path,) = data_files("motion", [f"{name}.csv.gz"], "emlearn-micropython, Jon Nordby")
    rows: dict[int, list[list[float]]] = {}
    activity: dict[int, str] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = int(row["recording"])
            activity[at] = row["activity"]
            rows.setdefault(at, []).append([float(row[axis]) for axis in ("x_g", "y_g", "z_g")])
    order = sorted(rows)
    known = sorted(set(activity.values()))
    labels = np.array([known.index(activity[at]) for at in order], np.int64)
    nobody = np.zeros(0, np.int64)
    signals = [np.array(rows[at]) for at in order]
    nothing = np.zeros_like(labels)
    return Recordings(signals, labels, nothing, nobody, nobody, nothing)


def folds(labels: Integers, n: int, seed: int) -> list[Integers]:
    """Return the held-out recordings of each fold: of each label about as many."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(np.flatnonzero(labels == k)) for k in set(labels)])
    return [order[k::n] for k in range(n)]
