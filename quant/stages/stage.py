"""A stage of a front end: raw values of a signal in, rows of features out, some steps apart.

A stage is a name that has one room, ``quant/stages/NAME``: what describes it (``STAGE``), the
golden model (``golden``), its C (``kernel``) and its numbers (NUMBERS.md). Nothing outside says its
name.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import numpy as np

from quant.errors import ConfigError, ShapeError
from quant.hyperparameters import is_whole
from quant.labels import shown
from quant.layout import State

#: Features of a stage, and so what may come into the next one.
FEATURES_MAX = 4096
#: Samples from one row of features to the next.
HOP_MAX = 65535

S = TypeVar("S", bound="Stage")


class Stage:
    """What one stage does. Every stage is a frozen dataclass: its fields are its settings.

    ``channels`` is one of them: how many values come in, or their names. In a chain it is left out
    of all stages but the first, for a stage takes the features of the one before.
    """

    #: The name of its room.
    name: ClassVar[str]
    #: Channels that it takes at most.
    channels_max: ClassVar[int] = 256
    #: Names that no channel may have.
    reserved: ClassVar[tuple[str, ...]] = ()
    #: Whether a new recording leaves the state as it is.
    kept: ClassVar[bool] = False
    #: Headers of other rooms that its C reads, below the package.
    shared_headers: ClassVar[tuple[str, ...]] = ()
    channels: int | Sequence[str] | None
    #: Steps from one row of features to the next.
    hop: int

    @property
    def channel_names(self) -> tuple[str, ...]:
        """A name for each value that comes in.

        Raises
        ------
        ConfigError
            If the stage does not know its channels.
        """
        if self.channels is None or isinstance(self.channels, int):
            raise ConfigError(
                f"{self.name} does not know its channels: give channels=, how many values come "
                "with a sample, or their names"
            )
        return tuple(self.channels)

    @property
    def n_channels(self) -> int:
        """Values that come in."""
        return len(self.channel_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each value that comes out."""
        raise NotImplementedError

    @property
    def n_features(self) -> int:
        """Values that come out."""
        return len(self.feature_names)

    @property
    def first(self) -> int:
        """Steps of a recording until its first row of features comes."""
        return self.hop

    @property
    def dtype(self) -> np.dtype[Any]:
        """The state, byte by byte the C struct ``sl_NAME_state_t``: words of 32 bits."""
        raise NotImplementedError

    @property
    def scratch_bytes(self) -> int:
        """Bytes that a step needs beside the state."""
        return 4

    def reset(self, state: State) -> None:
        """Begin a recording, in place."""
        raise NotImplementedError

    def check(self, state: State) -> None:
        """Refuse a state that the stage does not come to.

        Raises
        ------
        ShapeError
            If it is such a one.
        """
        raise NotImplementedError

    def settled_by(self: S, state: State) -> S:
        """Return the stage that begins with what a state knows and a new recording leaves."""
        del state
        return self

    def defines(self) -> Mapping[str, object]:
        """Return the constants of its C, without ``SL_NAME_`` in front."""
        raise NotImplementedError

    def work(self) -> float:
        """Return how much work a row of features is, in any unit: instructions go with it."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return its name and settings as JSON values."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return {"stage": self.name, **plain}

    def of(self: S, channels: int | Sequence[str]) -> S:
        """Return the stage with channels that it did not know before.

        Raises
        ------
        ConfigError
            If it knows others already.
        """
        if self.channels is None:
            found: S = dataclasses.replace(self, channels=channels)  # type: ignore[type-var]
            return found
        names = self._named(channels)
        if names != self.channel_names and not (
            is_whole(channels) and len(names) == self.n_channels
        ):
            raise ConfigError(
                f"{self.name} has {shown(self.channel_names)} for channels, and is given "
                f"{shown(channels)}: leave its channels out"
            )
        return self

    def _know(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _know_channels(self) -> None:
        """Give the channels names; to be called once all other settings are checked."""
        if self.channels is None:
            return
        names = self._named(self.channels)
        self._know("channels", names)
        if self.n_features > FEATURES_MAX:
            raise ConfigError(
                f"{self.name} of {len(names)} channels has {self.n_features} features: expected "
                f"{FEATURES_MAX} at most"
            )

    def _named(self, channels: Any) -> tuple[str, ...]:
        """Return the channels' names; of their number x0, x1, ..."""
        if is_whole(channels) and 1 <= channels <= self.channels_max:
            return tuple(f"x{i}" for i in range(int(channels)))
        if isinstance(channels, str | bytes) or not isinstance(channels, Sequence):
            raise ConfigError(
                f"channels={shown(channels)}: expected their number, 1 to {self.channels_max}, or "
                "their names"
            )
        names = tuple(map(str, channels))
        unlike = len({*names, *self.reserved}) == len(names) + len(self.reserved)
        if not 1 <= len(names) <= self.channels_max or not unlike:
            but = f", none of them {', '.join(map(repr, self.reserved))}" if self.reserved else ""
            raise ConfigError(
                f"channels={shown(channels)}: {self.name} expects 1 to {self.channels_max} "
                f"different names{but}"
            )
        return names


def whole(name: str, value: Any, least: int, most: int) -> int:
    """Return a setting as a whole number.

    Raises
    ------
    ConfigError
        If it is none from ``least`` to ``most``.
    """
    if not is_whole(value) or not least <= value <= most:
        raise ConfigError(f"{name}={shown(value)}: expected a whole number from {least} to {most}")
    return int(value)


def wrong_state(stage: Stage, why: str) -> ShapeError:
    """Return what to raise of a state that a stage does not come to."""
    return ShapeError(f"state of {stage.name}: {why}: no stage comes to it; was it damaged?")


class _Stages(Mapping[str, type[Stage]]):
    """Every stage by its name, found by its folder; loaded when it is asked for."""

    def __getitem__(self, name: str) -> type[Stage]:
        if name not in [*self]:
            raise KeyError(name)
        found: type[Stage] = room(name).STAGE
        return found

    def __iter__(self) -> Iterator[str]:
        folder = Path(__file__).parent
        yield from sorted(m.name for m in pkgutil.iter_modules([str(folder)]) if m.ispkg)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def room(name: str, part: str = "") -> ModuleType:
    """Return a stage's room, or a module in it."""
    return importlib.import_module(f"quant.stages.{name}{'.' * bool(part)}{part}")


def stage_from_json(values: Any) -> Stage:
    """Invert :meth:`Stage.to_json`.

    Raises
    ------
    ConfigError
        If the values are no stage's.
    """
    if not isinstance(values, Mapping) or values.get("stage") not in [*STAGES]:
        raise ConfigError(f"{shown(values)}: expected a stage, one of {', '.join(STAGES)}")
    kind = STAGES[values["stage"]]
    settings = {name: value for name, value in values.items() if name != "stage"}
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    needed = [one.name for one in fields if one.default is dataclasses.MISSING]
    unknown = sorted({*settings} - {one.name for one in fields})
    missing = [name for name in needed if name not in settings]
    if unknown:
        raise ConfigError(f"{kind.name} has no setting {', '.join(map(repr, unknown))}")
    if missing:
        raise ConfigError(f"{kind.name} needs {' and '.join(missing)}")
    return kind(**settings)


#: The only place that knows all stages.
STAGES: Mapping[str, type[Stage]] = _Stages()
