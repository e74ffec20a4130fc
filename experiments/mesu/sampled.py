"""MESU with drawn weights, and with drawn pre-activations and the noise that those leave out.

Drawn weights and drawn pre-activations give a sample's activations and gradients the same law, but
for one thing: the gradient by a weight's σ. Given the pre-activations, what drawn weights add to it
is noise of mean 0, ``x_i ξ_ij √(Σ_s δ_sj²)/S``, with one ξ_ij a weight.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from experiments.data import Floats, Integers
from experiments.loop.kept_state import KeptArrays
from experiments.loop.runs import Setting
from experiments.mesu.evaluate import Weights
from experiments.mesu.learners import MesuLearner
from experiments.mesu.task_learner import draw
from experiments.native import TABLE_BITS, filled, load_learn, pointer, sizes_of, table_of

SOURCE = Path(__file__).parent / "host" / "sampled.c"
MODES = {"weights": 0, "pre-activations": 1, "noisy": 2}
LANES = 8


class SampledLearner(KeptArrays):
    """MESU in float32 with the settings of the paper's figure 3 and one hidden layer.

    Parameters
    ----------
    setting : Setting
    seed : int
        Start and noise; the start is that of :class:`MesuLearner`.
    mode : {"weights", "pre-activations", "noisy"}
        What is drawn; "noisy" draws pre-activations and one more normal for each weight.

    Raises
    ------
    ExperimentError
        If there is not one hidden layer.
    """

    def __init__(self, setting: Setting, seed: int, mode: str) -> None:
        sizes = sizes_of(setting.layers, setting.n_draws, LANES)
        like = MesuLearner(setting, seed, "float32")
        self._setting, self._seed, self._mode = setting, seed, mode
        config = like.config
        widths = (sizes["COLUMNS"], sizes["WIDE"])
        self._state = {"seen": np.zeros(1, np.int64)}
        priors = []
        for layer, width in enumerate(widths):
            for name, values in zip(("mu", "sigma"), like.moments(layer), strict=True):
                self._state[f"{name}{layer}"] = filled(values, width)
            variance = config.sigma_prior_of(setting.layers[layer]) ** 2
            priors += [config.sweep / (config.memory_window * variance), variance]
        self._priors = np.array(priors, np.float32)
        self._learn = load_learn(SOURCE, {**sizes, "SWEEP": config.sweep})
        normals = np.random.default_rng((seed, 5)).standard_normal(1 << TABLE_BITS)
        normals = (normals - normals.mean()) / normals.std()
        self._table = table_of(normals, max(widths))

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`TaskLearner`."""
        del task
        x = np.ascontiguousarray(images, np.float32)
        y = np.ascontiguousarray(labels, np.int64)
        seen = int(self._state["seen"][0])
        weights = [self._state[f"{name}{layer}"] for layer in (0, 1) for name in ("mu", "sigma")]
        self._learn(
            ctypes.c_int32(MODES[self._mode]),
            *map(pointer, weights),
            pointer(x),
            pointer(y),
            ctypes.c_int64(len(y)),
            pointer(self._table),
            ctypes.c_uint64(self._seed),
            ctypes.c_int64(seen),
            pointer(self._priors),
        )
        self._state["seen"][0] = seen + len(y)

    def moments(self, layer: int) -> tuple[Floats, Floats]:
        """Return μ and σ of a layer, ``float32[in, out]``."""
        n = self._setting.layers[layer + 1]
        mu, sigma = (self._state[f"{name}{layer}"][:, :n] for name in ("mu", "sigma"))
        return mu, sigma

    def weights(self, rng: np.random.Generator) -> Weights:
        """See :class:`TaskLearner`."""
        return [draw(*self.moments(layer), self._setting.n_draws, rng) for layer in (0, 1)]

    def mean_sigma(self) -> list[float]:
        """See :class:`TaskLearner`."""
        return [float(self.moments(layer)[1].mean()) for layer in (0, 1)]
