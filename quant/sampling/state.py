"""How both MESU rules start: μ uniform, biases 0, the same words in every arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.sampling.config import SamplingConfig
from quant.starts import Copy, Draw, Place


def draw_integer_mu(spec: NetworkSpec, limits: Sequence[int], state: State) -> None:
    """Draw μ uniform in ±limit of each layer, in the layer's format."""
    for (layer, drawn), limit in zip(_drawn(spec, state), limits, strict=True):
        scaled = drawn.astype(np.int64)
        scaled *= 2 * limit + 1
        scaled >>= 32
        scaled -= limit
        layer_view(spec, state, "mu", layer)[: len(drawn)] = scaled


def integer_mu_starts(
    spec: NetworkSpec, config: SamplingConfig, limits: Sequence[int]
) -> list[Draw | Copy]:
    """Return what :func:`draw_integer_mu` draws, and the slow copy of the last layer."""
    found: list[Draw | Copy] = []
    for layer, (limit, fan_in) in enumerate(zip(limits, spec.layers[:-1], strict=True)):
        columns = spec.shapes[layer][1]
        place = Place("mu", spec.places[layer].start, fan_in, columns, columns)
        found.append(Draw(place, STREAM_INIT + layer, 2 * limit + 1, -limit))
    if config.step == "adaptive":
        (rows, columns), first = spec.shapes[-1], spec.places[-1].start
        found.append(Copy(Place("slow", 0, rows, columns, columns), "mu", first))
    return found


def draw_real_mu(spec: NetworkSpec, config: SamplingConfig, state: State) -> None:
    """Draw μ uniform in ±mu_init/√fan_in."""
    for layer, drawn in _drawn(spec, state):
        scaled = (drawn / 2.0**31 - 1) * config.mu_limit_of(spec.layers[layer])
        layer_view(spec, state, "mu", layer)[: len(drawn)] = scaled


def start_sigmas(
    spec: NetworkSpec, config: SamplingConfig, layer: int
) -> list[tuple[slice, float]]:
    """Return the rows of a layer and the σ that they start with.

    Those of a hidden layer's own units differ; the others start as they do without recurrence.
    """
    below, own = spec.layers[layer], spec.own_units(layer)
    found = [(slice(None), config.sigma_init_of(below))]
    if own:
        found.append((slice(below, below + own), config.own_sigma_init_of(below, own)))
    return found


def _drawn(spec: NetworkSpec, state: State) -> Iterator[tuple[int, npt.NDArray[np.uint32]]]:
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer, fan_in in enumerate(spec.layers[:-1]):
        columns = spec.shapes[layer][1]
        drawn = words(key, STREAM_INIT + layer, fan_in * columns)
        yield layer, drawn.reshape(fan_in, columns)
