"""The memory's part of an engine: what the network says, the answer of both, and recall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from quant import memory
from quant.errors import ConfigError
from quant.layout import State
from quant.memory import golden
from quant.network import NetworkSpec
from quant.rule import Arithmetic

Float = npt.NDArray[np.float64]


def with_memory(spec: NetworkSpec, given: Mapping[str, Any]) -> NetworkSpec:
    """Return the network with the memory that a classifier's parameters ask for.

    Parameters
    ----------
    spec : NetworkSpec
    given : mapping
        Of a classifier ``memory``, ``memory_features`` and ``memory_bytes``, which goes before
        ``memory_features``; a regressor has none of them.

    Raises
    ------
    ConfigError
        If there is no such memory, it does not fit into so many bytes, or bytes come without one.
    """
    kind, features = given.get("memory"), given.get("memory_features", spec.memory_features)
    room = given.get("memory_bytes")
    if room is not None and kind is None:
        raise ConfigError(
            f"memory_bytes={room!r} without a memory: give memory='lda' or 'mean' as well"
        )
    made = replace(spec, memory=kind, memory_features=features)
    if room is None:
        return made
    scaled = spec.front_end != "none"
    fitting = memory.features_for(room, spec.n_features, spec.n_classes, made.memory, scaled)
    return replace(made, memory_features=fitting)


class Memory:
    """The golden model of a learner's memory beside a network in any numbers.

    Parameters
    ----------
    spec : NetworkSpec
        With a memory.
    kind : Arithmetic
        Of the network.
    """

    def __init__(self, spec: NetworkSpec, kind: Arithmetic) -> None:
        self._spec, self._kind = spec, kind

    def answer(self, state: State, x: Float, outputs: Any) -> golden.Answer:
        """Return what both say of a raw sample; ``outputs`` are the network's, ``[k, draws]``."""
        if self._kind.numbers == "integer":
            field = self._kind.log2_temperature
            divided = 0 if field is None else int(state[field][0])
            net = golden.network_logits(outputs, divided)
        else:
            mean = outputs.mean(axis=1)
            mean = mean if self._kind.logits is None else self._kind.logits(state, mean)
            net = (mean - mean.max()).astype(np.float32)
        return golden.forward(self._spec, state, x, net)

    def recall(self, state: State, x: Float) -> Float:
        """Return the log-probabilities of the memory alone, ``float64[classes]``."""
        nothing = np.zeros(self._spec.n_classes, np.float32)
        return golden.forward(self._spec, state, x, nothing).recalled

    def learn(self, state: State, x: Float, answer: golden.Answer, target: int) -> None:
        """Learn one sample, in place, before the network counts it."""
        golden.learn(self._spec, state, x, answer, target)
