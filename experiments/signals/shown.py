"""Recordings as learners see them behind a front end, and how guesses are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.spiking.data import Integers, Recordings
from quant.stages import Stages
from quant.stages.native import NativeStages
from streamlearn.chain import Window

Floats = npt.NDArray[np.float64]
RATE, HOP = 100, 50
#: Learned windows begin at these samples of a recording, those that are asked at the first only.
STARTS = (0, 25)
#: The least probability of a window that counts for a recording.
LEAST = 1e-3


@dataclass(frozen=True, eq=False)
class Shown:
    """Rows of features of each recording.

    Attributes
    ----------
    data : Recordings
    learned, asked : list of float64[rows, n_features]
        Of each recording.
    again : callable, optional
        Makes the rows again by the statistics of some recordings alone.
    """

    data: Recordings
    learned: list[Floats]
    asked: list[Floats]
    again: Callable[[Integers], Shown] | None = None

    @property
    def n_features(self) -> int:
        """Features of a row."""
        return int(self.asked[0].shape[1])

    def of(self, recordings: Integers) -> tuple[Floats, Integers]:
        """Return rows to learn of some recordings, and the label of each."""
        x = np.concatenate([self.learned[i] for i in recordings])
        y = np.concatenate([np.full(len(self.learned[i]), self.data.labels[i]) for i in recordings])
        return x, y

    def knowing(self, recordings: Integers) -> Shown:
        """Return the rows as they are if nothing else than some recordings was ever seen."""
        return self if self.again is None else self.again(recordings)

    def beside(self, other: Shown) -> Shown:
        """Return the features of both, for rows that end at the same samples."""

        def joined(ours: list[Floats], theirs: list[Floats]) -> list[Floats]:
            return [np.concatenate([a, b], axis=1) for a, b in zip(ours, theirs, strict=True)]

        def again(recordings: Integers) -> Shown:
            return self.knowing(recordings).beside(other.knowing(recordings))

        return Shown(
            self.data,
            joined(self.learned, other.learned),
            joined(self.asked, other.asked),
            again if self.again or other.again else None,
        )


def shown(data: Recordings, hop: int = HOP) -> Shown:
    """Return the windows of one second of all recordings, all features, magnitude included."""
    window = Stages(Window(RATE, hop, magnitude=True), data.signals[0].shape[1])
    engine = NativeStages(window)

    def features(signal: Floats, starts: tuple[int, ...]) -> Floats:
        parts = [engine.recording(signal[at:].astype(np.float32)) for at in starts]
        return np.concatenate(parts).astype(np.float64)

    return Shown(
        data,
        [features(signal, STARTS) for signal in data.signals],
        [features(signal, STARTS[:1]) for signal in data.signals],
    )


def rows_behind(stages: Stages, signals: list[Any], known: Integers | None = None) -> list[Any]:
    """Return the rows of features of each recording.

    Parameters
    ----------
    stages : Stages
    signals : list of float32[n_steps, channels]
    known : array of int, optional
        Recordings that stages which keep statistics saw before any other; by default all.
    """
    engine, state = NativeStages(stages), stages.start()
    for i in range(len(signals)) if known is None else known:
        if any(one.kept for one in stages.stages):
            stages.reset(state)
            engine.run(state, signals[i])
    stages.reset(state)
    return [engine.run(state.copy(), signal) for signal in signals]


def shown_by(
    data: Recordings,
    front: Callable[[int], Stages],
    first: int,
    apart: int = HOP // 2,
    known: Integers | None = None,
) -> Shown:
    """Return the rows of any stages that come each quarter of a second, from some sample on.

    Parameters
    ----------
    data : Recordings
    front : callable
        Of the steps from one row to the next: the stages.
    first : int
        Steps of a recording that the first row has seen at least.
    apart : int
        Steps between learned rows; rows that are asked come each half second.
    known : array of int, optional
        Recordings that stages which keep statistics saw before any other; by default all.
    """
    stages, learned = front(apart), list[Floats]()
    signals = [signal.astype(np.float32) for signal in data.signals]
    for signal, rows in zip(signals, rows_behind(stages, signals, known), strict=True):
        seen = len(signal) - len(signal) % apart - apart * np.arange(len(rows))[::-1]
        learned.append(rows[seen >= first].astype(np.float64))
    every, keeps = HOP // apart, any(one.kept for one in stages.stages)

    def again(recordings: Integers) -> Shown:
        return shown_by(data, front, first, apart, recordings)

    asked = [rows[::every] for rows in learned]
    return Shown(data, learned, asked, again if keeps and known is None else None)


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
