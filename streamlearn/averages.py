"""Averaged weights in floats: the equation, which the integers are compared with.

A row of weights that is visited for the v-th time, v = 0, 1, …: ``w̄ += (w - w̄) 2^-k`` with k the
smaller of ⌊log2(v + 1)⌋ and that of the window: first an average of what was seen so far.
Counterparts: :mod:`quant.averages.golden` (integers), ``quant/averages/kernel`` (C).

References
----------
Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control and
Optimization 30 (1992).
"""

from __future__ import annotations

from quant import averages
from quant.layout import State
from quant.network import NetworkSpec, layer_view


def follow(spec: NetworkSpec, state: State, n_samples: int) -> None:
    """As :func:`quant.averages.golden.follow`."""
    share, first = 2.0 ** -averages.shift(spec.average_window, n_samples), 0
    for layer, (rows, _) in enumerate(spec.shapes):
        some = averages.rows_of(first, n_samples)
        mu, average = (layer_view(spec, state, name, layer) for name in ("mu", "average"))
        average[some] += (mu[some] - average[some]) * share
        first += rows
