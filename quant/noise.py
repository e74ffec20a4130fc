"""Counter-based random bits: a pure function of (seed, sample, stream, index).

Nothing is stored but the seed and the number of samples learned, so that every engine, in any
order, on any core, draws the same numbers. Specified in quant/NUMBERS.md.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.replay import replaying
from quant.tables import EPSILON

UInt32 = npt.NDArray[np.uint32]
Int64 = npt.NDArray[np.int64]

MASK = 0xFFFFFFFF
GOLDEN = 0x9E3779B9

#: Streams: the first is added to the layer's number.
STREAM_EPSILON = 0
STREAM_ROW = 64
STREAM_COLUMN = 128
STREAM_AVERAGE = 160
STREAM_PULL_ROW = 192
STREAM_RANGE_ROW = 224
STREAM_INIT = 32
#: These have no layer.
STREAM_GATE = 96
STREAM_MEMORY_WEIGHT, STREAM_MEMORY_BIAS, STREAM_MEMORY_DITHER = 112, 113, 114
STREAM_REPLAY = 120
STREAM_RARE = 121

#: Words of a replay: which class, which of its samples, and the key of its noise.
REPLAY_WORDS = 3

#: Counters of so many words or fewer are kept from sample to sample.
KEPT_WORDS = 4096

#: The sample number under which the initial weights are drawn.
SAMPLE_INIT = MASK


_SHIFTS = np.uint32(16), np.uint32(15)
_FACTORS = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)


def mix32(x: UInt32) -> UInt32:
    """Scramble 32-bit words; a bijection (Wellons' "lowbias32", public domain constants)."""
    x = x ^ (x >> _SHIFTS[0])  # a new one, which is then changed in place
    x *= _FACTORS[0]
    x ^= x >> _SHIFTS[1]
    x *= _FACTORS[1]
    x ^= x >> _SHIFTS[0]
    return x


def sample_key(seed: int, sample: int) -> int:
    """Return the 32-bit key of one sample, from which all its words come."""
    return _mixed(_mixed(seed + GOLDEN & MASK) + sample * GOLDEN & MASK)


def _mixed(x: int) -> int:
    """:func:`mix32` of one word, which in an array of one costs a golden step a tenth."""
    x ^= x >> 16
    x = x * 0x7FEB352D & MASK
    x ^= x >> 15
    x = x * 0x846CA68B & MASK
    return x ^ x >> 16


def key_of(state: State) -> int:
    """Return the key of the learning step that a state is at; a replay has one of its own."""
    counter = "time_steps" if "time_steps" in (state.dtype.names or ()) else "n_samples"
    key, k = sample_key(int(state["seed"][0]), int(state[counter][0])), replaying(state)
    return int(words(key, STREAM_REPLAY, REPLAY_WORDS * k + 1)[-1]) if k else key


def words(key: int, stream: int, n: int) -> UInt32:
    """Return ``uint32[n]``: words 0 to n-1 of a stream under a sample's key."""
    counters = _kept_counters if n <= KEPT_WORDS else _counters
    return mix32(np.uint32(key) + counters(stream, n))


def _counters(stream: int, n: int) -> UInt32:
    """Return what the key of a sample is added to."""
    counter = np.arange(n, dtype=np.uint32) + np.uint32(stream << 24)
    found: UInt32 = counter * np.uint32(GOLDEN)
    found.flags.writeable = False
    return found


_kept_counters = lru_cache(maxsize=64)(_counters)


def dither(row_words: Int64, column_words: Int64) -> tuple[Int64, Int64]:
    """Rank-one dither: row XOR column, uniform and pairwise independent.

    Returns its low half, for μ, and its high half, for ρ.
    """
    both = row_words[:, None] ^ column_words
    return both & 0xFFFF, both >> 16


def epsilon_q(key: int, layer: int, n_units: int, n_draws: int) -> Int64:
    """Return ``int64[n_units, n_draws]``, Q7.8: one standard normal for each unit and draw.

    Draw ``s`` of unit ``j`` is byte ``e & 3`` of word ``e >> 2`` with ``e = j n_draws + s``,
    looked up in :data:`quant.tables.EPSILON`.
    """
    n = n_units * n_draws
    packed = words(key, STREAM_EPSILON + layer, (n + 3) // 4)
    octets = packed[:, None] >> np.array([0, 8, 16, 24], np.uint32) & np.uint32(255)
    epsilon: Int64 = EPSILON[octets.ravel()[:n]].astype(np.int64)
    return epsilon.reshape(n_units, n_draws)
