"""The metaplastic rule: its tables, and its golden model at extreme values."""

from __future__ import annotations

import numpy as np
from bounds_quant import ROWS
from bounds_sampling import signed, unsigned
from limits_metaplastic import BOUNDS, GAIN, SCALE, WINDOW
from rerun_metaplastic import (
    check_below,
    check_calibration,
    check_gates,
    check_learner,
    check_logits,
    check_norm,
    check_output_gradient,
    check_pulses,
    check_sums,
)
from rerun_metaplastic_step import check_moved, check_slope
from spikes_metaplastic import exercise_spikes

from quant.front_end import INPUT_MAX
from quant.network import MAX_UNITS, NetworkSpec
from quant.noise import STREAM_COLUMN, STREAM_ROW, sample_key, words
from quant.rules.metaplastic.config import WEIGHT_FRAC_BITS, MetaplasticConfig
from quant.rules.metaplastic.gates import gates_of
from quant.rules.metaplastic.golden import DELTA_MAX, LOG_TEMPERATURE_MAX, LOG_TEMPERATURE_MIN
from quant.rules.metaplastic.plan import GRADIENT_FRAC_BITS, MetaplasticPlan, make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view
from quant.rules.metaplastic.step import LOG2_MAX, LOG2_MIN, SIZE_MAX, SPREAD_FRAC_BITS
from quant.state import init_state

__all__ = ["BOUNDS", "TABLES", "exercise"]

TABLES = {
    "format": {
        "x": signed("int16", "4, later 0", INPUT_MAX),
        "w": {**signed("int8", str(WEIGHT_FRAC_BITS), 127), "smallest": "-128"},
        "log_temperature": {
            **signed("int32", "16", LOG_TEMPERATURE_MAX),
            "smallest": str(LOG_TEMPERATURE_MIN),
        },
        "a": signed("int32", "4, later 0", BOUNDS["sum"][0]),
        "logit": signed("int32", "16", BOUNDS["logit"][0]),
        "delta": signed("int32", str(GRADIENT_FRAC_BITS), DELTA_MAX),
        "trace": {**signed("int8", str(WEIGHT_FRAC_BITS), 127), "smallest": "-128"},
        "step_log2": {**signed("int32", "16", LOG2_MAX), "smallest": str(LOG2_MIN)},
        "step_spread": unsigned("uint32", "7", BOUNDS["step_spread"][0]),
    },
    "constant": {
        "let_through": unsigned("uint16", "16", 65535),
        "bias_input_q": {**unsigned("int16", "4", INPUT_MAX), "smallest": "1"},
        "clamp_q": {**unsigned("int8", str(WEIGHT_FRAC_BITS), 127), "smallest": "1"},
        "window_q": {**unsigned("uint32", "8", WINDOW), "smallest": "1"},
        "skip_q": unsigned("int32", str(GRADIENT_FRAC_BITS), 1 << GRADIENT_FRAC_BITS),
        "gain": {**unsigned("uint32", "8", GAIN), "smallest": "1"},
        "logit_scale_q": {**unsigned("int64", "28", SCALE), "smallest": str(1 << 24)},
        "calibration_shift": {**unsigned("int32", "0", 16), "smallest": "6"},
    },
}


def _plan(strongest: bool) -> MetaplasticPlan:
    """Constants at one end of what a configuration allows."""
    high = 16.0 if strongest else 1 / 256
    config = MetaplasticConfig(
        metaplasticity=0.0 if strongest else 16.0,
        metaplasticity_output=0.0 if strongest else 16.0,
        clamp=1.0 if strongest else 1 / 64,
        bias_input=127 / 16 if strongest else 1 / 16,
        window=high,
        skip=1.0 if strongest else 0.0,
        lr=high,
        lr_output=high,
        logit_scale=8.0 if strongest else 1 / 16,
        calibration_window=65536 if strongest else 64,
    )
    return make_metaplastic_plan(NetworkSpec((3, 4, 2)), config)


def check_constants() -> None:
    """The ends of the table of constants are those of the plan."""
    for strongest, column in ((False, "smallest"), (True, "largest")):
        plan = _plan(strongest)
        table = {name: int(cells[column]) for name, cells in TABLES["constant"].items()}
        assert table.pop("gain") == plan.gains[0] == plan.gains[1]
        through = np.stack(plan.let_through)
        assert table.pop("let_through") == (through.max() if strongest else through.min())
        assert table == {name: getattr(plan, name) for name in table}


def _fired(stream: int, shift: int) -> tuple[int, int]:
    """Find a sample key and a word of a stream whose bits above ``shift`` are all set."""
    for sample in range(64):
        key = sample_key(0, sample)
        drawn = words(key, stream, ROWS - 1).astype(np.int64) >> shift
        found = np.flatnonzero(drawn == (1 << 32 - shift) - 1)
        if len(found):
            return key, int(found[0])
    raise LookupError(f"no word of stream {stream} has its bits above {shift} set")


def _pulses() -> None:
    """A row and a column that fire as often as they can, on weights at their ends."""
    plan = _plan(strongest=True)
    key, j = _fired(STREAM_COLUMN, 16)
    row_words = words(key, STREAM_ROW, 4096).astype(np.int64)
    i = int(np.flatnonzero(row_words >> 28 == 15)[0])
    x, delta = np.zeros(i + 1, np.int64), np.zeros(j + 1, np.int64)
    x[i], delta[j] = INPUT_MAX, DELTA_MAX
    for w in (-128, 127):
        for sign in (1, -1):
            check_pulses(np.full((i + 1, j + 1), w), x, sign * delta, 0, plan, key, LOG2_MAX)


def _step() -> None:
    """Weights as far from their trace as they get, of a network without hidden units too."""
    for x in (INPUT_MAX, 1):
        rows = np.full((ROWS, 1), x)
        u = check_slope(rows[:, 0], np.array([-4096]), np.full_like(rows, 127), 0 * rows - 128)
        for spread in (0, 127, SIZE_MAX << SPREAD_FRAC_BITS):
            for n in (0, 1, 255, 2**32 - 1):
                for slope in (u, -u, 0, 255, SIZE_MAX << 8):
                    for log2 in (LOG2_MIN, 0, LOG2_MAX):
                        check_moved(log2, spread, slope, n)
    classes = np.full((1, MAX_UNITS), 1)
    check_slope(np.array([INPUT_MAX]), classes[0], 127 * classes, -128 * classes)


def exercise() -> None:
    """Layers of any width, everything at its largest and of one sign."""
    check_constants()
    plan = _plan(strongest=True)
    for rows in (1, 2, 515, ROWS):
        for x in (INPUT_MAX, -INPUT_MAX, 1, 0):
            column = np.full(rows, x)
            size = check_norm(column)
            for w in (-128, 0):
                z = check_sums(column, np.full((rows, 2), w), grouped=rows < ROWS)
                check_logits(z, size, plan)
    # A sum of squares of 2^16 - 1, whose root has 16 bits, all of them set.
    mantissa, _ = check_norm(np.array([127, 127, 127, 127, 31, 7, 3]))
    BOUNDS.hold("window_limit", plan.window_q * mantissa)
    _logits_at_their_ends()
    ones = np.zeros((1, MAX_UNITS), np.int64)
    check_below(ones, np.full(MAX_UNITS, -DELTA_MAX), last=False)
    _clamped_gradient()
    _pulses()
    _step()
    exercise_spikes()
    # Of all layers that may be, the one with the most words of gates.
    wide = NetworkSpec((65280, 257, 2), False, "none")
    gates = gates_of(wide, MetaplasticConfig(n_blocks=257, n_active=1))
    check_gates(gates, 0, np.full(wide.n_features, -INPUT_MAX))


def _clamped_gradient() -> None:
    """Weights of one sign and a wide window: the gradients of many units add up."""
    spec = NetworkSpec((3, 5, 40, 2))
    config = MetaplasticConfig(window=16.0, skip=0.0, logit_scale=8.0)
    state = init_state(spec, config, "q8")
    weight_view(spec, state, 0)[:] = weight_view(spec, state, 1)[:] = 0
    weight_view(spec, state, 2)[:] = [-128, 127]
    check_learner(spec, config, state, np.full(3, INPUT_MAX), 0)


def _logits_at_their_ends() -> None:
    """Of two classes and of the most; the label the largest logit or the smallest."""
    top = BOUNDS["logit"][0]
    for classes, taus in (
        (2, (LOG_TEMPERATURE_MIN, -1, 0, 65535, LOG_TEMPERATURE_MAX)),
        (MAX_UNITS, (LOG_TEMPERATURE_MIN, LOG_TEMPERATURE_MAX)),
    ):
        for first, others in ((top, -top), (-top, top), (0, 0), (8 * 65536, 0)):
            logits = np.full(classes, others)
            logits[0] = first
            for label in (0, classes - 1):
                for tau in taus:
                    for shift in (6, 16):
                        check_calibration(logits, label, tau, shift)
                delta = check_output_gradient(logits, label)
                check_below(np.zeros((1, classes), np.int64), delta, last=True)
