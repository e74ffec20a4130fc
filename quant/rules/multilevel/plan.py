"""From the hyperparameters to the integers that the engines run on."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from quant.integers import Int64
from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig

LOGIT_SCALE_FRAC_BITS = 36
GAIN_BITS = 15
#: e^-(i/16), Q0.16.
KEEP_STEPS = 16
KEEP: Int64 = np.minimum(
    np.floor(65536 * np.exp(-np.arange(256) / KEEP_STEPS) + 0.5).astype(np.int64), 65535
)
KEEP.flags.writeable = False


@dataclass(frozen=True)
class MultilevelPlan:
    """Everything that the q8 engines need beside the layer sizes.

    Attributes
    ----------
    steps : int
        From the lowest level to the highest: the weight of level v is (2v - steps)/steps.
    gains : tuple of (int, int)
        Of each layer the probability that a gradient of 1 moves a weight: mantissa of 15 bits,
        exponent; mantissa · 2^-exponent.
    back : tuple of int
        1/(steps √columns) of each layer, Q.16.
    consolidation : int
        Counter times |2v - steps| to sixteenths, Q.16.
    growth : tuple of (int, int)
        Of each layer: once in 2^e samples a row is looked at, and its counters rise with this
        probability, Q0.16; (probability, e).
    threshold_q, active_q : int
        Q3.4.
    logit_scale_q : int
        Over the steps, Q.36.
    fade : int
        Share that a counter loses when its row fades, Q.16.
    sweep, front_end_window : int
    """

    steps: int
    gains: tuple[tuple[int, int], ...]
    back: tuple[int, ...]
    consolidation: int
    growth: tuple[tuple[int, int], ...]
    threshold_q: int
    active_q: int
    logit_scale_q: int
    fade: int
    sweep: int
    front_end_window: int


def rounded(value: float, frac_bits: int) -> int:
    """Return a number with so many fraction bits, half up."""
    return math.floor(math.ldexp(value, frac_bits) + 0.5)


def mantissa(value: float) -> tuple[int, int]:
    """Return a number as ``mantissa · 2^-exponent``; (0, 0) for what moves nothing."""
    if value < 2.0**-40:
        return 0, 0
    exponent = GAIN_BITS - math.frexp(value)[1]
    found = math.floor(math.ldexp(value, exponent) + 0.5)
    return (found, exponent) if found < 1 << GAIN_BITS else (found >> 1, exponent - 1)


def rarity(probability: float) -> tuple[int, int]:
    """Return a probability, Q0.16, doubled as often as it may be, up to eight times."""
    found = rounded(probability, 24)
    e = min(max(24 - found.bit_length(), 0), 8)
    return (found << e) >> 8, e


@functools.lru_cache(maxsize=64)
def make_multilevel_plan(spec: NetworkSpec, config: MultilevelConfig) -> MultilevelPlan:
    """Compute the constants; real arithmetic in float64, once."""
    steps, hidden = config.steps, len(spec.shapes) - 1
    per_level = steps / 2
    return MultilevelPlan(
        steps=steps,
        gains=(
            *((mantissa(config.lr_hidden * per_level),) * hidden),
            mantissa(config.lr * per_level),
        ),
        back=tuple(rounded(1 / (steps * math.sqrt(columns)), 16) for _, columns in spec.shapes),
        consolidation=rounded(KEEP_STEPS * config.consolidation / steps, 16),
        growth=(*((rarity(config.growth_hidden),) * hidden), rarity(config.growth)),
        threshold_q=rounded(config.threshold, 4),
        active_q=rounded(config.active, 4),
        logit_scale_q=rounded(config.logit_scale / steps, LOGIT_SCALE_FRAC_BITS),
        fade=rounded(min(config.sweep / config.memory_window, 1.0), 16),
        sweep=config.sweep,
        front_end_window=config.front_end_window,
    )
