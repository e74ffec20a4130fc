"""The network: layer sizes, what stands in front of them, and what the output means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from quant import averages, spiking
from quant import memory as memories
from quant.errors import ConfigError
from quant.front_end import FRONT_ENDS
from quant.front_end.ranges import Ranges, read_ranges
from quant.heads import HEADS
from quant.hyperparameters import is_whole
from quant.layout import State
from quant.replay import MAX_REPLAYS, capacity
from quant.spiking import recurrence

MAX_LAYERS = 16
MAX_UNITS = 65535
MAX_LAYER_SYNAPSES = 1 << 24


@dataclass(frozen=True)
class NetworkSpec:
    """A dense network: its layer sizes, its front end and its head.

    Parameters
    ----------
    layers : tuple of int
        ``(n_features, hidden..., n_classes)``, or ``(n_features, hidden..., 1)`` for the Gaussian
        head.
    bias : bool
        Give every layer a bias: one more input row that is always 1.
    front_end : {"standardise", "frozen", "none"}
        ``standardise`` takes raw sensor values and standardises each feature online, by its
        last ``front_end_window`` samples; ``frozen`` by its first ones, so that classes that
        come one after another keep what tells them apart; ``none`` takes values that are already
        within about ±8.
    head : {"categorical", "gaussian"}
        What the output means: the logits of a softmax over classes, or the mean and the
        log-variance of one number, the target (:data:`quant.heads.HEADS`).
    front_end_ranges : sequence of (float, float), optional
        For ``frozen``: the lowest and the highest value of each feature, if they are known
        (:mod:`quant.front_end.ranges`). Default: the first samples tell.
    replay_bytes : int
        Bytes of the state for stored samples that are learned again, as many of each class
        (:mod:`quant.replay`). 0: none is stored.
    replays : int
        How many of them each learning step learns again, 1 to 64.
    memory : {"lda", "mean"}, optional
        What remembers every class beside the network (:mod:`quant.memory`). Default: nothing.
    memory_features : int
        Columns of the memory: the inputs if there is room for all, and random features for the
        rest. 0: the inputs themselves.
    leaks : tuple of int
        Of a spiking network (:mod:`quant.spiking`): one number k per layer of weights, whose
        traces and membranes leak by 2^-k a step. Empty: the network does not spike.
    delta : tuple of int
        Of a spiking network: ``(threshold, leak)``. Each feature becomes two inputs, of events: it
        rose, or fell, by so many sixteenths of what the front end gives. What it is compared with
        leaks by 2^-leak a step, or stays where the leak is 0. Empty: the front end's values are
        the inputs. ``layers`` begins with the inputs, two for each feature.
    recurrent : bool
        Of a spiking network: hidden layers read their own units' spikes of the step before, too.
        A layer's own units are rows behind its inputs (:mod:`quant.spiking.recurrence`).
    average_window : int
        Of a spiking network: predictions read an average of the weights, which goes back over so
        many learned steps (:mod:`quant.averages`). 0: they read the weights themselves.

    Raises
    ------
    ConfigError
        If a size is out of range or a name is unknown.
    """

    layers: tuple[int, ...]
    bias: bool = True
    front_end: str = "standardise"
    head: str = "categorical"
    front_end_ranges: Ranges | None = None
    replay_bytes: int = 0
    replays: int = 1
    memory: str | None = None
    memory_features: int = memories.FEATURES_DEFAULT
    leaks: tuple[int, ...] = ()
    delta: tuple[int, ...] = ()
    recurrent: bool = False
    average_window: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.bias, bool | np.bool_):
            raise ConfigError(f"bias={self.bias!r}: expected True or False")
        object.__setattr__(self, "bias", bool(self.bias))
        if not all(is_whole(n) for n in self.layers):
            raise ConfigError(f"layers={self.layers}: expected whole numbers")
        object.__setattr__(self, "layers", tuple(int(n) for n in self.layers))
        if not 2 <= len(self.layers) <= MAX_LAYERS + 1:
            raise ConfigError(
                f"layers={self.layers}: expected (n_features, hidden..., n_classes), "
                f"2 to {MAX_LAYERS + 1} sizes; got {len(self.layers)}"
            )
        if any(not 1 <= n <= MAX_UNITS for n in self.layers):
            raise ConfigError(f"layers={self.layers}: every size must be 1 to {MAX_UNITS}")
        if self.head not in HEADS:
            raise ConfigError(f"head={self.head!r}: expected {' or '.join(map(repr, HEADS))}")
        object.__setattr__(self, "recurrent", recurrence.check(self.recurrent, self.layers))
        if any(rows * columns > MAX_LAYER_SYNAPSES for rows, columns in self.shapes):
            raise ConfigError(
                f"layers={self.layers}: a layer has more than {MAX_LAYER_SYNAPSES:,} synapses"
            )
        HEADS[self.head].check(self.layers)
        categorical = HEADS[self.head].n_classes(self.layers[-1]) > 0
        memories.check(self.memory, self.memory_features, self.layers[0], categorical)
        object.__setattr__(self, "memory_features", int(self.memory_features))
        if self.front_end not in FRONT_ENDS:
            raise ConfigError(
                f"front_end={self.front_end!r}: expected {', '.join(map(repr, FRONT_ENDS[:-1]))} "
                f"or {FRONT_ENDS[-1]!r}"
            )
        ranges = read_ranges(self.front_end_ranges, self.n_features, self.front_end)
        object.__setattr__(self, "front_end_ranges", ranges)
        _ = self.replay_capacity
        if not is_whole(self.replays) or not 1 <= self.replays <= MAX_REPLAYS:
            raise ConfigError(f"replays={self.replays!r}: expected 1 to {MAX_REPLAYS} per step")
        object.__setattr__(self, "replay_bytes", int(self.replay_bytes))
        object.__setattr__(self, "replays", int(self.replays))
        refused = {"memory": self.memory, "replay_bytes": self.replay_bytes}
        leaks = spiking.check(self.leaks, len(self.shapes), **refused)
        if leaks and self.head != "categorical":
            raise ConfigError(f"leaks={leaks}: a spiking network predicts a class, not a number")
        if self.recurrent and not leaks:
            raise ConfigError("recurrent=True: only a spiking network is recurrent; give leaks")
        object.__setattr__(self, "leaks", leaks)
        window = averages.check(self.average_window, leaks)
        object.__setattr__(self, "average_window", window)
        object.__setattr__(self, "delta", spiking.check_delta(self.delta, leaks, self.layers[0]))

    @property
    def replay_capacity(self) -> int:
        """Number of samples that ``replay_bytes`` hold."""
        return capacity(self.replay_bytes, self.n_features, self.n_classes)

    @property
    def n_features(self) -> int:
        """Number of raw inputs."""
        return self.layers[0] // 2 if len(self.delta) else self.layers[0]

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 if the output is a number."""
        return HEADS[self.head].n_classes(self.layers[-1])

    @property
    def n_outputs(self) -> int:
        """Units of the last layer: one per class; for a target its mean and its log-variance."""
        return HEADS[self.head].n_outputs(self.layers[-1])

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """``(rows, columns)`` of each weight matrix; the bias is the last row.

        Of a recurrent network the rows of a hidden layer's own units come before it.
        """
        extra = int(self.bias)
        columns = (*self.layers[1:-1], self.n_outputs)
        return tuple(
            (n_in + self.own_units(layer) + extra, columns[layer])
            for layer, n_in in enumerate(self.layers[:-1])
        )

    def own_units(self, layer: int) -> int:
        """Return how many rows of a layer are its own units': those of a recurrent hidden one."""
        hidden = self.recurrent and layer + 2 < len(self.layers)
        return self.layers[layer + 1] if hidden else 0

    @cached_property
    def places(self) -> tuple[slice, ...]:
        """Where each weight matrix lies among all synapses."""
        ends = tuple(accumulate(rows * columns for rows, columns in self.shapes))
        return tuple(slice(a, b) for a, b in pairwise((0, *ends)))

    @property
    def n_synapses(self) -> int:
        """Number of weights, biases included."""
        return sum(rows * columns for rows, columns in self.shapes)

    @property
    def n_rows(self) -> int:
        """Rows of all layers: inputs and biases."""
        return sum(rows for rows, _ in self.shapes)

    @property
    def n_columns(self) -> int:
        """Columns of all layers: units."""
        return sum(columns for _, columns in self.shapes)

    def __str__(self) -> str:
        return "-".join(str(n) for n in self.layers)


def layer_view(spec: NetworkSpec, state: State, field: str, layer: int) -> npt.NDArray[Any]:
    """Return the ``[rows, columns]`` view of one layer's part of a field with every synapse."""
    view: npt.NDArray[Any] = state[field][0, spec.places[layer]]
    return view.reshape(spec.shapes[layer])
