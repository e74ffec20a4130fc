"""What all rooms share: the noise's words and streams, tables, counters, words of the state."""

from __future__ import annotations

import hashlib

import numpy as np
from holding import Bounds, accepted
from registered import registered

from quant import noise
from quant.counters import Saturations
from quant.layout import Layout
from quant.network import MAX_LAYER_SYNAPSES, MAX_UNITS, NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import layout_of
from quant.tables import EPSILON, EPSILON_FRAC_BITS, EXP2, EXP2_FRAC_BITS

#: Most draws of a configuration.
DRAWS = accepted(lambda n: MesuConfig(n_draws=n), range(200))[1]
ROWS = MAX_UNITS + 1

BOUNDS = Bounds(
    {
        "epsilon_index": ((MAX_UNITS * DRAWS + 3) // 4 - 1, "uint32"),
        "row_index": (ROWS - 1, "uint32"),
        "column_index": (MAX_UNITS - 1, "uint32"),
        "start_index": (MAX_LAYER_SYNAPSES - 1, "uint32"),
    }
)


def _format(values: np.ndarray, frac_bits: int) -> dict[str, str]:
    return {
        "type": str(values.dtype),
        "fraction bits": str(frac_bits),
        "smallest": str(values.min()),
        "largest": str(values.max()),
    }


def _hash(values: np.ndarray) -> dict[str, str]:
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {"SHA-256": f"`{hashlib.sha256(data).hexdigest()}`"}


def _streams() -> dict[str, dict[str, str]]:
    prefix = "STREAM_"
    first = {n: getattr(noise, n) for n in vars(noise) if n.startswith(prefix)}
    return {n.removeprefix(prefix).lower(): {"first": str(at)} for n, at in first.items()}


def _words_of(layout: Layout) -> dict[str, dict[str, str]]:
    return {
        f.name: {"byte": str(layout.offsets[f.name]), "type": np.dtype(f.dtype).name}
        for f in layout[:3]
    }


def _state_words() -> dict[str, dict[str, str]]:
    """Return the words with which every state begins, whatever its rule, head and arithmetic."""
    found = [_words_of(layout_of(*case)) for case in registered().values()]
    assert all(words == found[0] for words in found), "states begin with other words"
    return found[0]


TABLES = {
    "format": {
        "epsilon": _format(EPSILON, EPSILON_FRAC_BITS),
        "exp2": _format(EXP2, EXP2_FRAC_BITS),
    },
    "table": {"epsilon": _hash(EPSILON), "exp2": _hash(EXP2)},
    "stream": _streams(),
    "counter": {name: {} for name in vars(Saturations())},
    "word": _state_words(),
}


def exercise() -> None:
    """Draw the most words that a layer may need; no index may need more than 24 bits."""
    key = noise.sample_key(1, 2)
    last = noise.epsilon_q(key, 15, MAX_UNITS, DRAWS)[-1, -1]
    e = MAX_UNITS * DRAWS - 1
    word = noise.words(key, noise.STREAM_EPSILON + 15, (e >> 2) + 1)[-1]
    assert last == EPSILON[int(word) >> 8 * (e & 3) & 255]
    BOUNDS.hold("epsilon_index", e >> 2)
    (rows, columns), _ = NetworkSpec((4095, 4096, 2)).shapes
    BOUNDS.hold("start_index", rows * columns - 1)
    (rows, _), *_ = NetworkSpec((MAX_UNITS, 2)).shapes
    _, (_, columns) = NetworkSpec((1, 2, MAX_UNITS)).shapes
    BOUNDS.hold("row_index", rows - 1)
    BOUNDS.hold("column_index", columns - 1)
    assert all(limit < 1 << 24 for limit, _ in BOUNDS.values())
