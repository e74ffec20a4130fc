"""The two tables that every engine shares: normal quantiles and 2^-f. See quant/NUMBERS.md."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

EPSILON_FRAC_BITS = 8
EXP2_FRAC_BITS = 15


def _epsilon_table() -> npt.NDArray[np.int16]:
    quantiles = np.array([NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)])
    unit = quantiles / np.sqrt(np.mean(quantiles**2))
    half = np.floor(unit[128:] * 2**EPSILON_FRAC_BITS + 0.5).astype(np.int16)
    return np.concatenate([-half[::-1], half])


#: ``int16[256]``, Q7.8: the standard normal at its 256 mid quantiles, scaled to unit variance.
EPSILON: npt.NDArray[np.int16] = _epsilon_table()
EPSILON.flags.writeable = False

#: ``uint16[256]``, Q0.15: 2^(-i/256).
EXP2: npt.NDArray[np.uint16] = np.floor(
    2.0 ** (EXP2_FRAC_BITS - np.arange(256) / 256) + 0.5
).astype(np.uint16)
EXP2.flags.writeable = False

#: Bits behind the point of the two factors below.
EXP2_FACTOR_BITS = 30

#: ``uint32[16]``, Q1.30: 2^(-i/16), and 2^(-i/256): the products of both, rounded, are EXP2.
EXP2_COARSE: npt.NDArray[np.uint32] = np.floor(
    2.0 ** (EXP2_FACTOR_BITS - np.arange(16) / 16) + 0.5
).astype(np.uint32)
EXP2_COARSE.flags.writeable = False
EXP2_FINE: npt.NDArray[np.uint32] = np.floor(
    2.0 ** (EXP2_FACTOR_BITS - np.arange(16) / 256) + 0.5
).astype(np.uint32)
EXP2_FINE.flags.writeable = False
