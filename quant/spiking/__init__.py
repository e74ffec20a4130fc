"""Spiking layers: a network that remembers what came before, in traces that leak.

A hidden unit is a leaky integrate-and-fire neuron with reset by subtraction. Its membrane is the
weighted sum of its inputs' leaky traces minus a trace of its own resets, so that the learning rule
sees a dense layer whose inputs are traces: forward pass and update of a weight are the rule's own.
Learning goes forward in time with one trace a neuron (OTTT, Xiao et al., arXiv 2210.04195).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from quant.errors import ConfigError
from quant.hyperparameters import is_whole
from quant.layout import REAL, Field, State
from quant.spiking import recurrence

#: A trace that leaks by 2^-k a step remembers about 2^k steps: k is within this.
LEAK_MIN, LEAK_MAX = 1, 6
#: What a reset takes from a membrane, and where a unit fires.
THRESHOLD = 1.0
#: The surrogate derivative of a spike: at the threshold, and how far from it it ends.
SLOPE, WIDTH = 0.5, 2.0
#: An input's trace ends at what a layer's input holds, as the front end's values do.
TRACE_END = 8.0
#: In integers: the same, Q6.9, and what a charge's mean ends at, Q15.16.
INPUT_TRACE_MAX, CHARGE_MAX = (1 << 12) - 1, 1 << 30
#: Events of a feature in a step, at most; each brings its trace 1.
EVENTS_MAX = 4
#: The fields that :func:`reset` sets to zero.
TRACES = (
    "delta_reference",
    "charge_mean",
    "charge_variance",
    "input_trace",
    "membrane_reset",
    "output_trace",
)
#: Of these the ones that weights have gone into.
CHARGES = ("charge_mean", "charge_variance")


class Arrived(NamedTuple):
    """What a step of time brings a network's first layer.

    Attributes
    ----------
    now : number[n_inputs]
        What arrived in this step: it charges membranes.
    traces : number[n_inputs]
        The inputs' traces: what learning sees, and outputs weigh.
    """

    now: Any
    traces: Any


def check(leaks: Any, n_layers: int, **others: Any) -> tuple[int, ...]:
    """Return the leaks of a network as plain numbers; ``()`` if it does not spike.

    Parameters
    ----------
    leaks : sequence of int
        One per layer; of a layer's inputs, and of the membranes that they drive.
    n_layers : int
        Layers of weights.
    **others
        Parameters of the network that a spiking one has to leave at nothing.

    Raises
    ------
    ConfigError
        If there is not one per layer, one is out of range, or another parameter is set.
    """
    if not isinstance(leaks, Sequence | np.ndarray) or isinstance(leaks, str | bytes):
        raise ConfigError(f"leaks={leaks!r}: expected a list or tuple, one number per layer")
    if not len(leaks):
        return ()
    if len(leaks) != n_layers:
        raise ConfigError(f"leaks={leaks!r}: expected {n_layers} numbers, one per layer of weights")
    if not all(is_whole(k) and LEAK_MIN <= k <= LEAK_MAX for k in leaks):
        raise ConfigError(
            f"leaks={leaks!r}: expected whole numbers from {LEAK_MIN} to {LEAK_MAX}; a trace that "
            "leaks by 2^-k a step remembers about 2^k steps"
        )
    for name, value in others.items():
        if value:
            raise ConfigError(f"{name}={value!r}: a spiking network has none yet; leave it out")
    return tuple(int(k) for k in leaks)


def check_delta(delta: Any, leaks: tuple[int, ...], n_inputs: int) -> tuple[int, ...]:
    """Return threshold and leak of the events as plain numbers; ``()`` if there are no events.

    Raises
    ------
    ConfigError
        If a number is out of range, the network does not spike, or its inputs are no pairs.
    """
    if not isinstance(delta, Sequence | np.ndarray) or isinstance(delta, str | bytes):
        raise ConfigError(f"delta={delta!r}: expected two whole numbers, or nothing")
    if not len(delta):
        return ()
    given = tuple(delta)
    if len(given) != 2 or not all(map(is_whole, given)):
        raise ConfigError(f"delta={delta!r}: expected two whole numbers: threshold and leak")
    threshold, leak = (int(n) for n in given)
    if not 1 <= threshold <= 127 or not 0 <= leak <= 8:
        raise ConfigError(
            f"delta={delta!r}: expected a threshold of 1 to 127 sixteenths, and a leak of 1 to 8, "
            "or 0 for none"
        )
    if not leaks:
        raise ConfigError(f"delta={delta!r}: events are for a spiking network; give leaks as well")
    if n_inputs % 2:
        raise ConfigError(
            f"layers begin with {n_inputs}: with delta each feature is two inputs; give an even "
            "number"
        )
    return threshold, leak


def fields(
    leaks: tuple[int, ...],
    layers: tuple[int, ...],
    delta: tuple[int, ...],
    n_draws: int,
    numbers: str,
    charges: bool = False,
    recurrent: bool = False,
) -> list[Field]:
    """Return what spiking layers keep in the state: nothing if there are none.

    Parameters
    ----------
    leaks, layers, delta : tuple of int
    n_draws : int
        Membranes of a unit: one for each draw of the weights.
    numbers : {"integer", "float32", "float64"}
    charges : bool
        Whether what arrives charges membranes (:class:`quant.rule.Rule`).
    recurrent : bool
        Whether hidden layers read their own units (:mod:`quant.spiking.recurrence`).
    """
    if not leaks:
        return []
    real = REAL.get(numbers, "<i2")

    unit = "" if numbers in REAL else "Q6.9: "
    hidden = (sum(layers[1:-1]) * n_draws,)
    counted = (len(leaks),)
    n_inputs = layers[0] + (layers[1] if recurrent else 0)
    n_spikes = n_charges(layers, n_draws)
    compared = "what a feature is compared with"
    ends = {} if numbers in REAL else {"least": -INPUT_TRACE_MAX, "most": INPUT_TRACE_MAX}
    reference = Field("delta_reference", real, f"{unit}{compared}", (layers[0] // 2,), **ends)
    return [
        Field("time_steps", "<u4", "steps seen, modulo 2^32: the noise's counter"),
        Field("events", "<u4", "events into a layer, over all draws, modulo 2^32", counted),
        Field("live_inputs", "<u4", "inputs of a layer whose trace was not 0, likewise", counted),
        *([reference] if delta else []),
        *(_charge_fields(layers, n_draws, numbers) if charges else []),
        Field("input_trace", real, f"{unit}leaky sum of an input", (n_inputs,), **ends),
        Field("membrane_reset", real, f"{unit}leaky sum of resets, [unit][draw]", hidden, least=0),
        Field("output_trace", real, f"{unit}leaky sum of spikes, [unit][draw]", hidden, least=0),
        *(recurrence.fields(layers, n_draws, n_spikes, numbers) if recurrent else []),
    ]


def _charge_fields(layers: tuple[int, ...], n_draws: int, numbers: str) -> list[Field]:
    wide, shape = REAL.get(numbers, "<i4"), (n_charges(layers, n_draws),)
    units = ("", "") if numbers in REAL else ("Q15.16: ", "Q11.20: ")
    said = "leaky sum of the {} that arrived, [unit], in later layers [unit][draw]"
    ends = {} if numbers in REAL else {"least": -CHARGE_MAX, "most": CHARGE_MAX}
    return [
        Field("charge_mean", wide, units[0] + said.format("weights' means"), shape, **ends),
        Field("charge_variance", wide, units[1] + said.format("variances"), shape, least=0),
    ]


def n_charges(layers: tuple[int, ...], n_draws: int) -> int:
    """Return how many charges hidden units have: those of the first layer one for all draws."""
    return sum(layers[1:2] if len(layers) > 2 else ()) + sum(layers[2:-1]) * n_draws


def charges_of(spec: Any, state: State, layer: int, name: str, draws: int) -> Any:
    """Return the first draws' charges of a hidden layer, ``[units, draws]``; of layer 0 one."""
    units, first = spec.layers[layer + 1], spec.layers[1]
    whole = state[name][0]
    if layer == 0:
        return whole[:first, None]
    n_draws = (len(whole) - first) // sum(spec.layers[2:-1])
    start = first + sum(spec.layers[2 : layer + 1]) * n_draws
    return whole[start : start + units * n_draws].reshape(units, n_draws)[:, :draws]


def reset(state: State) -> None:
    """Forget what came before, in place: the next step is the first of a recording."""
    for name in (*TRACES, *recurrence.FIELDS):
        if name in (state.dtype.names or ()):
            state[name] = 0
