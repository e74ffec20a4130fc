"""Charges of BiMU's spiking units in a graph, bit for bit.

Counterpart: :mod:`quant.rules.bimu.golden_spikes`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from export.graph.whole import clip, minimum, shift_floor, shift_round
from export.rules.bimu.normal import Size
from quant.front_end import INPUT_FRAC_BITS
from quant.rules.bimu.golden_normal import SUM_FRAC_BITS
from quant.rules.bimu.golden_spikes import CHARGE_FRAC_BITS, CHARGE_MAX, INPUT_MAX
from quant.rules.bimu.plan import BimuPlan

#: Of a layer and its charges, Q15.16: traces of its spikes, and their fraction bits.
Fire = Callable[[int, Any], tuple[Any, int]]


def charge_of(plan: BimuPlan, layer: int) -> Size:
    """What a layer's sums are measured in, in the place of a deviation."""
    mantissa, exponent = (np.full((1, 1, 1), float(part)) for part in plan.charges[layer])
    nothing = np.zeros((1, 1, 1))
    return Size(mantissa, exponent, nothing, nothing)


def fire_charges(plan: BimuPlan, layer: int, sums: Any, fire: Fire) -> Any:
    """Let a hidden layer fire; the next layer's inputs, ``number[1, draws, units]`` in Q3.4."""
    mantissa, exponent = plan.charges[layer]
    right = 31 - exponent + SUM_FRAC_BITS - CHARGE_FRAC_BITS
    charge = shift_round(sums * float((1 << 31) // mantissa), right)
    trace, frac_bits = fire(layer, clip(charge, -CHARGE_MAX, CHARGE_MAX))
    return minimum(shift_floor(trace, frac_bits - INPUT_FRAC_BITS), INPUT_MAX)
