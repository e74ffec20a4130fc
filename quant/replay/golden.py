"""The reservoir: which samples it keeps, and which it gives to be learned again. Golden model.

The same in every arithmetic: inputs are stored in Q3.4 as the integers compute with them. C
counterpart: ``kernel``; every word and bound: NUMBERS.md beside this file.

References
----------
Chrysakis and Moens, Online continual learning from imbalanced data, ICML 2020: the class-balanced
reservoir. Vitter, Random sampling with a reservoir, ACM TOMS 11 (1985): algorithm R, within a
class. Differs from the paper: a class is "full" if a sample of it was ever refused or replaced,
which two counters tell, so nothing else is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from quant import noise
from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.integers import Int64
from quant.layout import State
from quant.network import NetworkSpec

SEEN_MAX = 0xFFFFFFFF


def codes_of(inputs: npt.NDArray[Any]) -> Int64:
    """Return the inputs of a network as they are stored: Q3.4, rounded half away from zero."""
    if inputs.dtype.kind == "i":
        return inputs.astype(np.int64)
    scaled = inputs * (1 << INPUT_FRAC_BITS)
    size = np.minimum(np.floor(np.abs(scaled) + 0.5), INPUT_MAX)
    codes: Int64 = (np.sign(scaled) * size).astype(np.int64)
    return codes


def below(word: int, n: int) -> int:
    """Return a number from 0 to n - 1, of a 32-bit word."""
    return word * n >> 32


def slot_of(state: State, class_index: int, j: int) -> int:
    """Return where the j-th stored sample of a class lies."""
    found = np.flatnonzero(state["replay_class"][0] == class_index)
    return int(found[j]) if j < len(found) else len(state["replay_class"][0]) - 1


def store(state: State, codes: Int64, class_index: int, word: int) -> None:
    """Take a sample into the reservoir, or not, in place.

    While there is room it is taken. Then a sample of a class that is complete (none of it was ever
    refused or replaced) and not the largest takes the place of a random one of the largest class;
    any other takes a random place of its own class's with the chance stored/seen, so that each
    sample seen of a class is as likely to be there.
    """
    seen, stored = state["replay_seen"][0], state["replay_stored"][0]
    capacity = len(state["replay_class"][0])
    total, largest = int(stored.sum()) & noise.MASK, int(np.argmax(stored))
    complete = seen[class_index] == stored[class_index]
    seen[class_index] = min(int(seen[class_index]) + 1, SEEN_MAX)
    slot = total
    if total >= capacity:
        takes = complete and stored[class_index] < stored[largest]
        loser = largest if takes else class_index
        j = below(word, int(stored[largest] if takes else seen[class_index]))
        if j >= stored[loser]:
            return
        slot = slot_of(state, loser, j)
        stored[loser] -= 1
    stored[class_index] += 1
    state["replay_class"][0, slot] = class_index
    state["replay_input"][0].reshape(capacity, -1)[slot] = codes


def draw(state: State, class_word: int, sample_word: int) -> tuple[Int64, int]:
    """Return a stored sample and its class: each class is as likely, and each sample in it."""
    stored = state["replay_stored"][0]
    present = np.flatnonzero(stored)
    class_index = int(present[below(class_word, len(present))]) if len(present) else 0
    slot = slot_of(state, class_index, below(sample_word, int(stored[class_index])))
    capacity = len(state["replay_class"][0])
    return state["replay_input"][0].reshape(capacity, -1)[slot].astype(np.int64), class_index


def learn(
    spec: NetworkSpec,
    state: State,
    inputs: npt.NDArray[Any],
    class_index: int,
    step: Callable[[Int64, int], None],
) -> None:
    """Store the sample that was just learned, then learn some stored ones again, in place.

    A replay moves what the rule keeps of its weights. The single words of the state stay: they
    count samples and follow the stream (the number of samples, the step, the temperature).

    Parameters
    ----------
    spec : NetworkSpec
    state : State
        After the step on the sample, which counted it.
    inputs : int64 or float64 [n_features]
        What the network saw of the sample.
    class_index : int
        Its class.
    step : callable
        ``step(codes, class_index)``: one learning step of the rule on inputs in Q3.4.
    """
    after = state["n_samples"][0]
    state["n_samples"] = (int(after) - 1) & noise.MASK
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    words = noise.words(key, noise.STREAM_REPLAY, 1 + noise.REPLAY_WORDS * spec.replays)
    store(state, codes_of(inputs), class_index, int(words[0]))
    kept = {name: state[name][0] for name in _words(state)}
    for k in range(1, spec.replays + 1):
        first = 1 + noise.REPLAY_WORDS * (k - 1)
        codes, drawn = draw(state, int(words[first]), int(words[first + 1]))
        state["replaying"] = k
        step(codes, drawn)
        for name, value in kept.items():
            state[name] = value
    state["n_samples"] = after


def _words(state: State) -> list[str]:
    """Return the fields that are one number, a word or more."""
    dtype = state.dtype
    return [n for n in dtype.names or () if not dtype[n].shape and dtype[n].itemsize >= 4]
