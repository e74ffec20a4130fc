"""Membranes as sums over traces, for rules that keep no charges: golden model.

Such a rule adds up its weights over all traces in every step. A hidden unit's charge is that sum
over a fixed one, a threshold times the root of how many inputs there are: the unit fires at 1.
Formats: NUMBERS.md beside this file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from quant.counters import Saturations
from quant.errors import ConfigError
from quant.front_end import INPUT_FRAC_BITS
from quant.integers import Int64, clamp_count, shift_round
from quant.layout import State
from quant.network import NetworkSpec
from quant.spiking.golden import (
    MEMBRANE_SHIFT,
    OUTPUT_FRAC_BITS,
    TRACE_FRAC_BITS,
    fire,
    with_own,
)

CHARGE_FRAC_BITS = MEMBRANE_SHIFT + TRACE_FRAC_BITS
CHARGE_MAX = (1 << 30) - 1
#: A trace of spikes as an input: Q3.4, as the traces of layer 0.
INPUT_MAX = 127
UNIT_BITS = 16
#: An inverse is 2^31 over a mantissa.
INVERSE_BITS = 31

#: A charge in units of less would not fit.
LEAST_THRESHOLD = 1 / 64

#: What a sum is measured in: mantissa · 2^-exponent, the mantissa of 16 bits.
Unit = tuple[int, int]


def check_sums(cuts: int | None, **thresholds: float) -> None:
    """Refuse what a rule's spiking network has not.

    Parameters
    ----------
    cuts : int or None
        The rule's, of a column.
    **thresholds : float
        Where a unit fires, by the name of its setting.

    Raises
    ------
    ConfigError
        If columns are cut, or units fire below 1/64.
    """
    if cuts:
        raise ConfigError(f"cuts={cuts}: a spiking network reads traces, not signs; take 0")
    for name, threshold in thresholds.items():
        if threshold < LEAST_THRESHOLD:
            raise ConfigError(
                f"{name}={threshold:g}: a spiking unit fires at {LEAST_THRESHOLD:g} or above"
            )


def mantissa(value: float, bits: int) -> tuple[int, int]:
    """Return a positive number as ``mantissa · 2^-exponent``, the mantissa of so many bits."""
    exponent = bits - math.frexp(value)[1]
    found = math.floor(math.ldexp(value, exponent) + 0.5)
    return (found, exponent) if found < 1 << bits else (found >> 1, exponent - 1)


def sizes_of(shapes: Sequence[tuple[int, int]], threshold: float) -> tuple[float, ...]:
    """Return what each layer's sums are measured in: √rows, of hidden layers times a threshold."""
    times = [*[threshold] * (len(shapes) - 1), 1.0]
    return tuple(by * math.sqrt(rows) for by, (rows, _) in zip(times, shapes, strict=True))


def units_of(shapes: Sequence[tuple[int, int]], threshold: float) -> tuple[Unit, ...]:
    """Return :func:`sizes_of` for integers."""
    return tuple(mantissa(size, UNIT_BITS) for size in sizes_of(shapes, threshold))


def charge_shift(unit: Unit, frac_bits: int) -> int:
    """Return by how much a sum times an inverse is shifted to the right for a charge."""
    return INVERSE_BITS - unit[1] + frac_bits - CHARGE_FRAC_BITS


def hidden_rows(spec: NetworkSpec) -> int:
    """Return the inputs of all layers behind the first, biases not among them."""
    return sum(rows - spec.bias for rows, _ in spec.shapes[1:])


def spiked(
    spec: NetworkSpec,
    unit: Unit,
    state: State,
    layer: int,
    sums: Int64,
    frac_bits: int,
    result: Any,
    count: Saturations,
) -> Int64:
    """Let a hidden layer fire; return the next layer's inputs, ``int64[rows, draws]`` in Q3.4.

    Parameters
    ----------
    spec : NetworkSpec
    unit : (int, int)
        What the layer's sums are measured in.
    state : State
    layer : int
    sums : int64[units, draws]
        With so many fraction bits:
    frac_bits : int
    result : Forward
        Of its ``gate`` and ``fired`` this layer's part is written.
    count : Saturations
    """
    charge = shift_round(sums * ((1 << INVERSE_BITS) // unit[0]), charge_shift(unit, frac_bits))
    charge, clamped = clamp_count(charge, CHARGE_MAX)
    count.activation += clamped
    x, _, gate = fire(spec, state, layer, charge, result.fired, charges=False)
    result.gate.append(gate)
    _, x = with_own(spec, state, layer + 1, x, x, result.fired, charges=False)
    found: Int64 = np.minimum(x >> OUTPUT_FRAC_BITS - INPUT_FRAC_BITS, INPUT_MAX)
    return found
