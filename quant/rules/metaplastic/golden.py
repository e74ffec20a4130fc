"""The streaming binarized metaplastic rule in integers: the golden model of the C kernel.

A synapse is one ``int8``, the hidden weight; its sign bit is the binary weight. A sample moves
weights by *pulses*: an input row fires with a probability that grows with its value, a unit with
one that grows with its gradient; the weight steps where both fire. A step towards zero is let
through with probability ``f_meta``. Float reference:
:mod:`streamlearn.rules.metaplastic.equations`; C counterpart: ``kernel/q8``. Every format and
bound: NUMBERS.md beside this file, whose names are used here.

Differs from the paper: one sample at a time, no normalisation statistics, no optimiser state;
f_meta thins the steps instead of scaling them, so that they stay whole.

References
----------
Laborieux et al., Synaptic metaplasticity in binarized neural networks, Nature Communications 12,
2549 (2021).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from quant import noise
from quant.counters import Saturations
from quant.heads.categorical.golden import softmax_q
from quant.integers import Int64, bit_length, isqrt, shift_round
from quant.layout import State
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.metaplastic.cuts import SIGN, cut_integers
from quant.rules.metaplastic.gates import active_units
from quant.rules.metaplastic.plan import GRADIENT_FRAC_BITS, MetaplasticPlan
from quant.rules.metaplastic.state import (
    LOG_TEMPERATURE_MAX,
    LOG_TEMPERATURE_MIN,
    weight_view,
)
from quant.rules.metaplastic.step import follow, moved, slope, stepped_gain, trace_view
from quant.spiking.golden import GATE_FRAC_BITS
from quant.spiking.sums import spiked
from quant.tables import EXP2

DELTA_MAX = 1 << 14


@dataclass
class Forward:
    """What the forward pass leaves for learning; one list entry per layer.

    Attributes
    ----------
    inputs : list of int64[rows]
        Q3.4 in layer 0, where a cut gives ±1; ±1 after it, or 0 of a unit that is not active; of a
        spiking network traces, Q3.4. The bias last.
    sums : list of int64[columns]
        Σ x b(w).
    norms : list of (int, int)
        The root of Σ x² as (mantissa, exponent): mantissa · 2^-exponent; of a spiking network
        what its sums are measured in, the same for all inputs.
    logits : int64[classes]
        Q.16.
    active : list of bool[columns]
        The active units.
    gate : list of int64[columns, 1]
        Of each hidden layer of a spiking network: a spike's derivative, Q0.7.
    fired : dict
        What its traces are after this step.
    """

    inputs: list[Int64] = field(default_factory=list)
    sums: list[Int64] = field(default_factory=list)
    norms: list[tuple[int, int]] = field(default_factory=list)
    logits: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    active: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    gate: list[Int64] = field(default_factory=list)
    fired: dict[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> Int64:
        """The logits, ``int64[classes, 1]``: nothing is drawn."""
        return self.logits[:, None]


def binary(w: Int64) -> Int64:
    """Return the binary weight: +1 from zero on, -1 below."""
    signs: Int64 = np.where(w < 0, np.int64(-1), np.int64(1))
    return signs


def norm(square_sum: int) -> tuple[int, int]:
    """Return the root of a sum of squares below 2^32 as 16 bits of mantissa, and its exponent.

    ``root = mantissa · 2^-exponent``, 2^15 <= mantissa < 2^16; (0, 0) for 0.
    """
    if square_sum == 0:
        return 0, 0
    exponent = (32 - bit_length(square_sum)) >> 1
    return int(isqrt(np.array(square_sum << 2 * exponent))), exponent


def forward(
    spec: NetworkSpec,
    plan: MetaplasticPlan,
    state: State,
    z_q: Int64,
    count: Saturations,
) -> Forward:
    """Run all layers on one input ``int64[n_features]`` in Q3.4."""
    x = first = cut_integers(z_q, plan.cuts)
    result = Forward()
    for layer in range(len(spec.shapes)):
        if spec.bias:
            later = SIGN if spec.leaks else 1
            x = np.append(x, np.int64(later if layer else plan.bias_input_q))
        a = x @ binary(weight_view(spec, state, layer).astype(np.int64))
        result.inputs.append(x)
        result.sums.append(a)
        result.norms.append(plan.charges[layer] if spec.leaks else norm(int(x @ x)))
        active = np.ones(len(a), np.bool_)
        if plan.gates.n_blocks and layer == 0:
            active = active_units(plan.gates, int(state["seed"][0]), first)
        result.active.append(active)
        if not spec.leaks:
            x = np.where(active, binary(a), 0)
        elif layer + 1 < len(spec.shapes):
            unit, sums = plan.charges[layer], a[:, None]
            x = spiked(spec, unit, state, layer, sums, 0, result, count)[:, 0]
    result.logits = scale_logits(result.sums[-1], result.norms[-1], plan)
    return result


def scale_logits(z: Int64, size: tuple[int, int], plan: MetaplasticPlan) -> Int64:
    """Return the sums of the last layer, divided by the norm of its input, in Q.16."""
    mantissa, exponent = size
    inverse = plan.logit_scale_q // mantissa if mantissa else 0
    return shift_round(z * inverse, 12 - exponent)


def calibrated_distances(logits: Int64, log_temperature: int) -> Int64:
    """Return (largest - logit)/T in Q.16 for T = 2^log_temperature, Q15.16."""
    whole = -log_temperature + 65535 >> 16
    fraction = (whole << 16) + log_temperature
    distances: Int64 = (logits.max() - logits) * int(EXP2[fraction >> 8]) >> 15 - whole
    return distances


def calibrate(logits: Int64, label: int, log_temperature: int, shift: int) -> int:
    """One step of the temperature down the gradient of -log p(label); returns the new one.

    ``Δ log T ∝ u_y - Σ p u`` with u the distances from the largest logit in bits: the label fell
    further behind than the probabilities expect, so they were too sure.
    """
    distances = calibrated_distances(logits, log_temperature)
    p = softmax_q(-distances[:, None])[:, 0]
    u = np.minimum(distances >> 6, 16383) * 23637 >> 14
    surprise = u[label] - (int(p @ u) >> 16)
    step = int(shift_round(surprise, shift - 6))
    return int(np.clip(log_temperature + step, LOG_TEMPERATURE_MIN, LOG_TEMPERATURE_MAX))


def output_gradient(logits: Int64, label: int) -> Int64:
    """Gradient of -log softmax by the logits, Q.12."""
    delta = softmax_q(logits[:, None])[:, 0]
    delta[label] -= 1 << 16
    return shift_round(delta, 16 - GRADIENT_FRAC_BITS)


def inside_window(a: Int64, size: tuple[int, int], plan: MetaplasticPlan) -> np.ndarray:
    """Tell which units' pre-activations are within ``window`` times the norm of their input."""
    mantissa, exponent = size
    inside: np.ndarray = np.abs(a) <= plan.window_q * mantissa >> 8 + exponent
    return inside


def learning(forward_: Forward, layer: int, plan: MetaplasticPlan) -> np.ndarray:
    """Tell which units of a layer are active and inside the window, or near a spike."""
    if forward_.gate:
        near: np.ndarray = forward_.gate[layer][:, 0] > 0
        return near
    inside = inside_window(forward_.sums[layer], forward_.norms[layer], plan)
    return inside & forward_.active[layer]


def undecided(spec: NetworkSpec, plan: MetaplasticPlan, forward_: Forward) -> int:
    """Count the hidden units inside the window: those that a small change would turn over."""
    hidden = range(len(spec.shapes) - 1)
    return sum(int(np.count_nonzero(learning(forward_, layer, plan))) for layer in hidden)


def update(
    spec: NetworkSpec,
    plan: MetaplasticPlan,
    state: State,
    forward_: Forward,
    target: int,
    count: Saturations,
) -> None:
    """Backward pass and pulses of every layer, in place, from one forward pass."""
    n = int(state["n_samples"][0])
    key = noise.key_of(state)
    state["log_temperature"] = calibrate(
        forward_.logits, target, int(state["log_temperature"][0]), plan.calibration_shift
    )
    state["n_samples"] = (n + 1) & 0xFFFFFFFF
    delta = output_gradient(forward_.logits, target)
    if np.abs(delta).max() <= plan.skip_q:
        return
    gains = plan.gains
    if plan.adapts:
        gains = adapt(spec, plan, state, forward_, delta, n, count)
    for layer in range(len(spec.shapes) - 1, -1, -1):
        w = weight_view(spec, state, layer)
        used = delta
        if layer > 0:
            units = w[: spec.layers[layer]].astype(np.int64)
            below = shift_round(binary(units) @ used, plan.backward_shifts[layer])
            below = np.where(learning(forward_, layer - 1, plan), below, 0)
            delta = np.clip(below, -DELTA_MAX, DELTA_MAX)
            count.gradient += int(np.count_nonzero(delta != below))
            if spec.leaks:
                delta = shift_round(delta * forward_.gate[layer - 1][:, 0], GATE_FRAC_BITS)
        pulse_layer(w, forward_.inputs[layer], used, layer, plan, key, gains[layer])


def adapt(
    spec: NetworkSpec,
    plan: MetaplasticPlan,
    state: State,
    forward_: Forward,
    delta: Int64,
    n: int,
    count: Saturations,
) -> tuple[int, ...]:
    """Return the learning rates of this sample, Q.8; the state has the next one's, in place."""
    log2 = int(state["step_log2"][0])
    w = weight_view(spec, state, len(spec.shapes) - 1).astype(np.int64)
    trace = trace_view(spec, state)
    u = slope(forward_.inputs[-1], delta, w, trace.astype(np.int64))
    state["step_log2"], state["step_spread"] = moved(
        log2, int(state["step_spread"][0]), u, n, count
    )
    if not replaying(state):  # it follows the stream
        follow(trace, w, n)
    return tuple(stepped_gain(gain, log2) for gain in plan.gains)


def pulse_layer(
    w: Int64, x: Int64, delta: Int64, layer: int, plan: MetaplasticPlan, key: int, gain: int
) -> None:
    """Step the weights whose row and whose column fire, in place.

    ``E ΔW = -lr δ x f``, with f = f_meta for a step towards zero and 1 else; ``gain``: lr, Q.8.
    """
    row_word = noise.words(key, noise.STREAM_ROW + layer, len(x)).astype(np.int64)
    column_word = noise.words(key, noise.STREAM_COLUMN + layer, len(delta)).astype(np.int64)
    graded = layer == 0 or plan.charges
    row_pulses = np.abs(x) + (row_word >> 28) >> 4 if graded else np.abs(x)
    strength = np.abs(delta) * gain >> 4
    column_pulses = strength + (column_word >> 16) >> 16
    rows, columns = np.flatnonzero(row_pulses), np.flatnonzero(column_pulses)
    if len(rows) == 0 or len(columns) == 0:
        return
    touched = np.ix_(rows, columns)
    old = w[touched].astype(np.int64)
    step = -np.outer(
        row_pulses[rows] * np.sign(x[rows]), column_pulses[columns] * np.sign(delta[columns])
    )
    towards_zero = (step < 0) != (old < 0)
    dither = row_word[rows, None] + column_word[columns] & 0xFFFF
    size = np.where(old < 0, -1 - old, old)
    stopped = towards_zero & (dither > plan.let_through[layer][size])
    moved = np.clip(old + step, -plan.clamp_q - 1, plan.clamp_q)
    w[touched] = np.where(stopped, old, moved)
