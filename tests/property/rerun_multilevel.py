"""The golden model of weights of few levels, run again, every intermediate held to its bound."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from limits_multilevel import BOUNDS

from quant import noise
from quant.counters import Saturations
from quant.heads import HEADS
from quant.integers import Int64, bit_length, shift_round
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.multilevel import golden
from quant.rules.multilevel.config import MultilevelConfig
from quant.rules.multilevel.plan import KEEP, MultilevelPlan, make_multilevel_plan
from quant.rules.multilevel.state import view
from quant.state import State, init_state

hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def check_norm(square_sum: int) -> tuple[int, int]:
    """Root of a sum of squares, 16 bits."""
    hold("square_sum", square_sum)
    mantissa, exponent = golden.norm(square_sum)
    hold("norm_mantissa", mantissa)
    assert mantissa == math.isqrt(square_sum << 2 * exponent)
    return mantissa, exponent


def check_sums(x: Int64, level: Int64, steps: int) -> Int64:
    """Σ x (2v - steps) of a layer, as C adds it up."""
    hold_partial_sums("level_sum", x[:, None] * level, 0)
    sums: Int64 = 2 * (x @ level) - int(x.sum()) * steps
    hold("sum", sums)
    np.testing.assert_array_equal(sums, x @ (2 * level - steps))
    return sums


def check_units(sums: Int64, plan: MultilevelPlan) -> Int64:
    """What units give."""
    hold_partial_sums("all_sums", sums, 0)
    apart = sums - math.floor(Fraction(int(sums.sum()), len(sums)))
    most = int(np.abs(apart).max())
    hold("apart", most)
    b = shift_round(apart, bit_length(most) - golden.DEVIATION_BITS)
    hold("deviate", b)
    hold_partial_sums("power", b * b, 0)
    deviation = math.isqrt(int((b * b).sum()) // len(b))
    hold("deviation", deviation)
    inverse = (1 << 26) // deviation if deviation else 0
    hold("inverse", inverse)
    hold("unit_product", np.abs(b * inverse) + (1 << 21))
    x = np.clip((b * inverse + (1 << 21) >> 22) - plan.threshold_q, 0, 127)
    np.testing.assert_array_equal(golden.activate(sums, plan), x)
    return x


def check_logits(sums: Int64, size: tuple[int, int], plan: MultilevelPlan) -> Int64:
    """The last layer's sums over the norm of its input."""
    inverse = plan.logit_scale_q // size[0] if size[0] else 0
    hold("logit_inverse", inverse)
    hold("scaled_sum", sums * inverse)
    logits = shift_round(sums * inverse, 20 - size[1])
    hold("logit", logits)
    return logits


def check_backward(w: Int64, delta: Int64, h: Int64, back: int) -> tuple[Int64, int]:
    """Gradient by the layer below, and how many were clamped."""
    hold_partial_sums("gradient_sum", w * delta, 1)
    wide = (w @ delta) * back
    hold("back_product", wide)
    found = np.where(h > 0, wide + (1 << 15) >> 16, 0)
    kept = np.clip(found, -golden.DELTA_MAX, golden.DELTA_MAX)
    hold("delta", kept)
    return kept, int(np.count_nonzero(kept != found))


def check_chances(delta: Int64, size: tuple[int, int], gain: tuple[int, int]) -> Int64:
    """Probabilities of a step."""
    hold("scale_product", gain[0] * ((1 << 31) // size[0]))
    scale = gain[0] * ((1 << 31) // size[0]) >> 16
    right = min(gain[1] + 7 - size[1], 62)
    wide = np.abs(delta) * scale << max(-right, 0)
    hold("wide", wide)
    found = np.minimum(wide >> max(right, 0), golden.CERTAIN)
    np.testing.assert_array_equal(golden.chances(delta, size, gain), found)
    return found


def check_moves(
    level: Int64, used: Int64, x: Int64, delta: Int64, chance: Int64, plan: MultilevelPlan,
    row: Int64, column: Int64,
) -> Int64:  # fmt: skip
    """Levels of a layer after the step."""
    result = level.copy()
    for i, x_i in enumerate(np.abs(x)):
        hold("size_chance", x_i * chance)
        within = np.minimum(x_i * chance, golden.CERTAIN)
        bound = int(within.max())
        e = min(max(24 - bit_length(bound), 0), golden.RAREST)
        if bound == 0 or int(row[i]) >> 24 >= 256 >> e:
            continue
        p = (within << e) >> 8
        hold("probability", p)
        worth = used[i] * np.abs(2 * level[i] - plan.steps) * plan.consolidation
        hold("worth", worth)
        likely = p * KEEP[np.minimum(worth >> 16, 255)]
        hold("likely", likely)
        moved = (row[i] ^ column) & 65535 < likely >> 16
        by = np.where(moved, -np.sign(x[i]) * np.sign(delta), 0)
        result[i] = np.clip(level[i] + by, 0, plan.steps)
    return result


def check_counters(
    used: Int64, layer: int, x: Int64, post: Int64, plan: MultilevelPlan, key: int, start: int
) -> Int64:
    """Counters of a layer after growth and fading."""
    result, (p, e) = used.copy(), plan.growth[layer]
    column = noise.words(key, noise.STREAM_COLUMN + layer, used.shape[1]).astype(np.int64)
    rise = noise.words(key, noise.STREAM_RANGE_ROW + layer, len(x)).astype(np.int64)
    pull = noise.words(key, noise.STREAM_PULL_ROW + layer, len(x)).astype(np.int64)
    for i, x_i in enumerate(np.abs(x)):
        if x_i >= plan.active_q and int(rise[i]) >> 24 < 256 >> e:
            rises = ((rise[i] ^ column) & 65535 < p) & post
            result[i] = np.minimum(result[i] + rises, 255)
        if plan.fade and i % plan.sweep == start:
            faded = result[i] * plan.fade + ((pull[i] ^ column) & 65535)
            hold("faded", faded)
            result[i] -= faded >> 16
    return result


def check_learner(
    spec: NetworkSpec, config: MultilevelConfig, state: State, z: Int64, label: int
) -> None:
    """Forward pass and update of a whole network, every intermediate held; ``state`` moves."""
    plan, before, count = make_multilevel_plan(spec, config), state.copy(), Saturations()
    key, n = noise.key_of(state), int(state["n_samples"][0])
    passed = golden.forward(spec, plan, state, z, count)
    golden.update(spec, plan, state, passed, label, count)
    layers = range(len(spec.shapes))
    levels = [view(spec, before, "level", i).astype(np.int64) for i in layers]
    x, inputs, sizes, clamped = z, [], [], 0
    for i in layers:
        x = np.append(x, golden.ONE) if spec.bias else x
        inputs.append(x)
        sizes.append(check_norm(int(x @ x)))
        sums = check_sums(x, levels[i], plan.steps)
        x = check_units(sums, plan)
    logits = check_logits(sums, sizes[-1], plan)[:, None]
    np.testing.assert_array_equal(passed.outputs, logits)
    gradient = HEADS[spec.head].verbs.output_gradient(logits, label, Saturations())
    delta = gradient[:, 0] >> 4
    post = np.arange(len(delta)) == label
    for i in reversed(layers):
        rows, columns = spec.shapes[i]
        here, x, units = delta, inputs[i], spec.layers[i]
        if i:
            w = (2 * levels[i] - plan.steps)[:units]
            delta, n_clamped = check_backward(w, here, x[:units], plan.back[i])
            clamped += n_clamped
        expected = levels[i]
        if sizes[i][0] and plan.gains[i][0]:
            chance = check_chances(here, sizes[i], plan.gains[i])
            row = noise.words(key, noise.STREAM_ROW + i, rows).astype(np.int64)
            column = noise.words(key, noise.STREAM_COLUMN + i, columns).astype(np.int64)
            used = view(spec, before, "used", i).astype(np.int64)
            expected = check_moves(expected, used, x, here, chance, plan, row, column)
        np.testing.assert_array_equal(view(spec, state, "level", i), expected)
        counters = view(spec, before, "used", i).astype(np.int64)
        if not replaying(before):
            start = -(sum(r for r, _ in spec.shapes[:i]) + n) % plan.sweep
            counters = check_counters(counters, i, x, post, plan, key, start)
        np.testing.assert_array_equal(view(spec, state, "used", i), counters)
        post = x[:units] >= plan.active_q
    assert count.gradient == clamped


def edge_state(
    spec: NetworkSpec, config: MultilevelConfig, mode: int, seed: int, arithmetic: str = "q8"
) -> State:
    """Levels and counters at the ends of their formats, or anything."""
    state, rng = init_state(spec, config, arithmetic, seed), np.random.default_rng(seed)
    steps = config.steps
    values = ([0, steps], [steps // 2], [steps], range(steps + 1))[mode % 4]
    counts = ([255], [0, 1], range(256))[mode % 3]
    for layer in range(len(spec.shapes)):
        for field, of in (("level", values), ("used", counts)):
            at = view(spec, state, field, layer)
            at[:] = rng.choice(np.array(of), at.shape)
    state["n_samples"] = rng.choice(np.array([0, 1, 2**32 - 1, seed], np.uint32))
    return state
