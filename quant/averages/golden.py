"""Averaged weights in integers: the golden model, which C and the graph equal bit for bit."""

from __future__ import annotations

import numpy as np

from quant import averages, noise
from quant.layout import State
from quant.network import NetworkSpec, layer_view


def follow(spec: NetworkSpec, state: State, n_samples: int) -> None:
    """Let some rows of the average follow μ, in place, after a learning step.

    ``average + (μ - average + u >> shift)``, where u is uniform below 2^shift: the mean of what is
    rounded is what it would be without rounding, so that no small difference is lost.

    Parameters
    ----------
    spec : NetworkSpec
    state : State
        After the step; ``time_steps`` is still that before it.
    n_samples : int
        Steps learned before it.
    """
    key, shift, first = noise.key_of(state), averages.shift(spec.average_window, n_samples), 0
    for layer, (rows, columns) in enumerate(spec.shapes):
        some = averages.rows_of(first, n_samples)
        word = noise.words(key, noise.STREAM_AVERAGE + layer, rows)[some]
        apart = np.arange(columns, dtype=np.uint32) * np.uint32(noise.GOLDEN)
        u = (word[:, None] + apart >> 16).astype(np.int64) >> 16 - shift
        mu, average = (layer_view(spec, state, name, layer) for name in ("mu", "average"))
        wide = average[some].astype(np.int64)
        average[some] = wide + (mu[some] - wide + u >> shift)
        first += rows
