"""What the golden models of both MESU rules share: the forward pass's skeleton, block scaling.

Every format, shift and bound: NUMBERS.md beside this file. C counterpart: ``kernel/integer``.

References
----------
Bonnet et al., arXiv 2504.13569: MESU. Kingma et al., arXiv 1506.02557: local reparameterisation,
which at batch 1 is the conditional expectation of the weight-sampling gradient given the
pre-activations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quant import noise
from quant.counters import Saturations
from quant.front_end import INPUT_FRAC_BITS
from quant.integers import Int64, bit_length, clamp_count, shift_round, shift_truncate
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.spiking import Arrived
from quant.spiking.golden import ARRIVING_FRAC_BITS, bias_current, charge, fire, with_own

ACTIVATION_FRAC_BITS = 8
ACTIVATION_BITS = 15
PRE_ACTIVATION_MAX = 1 << 30
DELTA_MAX = (1 << 24) - 1
SPREAD_MAX = (1 << 20) - 1
MU_STEP_BITS = 30
NARROW_BITS = 8
NARROW_MAX = (1 << NARROW_BITS) - 1


@dataclass
class Forward:
    """What the forward pass leaves for the backward pass; one list entry per layer.

    Arrays are ``int64[units, draws]``, except that layer 0 has one input column for all draws. Of a
    spiking network ``gate`` is a spike's derivative by the membrane, of each hidden layer, and
    ``fired`` what its traces are after this step.
    """

    inputs: list[Int64] = field(default_factory=list)
    frac_bits: list[int] = field(default_factory=list)
    epsilon: list[Int64] = field(default_factory=list)
    inverse_spread: list[Int64] = field(default_factory=list)
    outputs: Int64 = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    gate: list[Int64] = field(default_factory=list)
    fired: dict[str, Any] = field(default_factory=dict)


def block_inputs(x: Int64) -> tuple[Int64, int]:
    """Shift inputs right until each draw's sum of magnitudes is below 2^16."""
    k = max(0, bit_length(int(np.abs(x).sum(axis=0).max())) - 16)
    return shift_truncate(x, k), k


def narrow_inputs(x: Int64) -> tuple[Int64, int]:
    """Inputs of 8 bits, and by how many bits they are shorter; layer 0 has no more to begin with.

    The clamp at 255 is half a step of rounding.
    """
    n = max(0, bit_length(int(np.abs(x).max())) - NARROW_BITS)
    return np.minimum(shift_round(x, n), NARROW_MAX), n


def run_layers(
    spec: NetworkSpec,
    state: State,
    n_draws: int,
    z_q: Any,
    result: Forward,
    sample: Callable[[int, Int64, int, Int64], tuple[Int64, Int64]],
    charged: Callable[[int, Int64, int], tuple[Int64, Int64]] | None = None,
) -> None:
    """Run an input through all layers into ``result``; biases, noise and ReLU of every variance.

    Parameters
    ----------
    z_q : int64[n_features] or Arrived
        Q3.4; of a spiking network what arrived, and the traces.
    result : Forward
    sample : callable
        ``sample(layer, x, frac_bits, epsilon)`` returns a layer's sampled pre-activations (Q15.16)
        and the inverse of their deviation (Q.18), ``int64[units, draws]``.
    charged : callable, optional
        Of a rule with spiking layers, ``charged(layer, x, frac_bits)``: means and deviations (Q.12)
        of a hidden layer's charges after x has arrived there.
    """
    key, last = noise.key_of(state), len(spec.shapes) - 1
    arrived = z_q if isinstance(z_q, Arrived) else Arrived(z_q, z_q)
    now, x = arrived.now[:, None], arrived.traces[:, None]
    frac_bits = now_bits = INPUT_FRAC_BITS
    for layer, (_, n_out) in enumerate(spec.shapes):
        epsilon = noise.epsilon_q(key, layer, n_out, n_draws)
        mine = with_bias(spec, x, 1 << frac_bits)
        if spec.leaks and layer < last and charged is not None:
            current = bias_current(spec, state, layer, now_bits)
            centre, spread = charged(layer, with_bias(spec, now, current), now_bits)
            result.outputs = centre + (spread * epsilon + 8 >> 4)
            inverse = np.broadcast_to(inverse_of(spread), epsilon.shape)
        else:
            result.outputs, inverse = sample(layer, mine, frac_bits, epsilon)
        result.inputs.append(mine)
        result.frac_bits.append(frac_bits)
        result.epsilon.append(epsilon)
        result.inverse_spread.append(inverse)
        if layer < last:
            now, x, frac_bits = activate(spec, state, layer, result)
            now_bits = ARRIVING_FRAC_BITS


def with_bias(spec: NetworkSpec, x: Int64, one: int) -> Int64:
    """Append the bias's input, if there is one."""
    return np.concatenate([x, np.full((1, x.shape[1]), one, np.int64)]) if spec.bias else x


def inverse_of(spread: Int64) -> Int64:
    """Return 1/spread in Q.18, of Q.12; 0 of 0."""
    return np.where(spread == 0, 0, (1 << 30) // np.maximum(spread, 1))


def activate(
    spec: NetworkSpec, state: State, layer: int, result: Forward
) -> tuple[Int64, Int64, int]:
    """Return what a hidden layer hands on, from its pre-activations: ReLU, or spikes.

    Returns
    -------
    now : int64[units, draws]
        Of spikes what arrives at the next layer, else as x.
    x : int64[units, draws]
        The next layer's inputs: of spikes their traces.
    frac_bits : int
        Of x.
    """
    if not spec.leaks:
        x, frac_bits = rectify(result.outputs)
        return x, x, frac_bits
    x, frac_bits, gate = fire(spec, state, layer, result.outputs, result.fired)
    result.gate.append(gate)
    now = result.fired["spikes"][-1] << ARRIVING_FRAC_BITS
    return *with_own(spec, state, layer + 1, now, x, result.fired), frac_bits


def centre_of(mu: Int64, blocked: Int64, right: int, count: Saturations) -> Int64:
    """Pre-activations' means, Q15.16: ``x·μ`` of blocked inputs, shifted."""
    centre, clamped = clamp_count(shift_round(mu.T @ blocked, right), PRE_ACTIVATION_MAX)
    count.activation += clamped
    return centre


def run_mean(
    spec: NetworkSpec,
    state: State,
    n_draws: int,
    mu_frac_bits: Sequence[int],
    z_q: Any,
    result: Forward,
    count: Saturations,
) -> None:
    """Run an input through all layers into ``result`` with the mean weights: nothing is drawn.

    The outputs are those of every draw, so that heads and memory need not know.
    """

    def centre(layer: int, x: Int64, frac_bits: int) -> Int64:
        blocked, k_mean = block_inputs(x)
        mu = layer_view(spec, state, "mu", layer).astype(np.int64)
        right = frac_bits - k_mean + mu_frac_bits[layer] - 16
        return centre_of(mu, blocked, right, count)

    def sample(layer: int, x: Int64, frac_bits: int, _: Int64) -> tuple[Int64, Int64]:
        found = centre(layer, x, frac_bits)
        return found, np.zeros_like(found)

    def charged(layer: int, x: Int64, frac_bits: int) -> tuple[Int64, Int64]:
        found = centre(layer, x, frac_bits)
        nothing = np.zeros_like(found)
        return charge(spec, state, layer, found, nothing, result.fired, count)[0], nothing

    run_layers(spec, state, 1, z_q, result, sample, charged)
    result.outputs = np.repeat(result.outputs, n_draws, axis=1)
    result.epsilon = result.inverse_spread = [np.zeros_like(result.outputs)]


def rectify(a: Int64) -> tuple[Int64, int]:
    """ReLU of Q15.16 in at most 15 bits: Q7.8, or as many fraction bits as the largest leaves."""
    h = np.maximum(a, 0)
    whole = bit_length(int(h.max())) - 16
    frac_bits = min(ACTIVATION_FRAC_BITS, ACTIVATION_BITS - whole)
    return h >> 16 - frac_bits, frac_bits


def normalise(x: Int64, bits: int) -> tuple[Int64, int]:
    """Scale by 2^shift so that the largest magnitude has ``bits`` bits; return it and the shift."""
    largest = bit_length(int(np.abs(x).max()))
    if largest == 0:
        return x, 0
    shift = bits - largest
    return shift_round(x, -shift), shift


def apply_gain(x: Int64, gain: tuple[int, int], drop: int) -> tuple[Int64, int]:
    """Normalise to 15 bits, multiply by the gain's mantissa, keep all but ``drop`` bits.

    Returns the product and the exponent that this adds to the fraction bits of ``x``.
    """
    x, shift = normalise(x, 15)
    return shift_round(x * gain[0], drop), shift + gain[1] - drop
