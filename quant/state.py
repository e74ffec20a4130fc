"""The state: exactly what must survive a power cut, as one block of bytes.

A state is a NumPy structured array of one element whose bytes are the C struct ``sl_state_t``;
fields are views into it. Its layout is put together here from what learner, head, front end and
rule keep; docs/state-format.md has every byte.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from quant import averages, front_end, memory, replay, spiking
from quant.errors import ConfigError, ShapeError
from quant.front_end import WINDOW_MAX
from quant.front_end.ranges import preset
from quant.heads import HEADS
from quant.hyperparameters import is_whole
from quant.layout import Field, Layout, State
from quant.network import NetworkSpec
from quant.rule import Config, arithmetic_of, rule_of
from quant.state_check import check_numbers

__all__ = [
    "State",
    "init_state",
    "layout_of",
    "state_dtype",
    "state_from_bytes",
    "state_sha256",
    "state_to_bytes",
]

HEADER = (
    Field("n_samples", "<u4", "samples learned, modulo 2^32: the noise's counter"),
    Field("seed", "<u4", "of the noise"),
    Field(
        "front_end_count",
        "<u4",
        "samples in the front end's statistics, up to the window",
        most=WINDOW_MAX,
    ),
)


def layout_of(spec: NetworkSpec, config: Config, arithmetic: str) -> Layout:
    """Return the layout of the state.

    Raises
    ------
    ConfigError
        If rule, head, arithmetic and network do not fit each other.
    """
    kind = arithmetic_of(spec, config, arithmetic)
    stored = replay.fields(spec.replay_bytes, spec.n_features, spec.n_classes)
    draws = getattr(config, "n_draws", 1)
    charges = rule_of(config).charges
    in_time = spiking.fields(
        spec.leaks, spec.layers, spec.delta, draws, kind.numbers, charges, spec.recurrent
    )
    averaged = averages.fields(spec.average_window, spec.n_synapses, kind.numbers)
    own = [*kind.fields(spec, config), *stored, *in_time, *averaged]
    kept = HEADS[spec.head].fields(kind.numbers, spec.layers[-1]), own
    words = [[f for f in fields if f.item_bytes == 4 and not f.shape] for fields in kept]
    rest = [[f for f in fields if f.item_bytes != 4 or f.shape] for fields in kept]
    inputs = front_end.fields(spec.front_end, spec.n_features, kind.numbers)
    known = memory.fields(spec)
    whole = [f for f in known if not f.shape]
    kept_whole = [f for f in known if f.shape]
    return Layout.of(
        HEADER, [*words[0], *words[1], *whole, *rest[0], *inputs, *kept_whole, *rest[1]]
    )


def state_dtype(spec: NetworkSpec, config: Config, arithmetic: str) -> np.dtype[Any]:
    """Return the layout of the state as a NumPy type: little endian."""
    return layout_of(spec, config, arithmetic).dtype


def init_state(spec: NetworkSpec, config: Config, arithmetic: str, seed: int = 0) -> State:
    """Return the state before the first sample: the same draws in every arithmetic.

    Raises
    ------
    ConfigError
        If the seed is no whole number from 0 to 2^32 - 1, rule, head, arithmetic and network do
        not fit each other, or fixed point cannot hold the configuration.
    """
    return started(spec, config, arithmetic, blank_state(spec, config, arithmetic), seed)


def blank_state(spec: NetworkSpec, config: Config, arithmetic: str) -> State:
    """Return the state before anything is drawn: the same for every seed.

    Raises
    ------
    ConfigError
        If rule, head, arithmetic and network do not fit each other.
    """
    layout = layout_of(spec, config, arithmetic)
    state = np.zeros(1, layout.dtype)
    for field in layout:
        state[field.name] = field.start
    if spec.front_end_ranges is not None:
        preset(spec.front_end_ranges, config.front_end_window, state)
    return state


def started(spec: NetworkSpec, config: Config, arithmetic: str, blank: State, seed: int) -> State:
    """Return a copy of a :func:`blank_state` with the draws of a seed: :func:`init_state`.

    Raises
    ------
    ConfigError
        If the seed is no whole number from 0 to 2^32 - 1, or fixed point cannot hold the
        configuration.
    """
    kind = arithmetic_of(spec, config, arithmetic)
    if not is_whole(seed) or not 0 <= seed <= 0xFFFFFFFF:
        raise ConfigError(f"seed={seed!r}: expected 0 to {0xFFFFFFFF}, a whole number")
    state: State = blank.copy()
    state["seed"] = seed
    kind.init(spec, config, state)
    memory.init(spec, state)
    averages.start(state)
    return state


def state_to_bytes(state: State) -> bytes:
    """Return the bytes of the state, as they lie in a device's memory."""
    return state.tobytes()


def state_from_bytes(spec: NetworkSpec, config: Config, arithmetic: str, data: bytes) -> State:
    """Invert :func:`state_to_bytes`.

    Raises
    ------
    ShapeError
        If the number of bytes is not that of the layout, or the state is of other settings or
        holds numbers that no learner comes to.
    """
    dtype = state_dtype(spec, config, arithmetic)
    if len(data) != dtype.itemsize:
        older = (
            ", or before membranes kept charges? Such a state cannot go on: learn again"
            if spec.leaks
            else "?"
        )
        raise ShapeError(
            f"state of {len(data)} bytes: a {spec} network in {arithmetic} has "
            f"{dtype.itemsize} bytes; was it written for another network{older}"
        )
    state: State = np.frombuffer(data, dtype).copy()
    check_numbers(spec, layout_of(spec, config, arithmetic), state)
    check = arithmetic_of(spec, config, arithmetic).check_state
    if check is not None:
        check(spec, config, state)
    return state


def state_sha256(state: State) -> str:
    """Return the SHA-256 of the state's bytes, in hexadecimal."""
    return hashlib.sha256(state_to_bytes(state)).hexdigest()
