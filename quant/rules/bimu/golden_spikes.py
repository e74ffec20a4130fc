"""BiMU in integers: what of a layer is its own where hidden units spike.

A unit's charge is its sum over a fixed one, ``threshold · √rows``, and the outputs are sums over
√rows. Nothing is normalised: silence stays silent. How membranes leak and fire is
:mod:`quant.spiking.sums`'. C counterpart: ``kernel/integer/spiking``. Every format and bound:
NUMBERS.md beside this file.
"""

from __future__ import annotations

import numpy as np

from quant.integers import Int64, clamp_count, shift_round
from quant.rules.bimu.golden_normal import Size
from quant.rules.bimu.law import Law
from quant.rules.bimu.plan import BimuPlan
from quant.spiking.golden import GATE_FRAC_BITS

DELTA_MAX = (1 << 19) - 1


def charge_of(plan: BimuPlan, layer: int) -> Size:
    """Return what a layer's sums are measured in, in the place of a deviation."""
    mantissa, exponent = plan.charges[layer]
    return Size(mantissa, exponent, 0, 0)


def through_spikes(
    law: Law, byte: Int64, x: Int64, delta: Int64, noisy: Int64, gate: Int64, size: Size
) -> tuple[Int64, int]:
    """Gradient by the charges of the layer below, Q.16; see :func:`golden.backward`.

    Parameters
    ----------
    law : Law
        The plan's.
    byte : int64[units, columns]
        λ + 128, without the bias.
    x : int64[units, draws]
        Traces of spikes, Q3.4.
    delta, noisy : int64[columns, draws]
    gate : int64[units, draws]
        A spike's derivative by the charge, Q0.7.
    size : Size
        Of this layer's sums.

    Returns
    -------
    int64[units, draws], int
        And how many were clamped.
    """
    gradient = shift_round(law.mean[byte] @ delta, 8)
    gradient = gradient + shift_round(shift_round(law.variance[byte] @ noisy, 15) * x, 4)
    inverse = (1 << 31) // size.mantissa if size.mantissa else 0
    gradient = np.where(gate > 0, gradient, 0)
    found = shift_round(gradient * inverse, max(31 - size.exponent, 0))
    kept, clamped = clamp_count(found, DELTA_MAX)
    return shift_round(kept * gate, GATE_FRAC_BITS), clamped
