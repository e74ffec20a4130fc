"""What stages have in common that look at the last n samples: the state, and when a row comes.

The golden model of such a stage has ``features(stage, samples)``; the other verbs are here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.stages.stage import Stage, wrong_state

Float32 = npt.NDArray[np.float32]
#: ``features(stage, samples)``: of ``float32[..., n, channels]``, the oldest first.
Features = Callable[[Any, Float32], Float32]


class Framed(Stage):
    """A stage whose features are those of the last n samples, every hop samples."""

    n: int

    @property
    def first(self) -> int:
        """The first row is of the first n samples."""
        return self.n

    @property
    def dtype(self) -> np.dtype[Any]:
        """The state of the C struct.

        ``waiting``: samples until a row of features comes, that one included; ``at``: where the
        next sample goes; ``sample``: the last ones.
        """
        return np.dtype(
            [("waiting", "<u4"), ("at", "<u4"), ("sample", "<f4", (self.n, self.n_channels))]
        )

    def reset(self, state: State) -> None:
        """Begin a recording, in place: no row of features is of two."""
        state["waiting"], state["at"] = self.n, 0

    def check(self, state: State) -> None:
        """Refuse a state that no samples lead to."""
        waiting, at = int(state["waiting"][0]), int(state["at"][0])
        if not 1 <= waiting <= max(self.n, self.hop) or at >= self.n:
            raise wrong_state(self, f"waiting={waiting}, at={at}")
        if not np.isfinite(state["sample"][0]).all():
            raise wrong_state(self, "a sample that is no finite number")


def look(stage: Framed, state: State, x: Float32, features: Features) -> Float32 | None:
    """Return the features that come with a sample, or None if none do."""
    if int(state["waiting"][0]) != 1:
        return None
    older = np.roll(state["sample"][0], -int(state["at"][0]) - 1, axis=0)[:-1]
    return features(stage, np.concatenate([older, np.asarray(x, np.float32)[None]]))


def push(stage: Framed, state: State, x: Float32) -> None:
    """Take a finite sample into the state, in place."""
    at, waiting = int(state["at"][0]), int(state["waiting"][0])
    state["sample"][0, at] = np.asarray(x, np.float32)
    state["at"] = 0 if at + 1 == stage.n else at + 1
    state["waiting"] = stage.hop if waiting == 1 else waiting - 1


def recording(stage: Framed, x: Float32, features: Features) -> Float32:
    """Return the features of a whole recording, ``float32[rows, n_features]``."""
    ends = range(stage.n, len(x) + 1, stage.hop)
    samples = [np.asarray(x, np.float32)[end - stage.n : end] for end in ends]
    shape = len(samples), stage.n, stage.n_channels
    return features(stage, np.array(samples, np.float32).reshape(shape))
