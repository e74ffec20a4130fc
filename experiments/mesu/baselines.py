"""The baselines of the comparison: SGD, online EWC, stream EWC, SI and BGD, compiled by numba."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from experiments import compiler
from experiments.data import Floats, Integers
from experiments.loop.kept_state import KeptArrays
from experiments.loop.runs import Setting
from experiments.mesu import kernels
from experiments.mesu.evaluate import Weights
from experiments.mesu.task_learner import MU_INIT, draw, split, uniform
from streamlearn.errors import DivergedError

#: Samples for which BGD's noise is drawn at once; it is part of what a seed means.
NOISE_ROWS = 2000


@dataclass(frozen=True)
class Deterministic:
    """Settings of a baseline without σ: see :mod:`experiments.mesu.kernels`.

    Parameters
    ----------
    rule : int
    strength, decay : float
        The paper's λ or c, and γ.
    lr : float
    damping : float
        Of SI's importance.
    """

    rule: int
    strength: float = 0.0
    decay: float = 0.0
    lr: float = 0.002
    damping: float = 1.0


class DeterministicLearner(KeptArrays):
    """SGD, online EWC, stream EWC or SI, at batch 1 and without momentum."""

    def __init__(self, setting: Setting, seed: int, config: Deterministic) -> None:
        self._layers, self._config = setting.layers, config
        w = uniform(setting.layers, 1.0, seed)
        self._state = {
            "weights": w,
            "anchor": w.copy(),
            "importance": np.zeros_like(w),
            "path": np.zeros_like(w),
        }

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`TaskLearner`."""
        del task
        config, state = self._config, self._state
        compiler.compiled(kernels.learn_deterministic)(
            np.array(self._layers),
            config.rule,
            *(np.float32(value) for value in (config.lr, config.strength, config.decay)),
            *(state[name] for name in ("weights", "importance", "anchor", "path")),
            images,
            labels,
        )
        if not np.isfinite(state["weights"]).all():
            raise DivergedError("the baseline's weights are no longer finite")
        if config.rule == kernels.ANCHORED:
            fisher = empirical_fisher(split(state["weights"], self._layers), images, labels)
            state["importance"] = np.float32(config.decay) * state["importance"] + fisher
            state["anchor"] = state["weights"].copy()
        elif config.rule == kernels.SI:
            moved = (state["weights"] - state["anchor"]) ** 2 + np.float32(config.damping)
            state["importance"] += np.maximum(state["path"] / moved, 0)
            state["path"][:] = 0
            state["anchor"] = state["weights"].copy()

    def weights(self, rng: np.random.Generator) -> Weights:
        """See :class:`TaskLearner`."""
        del rng
        return [np.ascontiguousarray(w)[None] for w in split(self._state["weights"], self._layers)]

    def mean_sigma(self) -> list[float]:
        """See :class:`TaskLearner`."""
        return []


@dataclass
class BgdLearner(KeptArrays):
    """BGD, which is FOO-VB Diagonal, from the same start as MESU."""

    setting: Setting
    seed: int
    lr: float = 1.0
    _state: dict[str, Floats] = field(init=False)

    def __post_init__(self) -> None:
        layers = self.setting.layers
        sigma = [
            np.full(n_in * n_out, 2 / np.sqrt(n_in), np.float32) for n_in, n_out in pairwise(layers)
        ]
        self._state = {"mu": uniform(layers, MU_INIT, self.seed), "sigma": np.concatenate(sigma)}

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`TaskLearner`."""
        layers, n_draws = self.setting.layers, self.setting.n_draws
        rng = np.random.default_rng((self.seed, 2, task))
        for start in range(0, len(labels), NOISE_ROWS):
            rows = slice(start, start + NOISE_ROWS)
            shape = (len(labels[rows]), n_draws, sum(layers[1:]))
            compiler.compiled(kernels.learn_bgd)(
                np.array(layers),
                np.float32(self.lr),
                self._state["mu"],
                self._state["sigma"],
                images[rows],
                labels[rows],
                rng.standard_normal(shape, dtype=np.float32),
            )
        if not all(np.isfinite(values).all() for values in self._state.values()):
            raise DivergedError("the baseline's weights are no longer finite")

    def weights(self, rng: np.random.Generator) -> Weights:
        """See :class:`TaskLearner`."""
        mu, sigma = (split(self._state[name], self.setting.layers) for name in ("mu", "sigma"))
        return [draw(m, s, self.setting.n_draws, rng) for m, s in zip(mu, sigma, strict=True)]

    def mean_sigma(self) -> list[float]:
        """See :class:`TaskLearner`."""
        return [float(s.mean()) for s in split(self._state["sigma"], self.setting.layers)]


def empirical_fisher(layers: list[Floats], images: Floats, labels: Integers) -> Floats:
    """Return the mean over samples of the squared gradient of -log p(label), true labels.

    Parameters
    ----------
    layers : list of float32[in, out]
    images : float32[n, features]
    labels : int64[n]

    Returns
    -------
    float32[n_weights]
        Layer by layer, ``[out, in]`` each.
    """
    total: list[Any] = [0.0] * len(layers)
    for start in range(0, len(labels), 10_000):
        x, y = images[start : start + 10_000], labels[start : start + 10_000]
        inputs = [x]
        for w in layers[:-1]:
            inputs.append(np.maximum(inputs[-1] @ w, 0))
        z = inputs[-1] @ layers[-1]
        p = np.exp(z - z.max(axis=1, keepdims=True))
        delta = p / p.sum(axis=1, keepdims=True)
        delta[np.arange(len(y)), y] -= 1
        for layer in range(len(layers) - 1, -1, -1):
            total[layer] += (delta**2).T @ inputs[layer] ** 2
            delta = (delta @ layers[layer].T) * (inputs[layer] > 0)
    fisher = np.concatenate([part.ravel() for part in total]) / len(labels)
    return fisher.astype(np.float32)
