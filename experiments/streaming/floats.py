"""Learners in floats whose state is two matrices: a network by SGD, without a penalty and with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments import compiler
from experiments.data import Floats, Integers
from experiments.mesu.baselines import empirical_fisher
from experiments.mesu.task_learner import split
from experiments.streaming import kernels, penalty_loop
from experiments.streaming.settings import StreamingSetting, constants
from streamlearn.errors import DivergedError

#: What a penalty keeps beside the weights, by name of its algorithm.
KEPT = {"ewc-online": ("importance", "anchor"), "si": ("importance", "anchor", "path")}
#: Of SI's importance, as in the other experiments.
DAMPING = 1.0


class TwoMatrices:
    """A learner whose state is two matrices, ``[in, out]``."""

    w1: npt.NDArray[Any]
    w2: npt.NDArray[Any]

    def bytes(self) -> int:
        """See :class:`StreamingLearner`."""
        return int(self.w1.nbytes + self.w2.nbytes)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`StreamingLearner`."""
        return {"w1": self.w1.copy(), "w2": self.w2.copy()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`StreamingLearner`."""
        self.w1, self.w2 = arrays["w1"].copy(), arrays["w2"].copy()

    def counters(self) -> dict[str, int]:
        """See :class:`StreamingLearner`."""
        return {}

    def check(self) -> None:
        """Refuse weights that are no longer finite.

        Raises
        ------
        DivergedError
        """
        if not (np.isfinite(self.w1).all() and np.isfinite(self.w2).all()):
            raise DivergedError("the weights are no longer finite")


class MlpLearner(TwoMatrices):
    """A float network with rectified units, by plain SGD; weights start from N(0, 2/fan_in)."""

    def __init__(self, setting: StreamingSetting, seed: int) -> None:
        self._lr = np.float32(constants(setting)["lr"])
        rng = np.random.default_rng((seed, 1))
        n_in, n_hidden, n_out = setting.layers
        self.w1, self.w2 = (
            (rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
            for shape in ((n_in, n_hidden), (n_hidden, n_out))
        )

    def learn(self, images: Floats, labels: Integers) -> None:
        """See :class:`StreamingLearner`."""
        learn = compiler.compiled(kernels.learn_mlp)
        learn(self._lr, self.w1, self.w2, images, labels)
        self.check()

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`StreamingLearner`."""
        del seed
        classes: Integers = np.argmax(np.maximum(images @ self.w1, 0) @ self.w2, axis=1)
        return classes


class PenalisedLearner(MlpLearner):
    """The same network with online EWC's or SI's penalty; it is told where a task ends."""

    def __init__(self, setting: StreamingSetting, seed: int) -> None:
        super().__init__(setting, seed)
        self._algorithm, self._decay = setting.algorithm, np.float32(setting.decay)
        self._pull = np.float32(setting.strength * (2 if setting.algorithm == "si" else 1))
        self._layers = setting.layers
        self._kept = {
            f"{name}{layer}": w.copy() if name == "anchor" else np.zeros_like(w)
            for name in ("importance", "anchor", "path")
            for layer, w in enumerate((self.w1, self.w2))
        }

    def learn(self, images: Floats, labels: Integers) -> None:
        """See :class:`StreamingLearner`; its end is the end of a task."""
        kept, weights = self._kept, (self.w1, self.w2)
        layers = [
            (w, *(kept[f"{name}{layer}"] for name in ("importance", "anchor", "path")))
            for layer, w in enumerate(weights)
        ]
        catch_up, learn = (
            compiler.compiled(loop)
            for loop in (penalty_loop.catch_up, penalty_loop.learn_penalised)
        )
        learn(catch_up, self._lr, self._pull, self._algorithm == "si", *layers, images, labels)
        self.check()
        if self._algorithm == "ewc-online":
            fisher = split(empirical_fisher(list(weights), images, labels), self._layers)
            for layer, new in enumerate(fisher):
                kept[f"importance{layer}"] *= self._decay
                kept[f"importance{layer}"] += new
        for layer, (w, importance, anchor, path) in enumerate(layers):
            if self._algorithm == "si":
                moved = (w - anchor) ** 2 + np.float32(DAMPING)
                importance += np.maximum(path / moved, 0)
                path[:] = 0
            kept[f"anchor{layer}"] = w.copy()

    def bytes(self) -> int:
        """See :class:`StreamingLearner`."""
        return super().bytes() * (1 + len(KEPT[self._algorithm]))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`StreamingLearner`."""
        return super().arrays() | {name: values.copy() for name, values in self._kept.items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`StreamingLearner`."""
        super().restore(arrays)
        self._kept = {name: arrays[name].copy() for name in self._kept}
