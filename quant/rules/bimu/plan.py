"""From BiMU's hyperparameters to the integers that its engines run on."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant.cuts import cut_values, cuts_of, n_inputs, shapes_of
from quant.integers import Int64
from quant.network import NetworkSpec
from quant.rules.bimu.belief import Q8, Belief
from quant.rules.bimu.config import BELIEF_FRAC_BITS, BimuConfig
from quant.rules.bimu.law import Law, law_of
from quant.spiking.sums import mantissa, units_of

#: Of a byte.
LSB = 2.0**-BELIEF_FRAC_BITS
TANH_FRAC_BITS, TANH_MAX = 8, 255
#: 1 - tanh², Q0.15.
VARIANCE_FRAC_BITS = 15
VARIANCE_MAX = (1 << VARIANCE_FRAC_BITS) - 1
LOGIT_SCALE_FRAC_BITS = 28
SCALE_FRAC_BITS = 8
GAIN_BITS, CAUTION_BITS = 15, 10
SETTLE_FRAC_BITS = 10
#: Shrinking of a step, Q0.10, by what the gradient is worth in sixteenths.
SHRINK_FRAC_BITS, SHRINK_STEPS = 10, 16
#: Of the prior's pull of two bytes.
SHARE_MAX, PULL_SHIFT_MAX = (1 << 16) - 1, 31


def _tanh() -> Int64:
    size = np.tanh(np.abs(np.arange(-128, 128)) * LSB) * (1 << TANH_FRAC_BITS)
    t = np.minimum(np.floor(size + 0.5).astype(np.int64), TANH_MAX)
    return np.where(np.arange(-128, 128) < 0, -t, t)


#: tanh λ of the byte λ + 128, Q0.8.
TANH: Int64 = _tanh()
#: 1 - tanh² λ, Q0.15.
VARIANCE: Int64 = np.minimum((1 << 2 * TANH_FRAC_BITS) - TANH**2 >> 1, VARIANCE_MAX)
#: 1/(1 + (i + ½)/16), Q0.10.
SHRINK: Int64 = np.floor(
    (1 << SHRINK_FRAC_BITS) / (1 + (np.arange(256) + 0.5) / SHRINK_STEPS) + 0.5
).astype(np.int64)
#: What a byte's weight is, as integers in the formats of TANH and VARIANCE: mean and lean Q0.8,
#: variance and slope Q0.15.
HARD = Law(mean=TANH, variance=VARIANCE, slope=VARIANCE, lean=TANH)


def _relaxed() -> Law:
    size = np.abs(np.arange(-128, 128))
    found = law_of(size * LSB, relaxed=1)
    side = np.where(np.arange(-128, 128) < 0, -1, 1)

    def rounded(values: npt.NDArray[np.float64], bits: int) -> Int64:
        return np.floor(np.ldexp(values, bits) + 0.5).astype(np.int64)

    mean, lean = (side * rounded(part, TANH_FRAC_BITS) for part in (found.mean, found.lean))
    variance, slope = (rounded(part, VARIANCE_FRAC_BITS) for part in (found.variance, found.slope))
    return Law(mean=mean, variance=variance, slope=slope, lean=lean)


RELAXED = _relaxed()
for _table in (*HARD, *RELAXED, SHRINK):
    _table.flags.writeable = False


@dataclass(frozen=True)
class BimuPlan:
    """Everything that the integer engines need beside the layer sizes.

    Attributes
    ----------
    belief : Belief
    law : Law
        Of the byte λ + 128, ``int64[256]`` each: :data:`HARD` or :data:`RELAXED`.
    gain : (int, int)
        The learning rate in LSBs of a byte over the draws: mantissa of 15 bits, exponent;
        mantissa · 2^-exponent.
    caution : (int, int)
        From a step in Q.12 LSBs to sixteenths of shrinking: mantissa of 10 bits (0: no shrinking),
        shift to the right.
    pull : int64[128]
        ``sweep`` samples of the prior's pull of each magnitude of a byte: in LSBs, Q.16; of two
        bytes the share that it takes away, in Q.16 and ``pull_shift`` bits more.
    pull_shift : int
    logit_scale_q : int
        Q.28; ``scale_q`` the same in Q.8.
    sides : int
    threshold_q, window_q : int
        Of the gates, in standard deviations, Q.8.
    radial_q : int
        Q0.16.
    settle_q : int
        Share of a step times tanh λ that it is longer by, Q.10.
    gather : int
        Samples that a row of the first layer adds up.
    cuts : int64[cuts]
        Where a column is cut, Q3.4; of none the network reads the columns.
    shapes : tuple of (int, int)
        Behind the cuts.
    charges : tuple of (int, int)
        Of a spiking network: what each layer's sums are measured in, mantissa of 16 bits and
        exponent; units of a hidden layer fire at that.
    n_draws, sweep, front_end_window : int
    """

    belief: Belief
    law: Law
    gain: tuple[int, int]
    caution: tuple[int, int]
    pull: Int64
    pull_shift: int
    logit_scale_q: int
    scale_q: int
    sides: int
    threshold_q: int
    window_q: int
    radial_q: int
    settle_q: int
    gather: int
    cuts: Int64
    shapes: tuple[tuple[int, int], ...]
    charges: tuple[tuple[int, int], ...]
    n_draws: int
    sweep: int
    front_end_window: int


def _caution(worth: float) -> tuple[int, int]:
    """Return the mantissa and the shift; none where no step is worth a sixteenth."""
    found = mantissa(worth, CAUTION_BITS) if worth else (0, 0)
    return found if found[1] <= 31 else (0, 0)


def pull_table(memory_window: float, sweep: int) -> Int64:
    """Return ``sweep · λ sech² λ / N`` of each magnitude of λ, Q.16; at most λ itself.

    In LSBs.
    """
    size = np.arange(128.0)
    step = sweep / memory_window * size * (1 - np.tanh(size * LSB) ** 2)
    table: Int64 = np.floor(np.minimum(step, size) * 65536 + 0.5).astype(np.int64)
    return table


def share_table(memory_window: float, sweep: int) -> tuple[Int64, int]:
    """Return ``sweep · sech² λ / N`` of each magnitude of a byte, and its shift.

    As integers below 2^16 with 16 fraction bits and ``shift`` more, at most 31 more.
    """
    share = sweep / memory_window * (1 - np.tanh(np.arange(128) * LSB) ** 2)
    shift = min(max(-math.frexp(share[0])[1], 0), PULL_SHIFT_MAX) if share[0] else 0
    table = np.minimum(np.floor(np.ldexp(share, 16 + shift) + 0.5), SHARE_MAX)
    return table.astype(np.int64), shift


@functools.lru_cache(maxsize=64)
def make_bimu_plan(spec: NetworkSpec, config: BimuConfig, belief: Belief = Q8) -> BimuPlan:
    """Compute the constants; real arithmetic in float64, once."""
    cuts = cuts_of(spec, config.cuts)
    caution = config.caution_of(n_inputs(spec, cuts))
    worth = SHRINK_STEPS * caution / (config.lr / LSB) / 4096
    shapes = shapes_of(spec, cuts)
    prior = config.memory_window, config.sweep
    pull, pull_shift = share_table(*prior) if belief.low_bits else (pull_table(*prior), 0)
    return BimuPlan(
        belief=belief,
        law=RELAXED if config.relaxed else HARD,
        gain=mantissa(config.lr / LSB / config.n_draws, GAIN_BITS),
        caution=_caution(worth),
        pull=pull,
        pull_shift=pull_shift,
        logit_scale_q=math.floor(config.logit_scale * 2**LOGIT_SCALE_FRAC_BITS + 0.5),
        scale_q=math.floor(config.logit_scale * 2**SCALE_FRAC_BITS + 0.5),
        sides=config.sides,
        threshold_q=math.floor(config.threshold * 256 + 0.5),
        window_q=math.floor(config.window * 256 + 0.5),
        radial_q=math.floor(config.radial * 65536 + 0.5),
        settle_q=math.floor(
            config.settle * LSB * 2.0 ** (SETTLE_FRAC_BITS - belief.low_bits) + 0.5
        ),
        gather=config.gather,
        cuts=cut_values(cuts),
        shapes=shapes,
        charges=units_of(shapes, config.threshold) if spec.leaks else (),
        n_draws=config.n_draws,
        sweep=config.sweep,
        front_end_window=config.front_end_window,
    )
