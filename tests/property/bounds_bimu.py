"""BiMU: its tables, and its golden model at extreme values."""

from __future__ import annotations

import itertools
import math

import numpy as np
from bounds_quant import DRAWS, ROWS
from bounds_sampling import signed, unsigned
from limits_bimu import BOUNDS, DELTA, SCALE, SCALE_Q, SETTLE, THRESHOLD, WINDOW
from rerun_bimu import (
    check_backward,
    check_delta,
    check_gate,
    check_learner,
    check_logits,
    check_noisy,
    check_normal,
    check_pull,
    check_spread,
    check_sums,
    edge_state,
)
from rerun_bimu_steps import check_lanes, check_layer

from quant.counters import Saturations
from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.integers import Int64, shift_round
from quant.network import MAX_UNITS, NetworkSpec
from quant.rules.bimu.belief import BELIEFS, Q8, Q16
from quant.rules.bimu.config import GATHER_MAX, BimuConfig
from quant.rules.bimu.gather import GATHERED_MAX, NAMES
from quant.rules.bimu.golden import RATIO_MAX, Forward
from quant.rules.bimu.golden_normal import Size
from quant.rules.bimu.golden_spikes import through_spikes
from quant.rules.bimu.plan import (
    HARD,
    PULL_SHIFT_MAX,
    RELAXED,
    SHRINK,
    BimuPlan,
    make_bimu_plan,
    pull_table,
    share_table,
)
from quant.spiking import golden
from quant.spiking.sums import CHARGE_MAX, spiked
from quant.state import init_state
from quant.tables import EPSILON

__all__ = ["BOUNDS", "TABLES", "exercise"]

PULL = pull_table(1.0, 4096)
SHARE, _ = share_table(1.0, 4096)


def _ends(table: Int64) -> dict[str, str]:
    """Of a table in Q0.15 without a sign."""
    return {**unsigned("int16", "15", int(table.max())), "smallest": str(table.min())}


TABLES = {
    "format": {
        "x": signed("int8", str(INPUT_FRAC_BITS), INPUT_MAX),
        "b": signed("int8", str(Q8.frac_bits), Q8.most),
        "w": signed("int16", str(Q16.frac_bits), Q16.most),
        "a": signed("int32", "12", BOUNDS["pre_activation"][0]),
        "apart": signed("int64", "12", BOUNDS["apart"][0]),
        "spread": unsigned("uint32", "12", BOUNDS["spread"][0]),
        "logit": signed("int32", "16", BOUNDS["logit"][0]),
        "delta": signed("int32", "16", DELTA),
        "noisy": signed("int32", "16", RATIO_MAX),
    },
    "constant": {
        "tanh": signed("int16", "8", int(HARD.mean.max())),
        "variance": _ends(HARD.variance),
        "relaxed_mean": signed("int16", "8", int(RELAXED.mean.max())),
        "relaxed_variance": _ends(RELAXED.variance),
        "slope": _ends(RELAXED.slope),
        "lean": signed("int16", "8", int(RELAXED.lean.max())),
        "shrink": {**unsigned("uint16", "10", int(SHRINK.max())), "smallest": str(SHRINK.min())},
        "pull": unsigned("int32", "16", int(PULL.max())),
        "share": unsigned("uint16", "16 + pull_shift", int(SHARE.max())),
        "pull_shift": unsigned("uint32", "0", PULL_SHIFT_MAX),
        "logit_scale_q": {**unsigned("uint32", "28", SCALE), "smallest": str(1 << 24)},
        "scale_q": {**unsigned("int32", "8", SCALE_Q), "smallest": "16"},
        "threshold_q": unsigned("int32", "8", THRESHOLD),
        "window_q": {**unsigned("int32", "8", WINDOW), "smallest": "1"},
        "radial_q": unsigned("uint32", "16", 1 << 16),
        "settle_q": unsigned("int32", "10", SETTLE),
    },
}


def _plan(strongest: bool, **more: float) -> BimuPlan:
    """Constants at one end of what a configuration allows."""
    config = BimuConfig(
        memory_window=1.0,
        sweep=4096,
        window=4.0 if strongest else 1 / 256,
        threshold=4.0 if strongest else 0.0,
        radial=1.0 if strongest else 0.0,
        settle=4.0 if strongest else 0.0,
        sides=2 if strongest else 1,
        logit_scale=8.0 if strongest else 1 / 16,
        n_draws=DRAWS if strongest else 1,
        **more,
    )
    return make_bimu_plan(NetworkSpec((3, 4, 2)), config)


def check_constants() -> None:
    """The ends of the table of constants are those of the plan."""
    for strongest, column in ((False, "smallest"), (True, "largest")):
        plan = _plan(strongest)
        for name in ("logit_scale_q", "scale_q", "threshold_q", "window_q", "radial_q", "settle_q"):
            assert TABLES["constant"][name][column] == str(getattr(plan, name))
        assert np.array_equal(plan.pull, PULL)
    for window in (float("inf"), 1e30, 1e9, 1e5, 64.0, 1.0):
        share, shift = share_table(window, 64)
        assert 0 <= shift <= PULL_SHIFT_MAX
        real = np.minimum(64 / window * (1 - np.tanh(np.arange(128) / 32) ** 2), 1)
        assert np.abs(share * 2.0 ** (-16 - shift) - real).max() <= 2.0 ** (-16 - shift)


def _forward() -> None:
    """Layers of any width, inputs of any size, λ known and not."""
    for rows in (1, 2, 3, 515, 30000, ROWS):
        for x in (INPUT_MAX, -INPUT_MAX, 16, 1, 0):
            column = np.full(rows, x)
            square_sum = int(column @ column)
            for b in (-127, 0, 127):
                byte = np.full((rows, 1), b + 128)
                spread = check_spread(column[:, None], byte, square_sum)
                for epsilon in (EPSILON.min(), EPSILON.max()):
                    noise = np.full((1, 1), epsilon, np.int64)
                    check_sums(column[:, None], byte, spread, noise)


def _normal() -> None:
    """Sums as far apart as they can be: one from all others, halves, all alike."""
    most, plan = BOUNDS["pre_activation"][0], _plan(True)
    for columns in (1, 2, 40, MAX_UNITS):
        for n_draws in (1, DRAWS):
            for high, low in ((most, -most), (1, 0), (most, most), (0, 0), (most, most - 1)):
                for share in (1, columns * n_draws // 2):
                    a = np.full(columns * n_draws, low)
                    a[:share] = high
                    apart, size = check_normal(a.reshape(columns, n_draws))
                    check_gate(apart, size, plan)
                    logits = check_logits(apart, size, plan)
                    sign = np.where(apart > 0, 1 << 20, -(1 << 20))
                    for p in (sign, -sign, np.zeros_like(logits)):
                        check_delta(p, apart, size, plan)


def _backward() -> None:
    """Gradients, deviations and noise at their ends."""
    delta = np.full((2, 1), -DELTA)
    for epsilon in (EPSILON.min(), EPSILON.max()):
        noise = np.full((2, 1), epsilon, np.int64)
        for spread in (0, 1, 4096):
            for sign in (1, -1):
                check_noisy(sign * delta, noise, np.full((2, 1), spread))
    wide, one = np.full((MAX_UNITS, 1), DELTA), np.ones((1, 1), np.int64)
    for b in (-127, 0, 127):
        byte = np.full((1, MAX_UNITS), b + 128)
        for x in (16, 0):
            for size in (Size(1 << 15, 15, 0, 1 << 30), Size(65535, 38, 0, 1), Size(0, 0, 0, 0)):
                noisy = np.full_like(wide, RATIO_MAX)
                check_backward(HARD, byte, x * one, wide, noisy, one, size)


def _update() -> None:
    """Steps that are as large as they can be, in both directions, of any inputs."""
    check_lanes(np.full((1, DRAWS), RATIO_MAX), (1 << 15) - 1, 40, INPUT_MAX)
    check_lanes(np.full((1, DRAWS), -3), 21845, 16, INPUT_MAX)
    for lr, n_draws in ((64.0, 1), (np.nextafter(64.0, 0), DRAWS), (64.0, DRAWS), (1 / 64, 1)):
        config = BimuConfig(lr=float(lr), caution=0.0, n_draws=n_draws, memory_window=1.0)
        spec = NetworkSpec((4, 2), front_end="none")
        for belief, size in itertools.product(BELIEFS.values(), (INPUT_MAX, 90, 63, 16, 1)):
            plan = make_bimu_plan(spec, config, belief)
            x = np.array([[size], [-size], [1], [0], [0]])
            for sign in (1, -1):
                for b in (-belief.most, 0, belief.most):
                    beliefs = np.full((5, 1), b)
                    delta = np.full((1, n_draws), sign * DELTA)
                    for noisy in (-RATIO_MAX, 0, RATIO_MAX):
                        n = np.full((1, n_draws), noisy)
                        for mantissa, exponent in ((1 << 15, 19), (65535, 12), (1 << 15, 4)):
                            size_of = Size(mantissa, exponent, 0, 1)
                            check_layer(beliefs, 0, x, delta, n, size_of, plan, 7)
    config = BimuConfig(memory_window=1.0, sweep=1)
    for belief in BELIEFS.values():
        plan = make_bimu_plan(NetworkSpec((4, 2)), config, belief)
        for b in (-belief.most, 0, belief.most):
            check_pull(np.full((4, 60000), b), 0, 0, plan, 7)


def _gathered() -> None:
    """Slots full of samples at their ends."""
    spec = NetworkSpec((3, 4), bias=False, front_end="none")
    config = BimuConfig(gather=GATHER_MAX, lr=64.0, settle=4.0, caution=64.0, n_draws=DRAWS)
    for mode, arithmetic in itertools.product(range(8), BELIEFS):
        state = edge_state(spec, config, mode, 5, arithmetic)
        check_learner(spec, config, state, np.full(3, INPUT_MAX), 0)
    for sign, b in itertools.product((1, -1), (-127, 0, 127)):
        state = edge_state(spec, config, 0, 5)
        for name in NAMES:
            state[name] = 127 if name == NAMES[0] else sign * GATHERED_MAX
        state["belief"] = b
        check_learner(spec, config, state, np.full(3, INPUT_MAX), 0)


def _spikes() -> None:
    """The largest sums of a layer of one input and of very many, and gradients at their ends."""
    most = BOUNDS["pre_activation"][0]
    for rows, threshold in ((1, 1 / 64), (1, 4.0), (65535, 4.0)):
        config = BimuConfig(threshold=threshold, n_draws=2)
        spec = NetworkSpec((rows, 2, 2), False, "none", leaks=(1, 1))
        plan = make_bimu_plan(spec, config)
        mantissa, exponent = plan.charges[0]
        real = threshold * math.sqrt(rows)
        assert math.isclose(mantissa * 2.0**-exponent, real, rel_tol=2.0**-15)
        inverse = (1 << 31) // mantissa
        for value in (most, -most, 4096, 0):
            sums, count, left = np.full((2, 2), value), Saturations(), Forward()
            BOUNDS.hold("charged", sums * inverse)
            charge = min(max(value / 4096 / real * 65536, -CHARGE_MAX), CHARGE_MAX)
            BOUNDS.hold("charge", round(charge))
            state = init_state(spec, config, "q8")
            x = spiked(spec, plan.charges[0], state, 0, sums, 12, left, count)
            assert (x == (16 if charge >= 65536 else 0)).all()
            assert (count.activation > 0) == (abs(charge) == CHARGE_MAX)
    full = np.full((2, 2), 64 << golden.OUTPUT_FRAC_BITS)
    assert (np.minimum(full >> 4, INPUT_MAX) == INPUT_MAX).all(), "a full trace is cut"
    wide, one = np.full((MAX_UNITS, 1), DELTA), np.ones((1, 1), np.int64)
    for b in (-127, 0, 127):
        byte = np.full((1, MAX_UNITS), b + 128)
        for size in (Size(1 << 15, 15, 0, 1 << 30), Size(65535, 38, 0, 1), Size(0, 0, 0, 0)):
            noisy = np.full_like(wide, RATIO_MAX)
            mean, spread = HARD.mean[byte] @ wide, HARD.variance[byte] @ noisy
            part = shift_round(spread, 15) * INPUT_MAX
            BOUNDS.hold("trace_part", part)
            total = shift_round(mean, 8) + shift_round(part, 4)
            inverse = (1 << 31) // size.mantissa if size.mantissa else 0
            BOUNDS.hold("trace_gradient", total * inverse)
            gate = golden.GATE_MAX * one
            passed, clamped = through_spikes(HARD, byte, INPUT_MAX * one, wide, noisy, gate, size)
            found = shift_round(total * inverse, max(31 - size.exponent, 0))
            kept = np.clip(found, -DELTA, DELTA)
            assert clamped == np.count_nonzero(kept != found)
            BOUNDS.hold("passed", kept * gate + 64)
            assert (passed == kept * gate + 64 >> 7).all()


def exercise() -> None:
    """Everything at its largest and of one sign, and a whole network at its edges."""
    check_constants()
    _forward()
    _normal()
    _backward()
    _update()
    _gathered()
    _spikes()
    spec = NetworkSpec((3, 5, 40, 2))
    for sides in (1, 2):
        config = BimuConfig(lr=64.0, caution=64.0, window=4.0, sides=sides, radial=0.3)
        for mode, arithmetic in itertools.product(range(4), BELIEFS):
            state = edge_state(spec, config, mode, 5, arithmetic)
            check_learner(spec, config, state, np.full(3, INPUT_MAX), 0)
