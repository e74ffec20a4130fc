"""BiMU in integers: the golden model, which the C kernel equals bit for bit.

A synapse is one number, λ; the moments of its weight are in ``law``. Here are the two passes; the
steps of a layer are in ``golden_steps``. Float reference: :mod:`streamlearn.rules.bimu.equations`;
C counterpart: ``kernel``. Every format and bound: NUMBERS.md beside this file, whose names are used
here.

References
----------
arXiv 2605.30198 (ICML 2026): BiMU. The pre-activations are sampled instead of the weights (Kingma
et al., arXiv 1506.02557).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quant import noise
from quant.counters import Saturations
from quant.cuts import SIGN, cut_integers
from quant.heads import HEADS
from quant.integers import Int64, bit_length, clamp_count, isqrt, shift_round
from quant.layout import State
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.bimu.golden_gather import learn_gathered
from quant.rules.bimu.golden_normal import (
    SUM_FRAC_BITS,
    Size,
    centred,
    deviation,
    open_units,
    slopes,
    without_radial,
)
from quant.rules.bimu.golden_spikes import DELTA_MAX, charge_of, through_spikes
from quant.rules.bimu.golden_steps import learn_layer, pull
from quant.rules.bimu.law import Law
from quant.rules.bimu.plan import BimuPlan
from quant.rules.bimu.state import belief_view
from quant.spiking.sums import spiked

#: Squares of a layer's inputs sum to less than 2^16, and half of one for each row.
SQUARE_BITS = 16
RATIO_MAX = (1 << 24) - 1


@dataclass
class Forward:
    """What the forward pass leaves for learning; one list entry per layer.

    Attributes
    ----------
    inputs : list of int64[rows, draws]
        Q3.4; of layer 0 one column for all draws. Later ones are 0 or 1, or traces of spikes. The
        bias last.
    apart : list of int64[columns, draws]
        Pre-activations less their mean, .12; of a spiking network as they are.
    epsilon : list of int64[columns, draws]
        Q7.8.
    spreads : list of int64[columns, draws]
        Standard deviation of the pre-activations, .12; of layer 0 one column for all draws.
    sizes : list of Size
        Root mean square of ``apart``; of a spiking network a fixed one.
    outputs : int64[classes, draws]
        Logits, Q.16.
    gate : list of int64[columns, draws]
        Of each hidden layer of a spiking network: a spike's derivative, Q0.7.
    fired : dict
        What its traces are after this step.
    """

    inputs: list[Int64] = field(default_factory=list)
    apart: list[Int64] = field(default_factory=list)
    epsilon: list[Int64] = field(default_factory=list)
    spreads: list[Int64] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    outputs: Int64 = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    gate: list[Int64] = field(default_factory=list)
    fired: dict[str, Any] = field(default_factory=dict)


def square_shift(square_sum: int) -> int:
    """Return the odd shift, -1 or more, after which squares sum to less than 2^16."""
    return max(bit_length(square_sum) - SQUARE_BITS, -1) | 1


def spread_of(x: Int64, variance: Int64, square_sum: int) -> Int64:
    """Standard deviation of the pre-activations, .12, ``int64[columns, draws]``.

    Parameters
    ----------
    x : int64[rows, draws]
    variance : int64[rows, columns]
    square_sum : int
        The largest of any draw, at least.
    """
    k = square_shift(square_sum)
    power = variance.T @ shift_round(x * x, k)
    return isqrt(power) << (k + 1 >> 1)


def forward(
    spec: NetworkSpec,
    plan: BimuPlan,
    state: State,
    z_q: Int64,
    count: Saturations,
    draws: bool = True,
) -> Forward:
    """Run all layers on one input ``int64[n_features]`` in Q3.4; without draws the noise is 0."""
    key = noise.key_of(state)
    result = Forward()
    x = cut_integers(z_q, plan.cuts)[:, None]
    for layer, (rows, n_out) in enumerate(plan.shapes):
        if spec.bias:
            x = np.concatenate([x, np.full((1, x.shape[1]), SIGN, np.int64)])
        byte = plan.belief.byte(belief_view(spec, state, layer))
        gated = layer > 0 and not spec.leaks
        square_sum = rows * SIGN * SIGN if gated else int((x * x).sum(axis=0).max())
        spread = spread_of(x, plan.law.variance[byte], square_sum)
        epsilon = noise.epsilon_q(key, layer, n_out, plan.n_draws) * draws
        apart = plan.law.mean[byte].T @ x + ((spread >> 3) * epsilon + 16 >> 5)
        apart = apart if spec.leaks else centred(apart)
        size = charge_of(plan, layer) if spec.leaks else deviation(apart)
        result.inputs.append(x)
        result.apart.append(apart)
        result.epsilon.append(epsilon)
        result.spreads.append(spread)
        result.sizes.append(size)
        if not spec.leaks:
            x = SIGN * open_units(apart, size, plan)
        elif layer + 1 < len(plan.shapes):
            unit = plan.charges[layer]
            x = spiked(spec, unit, state, layer, apart, SUM_FRAC_BITS, result, count)
    result.outputs = scale_logits(apart, size, plan)
    return result


def mean(
    spec: NetworkSpec, plan: BimuPlan, state: State, z_q: Int64, count: Saturations
) -> Forward:
    """Run all layers with the mean weights."""
    return forward(spec, plan, state, z_q, count, draws=False)


def scale_logits(apart: Int64, size: Size, plan: BimuPlan) -> Int64:
    """Return the normalised sums of the last layer, scaled, in Q.16."""
    inverse = plan.logit_scale_q // size.mantissa if size.mantissa else 0
    return shift_round(apart * inverse, 24 - size.exponent)


def ratios(epsilon: Int64, spread: Int64) -> Int64:
    """Return ε over the standard deviation, .12, ``int64[columns, draws]``; 0 where that is 0."""
    inverse = np.where(spread == 0, 0, (1 << 30) // np.maximum(spread, 1))
    return shift_round(epsilon * inverse, 14)


def backward(
    law: Law, byte: Int64, x: Int64, delta: Int64, noisy: Int64, slope: Int64, size: Size
) -> tuple[Int64, int]:
    """Gradient by the normalised sums of the layer below, Q.16.

    Parameters
    ----------
    law : Law
        The plan's.
    byte : int64[units, columns]
        λ in LSBs of a byte, and 128; without the bias.
    x : int64[units, draws]
        0 or 1 in Q3.4.
    delta, noisy : int64[columns, draws]
        Gradient by this layer's, Q.16, and the same times ε over the standard deviation.
    slope : int64[units, draws]
        Of the units' gates.
    size : Size
        Deviation of this layer's sums.

    Returns
    -------
    int64[units, draws], int
        And how many were clamped.
    """
    through_mean = shift_round(law.mean[byte] @ delta, 8)
    through_spread = shift_round(law.variance[byte] @ noisy, 15)
    gradient = slope * (through_mean + np.where(x > 0, through_spread, 0))
    inverse = (1 << 31) // size.mantissa if size.mantissa else 0
    return clamp_count(shift_round(gradient * inverse, max(31 - size.exponent, 0)), DELTA_MAX)


def update(
    spec: NetworkSpec,
    plan: BimuPlan,
    state: State,
    forward_: Forward,
    target: int,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a label."""
    key, n = noise.key_of(state), int(state["n_samples"][0])
    delta = HEADS[spec.head].verbs.output_gradient(forward_.outputs, target, count)
    delta = without_radial(delta >> 4, forward_.apart[-1], forward_.sizes[-1], plan.radial_q)
    delta, n_delta = clamp_count(shift_round(delta * plan.scale_q, 8), DELTA_MAX)
    count.gradient += n_delta
    for layer in range(len(plan.shapes) - 1, -1, -1):
        belief = belief_view(spec, state, layer)
        byte, x = plan.belief.byte(belief), forward_.inputs[layer]
        ratio = ratios(forward_.epsilon[layer], forward_.spreads[layer])
        noisy, n_noisy = clamp_count(shift_round(delta * ratio, 12), RATIO_MAX)
        count.gradient += n_noisy
        used, size = delta, forward_.sizes[layer]
        if layer > 0:
            units = spec.layers[layer]
            if spec.leaks:
                gate = forward_.gate[layer - 1]
                delta, n_delta = through_spikes(
                    plan.law, byte[:units], x[:units], delta, noisy, gate, size
                )
            else:
                slope = slopes(forward_.apart[layer - 1], forward_.sizes[layer - 1], plan)
                delta, n_delta = backward(
                    plan.law, byte[:units], x[:units], delta, noisy, slope, size
                )
            count.gradient += n_delta
        column = noise.words(key, noise.STREAM_COLUMN + layer, len(used)).astype(np.int64)
        row = noise.words(key, noise.STREAM_ROW + layer, len(x)).astype(np.int64)
        if layer == 0 and plan.gather > 1 and not replaying(state):
            learn_gathered(belief, state, x, used, noisy, size, plan, row, column, count)
        elif size.mantissa:
            largest = SIGN if layer and not spec.leaks else int(np.abs(x).max())
            learn_layer(belief, x, largest, used, noisy, size, plan, row, column, count)
        if not replaying(state):
            pull(belief, layer, n, plan, key, column, count)
    state["n_samples"] = (n + 1) & 0xFFFFFFFF
