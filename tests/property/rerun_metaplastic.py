"""The golden model of the metaplastic rule, run again, every intermediate held to its bound.

The intermediates are recomputed from their definition and must give what the golden model gives.
"""

from __future__ import annotations

import math

import numpy as np
from bounds_categorical import DISTANCE_MAX, LOG2_E
from limits_metaplastic import BOUNDS, MANTISSA_MIN
from rerun_metaplastic_step import check_adapted, check_gain

from quant import noise
from quant.counters import Saturations
from quant.heads.categorical import CATEGORICAL
from quant.integers import Int64, bit_length, shift_round
from quant.network import NetworkSpec
from quant.rules.metaplastic import golden, step
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import SIGN
from quant.rules.metaplastic.gates import WORD_BITS, Gates, active_units, gate_bits
from quant.rules.metaplastic.plan import MetaplasticPlan, make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view
from quant.rules.metaplastic.step import trace_view
from quant.state import State, init_state
from quant.tables import EXP2

LANE_MAX = 255
hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def check_norm(x: Int64) -> tuple[int, int]:
    """Root of a sum of squares, 16 bits."""
    square_sum = int(x @ x)
    hold("square_sum", square_sum)
    mantissa, exponent = golden.norm(square_sum)
    hold("norm_mantissa", mantissa)
    if square_sum:
        assert mantissa >= MANTISSA_MIN
        assert exponent == (32 - bit_length(square_sum)) >> 1
        assert mantissa == math.isqrt(square_sum << 2 * exponent)
    return mantissa, exponent


def check_sums(x: Int64, w: Int64, grouped: bool = True) -> Int64:
    """Σ x b(w): row after row and, ``grouped``, in byte lanes as the kernel groups them."""
    signs = np.where(w < 0, -1, 1)
    hold_partial_sums("sum", x[:, None] * signs, 0)
    a: Int64 = x @ signs
    if not grouped:
        return a
    total = np.full(w.shape[1], int(x.sum()))
    for side in (1, -1):
        rows = np.flatnonzero(x * side > 0)
        sizes = np.abs(x[rows])
        while len(rows):
            n = max(1, int(np.searchsorted(np.cumsum(sizes), LANE_MAX, "right")))
            lanes = sizes[:n] @ (w[rows[:n]] < 0)
            hold("lane", lanes)
            total = total - 2 * side * lanes
            rows, sizes = rows[n:], sizes[n:]
    np.testing.assert_array_equal(total, a)
    return a


def check_gates(gates: Gates, seed: int, z: Int64) -> np.ndarray:
    """Scores of the blocks, and the units of those that are active."""
    bits = gate_bits(len(z), gates.n_blocks, seed)
    words = -(-gates.n_blocks // WORD_BITS)
    hold("gate_word", len(z) * words - 1)
    for part in (np.maximum(z, 0), np.minimum(z, 0)):  # the kernel adds these apart
        hold("gate_score", part @ bits)
    score = z @ bits
    active = np.zeros(gates.n_blocks, np.bool_)
    active[sorted(range(gates.n_blocks), key=lambda e: (-score[e], e))[: gates.n_active]] = True
    units = np.repeat(active, gates.block_units)
    np.testing.assert_array_equal(active_units(gates, seed, z), units)
    return units


def check_logits(z: Int64, size: tuple[int, int], plan: MetaplasticPlan) -> Int64:
    """The last layer's sums over the norm of its input."""
    mantissa, exponent = size
    inverse = plan.logit_scale_q // mantissa if mantissa else 0
    hold("inverse", inverse)
    hold("scaled_sum", z * inverse)
    logits = shift_round(z * inverse, 12 - exponent)
    hold("logit", logits)
    np.testing.assert_array_equal(golden.scale_logits(z, size, plan), logits)
    passed, count = golden.Forward(logits=logits), Saturations()
    known = np.zeros(1, [("taught", "<u4", (-(-len(z) // 32),))])
    known["taught"] = 0xFFFFFFFF
    assert CATEGORICAL.verbs.predict(known, passed, count).class_index == int(np.argmax(z))
    return logits


def check_softmax(logits: Int64, log_temperature: int) -> tuple[Int64, Int64]:
    """Distances in bits and probabilities at a temperature."""
    below = int(logits.max()) - logits
    hold("logit_below", below)
    whole = (65535 - log_temperature) >> 16
    fraction = (whole << 16) + log_temperature
    hold("distance", below * int(EXP2[fraction >> 8]))
    distances = below * int(EXP2[fraction >> 8]) >> 15 - whole
    np.testing.assert_array_equal(golden.calibrated_distances(logits, log_temperature), distances)
    u = np.minimum(distances >> 6, DISTANCE_MAX) * LOG2_E >> 14
    hold("softmax_bits", u)
    e = EXP2[u >> 2 & 255].astype(np.int64) >> (u >> 10)
    return u, (e << 16) // e.sum()


def check_calibration(logits: Int64, label: int, log_temperature: int, shift: int) -> int:
    """One step of the temperature."""
    u, p = check_softmax(logits, log_temperature)
    hold_partial_sums("expected_bits", p * u, 0)
    surprise = int(u[label]) - (int(p @ u) >> 16)
    hold("surprise", surprise)
    tau = log_temperature + int(shift_round(np.int64(surprise), shift - 6))
    tau = min(max(tau, golden.LOG_TEMPERATURE_MIN), golden.LOG_TEMPERATURE_MAX)
    hold("log_temperature", tau)
    assert golden.calibrate(logits, label, log_temperature, shift) == tau
    return tau


def check_output_gradient(logits: Int64, label: int) -> Int64:
    """Gradient by the logits, at a temperature of 1."""
    _, p = check_softmax(logits, 0)
    p[label] -= 1 << 16
    delta = shift_round(p, 4)
    hold("output_delta", delta)
    np.testing.assert_array_equal(golden.output_gradient(logits, label), delta)
    return delta


def check_below(w: Int64, delta: Int64, last: bool) -> Int64:
    """Gradient by a layer's inputs, before it is shifted: in any order, so all of one sign too."""
    terms = np.where(w < 0, -1, 1) * delta
    name = "output_below" if last else "below"
    hold(name, np.abs(delta).sum())
    hold_partial_sums(name, terms, 1)
    total: Int64 = terms.sum(axis=1)
    return total


def check_pulses(
    w: Int64, x: Int64, delta: Int64, layer: int, plan: MetaplasticPlan, key: int, log2: int = 0
) -> Int64:
    """The weights of a layer after its rows and columns fired, with a multiplier 2^log2."""
    gain = check_gain(plan.gains[layer], log2)
    row_word, column_word = (
        noise.words(key, stream + layer, n).astype(np.int64)
        for stream, n in ((noise.STREAM_ROW, len(x)), (noise.STREAM_COLUMN, len(delta)))
    )
    rows = np.abs(x) + (row_word >> 28) >> 4 if layer == 0 else np.abs(x)
    hold("row_pulses", rows)
    hold("strength", np.abs(delta) * gain)
    columns = (np.abs(delta) * gain >> 4) + (column_word >> 16) >> 16
    hold("column_pulses", columns)
    step = -np.outer(rows * np.sign(x), columns * np.sign(delta))
    hold("step", step)
    hold("weight_before_store", w + step)
    dither = row_word[:, None] + column_word & 0xFFFF
    stopped = dither > plan.let_through[layer][np.where(w < 0, -1 - w, w)]
    stopped &= (step < 0) != (w < 0)
    moved = np.clip(w + step, -plan.clamp_q - 1, plan.clamp_q)
    fires = (rows > 0)[:, None] & (columns > 0)
    expected = np.where(stopped | ~fires, w, moved)
    found = w.astype(np.int8)
    golden.pulse_layer(found, x, delta, layer, plan, key, gain)
    np.testing.assert_array_equal(found, expected)
    return expected


def check_learner(
    spec: NetworkSpec, config: MetaplasticConfig, state: State, z: Int64, label: int
) -> None:
    """Forward pass and update of a whole network, every intermediate held; ``state`` moves."""
    plan = make_metaplastic_plan(spec, config)
    before, count = state.copy(), Saturations()
    seed = int(state["seed"][0])
    key = noise.sample_key(seed, int(state["n_samples"][0]))
    passed = golden.forward(spec, plan, state, z, count)
    matrices = [weight_view(spec, before, i).astype(np.int64) for i in range(len(spec.shapes))]
    first = z
    if len(plan.cuts):
        first = np.array([SIGN if column >= cut else -SIGN for column in z for cut in plan.cuts])
    np.testing.assert_array_equal(passed.inputs[0][: len(first)], first)
    inside = []
    for i, (w, x) in enumerate(zip(matrices, passed.inputs, strict=True)):
        mantissa, exponent = check_norm(x)
        a = check_sums(x, w)
        np.testing.assert_array_equal(a, passed.sums[i])
        active = np.ones(len(a), np.bool_)
        if plan.gates.n_blocks and i == 0:
            active = check_gates(plan.gates, seed, first)
        hold("window_limit", plan.window_q * mantissa)
        limit = plan.window_q * mantissa >> 8 + exponent
        inside.append((np.abs(a) <= limit) & active)
        if i + 1 < len(matrices):
            h = np.where(active, np.where(a < 0, -1, 1), 0)
            np.testing.assert_array_equal(passed.inputs[i + 1][: len(h)], h)
    logits = check_logits(a, (mantissa, exponent), plan)
    golden.update(spec, plan, state, passed, label, count)
    tau = int(before["log_temperature"][0])
    assert int(state["log_temperature"][0]) == check_calibration(
        logits, label, tau, plan.calibration_shift
    )
    delta, clamped = check_output_gradient(logits, label), 0
    skipped = bool(np.abs(delta).max() <= plan.skip_q)
    log2 = 0
    if plan.adapts:
        log2, over = check_adapted(spec, before, state, passed.inputs[-1], delta, skipped)
        clamped += over
    for i in range(len(matrices) - 1, -1, -1):
        w, used = matrices[i], delta
        if i > 0:
            below = check_below(w[: spec.layers[i]], used, i == len(matrices) - 1)
            below = np.where(inside[i - 1], shift_round(below, plan.backward_shifts[i]), 0)
            delta = np.clip(below, -golden.DELTA_MAX, golden.DELTA_MAX)
            clamped += int(np.count_nonzero(delta != below))
            hold("delta", delta)
        expected = w if skipped else check_pulses(w, passed.inputs[i], used, i, plan, key, log2)
        np.testing.assert_array_equal(weight_view(spec, state, i), expected)
    assert count.gradient == (0 if skipped else clamped)


def edge_state(
    spec: NetworkSpec, config: MetaplasticConfig, mode: int, seed: int, arithmetic: str = "q8"
) -> State:
    """Weights at the ends of int8, around zero, or anything; temperatures at their ends."""
    state, rng = init_state(spec, config, arithmetic, seed), np.random.default_rng(seed)
    values = ([-128, 127], [-1, 0], [-128, -1, 0, 127], range(-128, 128))[mode % 4]
    for layer in range(len(spec.shapes)):
        view = weight_view(spec, state, layer)
        view[:] = rng.choice(np.array(values), view.shape)
    low, high = golden.LOG_TEMPERATURE_MIN, golden.LOG_TEMPERATURE_MAX
    state["log_temperature"] = rng.choice([low, high, 0, -1, 65535, rng.integers(low, high)])
    state["n_samples"] = rng.choice(np.array([0, 1, 2**32 - 1, seed], np.uint32))
    if "trace" in (state.dtype.names or ()):
        view = trace_view(spec, state)
        view[:] = rng.choice(np.array(values), view.shape)
        low, high = step.LOG2_MIN, step.LOG2_MAX
        state["step_log2"] = rng.choice([low, high, 0, -1, 65535, rng.integers(low, high)])
        largest = step.SIZE_MAX << step.SPREAD_FRAC_BITS
        state["step_spread"] = rng.choice([0, 127, largest, rng.integers(0, largest)])
    return state
