"""The binarized metaplastic network as it was published, on the stream of permuted tasks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.data import Floats, Integers
from experiments.metaplastic.nets import TorchLearner
from experiments.metaplastic.settings import RECIPES


class PublishedLearner:
    """Float hidden weights, Adam, batch normalisation and batches of 100, one pass.

    Nothing tells it where a task ends: Adam's moments and the running statistics go on. See
    :class:`experiments.bimu.learners.PermutedLearner`.

    Parameters
    ----------
    layers : tuple of int
    recipe : str
        A key of :data:`experiments.metaplastic.settings.RECIPES`.
    seed : int

    References
    ----------
    Laborieux et al., "Synaptic metaplasticity in binarized neural networks", arXiv 2003.03533.
    """

    def __init__(self, layers: tuple[int, ...], recipe: str, seed: int) -> None:
        self._layers, self._seed = layers, seed
        self._net = TorchLearner(layers, RECIPES[recipe], seed, affine=True)

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """Learn ``float32[n, 784]``, ``int64[n]``, once."""
        self._net.learn(images, labels, 1, (self._seed, task))

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """Return the classes, ``int64[n]``."""
        found: Integers = self.drawn(images, seed)[0].argmax(axis=1)
        return found

    def drawn(self, images: Floats, seed: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return its one draw's logits, ``float32[1, n, classes]``."""
        del seed
        return self._net.logits(images)[np.newaxis]

    def bytes(self) -> int:
        """Return the size of what it keeps, four bytes for each number.

        Of a weight itself and Adam's two moments; of a unit a scale and a shift, with theirs,
        and two running statistics.
        """
        weights = sum(a * b for a, b in pairwise(self._layers))
        return 4 * (3 * weights + (2 * 3 + 2) * sum(self._layers[1:]))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that later samples depend on."""
        return self._net.arrays()

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""
        self._net.restore(arrays)

    def counters(self) -> dict[str, int]:
        """Return nothing: floats meet no end."""
        return {}
