"""MESU with drawn weights, and with drawn pre-activations and the noise that those leave out.

Drawn weights and drawn pre-activations give a sample's activations and gradients the same law, but
for one thing: the gradient by a weight's σ. Given the pre-activations, what drawn weights add to it
is noise of mean 0, ``x_i ξ_ij √(Σ_s δ_sj²)/S``, with one ξ_ij a weight.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.data import Floats, Integers
from experiments.errors import ExperimentError
from experiments.loop.runs import Setting
from experiments.mesu.evaluate import Weights
from experiments.mesu.learners import MesuLearner
from experiments.mesu.task_learner import draw
from quant.compiler import build_shared

SOURCE = Path(__file__).parent / "host" / "sampled.c"
MODES = {"weights": 0, "pre-activations": 1, "noisy": 2}
TABLE_BITS = 13
LANES = 8


class SampledLearner:
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
        if len(setting.layers) != 3:
            raise ExperimentError(f"layers={setting.layers}: expected one hidden layer")
        like = MesuLearner(setting, seed, "float32")
        self._setting, self._seed, self._mode = setting, seed, mode
        config = like.config
        widths = [-(-n // LANES) * LANES for n in setting.layers[1:]]
        self._state: dict[str, npt.NDArray[Any]] = {"seen": np.zeros(1, np.int64)}
        priors = []
        for layer, width in enumerate(widths):
            for name, values in zip(("mu", "sigma"), like.moments(layer), strict=True):
                padded = np.zeros((len(values), width), np.float32)
                padded[:, : values.shape[1]] = values
                self._state[f"{name}{layer}"] = padded
            variance = config.sigma_prior_of(setting.layers[layer]) ** 2
            priors += [config.sweep / (config.memory_window * variance), variance]
        self._priors = np.array(priors, np.float32)
        sizes = {
            "INPUTS": setting.layers[0], "HIDDEN": setting.layers[1], "OUTPUTS": setting.layers[2],
            "COLUMNS": widths[0], "WIDE": widths[1], "DRAWS": setting.n_draws,
            "SWEEP": config.sweep, "TABLE_BITS": TABLE_BITS,
        }  # fmt: skip
        text = "".join(f"#define {name} {value}\n" for name, value in sizes.items())
        self._learn = ctypes.CDLL(str(build_shared([SOURCE], {"sizes.h": text}))).learn
        self._learn.restype = None
        normals = np.random.default_rng((seed, 5)).standard_normal(1 << TABLE_BITS)
        normals = (normals - normals.mean()) / normals.std()
        self._table = np.concatenate([normals, normals[: max(widths)]]).astype(np.float32)

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`TaskLearner`."""
        del task
        x = np.ascontiguousarray(images, np.float32)
        y = np.ascontiguousarray(labels, np.int64)
        seen = int(self._state["seen"][0])
        weights = [self._state[f"{name}{layer}"] for layer in (0, 1) for name in ("mu", "sigma")]
        self._learn(
            ctypes.c_int32(MODES[self._mode]),
            *map(_pointer, weights),
            _pointer(x),
            _pointer(y),
            ctypes.c_int64(len(y)),
            _pointer(self._table),
            ctypes.c_uint64(self._seed),
            ctypes.c_int64(seen),
            _pointer(self._priors),
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

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`TaskLearner`."""
        return {name: values.copy() for name, values in self._state.items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`TaskLearner`."""
        self._state = {name: arrays[name].copy() for name in self._state}

    def counters(self) -> dict[str, int]:
        """See :class:`TaskLearner`: floats have no end to meet."""
        return {}


def _pointer(values: npt.NDArray[Any]) -> ctypes.c_void_p:
    return values.ctypes.data_as(ctypes.c_void_p)
