"""Gates of the metaplastic rule: which blocks of hidden units a sample concerns.

The units of the first hidden layer are E blocks of equal size. Each block has a random half-space,
a vector of ±1 over the features; the A blocks that answer an input most strongly take part in it,
the others neither vote nor learn. The vectors are bits of the noise (docs/numbers.md §9), so that
nothing is stored.

Differs from gated linear networks (Veness et al., arXiv 1910.01526), where the idea is from: each
neuron there chooses one of several weight vectors; here the strongest blocks are chosen.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.noise import SAMPLE_INIT, STREAM_GATE, sample_key, words
from quant.spec import NetworkSpec

Bits = npt.NDArray[np.uint8]
WORD_BITS = 32


@functools.lru_cache(maxsize=8)
def gate_bits(n_features: int, n_blocks: int, seed: int) -> Bits:
    """Return 1 where a feature counts for a block and 0 where against it; read only.

    ``uint8[n_features, n_blocks]``: of feature i and block e bit ``e & 31`` (0: the lowest) of
    word ``i·⌈E/32⌉ + (e >> 5)`` of stream 96 under key(seed, 2^32 - 1).
    """
    a_feature = -(-n_blocks // WORD_BITS)
    drawn = words(sample_key(seed, SAMPLE_INIT), STREAM_GATE, n_features * a_feature)
    octets = drawn.astype("<u4").reshape(n_features, a_feature).view(np.uint8)
    bits: Bits = np.unpackbits(octets, axis=1, bitorder="little")[:, :n_blocks]
    bits.flags.writeable = False
    return bits


def strongest(answers: npt.NDArray[Any], n_active: int) -> npt.NDArray[np.bool_]:
    """Tell which ``n_active`` of the last axis are largest; of equals those of lower index.

    Parameters
    ----------
    answers : array[..., n_blocks]
        Of one sample, or of many; any numbers that can be negated.
    n_active : int
    """
    order = np.argsort(-answers, axis=-1, kind="stable")[..., :n_active]
    chosen = np.zeros(answers.shape, np.bool_)
    np.put_along_axis(chosen, order, np.bool_(1), axis=-1)
    return chosen


def active_units(spec: NetworkSpec, seed: int, x: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which units of the first hidden layer take part.

    A block answers with the sum of the inputs that count for it. The sum of ±x, the half-space,
    is twice that, less the sum of all x: the order is the same.

    Parameters
    ----------
    spec : NetworkSpec
    seed : int
        Of the state.
    x : array[..., n_features]
        Inputs, int64 in Q3.4 or real, without the bias's.

    Returns
    -------
    bool[..., columns]
    """
    answers = x @ gate_bits(spec.n_features, spec.n_blocks, seed).astype(x.dtype)
    return np.repeat(strongest(answers, spec.n_active), spec.block_units, axis=-1)
