"""Which classes have been taught: one bit each in the state, in every arithmetic.

A class that was never taught is never predicted. Before anything was taught all classes are alike,
and the answer is class 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import ShapeError
from quant.layout import Field, State

WORD_BITS = 32


def field(n_classes: int) -> Field:
    """Return the field of the state: class k is bit ``k & 31`` of word ``k >> 5``."""
    words = -(-n_classes // WORD_BITS)
    return Field("taught", "<u4", "class k was taught: bit k & 31 of word k >> 5", (words,))


def check_state(state: State, n_classes: int) -> None:
    """Refuse a state that was taught a class which the network does not have.

    Raises
    ------
    ShapeError
        If it was.
    """
    octets = state["taught"][0].view(np.uint8)
    beyond = np.flatnonzero(np.unpackbits(octets, bitorder="little")[n_classes:])
    if len(beyond):
        raise ShapeError(
            f"state that was taught class {n_classes + int(beyond[0])}: this network has classes 0 "
            f"to {n_classes - 1}; was it written for another network?"
        )


def anything(state: State) -> bool:
    """Tell whether any class was taught."""
    return bool(state["taught"].any())


def candidates(state: State, n_classes: int) -> npt.NDArray[np.bool_]:
    """Tell which classes were taught, ``bool[n_classes]``."""
    octets = state["taught"][0].view(np.uint8)
    return np.unpackbits(octets, bitorder="little")[:n_classes].astype(np.bool_)


def compared(state: State, outputs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the logits that a prediction is made of, ``float64[n_classes]`` or with draws behind.

    That of a class that was never taught is minus infinity; all are 0 before anything was.
    """
    there = candidates(state, len(outputs))
    if not there.any():
        return np.zeros(outputs.shape)
    return np.where(there.reshape(-1, *[1] * (outputs.ndim - 1)), outputs, -np.inf)


def with_class(state: State, y: int) -> npt.NDArray[np.uint32]:
    """Return the words after class ``y`` was taught; the state is as before."""
    words: npt.NDArray[np.uint32] = state["taught"][0].copy()
    words[y // WORD_BITS] |= np.uint32(1 << y % WORD_BITS)
    return words
