"""What a spiking network did: events, live traces, synaptic operations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quant.layout import State
from quant.network import NetworkSpec


@dataclass(frozen=True)
class Activity:
    """What a spiking network did since it was made, in NeuroBench's terms.

    Attributes
    ----------
    steps : int
        Steps of time.
    events : tuple of float
        Events into each layer of weights, a step: of the input lines, then spikes of the hidden
        units, mean over the draws.
    live : tuple of float
        Inputs of each layer whose trace was not 0, a step, mean over the draws: rows that were
        read, and written where the step was learned.
    synaptic_operations : float
        Weights that live inputs met, a step, mean over the draws. A dense layer of the same size
        has `dense_operations`.
    dense_operations : int
    """

    steps: int
    events: tuple[float, ...]
    live: tuple[float, ...]
    synaptic_operations: float
    dense_operations: int


def activity_of(state: State, spec: NetworkSpec, n_draws: int) -> Activity:
    """Return what the counters of a state say; they begin again at 2^32."""
    steps = int(state["time_steps"][0])
    per = max(steps, 1) * np.array([1, *[n_draws] * (len(spec.shapes) - 1)])
    live = state["live_inputs"][0] / per
    columns = np.array([columns for _, columns in spec.shapes])
    return Activity(
        steps,
        tuple((state["events"][0] / per).tolist()),
        tuple(live.tolist()),
        float((live * columns).sum()),
        sum(n * int(k) for n, k in zip(spec.layers, columns, strict=False)),
    )
