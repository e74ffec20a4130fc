"""What is kept of the newest samples, whose steps the rows of the first layer add up in turn."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from quant.layout import Field, State

#: A lane is a step of an input of 1: in LSBs of a byte with 12 fraction bits, and that of noise, of
#: the square of an input, with 16.
GATHERED_MAX = 2047
NAMES = ("gathered_input", "gathered_lane", "gathered_noisy")


def fields(rows: int, columns: int, gather: int) -> list[Field]:
    """Return what is kept of the newest samples, slot after slot for each input and unit."""
    if gather == 1:
        return []
    end = GATHERED_MAX
    n = -(-rows * gather // 4) * 4
    return [
        Field("gathered_input", "i1", "Q3.4; [row][slot], padded with 0", (n,), 0, -127),
        Field("gathered_lane", "<i2", "step, .12; [unit][slot]", (columns * gather,), 0, -end, end),
        Field("gathered_noisy", "<i2", "the same of noise, .16", (columns * gather,), 0, -end, end),
    ]


def slots(state: State, gather: int) -> tuple[npt.NDArray[Any], ...]:
    """Return the fields as ``[rows or units, gather]``: views; padding is left out."""
    whole = (state[name][0] for name in NAMES)
    return tuple(part[: len(part) // gather * gather].reshape(-1, gather) for part in whole)
