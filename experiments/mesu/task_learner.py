"""What learns task after task, and what the learners share: flat weights, their start, draws."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from experiments.data import Floats, Integers
from experiments.mesu.evaluate import Weights

#: Scale of the start of μ, in units of 1/√fan_in.
MU_INIT = 4.0


class TaskLearner(Protocol):
    """Learns task after task; what it holds can be taken out and put back."""

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """Learn one task's samples ``float32[n, features]``, ``int64[n]``, once and in order."""

    def weights(self, rng: np.random.Generator) -> Weights:
        """Draw weights to evaluate with; a deterministic network has its one draw."""

    def mean_sigma(self) -> list[float]:
        """Return the mean σ of each layer; nothing where weights have no σ."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that a later task depends on."""

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""

    def counters(self) -> dict[str, int]:
        """Return what met the end of its format since this object was made, by name."""


def split(flat: Floats, layers: tuple[int, ...]) -> list[Floats]:
    """Return ``[in, out]`` views of the layers of a flat array of ``[out, in]`` matrices."""
    views, start = [], 0
    for n_in, n_out in pairwise(layers):
        views.append(flat[start : start + n_in * n_out].reshape(n_out, n_in).T)
        start += n_in * n_out
    return views


def draw(mu: Floats, sigma: Floats, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return ``float32[draws, in, out]`` weights from the Gaussians."""
    noise = rng.standard_normal((n_draws, *mu.shape), dtype=np.float32)
    drawn: Floats = (mu + sigma * noise).astype(np.float32)
    return drawn


def uniform(layers: tuple[int, ...], scale: float, seed: int) -> Floats:
    """Return weights from U(±scale/√fan_in), layer by layer."""
    rng = np.random.default_rng((seed, 1))
    parts = [
        rng.uniform(-scale, scale, n_in * n_out) / np.sqrt(n_in) for n_in, n_out in pairwise(layers)
    ]
    return np.concatenate(parts).astype(np.float32)
