"""From the metaplastic rule's hyperparameters to the integers that its engines run on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant.front_end import INPUT_FRAC_BITS
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import WEIGHT_FRAC_BITS, MetaplasticConfig
from quant.rules.metaplastic.cuts import adapts, cut_values, cuts_of, layers_of, metaplasticity_of
from quant.rules.metaplastic.gates import Gates, gates_of
from quant.spiking.sums import Unit, units_of

ONE = 1 << WEIGHT_FRAC_BITS
GRADIENT_FRAC_BITS = 12
LOGIT_SCALE_FRAC_BITS = 28
#: Of a spiking layer's units so many pass a gradient on, as all of it; of others the share inside
#: the window. The root of how many there are divides a gradient.
SPIKING_SHARE = 0.25


@dataclass(frozen=True)
class MetaplasticPlan:
    """Everything that the q8 engines need beside the layer sizes.

    Attributes
    ----------
    let_through : tuple of uint16[128]
        Of each layer, ``f_meta`` of each magnitude: a step towards zero is made if 16 random bits
        are at most this.
    bias_input_q : int
        Input of the first layer's bias, Q3.4.
    clamp_q : int
        Weights stay within -clamp_q - 1 to clamp_q.
    window_q : int
        Q.8.
    skip_q : int
        Q.12.
    gains : tuple of int
        Learning rate of each layer, Q.8.
    backward_shifts : tuple of int
        Of each layer: a gradient by its inputs is divided by two to this power.
    logit_scale_q : int
        Q.28.
    calibration_shift : int
        The temperature's step is the gradient by it, divided by two to this power.
    front_end_window : int
    cuts : int64[cuts]
        Where a column is cut, Q3.4; of none the network reads the columns.
    adapts : bool
        The step sets itself.
    gates : Gates
    charges : tuple of (int, int)
        Of a spiking network: what each layer's sums are measured in (:mod:`quant.spiking.sums`),
        in units of their last bit.
    """

    let_through: tuple[npt.NDArray[np.uint16], ...]
    bias_input_q: int
    clamp_q: int
    window_q: int
    skip_q: int
    gains: tuple[int, ...]
    backward_shifts: tuple[int, ...]
    logit_scale_q: int
    calibration_shift: int
    front_end_window: int
    cuts: npt.NDArray[np.int64]
    adapts: bool
    gates: Gates
    charges: tuple[Unit, ...]


def clamp_limit(config: MetaplasticConfig) -> int:
    """Return the largest weight; the smallest is one step further: -1 and 0 mirror each other."""
    return max(math.floor(config.clamp * ONE + 0.5) - 1, 0)


def init_limit(spec: NetworkSpec, config: MetaplasticConfig, last: bool) -> int:
    """Return the largest weight of a layer at the start."""
    wanted = (
        config.weight_init_output if last else config.for_sizes(layers_of(spec, config)).weight_init
    )
    return min(math.floor(wanted * ONE), clamp_limit(config))


def let_through_table(metaplasticity: float) -> npt.NDArray[np.uint16]:
    """Return round(65536·(1 - tanh²(m |W|))) - 1 for |W| = (k + ½)/128, k = 0 to 127."""
    size = (np.arange(ONE) + 0.5) / ONE
    f_meta = 1 - np.tanh(metaplasticity * size) ** 2
    rounded = np.floor(65536 * f_meta + 0.5) - 1
    table: npt.NDArray[np.uint16] = np.clip(rounded, 0, 65535).astype(np.uint16)
    return table


def _charges(spec: NetworkSpec, window: float) -> tuple[Unit, ...]:
    found = units_of(spec.shapes, window)
    return tuple((mantissa, exponent - INPUT_FRAC_BITS) for mantissa, exponent in found)


def make_metaplastic_plan(spec: NetworkSpec, config: MetaplasticConfig) -> MetaplasticPlan:
    """Compute the constants; real arithmetic in float64, once."""
    clamp_q, sized = clamp_limit(config), config.for_sizes(layers_of(spec, config))
    last = len(spec.shapes) - 1
    learning = SPIKING_SHARE if spec.leaks else math.erf(sized.window / math.sqrt(2))
    return MetaplasticPlan(
        let_through=tuple(
            let_through_table(
                config.metaplasticity_output if layer == last else metaplasticity_of(spec, config)
            )
            for layer in range(last + 1)
        ),
        bias_input_q=math.floor(config.bias_input * 16 + 0.5),
        clamp_q=clamp_q,
        window_q=math.floor(sized.window * 256 + 0.5),
        skip_q=math.floor(config.skip * 2**GRADIENT_FRAC_BITS + 0.5),
        gains=tuple(
            math.floor((sized.lr_output if layer == last else sized.lr) * 256 + 0.5)
            for layer in range(last + 1)
        ),
        backward_shifts=tuple(
            0 if layer == last else max(0, round(math.log2(columns * learning) / 2))
            for layer, (_, columns) in enumerate(spec.shapes)
        ),
        logit_scale_q=math.floor(sized.logit_scale * 2**LOGIT_SCALE_FRAC_BITS + 0.5),
        calibration_shift=config.calibration_window.bit_length() - 1,
        front_end_window=config.front_end_window,
        cuts=cut_values(cuts_of(spec, config)),
        adapts=adapts(spec, config),
        gates=gates_of(spec, config),
        charges=_charges(spec, sized.window) if spec.leaks else (),
    )
