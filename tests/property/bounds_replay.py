"""Bounds of the reservoir: indices, counters and stored inputs."""

from __future__ import annotations

import numpy as np
from holding import Bounds

from quant import noise
from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.network import MAX_UNITS, NetworkSpec
from quant.replay import MAX_BYTES, MAX_REPLAYS, capacity, fields, golden
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state

BOUNDS = Bounds(
    {
        "word_index": (noise.REPLAY_WORDS * MAX_REPLAYS, "uint32"),
        "seen": (golden.SEEN_MAX, "uint32"),
        "slot": ((MAX_BYTES - 10 - 8 * 2) // 2 - 1, "uint32"),
        "input_index": (MAX_BYTES, "uint32"),
    }
)

TABLES = {
    "format": {
        "code": {
            "type": "int8",
            "fraction bits": str(INPUT_FRAC_BITS),
            "smallest": str(-INPUT_MAX),
            "largest": str(INPUT_MAX),
        }
    },
    "field": {field.name: {} for field in fields(100, 2, 2)},
}


def exercise() -> None:
    """Count beyond the end of a counter, and lay out the largest reservoirs."""
    spec = NetworkSpec((2, 3), replay_bytes=80, replays=MAX_REPLAYS)
    state = init_state(spec, MesuConfig(), "q16")
    state["replay_seen"] = golden.SEEN_MAX - 1
    for t in range(40):
        golden.store(state, np.array([t, -t]), t % 3, 0xFFFFFFFF)
        BOUNDS.hold("seen", state["replay_seen"])
    assert state["replay_stored"].sum() == spec.replay_capacity
    keys = []
    for k in range(MAX_REPLAYS + 1):
        state["replaying"] = k
        BOUNDS.hold("word_index", noise.REPLAY_WORDS * k)
        keys.append(noise.key_of(state))
    drawn = noise.words(keys[0], noise.STREAM_REPLAY, noise.REPLAY_WORDS * MAX_REPLAYS + 1)
    assert keys[1:] == drawn[noise.REPLAY_WORDS :: noise.REPLAY_WORDS].tolist()
    for n_features in (1, 1000, MAX_UNITS):
        n = capacity(MAX_BYTES, n_features, 2)
        BOUNDS.hold("slot", n - 1)
        BOUNDS.hold("input_index", n * n_features - 1)
    ends = golden.codes_of(np.array([-9.0, 9.0, 1 / 32, -1 / 32]))
    assert ends.tolist() == [-INPUT_MAX, INPUT_MAX, 1, -1]
