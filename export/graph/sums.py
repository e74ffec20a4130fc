"""Membranes as sums over traces in a graph: :mod:`quant.spiking.sums`, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from export.graph.whole import clip, minimum, shift_floor, shift_round
from quant.front_end import INPUT_FRAC_BITS
from quant.spiking.sums import CHARGE_MAX, INPUT_MAX, INVERSE_BITS, Unit, charge_shift

#: Of a layer and its charges, Q15.16: traces of its spikes, and their fraction bits.
Fire = Callable[[int, Any], tuple[Any, int]]


def fire_sums(unit: Unit, layer: int, sums: Any, frac_bits: int, fire: Fire) -> Any:
    """Let a hidden layer fire; the next layer's inputs, ``number[1, draws, rows]`` in Q3.4."""
    inverse = float((1 << INVERSE_BITS) // unit[0])
    charge = shift_round(sums * inverse, charge_shift(unit, frac_bits))
    trace, trace_bits = fire(layer, clip(charge, -CHARGE_MAX, CHARGE_MAX))
    return minimum(shift_floor(trace, trace_bits - INPUT_FRAC_BITS), INPUT_MAX)
