"""BiMU in integers: the golden model, which the C kernel equals bit for bit.

A synapse is one ``int8``, λ: its weight is +1 with probability ``sigmoid(2λ)``, so it has the mean
``tanh λ`` and the variance ``1 - tanh² λ``. Here are the two passes; the steps of a layer are in
``golden_steps``. Float reference: :mod:`streamlearn.rules.bimu.equations`; C counterpart:
``kernel/q8``. Every format and bound: NUMBERS.md beside this file, whose names are used here.

References
----------
arXiv 2605.30198 (ICML 2026): BiMU. The pre-activations are sampled instead of the weights (Kingma
et al., arXiv 1506.02557).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from quant import noise
from quant.counters import Saturations
from quant.cuts import SIGN, cut_integers
from quant.heads import HEADS
from quant.integers import Int64, bit_length, clamp_count, isqrt, shift_round
from quant.layout import State
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.bimu.golden_steps import learn_layer, pull
from quant.rules.bimu.plan import INVERSE_NORM_FRAC_BITS, TANH, VARIANCE, BimuPlan
from quant.rules.bimu.state import belief_view

#: Squares of a layer's inputs sum to less than 2^16, and half of one for each row.
SQUARE_BITS = 16
DELTA_MAX = (1 << 19) - 1
RATIO_MAX = (1 << 24) - 1


@dataclass
class Forward:
    """What the forward pass leaves for learning; one list entry per layer.

    Attributes
    ----------
    inputs : list of int64[rows, draws]
        Q3.4; of layer 0 one column for all draws. Later ones are ±1. The bias last.
    sums : list of int64[columns, draws]
        Pre-activations, .12.
    epsilon : list of int64[columns, draws]
        Q7.8.
    spreads : list of int64[columns]
        Standard deviation of the pre-activations, .12.
    norms : list of (int, int)
        The root of Σ x² as (mantissa, exponent): mantissa · 2^-exponent.
    outputs : int64[classes, draws]
        Logits, Q.16.
    """

    inputs: list[Int64] = field(default_factory=list)
    sums: list[Int64] = field(default_factory=list)
    epsilon: list[Int64] = field(default_factory=list)
    spreads: list[Int64] = field(default_factory=list)
    norms: list[tuple[int, int]] = field(default_factory=list)
    outputs: Int64 = field(default_factory=lambda: np.zeros((0, 0), np.int64))


def norm(square_sum: int) -> tuple[int, int]:
    """Return the root of a sum of squares below 2^32 as 16 bits of mantissa, and its exponent.

    ``root = mantissa · 2^-exponent``, 2^15 <= mantissa < 2^16; (0, 0) for 0.
    """
    if square_sum == 0:
        return 0, 0
    exponent = (32 - bit_length(square_sum)) >> 1
    return int(isqrt(np.array(square_sum << 2 * exponent))), exponent


def square_shift(square_sum: int) -> int:
    """Return the odd shift, -1 or more, after which squares sum to less than 2^16."""
    return max(bit_length(square_sum) - SQUARE_BITS, -1) | 1


def spread_of(x: Int64, variance: Int64, square_sum: int) -> Int64:
    """Standard deviation of the pre-activations, .12.

    Parameters
    ----------
    x : int64[rows]
    variance : int64[rows, columns]
    square_sum : int
    """
    k = square_shift(square_sum)
    power = shift_round(x * x, k) @ variance
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
    for layer, (_, n_out) in enumerate(plan.shapes):
        if spec.bias:
            x = np.concatenate([x, np.full((1, x.shape[1]), SIGN, np.int64)])
        byte = belief_view(spec, state, layer).astype(np.int64) + 128
        square_sum = int(x[:, 0] @ x[:, 0])  # of every draw
        spread = spread_of(x[:, 0], VARIANCE[byte], square_sum)
        epsilon = noise.epsilon_q(key, layer, n_out, plan.n_draws) * draws
        a = TANH[byte].T @ x + ((spread >> 3)[:, None] * epsilon + 16 >> 5)
        result.inputs.append(x)
        result.sums.append(a)
        result.epsilon.append(epsilon)
        result.spreads.append(spread)
        result.norms.append(norm(square_sum))
        x = np.where(a < 0, -SIGN, SIGN)
    result.outputs = scale_logits(a, result.norms[-1], plan)
    return result


def mean(
    spec: NetworkSpec, plan: BimuPlan, state: State, z_q: Int64, count: Saturations
) -> Forward:
    """Run all layers with the mean weights."""
    return forward(spec, plan, state, z_q, count, draws=False)


def scale_logits(a: Int64, size: tuple[int, int], plan: BimuPlan) -> Int64:
    """Return the sums of the last layer, divided by the norm of its input, in Q.16."""
    root, exponent = size
    inverse = plan.logit_scale_q // root if root else 0
    return shift_round(a * inverse, 20 - exponent)


def ratios(epsilon: Int64, spread: Int64) -> Int64:
    """Return ε over the standard deviation, .12, ``int64[columns, draws]``; 0 where that is 0."""
    inverse = np.where(spread == 0, 0, (1 << 30) // np.maximum(spread, 1))
    return shift_round(epsilon * inverse[:, None], 14)


def backward(
    byte: Int64, x: Int64, delta: Int64, noisy: Int64, below: Int64, limit: int, inverse_norm: int
) -> tuple[Int64, int]:
    """Gradient by the pre-activations of the layer below, over the norm of their input, Q.16.

    Parameters
    ----------
    byte : int64[units, columns]
        λ + 128, without the bias.
    x : int64[units, draws]
        ±1 in Q3.4.
    delta, noisy : int64[columns, draws]
        Gradient by this layer's, Q.16, and the same times ε over the standard deviation.
    below : int64[units, draws]
        Pre-activations of the layer below.
    limit : int
        Of the straight-through window.
    inverse_norm : int
        Of this layer's input, Q0.16.

    Returns
    -------
    int64[units, draws], int
        And how many were clamped.
    """
    through_mean = shift_round(TANH[byte] @ delta, 8)
    through_spread = shift_round(VARIANCE[byte] @ noisy, 15)
    gradient = through_mean + np.where(x < 0, -through_spread, through_spread)
    gradient = shift_round(gradient * inverse_norm, INVERSE_NORM_FRAC_BITS)
    return clamp_count(np.where(np.abs(below) <= limit, gradient, 0), DELTA_MAX)


def window_limit(size: tuple[int, int], plan: BimuPlan) -> int:
    """Return the largest magnitude of a layer's sums that is inside the window, .12."""
    return plan.window_q * size[0] >> size[1]


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
    delta = shift_round((delta >> 4) * plan.scale_q, 8)
    for layer in range(len(plan.shapes) - 1, -1, -1):
        belief = belief_view(spec, state, layer)
        byte, x = belief.astype(np.int64) + 128, forward_.inputs[layer]
        ratio = ratios(forward_.epsilon[layer], forward_.spreads[layer])
        noisy, n_noisy = clamp_count(shift_round(delta * ratio, 12), RATIO_MAX)
        count.gradient += n_noisy
        used, size = delta, forward_.norms[layer]
        if layer > 0:
            units = spec.layers[layer]
            delta, n_delta = backward(
                byte[:units],
                x[:units],
                delta,
                noisy,
                forward_.sums[layer - 1],
                window_limit(forward_.norms[layer - 1], plan),
                plan.inverse_norms[layer],
            )
            count.gradient += n_delta
        column = noise.words(key, noise.STREAM_COLUMN + layer, len(used)).astype(np.int64)
        row = noise.words(key, noise.STREAM_ROW + layer, len(x)).astype(np.int64)
        if size[0]:
            learn_layer(belief, x, used, noisy, size, plan, row, column, count)
        if not replaying(state):
            pull(belief, layer, n, plan, key, column, count)
    state["n_samples"] = (n + 1) & 0xFFFFFFFF
