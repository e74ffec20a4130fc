"""Bounds of the Gaussian head, and its golden model run again with every intermediate held."""

from __future__ import annotations

import math

import numpy as np
from bounds_front_end import AFTER_UP, EXPONENT_MIN, MEAN, SD, VARIANCE
from bounds_quant import DRAWS
from bounds_sampling import EPSILON_MAX, INVERSE_MAX, PRE_ACTIVATION, signed, unsigned
from holding import Bounds

from quant.counters import Saturations
from quant.front_end import EXPONENT_START
from quant.front_end.statistics import MEAN_FRAC_BITS, RATE_ONE, first, follow, without_subnormals
from quant.heads.gaussian import GAUSSIAN, golden
from quant.heads.gaussian.golden import (
    DEVIATION_MAX,
    FRAC_BITS,
    LOG2_VARIANCE_MAX,
    LOG2_VARIANCE_MIN,
    LOG_VARIANCE_LIMIT,
    RESIDUAL_MAX,
    RESIDUAL_MAX_Q,
    TARGET_MAX,
    TARGET_MAX_Q,
)
from quant.integers import bit_length, isqrt, shift_round
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import State, init_state
from quant.tables import EXP2

LARGEST, TINY = float(np.finfo(np.float32).max), float(np.finfo(np.float32).tiny)
LOW, HIGH = LOG2_VARIANCE_MIN * 1024, LOG2_VARIANCE_MAX * 1024
LOG2_E = 23637

INVERSE_SD = int(EXP2[0]) << 18 - LOG2_VARIANCE_MIN // 2 - 15
NOISE_VARIANCE = int(EXP2[0]) << 24 + LOG2_VARIANCE_MAX - 15
DIFFERENCE = PRE_ACTIVATION + TARGET_MAX_Q
#: A standard deviation from its inverse, which is 2^10 at least where it is not 0.
KEPT_SPREAD = INVERSE_MAX // (INVERSE_MAX // ((1 << 20) - 1))
CENTRE = PRE_ACTIVATION + (KEPT_SPREAD * EPSILON_MAX + 8 >> 4)
MEAN_PRODUCT = RESIDUAL_MAX_Q * INVERSE_SD

BOUNDS = Bounds(
    {
        # target
        "target_reach": (MEAN + TARGET_MAX * SD, "int32"),
        "target_numerator": ((AFTER_UP << FRAC_BITS) + (SD >> 1), "int64"),
        "target": (TARGET_MAX_Q, "int32"),
        # gradient
        "octave_product": ((LOG_VARIANCE_LIMIT >> 6) * LOG2_E, "int32"),
        "inverse_sd": (INVERSE_SD, "int32"),
        "target_difference": (DIFFERENCE, "int32"),
        "residual_product": (DIFFERENCE * INVERSE_SD + 2**17, "int64"),
        "residual": (RESIDUAL_MAX_Q, "int32"),
        "mean_product": (MEAN_PRODUCT + 2**17, "int64"),
        "mean_gradient": (MEAN_PRODUCT >> 18, "int32"),
        "log_gradient": ((RESIDUAL_MAX**2 - 1) << FRAC_BITS - 1, "int32"),
        # prediction
        "noise_variance": (NOISE_VARIANCE, "int32"),
        "kept_spread": (KEPT_SPREAD, "int32"),
        "kept_epsilon": (KEPT_SPREAD * EPSILON_MAX + 8, "int32"),
        "draw_centre": (CENTRE, "int32"),
        "centre_sum": (DRAWS * CENTRE, "int64"),
        "aleatoric_sum": (DRAWS * NOISE_VARIANCE, "int64"),
        "epistemic_sum": (DRAWS * (DEVIATION_MAX**2 + (KEPT_SPREAD << 4) ** 2), "int64"),
        "mean_numerator": (MEAN * (DRAWS << FRAC_BITS) + SD * DRAWS * CENTRE, "int64"),
        "scaled_numerator": ((1 << 62) - 1, "int64"),
        "root_sd": (math.isqrt(2**63 - 1) * SD, "int64"),
    }
)
hold = BOUNDS.hold

TABLES = {
    "format": {
        "y": signed("int32", str(FRAC_BITS), TARGET_MAX_Q),
        "log2_v": {**signed("int32", "10", HIGH), "smallest": str(LOW)},
        "inverse_sd": {**unsigned("int32", "18", INVERSE_SD), "smallest": str(1 << 16)},
        "v": {**unsigned("int32", "24", NOISE_VARIANCE), "smallest": str(1 << 12)},
        "delta": signed("int32", str(20 - GAUSSIAN.gradient_shift), (1 << 24) - 1),
        "r": signed("int32", str(16 - GAUSSIAN.gradient_shift), (1 << 24) - 1),
        "target_mean": signed("int32", "target_exponent", MEAN),
        "target_mean_low": unsigned("uint16", "target_exponent + 16", RATE_ONE - 1),
        "target_variance": unsigned("uint32", "2 · target_exponent", VARIANCE),
        "target_exponent": {
            **signed("int32", "0", EXPONENT_START),
            "smallest": str(EXPONENT_MIN),
        },
    }
}


def check_target(state: State, y: np.float32, window: int) -> int:
    """Standardise a target, every intermediate held; return it."""
    old = golden._statistics(state)
    mean = int(old.mean[0]) >> MEAN_FRAC_BITS
    count = min(int(state["target_count"][0]) + 1, window)
    reach = TARGET_MAX * int(isqrt(old.variance)[0])
    hold("target_reach", abs(mean) + reach)
    kept = float(y)
    if reach:  # within float32's rounding of mean ± 8 sd
        scale = 2.0 ** -int(old.exponent[0])
        low, high = ((mean + sign * reach) * scale for sign in (-1, 1))
        low, high = (np.clip(end, -LARGEST, LARGEST) for end in (low, high))
        kept = float(np.clip(kept, low, high))
    ours = golden._hold(old, y)
    assert abs(float(ours) - kept) <= max(abs(kept) * 2.0**-24, TINY)
    value = without_subnormals(np.array([ours], np.float32))
    new, after = first(value), np.zeros(1, np.int64)
    if old.samples[0]:
        new, after = follow(old, value, np.zeros(1, np.bool_), window)
    sd = int(isqrt(new.variance)[0])
    numerator = (abs(int(after[0])) << FRAC_BITS) + (sd >> 1)
    if sd:
        hold("target_numerator", numerator)
    config = MesuConfig(target_window=window)
    statistics, y_q, clamped = golden.standardise_target(state, y, config)
    hold("target", y_q)
    expected = min(numerator // sd, TARGET_MAX_Q) if sd else 0
    assert abs(y_q) == expected
    assert clamped == (ours != y) + (sd > 0 and numerator // sd > TARGET_MAX_Q)
    assert (y_q < 0) <= (after[0] < 0)
    assert statistics["target_count"] == count
    return y_q


def check_output_gradient(outputs: np.ndarray, y_q: int) -> np.ndarray:
    """Gradient by mean and log-variance, every intermediate held."""
    clamped_log = np.clip(outputs[1], -LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
    hold("octave_product", (clamped_log >> 6) * LOG2_E)
    octaves = np.clip(golden.log2_variance(outputs[1]), LOW, HIGH)
    inverse = golden.inverse_sd(octaves)
    hold("inverse_sd", inverse)
    assert (inverse >= 2**16).all()
    hold("target_difference", y_q - outputs[0])
    hold("residual_product", np.abs((y_q - outputs[0]) * inverse) + 2**17)
    residual = shift_round((y_q - outputs[0]) * inverse, 18)
    clamped = np.clip(residual, -RESIDUAL_MAX_Q, RESIDUAL_MAX_Q)
    hold("residual", clamped)
    hold("mean_product", np.abs(clamped * inverse) + 2**17)
    count = Saturations()
    delta = golden.output_gradient(outputs, y_q, count)
    hold("mean_gradient", delta[0])
    hold("log_gradient", delta[1])
    np.testing.assert_array_equal(delta[0], shift_round(-clamped * inverse, 18))
    assert count.gradient == np.count_nonzero(clamped != residual)
    return delta


def check_prediction(
    state: State, outputs: np.ndarray, inverse: np.ndarray, epsilon: np.ndarray
) -> np.ndarray:
    """The three words of a prediction, every intermediate held."""
    n = outputs.shape[1]
    spread = np.where(inverse[0] == 0, 0, 2**30 // np.maximum(inverse[0], 1))
    hold("kept_spread", spread)
    hold("kept_epsilon", np.abs(spread * epsilon[0]) + 8)
    centre = outputs[0] - (spread * epsilon[0] + 8 >> 4)
    hold("draw_centre", centre)
    octaves = np.clip(golden.log2_variance(outputs[1]), LOW, HIGH)
    hold("noise_variance", golden.variance(octaves))
    assert (golden.variance(octaves) >= 2**12).all()
    found = golden.sums(outputs, inverse, epsilon, Saturations())
    hold("centre_sum", found.centre)
    hold("aleatoric_sum", found.aleatoric)
    hold("epistemic_sum", found.epistemic)
    assert found.centre == centre.sum()
    sd = int(isqrt(state["target_variance"].astype(np.int64))[0])
    numerator = int(state["target_mean"][0]) * (n << FRAC_BITS) + sd * found.centre
    hold("mean_numerator", numerator)
    hold("scaled_numerator", abs(numerator) << (62 - bit_length(abs(numerator))))
    for total in (found.aleatoric, found.epistemic):
        up = (63 - bit_length(total)) & ~1
        assert total << up < 2**63
        hold("root_sd", math.isqrt((total << up) // n) * sd)
    return golden.prediction_bits(state, found, n)


def _state(mean: int, variance: int, exponent: int) -> State:
    state = init_state(NetworkSpec((2, 1), head="gaussian"), MesuConfig(), "q16")
    state["target_count"], state["target_mean"] = 5, mean
    state["target_variance"], state["target_exponent"] = variance, exponent
    return state


def edge_statistics(state: State, rng: np.random.Generator) -> None:
    """Put the statistics of the target anywhere that they may be."""
    state["target_count"] = rng.choice([0, 1, 2, 3, 200, 1000])
    state["target_mean"] = rng.choice([0, 1, -1, MEAN, -MEAN, 12345])
    state["target_variance"] = rng.choice([0, 1, 2**26, VARIANCE])
    state["target_exponent"] = rng.integers(EXPONENT_MIN, EXPONENT_START + 1)


def exercise() -> None:
    """Outputs, targets and statistics at their ends, all together."""
    ends = (PRE_ACTIVATION, -PRE_ACTIVATION, LOG_VARIANCE_LIMIT, -LOG_VARIANCE_LIMIT, 0)
    outputs = np.array([[m, log] for m in ends for log in ends]).T
    for y_q in (TARGET_MAX_Q, -TARGET_MAX_Q, 0):
        check_output_gradient(outputs, y_q)
    check_output_gradient(outputs // 1024, 0)
    for mean in (MEAN, -MEAN, 0):
        for variance in (VARIANCE, SD**2, 1, 0):
            state = _state(mean, variance, 100)
            for window in (2, 300, 32768):
                for y in (LARGEST, -LARGEST, TINY, 0.0, 2.0**-73):
                    check_target(state, np.float32(y), window)
            for n in (1, 3, DRAWS):
                for sign in (1, -1):
                    for inverse in (0, 1024, INVERSE_MAX):
                        for log in (PRE_ACTIVATION, -PRE_ACTIVATION):
                            drawn = np.array([[sign * PRE_ACTIVATION], [log]])
                            epsilon = np.full((2, n), -sign * EPSILON_MAX)
                            check_prediction(
                                state, np.repeat(drawn, n, 1), np.full((2, n), inverse), epsilon
                            )
    far = np.array([[PRE_ACTIVATION, -PRE_ACTIVATION] * (DRAWS // 2), [0] * DRAWS])
    check_prediction(
        _state(0, VARIANCE, 0), far, np.full((2, DRAWS), 1024), np.zeros((2, DRAWS), np.int64)
    )
