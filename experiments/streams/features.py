"""Features of a window of motion and of a spoken word, as a microcontroller could make them."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

MOTION_HZ = 100.0
#: Edges of the bands in Hz.
MOTION_BANDS = (0.5, 1.5, 2.5, 4.5, 8.5, 16.0, 50.0)
SPEECH_HZ, FRAME, HOP, FFT = 8000.0, 200, 80, 256
BANDS, PARTS = 8, 8
#: Added before the logarithm: below it there is nothing to hear.
FLOOR = 1e-4


def motion_windows(g: Doubles, length: int, hop: int) -> Doubles:
    """Return the features of each window of a recording.

    Parameters
    ----------
    g : float[n, 3]
        Acceleration in g at 100 Hz.
    length, hop : int
        Of the windows, in readings.

    Returns
    -------
    float64[windows, 40]
        Of x, y, z and the magnitude: mean, standard deviation, least, greatest, and the log of the
        energy in six bands.
    """
    frequency = np.fft.rfftfreq(length, 1 / MOTION_HZ)
    inside = [
        (frequency >= low) & (frequency < high) for low, high in itertools.pairwise(MOTION_BANDS)
    ]
    rows = []
    for start in range(0, len(g) - length + 1, hop):
        window = g[start : start + length]
        row: list[float] = []
        for v in (*window.T, np.sqrt((window**2).sum(1))):
            power = np.abs(np.fft.rfft((v - v.mean()) * np.hanning(length))) ** 2 / length
            row += [v.mean(), v.std(), v.min(), v.max()]
            row += [np.log(power[band].sum() + FLOOR) for band in inside]
        rows.append(row)
    return np.array(rows)


def spoken_word(samples: npt.NDArray[np.int16]) -> Doubles:
    """Return log energies of a recording, part after part, float64 ``[64]``."""
    x = samples.astype(np.float64) / 32768
    count = max(PARTS, (len(x) - FRAME) // HOP + 1)
    x = np.pad(x, (0, max(0, (count - 1) * HOP + FRAME - len(x))))
    frames = np.stack([x[i * HOP : i * HOP + FRAME] for i in range(count)]) * np.hanning(FRAME)
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2 @ _filters().T
    cuts = np.linspace(0, count, PARTS + 1).astype(int)
    return np.concatenate([np.log(power[a:b].mean(0) + FLOOR) for a, b in itertools.pairwise(cuts)])


def _filters() -> Doubles:
    """Return triangles between 80 and 3,900 Hz, geometrically spaced, float64 ``[8, 129]``."""
    edges = np.geomspace(80, 3900, BANDS + 2)
    frequency = np.fft.rfftfreq(FFT, 1 / SPEECH_HZ)
    rows = []
    for low, middle, high in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
        rise, fall = (frequency - low) / (middle - low), (high - frequency) / (high - middle)
        row = np.clip(np.minimum(rise, fall), 0, None)
        if not row.any():
            row[np.argmin(np.abs(frequency - middle))] = 1
        rows.append(row)
    return np.stack(rows)
