"""The algorithms of the comparison, each at the authors' settings, behind one set of verbs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from quant.native import NativeKernel
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MU_FRAC_BITS, MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import decode_column, decode_row, make_factored_plan
from quant.rules.mesu_factored.state import FACTORS, factor_view
from quant.sampling.plan import decode_rho
from quant.state import init_state, state_from_bytes
from streamlearn.errors import DivergedError
from streamlearn.reproduce import kernels

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
#: One array a layer, ``float32[draws, in, out]``.
Weights = list[Floats]

#: Samples for which BGD's noise is drawn at once; it is part of what a seed means.
NOISE_ROWS = 2000


@dataclass(frozen=True)
class Setting:
    """What a run is besides its seed.

    Parameters
    ----------
    algorithm : str
        A key of :data:`ALGORITHMS`.
    layers : tuple of int
    memory_window : float
        The paper's *N*, for MESU.
    n_draws : int
        Monte-Carlo draws a sample, where there are any; as many weights are drawn to evaluate.
    """

    algorithm: str
    layers: tuple[int, ...] = (784, 50, 10)
    memory_window: float = 3e5
    n_draws: int = 10


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


def _split(flat: Floats, layers: tuple[int, ...]) -> list[Floats]:
    """Return ``[in, out]`` views of the layers of a flat array of ``[out, in]`` matrices."""
    views, start = [], 0
    for n_in, n_out in pairwise(layers):
        views.append(flat[start : start + n_in * n_out].reshape(n_out, n_in).T)
        start += n_in * n_out
    return views


def _draw(mu: Floats, sigma: Floats, n_draws: int, rng: np.random.Generator) -> Floats:
    noise = rng.standard_normal((n_draws, *mu.shape), dtype=np.float32)
    drawn: Floats = (mu + sigma * noise).astype(np.float32)
    return drawn


def _uniform(layers: tuple[int, ...], scale: float, seed: int) -> Floats:
    """Return weights from U(±scale/√fan_in), layer by layer."""
    rng = np.random.default_rng((seed, 1))
    parts = [
        rng.uniform(-scale, scale, n_in * n_out) / np.sqrt(n_in) for n_in, n_out in pairwise(layers)
    ]
    return np.concatenate(parts).astype(np.float32)


#: Scale of the start of μ, in units of 1/√fan_in.
MU_INIT = 4.0


def frac_bits(layers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the formats of μ for 200 tasks, one a layer.

    The first layer's μ reaches ±6. The last layer's σ shrinks to 2^-10, while its μ stays within
    its start, or ±1. The dither of steps must be little noise beside σ.
    """
    starts = (MU_INIT / np.sqrt(n_in) for n_in in layers[1:-1])
    later = (14 - max(-1, int(np.floor(np.log2(start)))) for start in starts)
    return (MU_FRAC_BITS, *later)


class MesuLearner:
    """MESU by the C kernel, with the settings of the paper's figure 3."""

    def __init__(
        self,
        setting: Setting,
        seed: int,
        arithmetic: str,
        factored: bool = False,
    ) -> None:
        self._spec = NetworkSpec(setting.layers, False, "none")
        constants: dict[str, Any] = {
            "memory_window": setting.memory_window,
            "sigma_prior": 1.0,
            "mu_init": MU_INIT,
            "sigma_init": 2.0,
            "lr_mu": 1.0,
            "lr_sigma": 1.0,
            "n_draws": setting.n_draws,
        }
        self._config: MesuConfig | MesuFactoredConfig
        if factored:
            self._config = MesuFactoredConfig(**constants)
        else:
            self._config = MesuConfig(**constants, mu_frac_bits=frac_bits(setting.layers))
        self._arithmetic = arithmetic
        self._kernel = NativeKernel(self._spec, self._config, arithmetic)
        self._state = init_state(self._spec, self._config, arithmetic, seed)

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`TaskLearner`."""
        del task
        self._kernel.learn(self._state, images, labels.astype(np.uint32))

    def _moments(self, layer: int) -> tuple[Floats, Floats]:
        mu = layer_view(self._spec, self._state, "mu", layer)
        if isinstance(self._config, MesuFactoredConfig):
            return self._factored_moments(mu, layer, self._config)
        if self._arithmetic != "q16":
            return mu, layer_view(self._spec, self._state, "sigma", layer)
        plan = make_plan(self._spec, self._config).layers[layer]
        rho = layer_view(self._spec, self._state, "rho", layer)
        sigma = np.sqrt(decode_rho(rho, plan.v_exponent))
        return np.ldexp(mu.astype(np.float32), -plan.mu_frac_bits), sigma.astype(np.float32)

    def _factored_moments(
        self, mu: npt.NDArray[Any], layer: int, config: MesuFactoredConfig
    ) -> tuple[Floats, Floats]:
        row, column = (factor_view(self._spec, self._state, f, layer) for f in FACTORS)
        if self._arithmetic == "q16":
            plan = make_factored_plan(self._spec, config).layers[layer]
            row, column = decode_row(row, plan.v_exponent), decode_column(column)
            mu = np.ldexp(mu.astype(np.float32), -int(self._state["mu_frac_bits"][0, layer]))
        return mu, np.sqrt(np.outer(row, column)).astype(np.float32)

    def weights(self, rng: np.random.Generator) -> Weights:
        """See :class:`TaskLearner`."""
        depth = len(self._spec.shapes)
        return [_draw(*self._moments(layer), self._config.n_draws, rng) for layer in range(depth)]

    def mean_sigma(self) -> list[float]:
        """See :class:`TaskLearner`."""
        return [float(self._moments(layer)[1].mean()) for layer in range(len(self._spec.shapes))]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`TaskLearner`."""
        return {"state": np.frombuffer(self._state.tobytes(), np.uint8)}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`TaskLearner`."""
        self._state = state_from_bytes(
            self._spec, self._config, self._arithmetic, arrays["state"].tobytes()
        )

    def counters(self) -> dict[str, int]:
        """See :class:`TaskLearner`."""
        return dataclasses.asdict(self._kernel.saturations)


@dataclass(frozen=True)
class Deterministic:
    """Settings of a baseline without σ: see :func:`streamlearn.reproduce.kernels`.

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


class DeterministicLearner:
    """SGD, online EWC, stream EWC or SI, at batch 1 and without momentum."""

    def __init__(self, setting: Setting, seed: int, config: Deterministic) -> None:
        self._layers, self._config = setting.layers, config
        w = _uniform(setting.layers, 1.0, seed)
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
        kernels.compiled(kernels.learn_deterministic)(
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
            fisher = empirical_fisher(_split(state["weights"], self._layers), images, labels)
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
        return [np.ascontiguousarray(w)[None] for w in _split(self._state["weights"], self._layers)]

    def mean_sigma(self) -> list[float]:
        """See :class:`TaskLearner`."""
        return []

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`TaskLearner`."""
        return {name: values.copy() for name, values in self._state.items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`TaskLearner`."""
        self._state = {name: arrays[name].copy() for name in self._state}

    def counters(self) -> dict[str, int]:
        """See :class:`TaskLearner`."""
        return {}


@dataclass
class BgdLearner:
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
        self._state = {"mu": _uniform(layers, MU_INIT, self.seed), "sigma": np.concatenate(sigma)}

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`TaskLearner`."""
        layers, n_draws = self.setting.layers, self.setting.n_draws
        rng = np.random.default_rng((self.seed, 2, task))
        for start in range(0, len(labels), NOISE_ROWS):
            rows = slice(start, start + NOISE_ROWS)
            shape = (len(labels[rows]), n_draws, sum(layers[1:]))
            kernels.compiled(kernels.learn_bgd)(
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
        mu, sigma = (_split(self._state[name], self.setting.layers) for name in ("mu", "sigma"))
        return [_draw(m, s, self.setting.n_draws, rng) for m, s in zip(mu, sigma, strict=True)]

    def mean_sigma(self) -> list[float]:
        """See :class:`TaskLearner`."""
        return [float(s.mean()) for s in _split(self._state["sigma"], self.setting.layers)]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`TaskLearner`."""
        return {name: values.copy() for name, values in self._state.items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`TaskLearner`."""
        self._state = {name: arrays[name].copy() for name in self._state}

    def counters(self) -> dict[str, int]:
        """See :class:`TaskLearner`."""
        return {}


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


def _deterministic(config: Deterministic) -> Callable[[Setting, int], TaskLearner]:
    return lambda setting, seed: DeterministicLearner(setting, seed, config)


#: Every algorithm by name: what makes its learner from a setting and a seed.
ALGORITHMS: dict[str, Callable[[Setting, int], TaskLearner]] = {
    "mesu": lambda setting, seed: MesuLearner(setting, seed, "float32"),
    "mesu-q16": lambda setting, seed: MesuLearner(setting, seed, "q16"),
    "mesu-factored": lambda setting, seed: MesuLearner(setting, seed, "float32", factored=True),
    "mesu-factored-q16": lambda setting, seed: MesuLearner(setting, seed, "q16", factored=True),
    "bgd": BgdLearner,
    "si": _deterministic(Deterministic(kernels.SI, strength=1e-4)),
    "ewc-online": _deterministic(Deterministic(kernels.ANCHORED, strength=2.0, decay=0.2)),
    "ewc-stream": _deterministic(Deterministic(kernels.STREAM_EWC, strength=5.0, decay=0.2)),
    "sgd": _deterministic(Deterministic(kernels.SGD)),
}
