"""Bounds of what the MESU rules share: block scaling, sampled pre-activations, gains."""

from __future__ import annotations

from typing import Any

import numpy as np
import rerun_step
from bounds_quant import DRAWS, ROWS
from holding import Bounds

from quant.integers import bit_length, shift_round, shift_truncate
from quant.rules.mesu.golden import RATIO_MAX
from quant.sampling.golden import (
    ACTIVATION_BITS,
    ACTIVATION_FRAC_BITS,
    DELTA_MAX,
    PRE_ACTIVATION_MAX,
    SPREAD_MAX,
    apply_gain,
    block_inputs,
    narrow_inputs,
    normalise,
    rectify,
)
from quant.sampling.plan import PULL_FRAC_BITS, PULL_MAX
from quant.tables import EPSILON

EPSILON_MAX = int(EPSILON.max())
ACTIVATION = (1 << ACTIVATION_BITS) - 1
#: Sums of magnitudes in a block have 16 bits.
BLOCK_BITS = 16
BLOCK = (1 << BLOCK_BITS) - 1
WEIGHT = 1 << 15
GAIN = (1 << 15) - 1
SPREAD_EPSILON = SPREAD_MAX * EPSILON_MAX + 8
PRE_ACTIVATION = PRE_ACTIVATION_MAX + (SPREAD_EPSILON >> 4)
INVERSE_MAX = 1 << 30
NARROW = 255

BOUNDS = Bounds(
    {
        # forward
        "abs_sum": (ROWS * ACTIVATION, "uint32"),
        "blocked_sum": (BLOCK, "int32"),
        "mean_sum": (BLOCK * WEIGHT, "int32"),
        "centre": (PRE_ACTIVATION_MAX, "int32"),
        "spread": (SPREAD_MAX, "int32"),
        "spread_epsilon": (SPREAD_EPSILON, "int32"),
        "pre_activation": (PRE_ACTIVATION, "int32"),
        "hidden": (ACTIVATION, "int16"),
        "logit_sum": (DRAWS * PRE_ACTIVATION, "int64"),
        # backward
        "delta": (DELTA_MAX, "int32"),
        "blocked_delta_sum": (BLOCK, "int32"),
        "through_mean": (BLOCK * WEIGHT, "int32"),
        # update
        "draw_sum": (DRAWS * max(DELTA_MAX, RATIO_MAX), "int32"),
        "normalised": (1 << 15, "int32"),
        "gain_product": ((1 << 15) * GAIN, "int32"),
        "narrowed": (NARROW, "int32"),
        **rerun_step.BOUNDS,
    }
)
hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def signed(kind: str, frac_bits: str, largest: int) -> dict[str, str]:
    """Return the cells of a format with a sign, symmetric."""
    return {
        "type": kind,
        "fraction bits": frac_bits,
        "smallest": str(-largest),
        "largest": str(largest),
    }


def unsigned(kind: str, frac_bits: str, largest: int) -> dict[str, str]:
    """Return the cells of a format from 0 on."""
    return {**signed(kind, frac_bits, largest), "smallest": "0"}


def between(smallest: int, largest: int) -> dict[str, str]:
    """Return the cells of a constant."""
    return {"smallest": str(smallest), "largest": str(largest)}


TABLES = {
    "format": {
        "x": unsigned("int16", f"0 to {ACTIVATION_FRAC_BITS}", ACTIVATION),
        "a": signed("int32", "16", PRE_ACTIVATION),
        "s": unsigned("int32", "12", SPREAD_MAX),
        "inverse": unsigned("int32", "18", INVERSE_MAX),
        "delta": signed("int32", "20", DELTA_MAX),
        **rerun_step.FORMATS,
    },
    "constant": {
        "gain_mu": between(1 << 14, GAIN),
        "pull": between(0, PULL_MAX),
        "pull_frac_bits": between(PULL_FRAC_BITS, PULL_FRAC_BITS),
        "n_draws": between(1, DRAWS),
    },
}


def check_inputs(x: np.ndarray) -> tuple[np.ndarray, int]:
    """Scale inputs, every intermediate held."""
    hold("abs_sum", np.abs(x).sum(axis=0))
    blocked, k_mean = block_inputs(x)
    hold("blocked_sum", np.abs(blocked).sum(axis=0))
    return blocked, k_mean


def check_centre(mu: np.ndarray, blocked: np.ndarray, frac_bits: int) -> np.ndarray:
    """Mean pre-activations of every draw; ``frac_bits`` of the products."""
    for s in range(blocked.shape[1]):
        hold_partial_sums("mean_sum", mu * blocked[:, s, None], 0)
    centre = shift_round(mu.T @ blocked, frac_bits - 16)
    centre = np.clip(centre, -PRE_ACTIVATION_MAX, PRE_ACTIVATION_MAX)
    hold("centre", centre)
    return centre


def check_sample(centre: np.ndarray, spread: np.ndarray, epsilon: np.ndarray) -> np.ndarray:
    """Sampled pre-activations from their mean and standard deviation."""
    spread = np.minimum(spread, SPREAD_MAX)
    hold("spread", spread)
    hold("spread_epsilon", np.abs(spread * epsilon) + 8)
    a: np.ndarray = centre + ((spread * epsilon + 8) >> 4)
    hold("pre_activation", a)
    return a


def check_hidden(a: np.ndarray) -> np.ndarray:
    """ReLU, in as many fraction bits as fit."""
    x, frac_bits = rectify(a)
    hold("hidden", x)
    assert 0 <= frac_bits <= ACTIVATION_FRAC_BITS
    np.testing.assert_array_equal(x, np.maximum(a, 0) >> 16 - frac_bits)
    assert frac_bits == ACTIVATION_FRAC_BITS or 2 * int(x.max()) + 1 > ACTIVATION
    return x


def check_logits(logits: np.ndarray) -> None:
    """Sums of the logits over the draws."""
    hold("pre_activation", logits)
    hold_partial_sums("logit_sum", logits, 1)


def check_delta(delta: np.ndarray, bits: int) -> tuple[np.ndarray, int]:
    """Scale gradients so that a sum of magnitudes has so many bits, which are the rule's."""
    hold("delta", delta)
    k_delta = max(0, bit_length(int(np.abs(delta).sum(axis=0).max())) - bits)
    blocked = shift_truncate(delta, k_delta)
    hold("blocked_delta_sum", np.abs(blocked).sum(axis=0))
    return blocked, k_delta


def check_through_mean(mu: np.ndarray, blocked: np.ndarray) -> None:
    """Gradients by the inputs, through the means."""
    for s in range(blocked.shape[1]):
        hold_partial_sums("through_mean", mu * blocked[:, s], 1)


def check_narrowed(x: np.ndarray) -> tuple[np.ndarray, int]:
    """Inputs in 8 bits."""
    narrow = max(0, bit_length(int(np.abs(x).max())) - 8)
    short = np.minimum(shift_round(x, narrow), NARROW)
    hold("narrowed", short)
    found, bits = narrow_inputs(x)
    assert bits == narrow
    np.testing.assert_array_equal(found, short)
    return short, narrow


def check_gain(x: np.ndarray, gain: tuple[int, int], drop: int) -> tuple[Any, int]:
    """Scale by a learning rate, every intermediate held."""
    hold("draw_sum", x)
    short, shift = normalise(x, 15)
    hold("normalised", short)
    hold("gain_product", short * gain[0])
    g, exponent = apply_gain(x, gain, drop)
    assert exponent == shift + gain[1] - drop
    return g, exponent


def exercise() -> None:
    """Layers of any width, everything at its largest and of one sign."""
    for rows in (1, 2, 516, 4096, ROWS):
        column = np.ones((rows, 1), np.int64)
        for x, frac_bits in ((127, 4), (-127, 4), (0, 4), (1, 8), (1024, 8), (ACTIVATION, 8)):
            blocked, k_mean = check_inputs(column * x)
            for mu in (-WEIGHT, WEIGHT - 1):
                for mu_frac_bits in (0, 12, 20):
                    check_centre(column * mu, blocked, frac_bits - k_mean + mu_frac_bits)
    # The largest sum that a block may have: 16 bits exactly.
    for x in ([BLOCK], [1] * BLOCK):
        column = np.array(x, np.int64)[:, None]
        check_inputs(column)
        check_centre(np.full(column.shape, -WEIGHT), column, 12)
    ends = np.array([[-PRE_ACTIVATION_MAX, PRE_ACTIVATION_MAX]])
    for spread in (0, 1, SPREAD_MAX, 1 << 40):
        for epsilon in (-EPSILON_MAX, EPSILON_MAX):
            a = check_sample(ends, np.array([[spread, spread]]), np.array([[epsilon, epsilon]]))
            check_hidden(a)
    for largest in (0, 1, 2**24 - 1, 2**24, 2**30):
        check_hidden(np.array([[largest, -largest]]))
    check_logits(np.full((2, DRAWS), -PRE_ACTIVATION))
    for columns in (1, 2, 255, 65535):
        for size in (DELTA_MAX, 1, 0):
            blocked, _ = check_delta(np.full((columns, 1), -size), BLOCK_BITS)
            check_through_mean(np.full((1, columns), -WEIGHT), blocked)
    blocked, _ = check_delta(np.array([[BLOCK]]), BLOCK_BITS)
    check_through_mean(np.array([[-WEIGHT]]), blocked)
    for x in (0, 1, -127, 255, 256, 511, ACTIVATION):
        check_narrowed(np.array([[x, 1]]))
    rerun_step.exercise(hold)
    for x in (1, BLOCK, DRAWS * DELTA_MAX):
        check_gain(np.array([[x, -x]]), (GAIN, 16), 19)
