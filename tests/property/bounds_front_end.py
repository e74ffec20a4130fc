"""Bounds of the front end, and its document read feature by feature in Python's integers."""

from __future__ import annotations

import math

import numpy as np
from holding import Bounds, accepted

from quant.front_end import EXPONENT_START, INPUT_FRAC_BITS, INPUT_MAX
from quant.front_end.hold import (
    BEYOND,
    EARLY,
    HOLD,
    NEAR,
    PERSIST,
    QUIET_MAX,
    QUIET_MIN,
    REMEMBERED,
    REMEMBERED_ALONE,
    REPEATS,
    TICK,
)
from quant.front_end.statistics import (
    DELTA_BITS,
    MAGNITUDE_BITS,
    MEAN_FRAC_BITS,
    RATE_ONE,
    VALUE_BITS,
    VARIANCE_BITS,
    VARIANCE_LOW_BITS,
)
from quant.rules.mesu.config import MesuConfig

F32 = np.finfo(np.float32)
#: The smallest exponent of a feature.
EXPONENT_MIN = -116

HALF = RATE_ONE // 2
X_Q = 2 << VALUE_BITS
MEAN = 2**MAGNITUDE_BITS - 1
DELTA = 1 << DELTA_BITS
RATE = RATE_ONE // 2  # from the second sample on
VARIANCE = 2**VARIANCE_BITS - 1
SD = math.isqrt(VARIANCE)
AFTER_UP = 3 << DELTA_BITS
WINDOW_MAX = accepted(lambda n: MesuConfig(front_end_window=n), range(1, 40_000))[1]

BOUNDS = Bounds(
    {
        "x_q": (X_Q, "int32"),
        "mean": (MEAN, "int32"),
        "difference": (X_Q + MEAN, "int32"),
        "apart": (X_Q + MEAN + 1 + HOLD * SD, "int32"),
        "square": ((2 * DELTA) ** 2, "int64"),
        "beyond": (BEYOND**2 * VARIANCE, "int64"),
        "delta_x": (DELTA, "int32"),
        "delta_rate": (DELTA * RATE + RATE_ONE - 1, "int64"),
        "mean_moved": (MEAN + 1 + DELTA, "int32"),
        "after": (DELTA, "int32"),
        "deviation_rate": (DELTA**2 * RATE + HALF, "int64"),
        "variance_wide": ((2**VARIANCE_BITS + DELTA**2) // 2, "int64"),
        "variance": (VARIANCE, "uint32"),
        "after_up": (AFTER_UP, "int32"),
        "size_numerator": ((AFTER_UP << INPUT_FRAC_BITS) + (SD >> 1), "uint32"),
    }
)


def _row(kind: str, bits: object, smallest: int, largest: int) -> dict[str, str]:
    cells = {"type": kind, "fraction bits": bits, "smallest": smallest, "largest": largest}
    return {column: str(cell) for column, cell in cells.items()}


TABLES = {
    "format": {
        "z": _row("int16", INPUT_FRAC_BITS, -INPUT_MAX, INPUT_MAX),
        "mean": _row("int32", "exponent", -MEAN, MEAN),
        "mean_low": _row("uint16", f"exponent + {MEAN_FRAC_BITS}", 0, RATE_ONE - 1),
        "variance": _row("uint32", "2 · exponent", 0, VARIANCE),
        "exponent": _row("int8", 0, EXPONENT_MIN, EXPONENT_START),
        "feature_count": _row("uint16", 0, 0, WINDOW_MAX),
        "streak": _row("int8", 0, -QUIET_MAX, PERSIST),
        "repeats": _row("uint8", 0, 0, REPEATS),
        "excursions": _row("uint8", 0, 0, REMEMBERED_ALONE),
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
    return x if right == 0 else (x + (1 << right - 1)) >> right


def fits(x: float) -> int:
    """Return the exponent at which |x| has 28 bits."""
    return MAGNITUDE_BITS - math.frexp(x)[1] if x else EXPONENT_START


def bounded(x: float, exponent: int) -> int:
    """Return :func:`at`, but ±2^30 beyond 29 bits."""
    wide = x != 0 and math.frexp(x)[1] + exponent > VALUE_BITS
    return at(x, exponent) if not wide else -X_Q if x < 0 else X_Q


class Scalar:
    """One feature as the document writes it, in Python integers, every intermediate held."""

    def __init__(self, window: int) -> None:
        self.window, self.count, self.n_samples = window, 0, 0
        self.full, self.variance, self.exponent = 0, 0, EXPONENT_START
        self.reference = 0.0
        self.streak = self.repeats = self.excursions = 0
        self.n_held = 0

    @property
    def mean(self) -> int:
        """The mean in whole units."""
        return self.full >> MEAN_FRAC_BITS

    def coarsen(self, down: int) -> None:
        """Use units that are 2^down times as large."""
        self.exponent -= down
        self.full = rounded(self.full, down) if down < 46 else 0
        self.variance = 0 if down >= 16 else self.variance >> 2 * down

    def first(self, x: float) -> None:
        """Start from one value."""
        self.exponent = min(fits(x), EXPONENT_START)
        self.full, self.variance, self.count = at(x, self.exponent) << MEAN_FRAC_BITS, 0, 1

    def enter(self, x: float, delta: int) -> int:
        """Let a value enter mean and variance; return what it differs by from the mean."""
        hold = BOUNDS.hold
        self.count = min(self.count + 1, self.window)
        rate = RATE_ONE // self.count
        if self.variance == 0:
            self.coarsen(max(0, self.exponent - fits(x)))
            self.coarsen(max(0, abs(at(x, self.exponent) - self.mean).bit_length() - DELTA_BITS))
            delta = at(x, self.exponent) - self.mean
        hold("delta_x", delta)
        hold("delta_rate", abs(delta * rate) + (self.full & RATE_ONE - 1))
        before = self.mean
        self.full += delta * rate
        hold("mean_moved", self.mean)
        after = delta - (self.mean - before)
        hold("after", after)
        assert delta * after >= 0
        deviation = (delta * after - self.variance) * rate
        hold("deviation_rate", abs(deviation) + HALF)
        self.variance += (deviation + HALF) >> 16
        assert self.variance >= 0
        hold("variance_wide", self.variance)
        down = max(
            0,
            (self.variance.bit_length() - VARIANCE_BITS + 1) >> 1,
            abs(self.mean).bit_length() - MAGNITUDE_BITS,
        )
        self.coarsen(down)
        after = rounded(after, down)
        bits = self.variance.bit_length()
        if 0 < bits <= VARIANCE_LOW_BITS:
            room = min(
                MAGNITUDE_BITS - 1 - abs(self.mean).bit_length(), EXPONENT_START - self.exponent
            )
            up = min(max(0, (VARIANCE_BITS - bits) >> 1), max(0, room))
            self.exponent += up
            self.full, self.variance, after = (
                self.full << up, self.variance << 2 * up, after << up,
            )  # fmt: skip
        hold("after_up", after)
        hold("mean", self.mean)
        hold("variance", self.variance)
        assert EXPONENT_MIN <= self.exponent <= EXPONENT_START
        return after

    def restart(self, x: float) -> int:
        """Start again from the reference and a value."""
        self.first(self.reference)
        self.streak = self.repeats = self.excursions = 0
        self.reference = x
        return self.enter(x, 0)

    def closer(self, x: float) -> bool:
        """Say whether a value is closer to the reference than to the mean."""
        e = min(self.exponent, fits(x), fits(self.reference))
        to_mean = abs(at(x, e) - rounded(self.mean, self.exponent - e))
        return abs(at(x, e) - at(self.reference, e)) < to_mean

    def look(self, x: float) -> tuple[int, bool]:
        """Take one value in; return what it differs by from the mean, and whether it is silent."""
        hold = BOUNDS.hold
        recent, same, s = self.excursions > 0, x == self.reference, max(self.streak, 0)
        if recent and self.n_samples % TICK == 0:
            self.excursions -= 1
        x_q, near_q = bounded(x, self.exponent), bounded(self.reference, self.exponent)
        delta, apart = x_q - self.mean, abs(x_q - near_q)
        hold("x_q", x_q)
        hold("difference", delta)
        if self.variance == 0:
            self.streak = self.repeats = 0
            if delta and s == 0 and not recent:
                self.streak, self.excursions, self.reference = 1, REMEMBERED_ALONE, x
                return 0, False
            if delta:
                twice = same and self.count > 1
                if s > 0 and self.count < EARLY and not twice and self.closer(x):
                    self.first(self.reference)
                self.excursions = 0
            self.reference = x
            return self.enter(x, delta), False
        hold("square", min(abs(delta), 2 * DELTA) ** 2)
        hold("beyond", BEYOND**2 * self.variance)
        if delta**2 > HOLD**2 * self.variance:
            silent = delta**2 > BEYOND**2 * self.variance and (s > 0 or not recent)
            if s == 0 and self.count >= EARLY:
                self.excursions = REMEMBERED
            self.streak, self.repeats = max(s, 1) if same else s + 1, 0
            if self.streak == PERSIST:
                return self.restart(x), False
            delta = (1 if delta > 0 else -1) * HOLD * math.isqrt(self.variance)
            self.reference = x
            return delta if same else self.enter(x, delta), silent
        hold("apart", apart)
        if NEAR**2 * apart**2 < self.variance:
            self.streak = min(self.streak, 0)
            if same:
                self.repeats = min(self.repeats + 1, REPEATS)
                if self.repeats == REPEATS and self.streak == 0:
                    return delta, False
                return self.enter(x, delta), False
            self.repeats = 0
            self.streak -= 1
            if self.streak <= -min(max(self.count >> 2, QUIET_MIN), QUIET_MAX):
                return self.restart(x), False
            return self.enter(x, delta), False
        self.streak = self.repeats = 0
        self.reference = x
        return self.enter(x, delta), False

    def update(self, x: float) -> int:
        """Follow one value and return it, standardised."""
        x = 0.0 if abs(x) < F32.tiny else x
        if self.count == 0:
            self.first(x)
            self.reference = x
            after, silent = 0, False
        else:
            after, silent = self.look(x)
        self.n_held += self.streak > 0
        self.n_samples += 1
        sd = math.isqrt(self.variance)
        if sd == 0 or silent:
            return 0
        numerator = (abs(after) << INPUT_FRAC_BITS) + (sd >> 1)
        BOUNDS.hold("size_numerator", numerator)
        size = min(INPUT_MAX, numerator // sd)
        return -size if after < 0 else size


def exercise() -> None:
    """Follow the widest swings that float32 allows."""
    patterns = (
        [F32.max, -F32.max],
        [1.0, 1.0, F32.max],
        [F32.max, F32.tiny, 0.0, -F32.max],
        [1.0, 1.0 + F32.eps, 1.0, 1.0 - F32.eps, F32.max],
    )
    for window in (2, 32768):
        for pattern in patterns:
            scalar = Scalar(window)
            for _ in range(200):
                for x in pattern:
                    scalar.update(float(x))
