"""Bounds of the front end, and its document read feature by feature in Python's integers."""

from __future__ import annotations

import math

import numpy as np
from holding import Bounds

from quant.front_end import EXPONENT_START, INPUT_FRAC_BITS, INPUT_MAX
from quant.front_end.golden import (
    DELTA_BITS,
    MAGNITUDE_BITS,
    RATE_ONE,
    VARIANCE_BITS,
    VARIANCE_LOW_BITS,
)

F32 = np.finfo(np.float32)
#: The smallest exponent of a feature.
EXPONENT_MIN = -116

HALF = RATE_ONE // 2
X_Q = (2**24 - 1) << MAGNITUDE_BITS - 24
DELTA = 1 << DELTA_BITS
RATE = RATE_ONE // 2  # from the second sample on
VARIANCE = 2**VARIANCE_BITS - 1
SD = math.isqrt(VARIANCE)
AFTER_UP = 3 << DELTA_BITS

BOUNDS = Bounds(
    {
        "x_q": (X_Q, "int32"),
        "mean": (X_Q, "int32"),
        "difference": (2 * X_Q, "int32"),
        "delta_x": (DELTA, "int32"),
        "delta_rate": (DELTA * RATE + HALF, "int64"),
        "after": (DELTA, "int32"),
        "deviation_rate": (DELTA**2 * RATE + HALF, "int64"),
        "variance_wide": ((2**VARIANCE_BITS + DELTA**2) // 2, "int64"),
        "variance": (VARIANCE, "uint32"),
        "after_up": (AFTER_UP, "int32"),
        "size_numerator": ((AFTER_UP << INPUT_FRAC_BITS) + (SD >> 1), "uint32"),
    }
)

TABLES = {
    "format": {
        "z": {
            "type": "int16",
            "fraction bits": str(INPUT_FRAC_BITS),
            "smallest": str(-INPUT_MAX),
            "largest": str(INPUT_MAX),
        },
        "mean": {
            "type": "int32",
            "fraction bits": "exponent",
            "smallest": str(-X_Q),
            "largest": str(X_Q),
        },
        "variance": {
            "type": "uint32",
            "fraction bits": "2 · exponent",
            "smallest": "0",
            "largest": str(VARIANCE),
        },
        "exponent": {
            "type": "int16",
            "fraction bits": "0",
            "smallest": str(EXPONENT_MIN),
            "largest": str(EXPONENT_START),
        },
    }
}


def at(x: float, exponent: int) -> int:
    """Return x·2^exponent, rounded half away from zero."""
    scaled = math.ldexp(abs(x), exponent)
    whole = math.floor(scaled)
    whole += scaled - whole >= 0.5
    return -whole if x < 0 else whole


def rounded(x: int, right: int) -> int:
    """Return x/2^right, rounded half up."""
    return 0 if right >= 32 else x if right == 0 else (x + (1 << right - 1)) >> right


class Scalar:
    """One feature as the document writes it, in Python integers, every intermediate held."""

    def __init__(self, window: int) -> None:
        self.window, self.count = window, 0
        self.mean, self.variance, self.exponent = 0, 0, EXPONENT_START

    def coarsen(self, down: int) -> None:
        """Use units that are 2^down times as large."""
        self.exponent -= down
        self.mean = rounded(self.mean, down)
        self.variance = 0 if down >= 16 else self.variance >> 2 * down

    def update(self, x: float) -> int:
        """Follow one value and return it, standardised."""
        hold = BOUNDS.hold
        self.count = min(self.count + 1, self.window)
        rate = RATE_ONE // self.count
        x = 0.0 if abs(x) < F32.tiny else x
        if x:
            self.coarsen(max(0, self.exponent - (MAGNITUDE_BITS - math.frexp(x)[1])))
        x_q = at(x, self.exponent)
        hold("x_q", x_q)
        if self.count == 1:
            self.mean, self.variance = x_q, 0
            hold("mean", self.mean)
            return 0
        hold("difference", x_q - self.mean)
        down = abs(x_q - self.mean).bit_length() - DELTA_BITS
        if down > 0:
            self.coarsen(down)
            x_q = at(x, self.exponent)
        delta = x_q - self.mean
        hold("delta_x", delta)
        hold("delta_rate", abs(delta * rate) + HALF)
        self.mean += (delta * rate + HALF) >> 16
        after = x_q - self.mean
        hold("after", after)
        assert delta * after >= 0
        deviation = (delta * after - self.variance) * rate
        hold("deviation_rate", abs(deviation) + HALF)
        self.variance += (deviation + HALF) >> 16
        assert self.variance >= 0
        hold("variance_wide", self.variance)
        down = max(0, (self.variance.bit_length() - VARIANCE_BITS + 1) >> 1)
        self.coarsen(down)
        after = rounded(after, down)
        bits = self.variance.bit_length()
        if 0 < bits <= VARIANCE_LOW_BITS:
            room = min(
                MAGNITUDE_BITS - 1 - abs(self.mean).bit_length(), EXPONENT_START - self.exponent
            )
            up = min(max(0, (VARIANCE_BITS - bits) >> 1), max(0, room))
            self.exponent += up
            self.mean, self.variance, after = (
                self.mean << up, self.variance << 2 * up, after << up,
            )  # fmt: skip
        hold("after_up", after)
        hold("mean", self.mean)
        hold("variance", self.variance)
        assert EXPONENT_MIN <= self.exponent <= EXPONENT_START
        sd = math.isqrt(self.variance)
        if sd == 0:
            return 0
        numerator = (abs(after) << INPUT_FRAC_BITS) + (sd >> 1)
        hold("size_numerator", numerator)
        size = min(INPUT_MAX, numerator // sd)
        return -size if after < 0 else size


def exercise() -> None:
    """Follow the widest swings that float32 allows."""
    patterns = ([F32.max, -F32.max], [1.0, 1.0, F32.max], [F32.max, F32.tiny, 0.0, -F32.max])
    for window in (2, 32768):
        for pattern in patterns:
            scalar = Scalar(window)
            for _ in range(200):
                for x in pattern:
                    scalar.update(float(x))
