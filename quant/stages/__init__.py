"""A front end as a chain of stages: a signal's raw samples in, a learner's features out.

Stages have a room each in this folder, and :data:`STAGES` finds them. A raw sample goes in at its
own rate; the features of the last stage come out when it has some. All numbers are integers, the
same in the golden model (:mod:`quant.stages.golden`), C (``kernel``) and on the device. Between
stages they are binary32, so a channel may have any unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from quant.errors import ConfigError, ShapeError
from quant.labels import shown
from quant.layout import Field, Layout, State
from quant.network import NetworkSpec
from quant.stages.stage import STAGES, Stage, stage_from_json

__all__ = ["STAGES", "Stage", "Stages", "check_stages"]


@dataclass(frozen=True, init=False)
class Stages:
    """A chain of stages.

    Parameters
    ----------
    stages : Stage, or sequence of Stage
        From the raw sample to the learner, each stage at most once.
    channels : int or sequence of str, optional
        Raw values of a sample: how many, or their names. May be left out if the first stage knows.

    Raises
    ------
    ConfigError
        If there is no stage, one is there twice, or one does not fit the one before.
    """

    stages: tuple[Stage, ...]
    channels: tuple[str, ...]

    def __init__(
        self, stages: Stage | Sequence[Stage], channels: int | Sequence[str] | None = None
    ) -> None:
        given: Any = (stages,) if isinstance(stages, Stage) else stages
        if not isinstance(given, Sequence) or not all(isinstance(one, Stage) for one in given):
            raise ConfigError(
                f"stages={shown(given)}: expected a stage or a list of them, of {', '.join(STAGES)}"
            )
        names = [one.name for one in given]
        if isinstance(channels, Stage):
            raise ConfigError(
                f"Stages({', '.join(names)}, {channels.name}): expected all stages in one list, "
                "first in; channels= is how many values come into it, or their names"
            )
        if not names or len({*names}) < len(names):
            raise ConfigError(f"stages={', '.join(names)}: expected one or more, each of them once")
        found: list[Stage] = []
        for one in given:
            found.append(one if channels is None else one.of(channels))
            channels = found[-1].feature_names
        object.__setattr__(self, "stages", tuple(found))
        object.__setattr__(self, "channels", found[0].channel_names)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """A name for each raw value of a sample."""
        return self.channels

    @property
    def n_channels(self) -> int:
        """Raw values of a sample."""
        return len(self.channel_names)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each feature that a learner gets."""
        return self.stages[-1].feature_names

    @property
    def n_features(self) -> int:
        """Features: what a learner behind the chain takes."""
        return len(self.feature_names)

    @property
    def hop(self) -> int:
        """Raw samples from one row of features to the next."""
        return int(np.prod([one.hop for one in self.stages]))

    @property
    def first(self) -> int:
        """Raw samples of a recording until its first row of features comes."""
        found = 1
        for one in reversed(self.stages):
            found = one.first + (found - 1) * one.hop
        return found

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The state, byte by byte the C struct ``sl_stages_state_t``: that of each stage."""
        return np.dtype([(one.name, one.dtype) for one in self.stages])

    @cached_property
    def layout(self) -> Layout:
        """The state field by field, each called by its stage, an underscore and its own name.

        What a field begins with is in :meth:`start`.
        """
        return Layout(
            Field(
                f"{one.name}_{name}",
                one.dtype[name].base.str,
                f"{name} of {one.name}",
                one.dtype[name].shape,
            )
            for one in self.stages
            for name in one.dtype.names or ()
        )

    @property
    def ram_bytes(self) -> int:
        """Bytes on a board: the state, the work of a step, and the rows between stages."""
        rows = sum(one.scratch_bytes + 4 * one.n_features for one in self.stages)
        return self.dtype.itemsize + rows

    def start(self) -> State:
        """Return the state before the first sample of a recording."""
        state: State = np.zeros(1, self.dtype)
        self.reset(state)
        return state

    def reset(self, state: State) -> None:
        """Begin a recording, in place: nothing of the one before stays."""
        for one in self.stages:
            one.reset(state[one.name])

    def settled(self, state: State) -> Stages:
        """Return the chain that begins with what a state knows of the sensor.

        It is what stages keep when a recording begins: running statistics. A board begins with it
        after each reset.
        """
        return Stages([one.settled_by(state[one.name]) for one in self.stages])

    def state_from_bytes(self, data: bytes) -> State:
        """Return a state from its bytes.

        Raises
        ------
        ShapeError
            If the chain does not come to such a state.
        """
        if len(data) != self.dtype.itemsize:
            raise ShapeError(
                f"state of a chain of {len(data)} bytes: {', '.join(s.name for s in self.stages)} "
                f"of {self.n_channels} channels has {self.dtype.itemsize}"
            )
        state: State = np.frombuffer(data, self.dtype).copy()
        for one in self.stages:
            one.check(state[one.name])
        return state

    def to_json(self) -> list[dict[str, Any]]:
        """Return the stages as JSON values; only the first one's channels are said."""
        found = [one.to_json() for one in self.stages]
        for later in found[1:]:
            del later["channels"]
        return found

    @classmethod
    def from_json(cls, values: Any, channels: int | Sequence[str] | None = None) -> Stages:
        """Invert :meth:`to_json`.

        Raises
        ------
        ConfigError
            If the values are no chain's.
        """
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise ConfigError("not a description of a chain: expected a list of stages")
        return cls(tuple(map(stage_from_json, values)), channels)


def check_stages(stages: Stages, spec: NetworkSpec) -> None:
    """Refuse stages that do not fit a learner.

    Raises
    ------
    ConfigError
        If they give another number of features.
    """
    if stages.n_features != spec.n_features:
        raise ConfigError(
            f"{stages.stages[-1].name} gives {stages.n_features} features, the learner takes "
            f"{spec.n_features}: make it with layers=({stages.n_features}, ...)"
        )
