"""How λ is kept in integers: in one byte, or in two.

The tables of tanh λ and its variance are read by one byte. Of two bytes it is the high one,
rounded. Small steps add up in the low one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.integers import Int64
from quant.rules.bimu.config import BELIEF_FRAC_BITS

#: λ in LSBs of a byte is within ± this.
BYTE_MAX = 127
#: Steps are computed in LSBs of a byte with so many fraction bits.
STEP_FRAC_BITS = 12


@dataclass(frozen=True)
class Belief:
    """λ as an integer.

    Attributes
    ----------
    arithmetic : str
        Its name among the rule's.
    dtype : str
        Of the state's field.
    low_bits : int
        So many more than of a byte.
    """

    arithmetic: str
    dtype: str
    low_bits: int

    @property
    def frac_bits(self) -> int:
        """Fraction bits of λ."""
        return BELIEF_FRAC_BITS + self.low_bits

    @property
    def most(self) -> int:
        """λ is within ± this, which is 127/32."""
        return BYTE_MAX << self.low_bits

    @property
    def step_frac_bits(self) -> int:
        """Fraction bits of a step in LSBs of λ, which the dither rounds away."""
        return STEP_FRAC_BITS - self.low_bits

    def byte(self, belief: Any) -> Int64:
        """Return where tables have λ, 1 to 255: the byte, rounded half up, and 128."""
        return self.rounded(belief) + 128

    def rounded(self, belief: Any) -> Int64:
        """Return λ in LSBs of a byte."""
        found: Int64 = belief.astype("int64") + (1 << self.low_bits >> 1) >> self.low_bits
        return found


Q8, Q16 = Belief("q8", "i1", 0), Belief("q16", "<i2", 8)
#: By arithmetic.
BELIEFS = {belief.arithmetic: belief for belief in (Q8, Q16)}


def belief_of(state: npt.NDArray[Any]) -> Belief:
    """Return how a state in integers keeps λ."""
    return belief_as(state["belief"].dtype)


def belief_as(dtype: np.dtype[Any]) -> Belief:
    """Return how integers of a type keep λ."""
    return Q8 if dtype.itemsize == 1 else Q16
