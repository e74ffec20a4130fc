"""Windows of recordings as learners see them, and how guesses of windows are counted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from experiments.spiking.data import Integers, Recordings
from quant.window import Window, golden

Floats = npt.NDArray[np.float64]
RATE, HOP = 100, 50
#: Learned windows begin at these samples of a recording, those that are asked at the first only.
STARTS = (0, 25)
#: The least probability of a window that counts for a recording.
LEAST = 1e-3


@dataclass(frozen=True, eq=False)
class Shown:
    """Windows of each recording.

    Attributes
    ----------
    data : Recordings
    window : Window
    learned, asked : list of float64[windows, n_features]
        Of each recording.
    """

    data: Recordings
    window: Window
    learned: list[Floats]
    asked: list[Floats]

    def of(self, recordings: Integers) -> tuple[Floats, Integers]:
        """Return windows to learn of some recordings, and the label of each."""
        x = np.concatenate([self.learned[i] for i in recordings])
        y = np.concatenate([np.full(len(self.learned[i]), self.data.labels[i]) for i in recordings])
        return x, y


def shown(data: Recordings, hop: int = HOP) -> Shown:
    """Return the windows of one second of all recordings, all features, magnitude included."""
    window = Window(RATE, hop, data.signals[0].shape[1], magnitude=True)

    def features(signal: Floats, starts: tuple[int, ...]) -> Floats:
        parts = [
            golden.recording(window, signal[at:].astype(np.float32)).astype(np.float64)
            for at in starts
        ]
        return np.concatenate(parts)

    return Shown(
        data,
        window,
        [features(signal, STARTS) for signal in data.signals],
        [features(signal, STARTS[:1]) for signal in data.signals],
    )


@dataclass
class Tally:
    """Guesses of windows and of recordings, right or not."""

    windows: list[bool] = field(default_factory=list)
    recordings: list[bool] = field(default_factory=list)

    def ask(self, shares: Floats, label: int) -> None:
        """Count the windows of one recording, by their probabilities ``[windows, classes]``."""
        self.windows += [bool(k == label) for k in shares.argmax(axis=1)]
        whole = np.log(np.maximum(shares, LEAST)).sum(axis=0)
        self.recordings.append(bool(whole.argmax() == label))

    def figures(self) -> dict[str, float]:
        """Return the shares that are right, in percent."""
        return {
            "windows": float(100 * np.mean(self.windows)),
            "recordings": float(100 * np.mean(self.recordings)),
        }
