"""Gates of the metaplastic rule: which blocks of hidden units are active for a sample.

The units of the first hidden layer are E blocks of equal size. Each block has a random half-space,
a vector of ±1 over the features; the A blocks with the largest gate scores are active, the others
neither contribute nor learn. The vectors are bits of the noise (NUMBERS.md beside this file):
nothing is stored.

Differs from gated linear networks (Veness et al., arXiv 1910.01526), where the idea is from: each
neuron there chooses one of several weight vectors; here the strongest blocks are chosen.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant.errors import ConfigError
from quant.network import NetworkSpec
from quant.noise import SAMPLE_INIT, STREAM_GATE, sample_key, words
from quant.rules.metaplastic.config import MetaplasticConfig

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


def strongest(scores: npt.NDArray[Any], n_active: int) -> npt.NDArray[np.bool_]:
    """Tell which ``n_active`` of the last axis are largest; of equals those of lower index.

    Parameters
    ----------
    scores : array[..., n_blocks]
        Of one sample, or of many; any numbers that can be negated.
    n_active : int
    """
    order = np.argsort(-scores, axis=-1, kind="stable")[..., :n_active]
    chosen = np.zeros(scores.shape, np.bool_)
    np.put_along_axis(chosen, order, np.bool_(1), axis=-1)
    return chosen


class Gates(NamedTuple):
    """The blocks of a network's first hidden layer.

    Attributes
    ----------
    n_blocks : int
        0: there are none, and all units are active.
    n_active : int
        Of them, per sample.
    block_units : int
        Units of a block; all units of the layer if there are no blocks.
    n_selected : int
        Hidden units of all layers that are active per sample.
    """

    n_blocks: int
    n_active: int
    block_units: int
    n_selected: int

    @property
    def word(self) -> int:
        """What tells states of different gates apart: ``n_blocks << 16 | n_active``."""
        return self.n_blocks << 16 | self.n_active


def gates_of(spec: NetworkSpec, config: MetaplasticConfig) -> Gates:
    """Return the blocks of a network.

    Raises
    ------
    ConfigError
        If the first hidden layer cannot be divided so.
    """
    n_blocks, n_active = config.n_blocks, config.n_active
    hidden, units = spec.layers[1:-1], spec.layers[1]
    if n_blocks == n_active == 0:
        return Gates(0, 0, units, sum(hidden))
    given = f"n_blocks={n_blocks!r}, n_active={n_active!r}"
    if not 1 <= n_active <= n_blocks:
        raise ConfigError(
            f"{given}: expected 1 to n_blocks active blocks; leave both out for a network "
            "whose units are all active"
        )
    if len(spec.layers) < 3:
        raise ConfigError(
            f"{given}: layers={spec.layers} has no hidden units to divide into blocks"
        )
    if units % n_blocks:
        raise ConfigError(
            f"{given}: the first hidden layer's {units} units cannot be divided into {n_blocks} "
            "blocks of equal size; n_blocks must divide their number"
        )
    block_units = units // n_blocks
    idle = (n_blocks - n_active) * block_units
    return Gates(n_blocks, n_active, block_units, sum(hidden) - idle)


def active_units(gates: Gates, seed: int, x: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which units of the first hidden layer are active.

    The gate score of a block is the sum of the inputs that count for it. The sum of ±x, the
    half-space, is twice that, less the sum of all x: the order is the same.

    Parameters
    ----------
    gates : Gates
    seed : int
        Of the state.
    x : array[..., n_features]
        Inputs, int64 in Q3.4 or real, without the bias's.

    Returns
    -------
    bool[..., columns]
    """
    scores = x @ gate_bits(x.shape[-1], gates.n_blocks, seed).astype(x.dtype)
    return np.repeat(strongest(scores, gates.n_active), gates.block_units, axis=-1)
