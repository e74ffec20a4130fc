"""The streaming metaplastic rule as equations in float64: the reference of the integer engines.

Hidden weights W are real, and every gradient moves them: no pulses, no steps of 1/128.

    a_j = Σ x_i sign(W_ij),  h_j = sign(a_j),  logit_k = scale · a_k / |x|  (last layer)
    ΔW_ij = -lr/128 · δ_j x_i · f,  f = 1 - tanh²(m |W_ij|) if the step leads towards zero, else 1

Few columns are cut into signs first (:mod:`quant.rules.metaplastic.cuts`), and lr has a multiplier
that sets itself (:mod:`streamlearn.rules.metaplastic.step`).

δ is the gradient of -log softmax by the logits, passed down through the units inside the window
|a_j| <= window · |x| (straight-through). The derivative of the logits by a_k, scale/|x|, is the
same for all samples behind hidden units; it is left to the learning rates, and the gradient by the
hidden units is divided by a power of two instead (``backward_shifts`` of the plan). sign(0) = +1.
Where hidden units spike (:mod:`streamlearn.spiking`) inputs are traces, a / (window √n) of n inputs
is a membrane's charge, a logit is over √n, h is the trace of its spikes, and δ is passed down times
their derivative.
With gates (:mod:`quant.rules.metaplastic.gates`) h_j = 0 in the blocks of the first hidden layer
that are not active for a sample, and they learn nothing.

Counterparts: :mod:`quant.rules.metaplastic.golden` (integers), ``quant/rules/metaplastic/kernel``.

References
----------
Laborieux et al., Synaptic metaplasticity in binarized neural networks, Nature Communications 12,
2549 (2021): the hidden weight and f. Guo et al., On calibration of modern neural networks, arXiv
1706.04599: the temperature, here followed online.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import (
    cut_reals,
    cut_values,
    cuts_of,
    layers_of,
    metaplasticity_of,
)
from quant.rules.metaplastic.gates import active_units, gates_of
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view
from streamlearn.rules.metaplastic.step import adapt
from streamlearn.spiking import fire_sums

Float = npt.NDArray[np.float64]

LSB = 1 / 128
LOG_TEMPERATURE_RANGE = (-4.0, 4.0)


@dataclass
class Forward:
    """One list entry per layer: inputs (the bias last), sums Σ x sign(W), norms |x|, which units
    are active; the logits. Of a spiking network the derivative of each hidden layer's spikes, and
    what its traces are after this step.
    """

    inputs: list[Float] = field(default_factory=list)
    sums: list[Float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    logits: Float = field(default_factory=lambda: np.zeros(0))
    active: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    gate: list[Float] = field(default_factory=list)
    fired: dict[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> Float:
        """The logits, ``float64[classes, 1]``: nothing is drawn."""
        return self.logits[:, None]


def binary(w: Float) -> Float:
    """Return sign(W), with sign(0) = +1."""
    return np.where(w < 0, -1.0, 1.0)


def forward(
    spec: NetworkSpec, config: MetaplasticConfig, state: State, z: Float, count: Saturations
) -> Forward:
    """Run all layers on one input ``float64[n_features]``."""
    result, gates = Forward(), gates_of(spec, config)
    sized = config.for_sizes(layers_of(spec, config))
    x = first = cut_reals(z, cut_values(cuts_of(spec, config)))
    for layer in range(len(spec.shapes)):
        if spec.bias:
            x = np.append(x, 1.0 if layer else config.bias_input)
        a = x @ binary(weight_view(spec, state, layer))
        result.inputs.append(x)
        result.sums.append(a)
        last = layer + 1 == len(spec.shapes)
        unit = math.sqrt(len(x)) * (1.0 if last else sized.window)
        result.norms.append(unit if spec.leaks else float(np.sqrt(x @ x)))
        active = np.ones(len(a), np.bool_)
        if gates.n_blocks and layer == 0:
            active = active_units(gates, int(state["seed"][0]), first)
        result.active.append(active)
        if not spec.leaks:
            x = np.where(active, binary(a), 0.0)
        elif not last:
            charge = a[:, None] / unit
            read, gate = fire_sums(spec, state, layer, charge, result.fired)
            result.gate.append(gate)
            x = read[:, 0]
    size = result.norms[-1]
    result.logits = a * (sized.logit_scale / size if size else 0.0)
    return result


def softmax(logits: Float) -> Float:
    """Return the probabilities of one sample's logits."""
    e = np.exp(logits - logits.max())
    p: Float = e / e.sum()
    return p


def calibrate(logits: Float, label: int, log_temperature: float, window: int) -> float:
    """One step of log2 T: how much further, in bits, the label fell behind than expected."""
    u = (logits.max() - logits) / 2.0**log_temperature / np.log(2)
    u = np.minimum(u, 16383 / 1024 / np.log(2))
    surprise = u[label] - softmax(-u * np.log(2)) @ u
    return float(np.clip(log_temperature + surprise / window, *LOG_TEMPERATURE_RANGE))


def inside_window(a: Float, size: float, window: float) -> npt.NDArray[np.bool_]:
    """Tell which units' pre-activations are within ``window`` times the norm of their input."""
    inside: npt.NDArray[np.bool_] = np.abs(a) <= window * size
    return inside


def learning(forward_: Forward, layer: int, window: float) -> npt.NDArray[np.bool_]:
    """Tell which units of a layer are active and inside the window, or near a spike."""
    if forward_.gate:
        near: npt.NDArray[np.bool_] = forward_.gate[layer][:, 0] > 0
        return near
    inside = inside_window(forward_.sums[layer], forward_.norms[layer], window)
    return inside & forward_.active[layer]


def undecided(spec: NetworkSpec, config: MetaplasticConfig, forward_: Forward) -> int:
    """Count the hidden units inside the window: those that a small change would turn over."""
    window, hidden = config.for_sizes(layers_of(spec, config)).window, range(len(spec.shapes) - 1)
    return sum(int(np.count_nonzero(learning(forward_, layer, window))) for layer in hidden)


def update(
    spec: NetworkSpec,
    config: MetaplasticConfig,
    state: State,
    forward_: Forward,
    target: int,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a label."""
    logits = forward_.logits
    state["log_temperature"] = calibrate(
        logits, target, float(state["log_temperature"][0]), config.calibration_window
    )
    n = int(state["n_samples"][0])
    state["n_samples"] = (n + 1) & 0xFFFFFFFF
    delta = softmax(logits)
    delta[target] -= 1
    if np.abs(delta).max() <= config.skip:
        return
    multiplier = adapt(spec, config, state, forward_.inputs[-1], delta, n)
    plan = make_metaplastic_plan(spec, config)
    last, sized = len(spec.shapes) - 1, config.for_sizes(layers_of(spec, config))
    for layer in range(last, -1, -1):
        w, used = weight_view(spec, state, layer), delta
        if layer > 0:
            below = binary(w[: spec.layers[layer]]) @ used / 2 ** plan.backward_shifts[layer]
            delta = np.where(learning(forward_, layer - 1, sized.window), below, 0.0)
            if spec.leaks:
                delta = delta * forward_.gate[layer - 1][:, 0]
        lr = multiplier * LSB * (sized.lr_output if layer == last else sized.lr)
        m = config.metaplasticity_output if layer == last else metaplasticity_of(spec, config)
        _move(w, forward_.inputs[layer], used, lr, m, config.clamp)


def _move(w: Float, x: Float, delta: Float, lr: float, m: float, clamp: float) -> None:
    touched = np.ix_(np.flatnonzero(x), np.flatnonzero(delta))
    old = w[touched]
    step = -lr * np.outer(x[x != 0], delta[delta != 0])
    towards_zero = (step < 0) != (old < 0)
    f_meta = 1 - np.tanh(m * np.abs(old)) ** 2
    new = old + step * np.where(towards_zero, f_meta, 1.0)
    w[touched] = np.clip(new, -clamp, clamp)
