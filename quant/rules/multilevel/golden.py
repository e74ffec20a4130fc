"""Weights of few levels in integers: the golden model, which the C kernel equals bit for bit.

A synapse is two bytes: its level v, of weight (2v - steps)/steps, and a counter of how often its
two ends were active together. Float reference: :mod:`streamlearn.rules.multilevel.equations`; C
counterpart: ``kernel/q8``. Every format and bound: NUMBERS.md beside this file, whose names are
used here.

References
----------
Zohora et al., arXiv 2403.08718: the probability of a step falls with exp(-m |w|).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from quant import noise
from quant.counters import Saturations
from quant.front_end import INPUT_MAX
from quant.heads import HEADS
from quant.integers import Int64, bit_length, bit_lengths, clamp_count, clip, isqrt, shift_round
from quant.layout import State
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.multilevel.config import COUNTER_MAX
from quant.rules.multilevel.plan import KEEP, MultilevelPlan
from quant.rules.multilevel.state import view

#: The bias's input, Q3.4.
ONE = 16
#: Deviations of a layer's sums from their mean are brought to so many bits.
DEVIATION_BITS = 15
DELTA_MAX = (1 << 19) - 1
#: A probability is within 1, Q0.24; a row is taken once in up to 2^8 samples.
CERTAIN, RAREST = 1 << 24, 8


@dataclass
class Forward:
    """What the forward pass leaves for learning; one list entry per layer.

    Attributes
    ----------
    inputs : list of int64[rows]
        Q3.4, the bias last.
    norms : list of (int, int)
        The root of Σ x² as (mantissa, exponent): mantissa · 2^-exponent.
    outputs : int64[classes, 1]
        Logits, Q.16.
    """

    inputs: list[Int64] = field(default_factory=list)
    norms: list[tuple[int, int]] = field(default_factory=list)
    outputs: Int64 = field(default_factory=lambda: np.zeros((0, 0), np.int64))


def norm(square_sum: int) -> tuple[int, int]:
    """Return the root of a sum of squares below 2^32 as 16 bits of mantissa, and its exponent."""
    if square_sum == 0:
        return 0, 0
    exponent = (32 - bit_length(square_sum)) >> 1
    return int(isqrt(np.array(square_sum << 2 * exponent))), exponent


def weights(spec: NetworkSpec, plan: MultilevelPlan, state: State, layer: int) -> Int64:
    """Return a layer's 2v - steps, ``int64[rows, columns]``."""
    return 2 * view(spec, state, "level", layer).astype(np.int64) - plan.steps


def activate(sums: Int64, plan: MultilevelPlan) -> Int64:
    """Return how far units are above the threshold, in deviations of their layer's sums, Q3.4."""
    centred = sums - int(sums.sum()) // len(sums)
    b = shift_round(centred, bit_length(int(np.abs(centred).max())) - DEVIATION_BITS)
    deviation = int(isqrt(np.array(int(b @ b) // len(b))))
    inverse = (1 << 26) // deviation if deviation else 0
    return clip(shift_round(b * inverse, 22) - plan.threshold_q, 0, INPUT_MAX)


def forward(
    spec: NetworkSpec, plan: MultilevelPlan, state: State, z_q: Int64, count: Saturations
) -> Forward:
    """Run all layers on one input ``int64[n_features]`` in Q3.4."""
    result, x, a = Forward(), z_q, z_q
    for layer in range(len(spec.shapes)):
        if layer:
            x = activate(a, plan)
        if spec.bias:
            x = np.append(x, ONE)
        a = x @ weights(spec, plan, state, layer)
        result.inputs.append(x)
        result.norms.append(norm(int(x @ x)))
    root, exponent = result.norms[-1]
    inverse = plan.logit_scale_q // root if root else 0
    result.outputs = shift_round(a * inverse, 20 - exponent)[:, None]
    return result


def backward(w: Int64, delta: Int64, h: Int64, back: int) -> tuple[Int64, int]:
    """Gradient by the sums of the layer below, Q.16, and how many were clamped.

    Parameters
    ----------
    w : int64[units, columns]
        2v - steps, without the bias.
    delta : int64[columns]
        Gradient by this layer's, Q.16.
    h : int64[units]
        What the units gave.
    back : int
    """
    found = shift_round((w @ delta) * back, 16)
    return clamp_count(np.where(h > 0, found, 0), DELTA_MAX)


def chances(delta: Int64, size: tuple[int, int], gain: tuple[int, int]) -> Int64:
    """Return the probability of a step of each column for an input of 1/16, Q0.24."""
    scale = gain[0] * ((1 << 31) // size[0]) >> 16
    right = gain[1] + 7 - size[1]
    wide = np.abs(delta) * scale
    wide = wide >> min(right, 62) if right > 0 else wide << -right
    found: Int64 = np.minimum(wide, CERTAIN)
    return found


def keep(level: Int64, used: Int64, plan: MultilevelPlan) -> Int64:
    """Return exp(-m |w|) of synapses, Q0.16."""
    worth = used * np.abs(2 * level - plan.steps) * plan.consolidation >> 16
    found: Int64 = KEEP[np.minimum(worth, len(KEEP) - 1)]
    return found


def learn_layer(
    level: npt.NDArray[np.uint8],
    used: npt.NDArray[np.uint8],
    x: Int64,
    delta: Int64,
    chance: Int64,
    plan: MultilevelPlan,
    row_word: Int64,
    column_word: Int64,
) -> None:
    """Move weights against the gradient by one level each, by chance, in place.

    A row whose probabilities are small is taken for a share of the samples, 2^-e, with
    probabilities that are 2^e times as large.
    """
    size = np.abs(x)
    e = clip(24 - bit_lengths(np.minimum(size * int(chance.max()), CERTAIN)), 0, RAREST)
    taken = np.flatnonzero((size * int(chance.max()) > 0) & (row_word >> 24 < 256 >> e))
    old = level[taken].astype(np.int64)
    p = np.minimum(size[taken, None] * chance, CERTAIN) << e[taken, None] >> 8
    likely = p * keep(old, used[taken].astype(np.int64), plan) >> 16
    moves = (row_word[taken, None] ^ column_word) & 65535
    by = np.where(moves < likely, -np.sign(x[taken, None] * np.sign(delta)), 0)
    level[taken] = clip(old + by, 0, plan.steps)


def grow(
    used: npt.NDArray[np.uint8],
    pre: npt.NDArray[np.bool_],
    post: npt.NDArray[np.bool_],
    growth: tuple[int, int],
    row_word: Int64,
    column_word: Int64,
) -> None:
    """Count synapses whose two ends are active, by chance, in place."""
    rows = np.flatnonzero(pre & (row_word >> 24 < 256 >> growth[1]))
    rises = ((row_word[rows, None] ^ column_word) & 65535 < growth[0]) & post
    used[rows] = np.minimum(used[rows] + rises.astype(np.int64), COUNTER_MAX)


def fade(
    used: npt.NDArray[np.uint8], start: int, plan: MultilevelPlan, row_word: Int64, column: Int64
) -> None:
    """``sweep`` samples of the counters' decay on some rows, in place."""
    rows = slice(start, None, plan.sweep)
    old = used[rows].astype(np.int64)
    used[rows] = old - (old * plan.fade + ((row_word[rows, None] ^ column) & 65535) >> 16)


def update(
    spec: NetworkSpec,
    plan: MultilevelPlan,
    state: State,
    forward_: Forward,
    target: int,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a label."""
    key, n = noise.key_of(state), int(state["n_samples"][0])
    gradient = HEADS[spec.head].verbs.output_gradient(forward_.outputs, target, count)
    delta = gradient[:, 0] >> 4
    post = np.arange(len(delta)) == target
    first = sum(rows for rows, _ in spec.shapes)
    for layer in range(len(spec.shapes) - 1, -1, -1):
        level, used = view(spec, state, "level", layer), view(spec, state, "used", layer)
        x, size, here = forward_.inputs[layer], forward_.norms[layer], delta
        rows, columns = spec.shapes[layer]
        first -= rows
        if layer:
            units = spec.layers[layer]
            w = weights(spec, plan, state, layer)[:units]
            delta, clamped = backward(w, delta, x[:units], plan.back[layer])
            count.gradient += clamped
        column = noise.words(key, noise.STREAM_COLUMN + layer, columns).astype(np.int64)
        if size[0] and plan.gains[layer][0]:
            row = noise.words(key, noise.STREAM_ROW + layer, rows).astype(np.int64)
            chance = chances(here, size, plan.gains[layer])
            learn_layer(level, used, x, here, chance, plan, row, column)
        if not replaying(state):
            if plan.growth[layer][0]:
                word = noise.words(key, noise.STREAM_RANGE_ROW + layer, rows).astype(np.int64)
                pre = np.abs(x) >= plan.active_q
                grow(used, pre, post, plan.growth[layer], word, column)
            if plan.fade:
                word = noise.words(key, noise.STREAM_PULL_ROW + layer, rows).astype(np.int64)
                fade(used, -(first + n) % plan.sweep, plan, word, column)
        post = x[: spec.layers[layer]] >= plan.active_q
    state["n_samples"] = (n + 1) & 0xFFFFFFFF
