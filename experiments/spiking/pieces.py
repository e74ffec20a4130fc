"""Recordings of motion behind a stage, whole and cut into seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from experiments.spiking.data import Floats, Recordings
from quant.stages import Stage, Stages
from quant.stages.native import NativeStages
from quant.stages.traces import Traces
from quant.stages.window import Window

SECOND, AXES = 100, 3
#: Where the first piece of a recording may begin: pieces are cut anew at each pass.
STARTS = range(0, SECOND, 10)
#: What makes a learner's inputs of three axes.
FRONTS: Mapping[str, Stage] = {
    "traces": Traces((0, 2, 4, 6)),
    "windows": Window(32, 4, features=("mean", "sd")),
    "bands": Window(32, 4, features=("mean", "sd", "bands")),
    "axes": Traces((0,)),
}


@dataclass(frozen=True, eq=False)
class Fronted:
    """Recordings behind a stage, whole and in pieces of a second.

    Attributes
    ----------
    stage : Stage
    data : Recordings
    """

    stage: Stage
    data: Recordings

    def _behind(self, signal: Floats) -> Any:
        return NativeStages(Stages(self.stage, AXES)).recording(signal.astype(np.float32))

    @cached_property
    def whole(self) -> list[Any]:
        """Each recording's features."""
        return [self._behind(signal) for signal in self.data.signals]

    @cached_property
    def parts(self) -> Mapping[int, list[list[Any]]]:
        """The features of each second, as if nothing had been before it, by where they start."""
        return {start: self._cut(start) for start in STARTS}

    def _cut(self, start: int) -> list[list[Any]]:
        return [[self._behind(part) for part in seconds(one, start)] for one in self.data.signals]

    @property
    def hop(self) -> int:
        """Steps of the sensor for each row of features."""
        return self.stage.hop if isinstance(self.stage, Window) else 1


def seconds(signal: Floats, start: int = 0) -> list[Floats]:
    """Return the seconds of a recording from a step on."""
    return [signal[at : at + SECOND] for at in range(start, len(signal) - SECOND + 1, SECOND)]
