"""A chain of stages in integers: the golden model, which the C equals bit for bit.

Each stage's own golden model has the same verbs. C counterpart: ``kernel/sl_stages.c``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.stages import Stages
from quant.stages.stage import room

Float32 = npt.NDArray[np.float32]


def rows(stages: Stages, state: State, x: Float32) -> list[Float32]:
    """Return what goes into each stage that a finite sample reaches, then the features if any."""
    found = [np.asarray(x, np.float32)]
    for one in stages.stages:
        row = room(one.name, "golden").look(one, state[one.name], found[-1])
        if row is None:
            break
        found.append(row)
    return found


def look(stages: Stages, state: State, x: Float32) -> Float32 | None:
    """Return the features that come with a finite sample, or None; the state stays as it is."""
    found = rows(stages, state, x)
    return found[-1] if len(found) > len(stages.stages) else None


def push(stages: Stages, state: State, x: Float32) -> None:
    """Take a finite sample into the state, in place."""
    for one, row in zip(stages.stages, rows(stages, state, x), strict=False):
        room(one.name, "golden").push(one, state[one.name], row)


def recording(stages: Stages, x: Float32) -> Float32:
    """Return the features of a whole recording, ``float32[rows, n_features]``.

    Parameters
    ----------
    stages : Stages
    x : float32[n_steps, channels]
        Raw and finite.
    """
    found = np.asarray(x, np.float32)
    for one in stages.stages:
        found = room(one.name, "golden").recording(one, found)
    return found


class GoldenStages:
    """The golden model with the verbs of :class:`quant.stages.native.NativeStages`.

    Parameters
    ----------
    stages : Stages
    """

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def look(self, state: State, x: Float32) -> Float32 | None:
        """See :func:`look`."""
        return look(self._stages, state, x)

    def push(self, state: State, x: Float32) -> None:
        """See :func:`push`."""
        push(self._stages, state, x)

    def run(self, state: State, x: Float32) -> Float32:
        """Take many samples into the state, in place; return the features that came."""
        found = []
        for sample in np.asarray(x, np.float32):
            features = look(self._stages, state, sample)
            if features is not None:
                found.append(features)
            push(self._stages, state, sample)
        return np.array(found, np.float32).reshape(len(found), self._stages.n_features)

    def recording(self, x: Float32) -> Float32:
        """See :func:`recording`."""
        return recording(self._stages, x)
