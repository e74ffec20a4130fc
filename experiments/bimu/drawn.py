"""BiMU in float32 as published: weights are drawn for every synapse, relaxed ones to learn."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.bimu.pixels import standardise
from experiments.data import Floats, Integers
from experiments.errors import ExperimentError
from experiments.loop.kept_state import KeptArrays
from experiments.mesu.evaluate import probabilities
from experiments.native import TABLE_BITS, filled, load_learn, pointer, sizes_of, table_of
from streamlearn.errors import DivergedError

SOURCE = Path(__file__).parent / "host" / "drawn.c"
LANES = 16
#: Of LayerNorm, added to the variance.
EPSILON = np.float32(1e-5)


@dataclass(frozen=True)
class Constants:
    """What the rule is run with; the paper's for 1,000 permuted tasks at 784-100-10.

    Parameters
    ----------
    lr, lr_max, kappa, likelihood : float
    memory_window : float
        The paper's *N*, in steps.
    belief_init : float
        λ starts uniform within ± this.
    n_draws : int
        To learn and to predict.
    """

    lr: float = 4.9
    lr_max: float = 0.0023
    kappa: float = 3.76
    likelihood: float = 161.3
    memory_window: float = 700.0
    belief_init: float = 0.3
    n_draws: int = 5


class DrawnLearner(KeptArrays):
    """Weights of ±1 with ``P(w = +1) = sigmoid(2λ)``, one hidden layer, no biases.

    Learns with relaxed weights ``tanh(λ + ½ logit u)``, u uniform, and predicts with weights of
    ±1, the mean softmax of the draws. LayerNorm of each draw behind both layers, its gradient
    whole; hidden units are open beyond ±1. u is read from a table of evenly spaced values in random
    order; where a row of weights begins to read is drawn for each sample and draw. See
    :class:`experiments.bimu.learners.PermutedLearner`.

    Parameters
    ----------
    layers : tuple of int
    constants : Constants
    seed : int
        Of the start and of the noise.

    Raises
    ------
    ExperimentError
        If there is not one hidden layer.

    References
    ----------
    arXiv 2605.30198 (ICML 2026).
    """

    def __init__(self, layers: tuple[int, ...], constants: Constants, seed: int) -> None:
        sizes = sizes_of(layers, constants.n_draws, LANES)
        self._layers, self._constants, self._seed = layers, constants, seed
        rng, limit = np.random.default_rng((seed, 1)), constants.belief_init
        widths = (sizes["COLUMNS"], sizes["WIDE"])
        self._state = {"seen": np.zeros(1, np.int64)}
        for layer, width in enumerate(widths):
            start = rng.uniform(-limit, limit, layers[layer : layer + 2])
            self._state[f"belief{layer}"] = filled(start.astype(np.float32), width)
        self._learn = load_learn(SOURCE, sizes)
        middles = (np.arange(1 << TABLE_BITS) + 0.5) / (1 << TABLE_BITS)
        order = np.random.default_rng((seed, 5)).permutation(1 << TABLE_BITS)
        self._noise = table_of(2 * middles[order] - 1, max(widths))

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """Learn ``float32[n, inputs]``, ``int64[n]``, once and in order.

        Raises
        ------
        ExperimentError
            If images or labels have another shape.
        DivergedError
            If λ is no longer finite.
        """
        del task
        if images.shape != (len(labels), self._layers[0]):
            raise ExperimentError(
                f"images are {images.shape} for {len(labels)} labels: expected "
                f"({len(labels)}, {self._layers[0]})"
            )
        x = np.ascontiguousarray(standardise(images), np.float32)
        y = np.ascontiguousarray(labels, np.int64)
        own, seen = self._constants, int(self._state["seen"][0])
        rule = (own.lr, own.lr_max, own.kappa, own.likelihood, own.memory_window)
        self._learn(
            pointer(self._state["belief0"]),
            pointer(self._state["belief1"]),
            pointer(x),
            pointer(y),
            ctypes.c_int64(len(y)),
            pointer(self._noise),
            ctypes.c_uint64(self._seed),
            ctypes.c_int64(seen),
            pointer(np.array(rule, np.float32)),
        )
        self._state["seen"][0] = seen + len(y)
        if not all(np.isfinite(self.belief(layer)).all() for layer in (0, 1)):
            raise DivergedError("λ is no longer finite")

    def belief(self, layer: int) -> Floats:
        """Return λ of a layer, ``float32[in, out]``."""
        found: Floats = self._state[f"belief{layer}"][:, : self._layers[layer + 1]]
        return found

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """Return the classes, ``int64[n]``: those of the largest mean probability."""
        found: Integers = probabilities(self.drawn(images, seed)).mean(axis=0).argmax(axis=1)
        return found

    def drawn(self, images: Floats, seed: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return the logits of each draw, ``float32[draws, n, classes]``."""
        rng, x = np.random.default_rng(seed), standardise(images)
        found = []
        for _ in range(self._constants.n_draws):
            first, last = (self._weights(layer, rng) for layer in (0, 1))
            hidden = np.abs(_normalised(x @ first)) > 1
            found.append(_normalised(hidden.astype(np.float32) @ last))
        return np.stack(found)

    def _weights(self, layer: int, rng: np.random.Generator) -> Floats:
        belief = self.belief(layer)
        positive = 2 * rng.random(belief.shape, np.float32) - 1 < np.tanh(belief)
        found: Floats = np.where(positive, np.float32(1), np.float32(-1))
        return found

    def bytes(self) -> int:
        """Return the size of λ."""
        return sum(self.belief(layer).nbytes for layer in (0, 1))


def _normalised(a: Floats) -> Floats:
    """LayerNorm over the last axis, without factor and shift."""
    variance = a.var(axis=-1, keepdims=True)
    found: Floats = (a - a.mean(axis=-1, keepdims=True)) / np.sqrt(variance + EPSILON)
    return found
