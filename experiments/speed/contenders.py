"""Who is measured for speed: the engines of this project."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.mesu.learners import frac_bits
from experiments.speed import names
from quant.errors import ConfigError
from quant.network import NetworkSpec, layer_view
from quant.rule import RULES
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.state import init_state
from streamlearn import MesuClassifier
from streamlearn.engines import Backend, Engine, NativeEngine, make_engine

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

BACKENDS: tuple[Backend, ...] = ("c", "numpy")


@dataclass(frozen=True)
class Contender:
    """Something that learns a block of samples, one after the other.

    Attributes
    ----------
    name : str
    group : {"engine", "call", "torch"}
        An engine's block verb, the same one sample a call, or PyTorch.
    learn : callable
        Takes ``float32[n, features]`` and ``int64[n]``.
    """

    name: str
    group: str
    learn: Callable[[Images, Labels], object]


ARITHMETICS: tuple[str, ...] = tuple(RULES["mesu"].arithmetics)[::-1]
#: Settings of mesu-pmnist.
PAPER: dict[str, Any] = {
    "memory_window": 3e5,
    "sigma_prior": 1.0,
    "mu_init": 4.0,
    "sigma_init": 2.0,
    "lr_mu": 1.0,
    "lr_sigma": 1.0,
    "step": "fixed",
}


def setting(layers: Sequence[int], n_draws: int) -> tuple[NetworkSpec, MesuConfig]:
    """Return the network and the hyperparameters of mesu-pmnist, with so many draws."""
    spec = NetworkSpec(tuple(layers), False, "none")
    config = MesuConfig(n_draws=n_draws, mu_frac_bits=frac_bits(spec.layers), **PAPER)
    return spec, config


def factored_setting(n_draws: int) -> MesuFactoredConfig:
    """Return the same with factored variances, whose formats follow by themselves."""
    return MesuFactoredConfig(n_draws=n_draws, **PAPER)


def label_of(arithmetic: str, backend: Backend) -> str:
    """Return the name of an engine in tables."""
    return f"{arithmetic}, {'C' if backend == 'c' else 'NumPy'}"


def engines(
    layers: Sequence[int], n_draws: int, backends: Sequence[Backend] = BACKENDS
) -> list[tuple[str, Backend, Engine]]:
    """Return every engine that there is: all arithmetics, on each backend that has them."""
    spec, config = setting(layers, n_draws)
    found: list[tuple[str, Backend, Engine]] = []
    for arithmetic in ARITHMETICS:
        for backend in backends:
            try:
                found.append((arithmetic, backend, make_engine(spec, config, arithmetic, backend)))
            except ConfigError:  # not on this backend, or a format too narrow for the settings
                continue
    return found


def engine_contenders(
    layers: Sequence[int], n_draws: int, backends: Sequence[Backend] = BACKENDS
) -> list[Contender]:
    """Return the engines' block verbs, each with a state of its own, same start."""
    spec, config = setting(layers, n_draws)
    factored = factored_setting(n_draws)
    engine = make_engine(spec, factored, "q16", "c")
    return [
        Contender(
            label_of(arithmetic, backend),
            "engine",
            _block_verb(engine, init_state(spec, config, arithmetic, 0)),
        )
        for arithmetic, backend, engine in engines(layers, n_draws, backends)
    ] + [
        Contender(
            names.FACTORED, "engine", _block_verb(engine, init_state(spec, factored, "q16", 0))
        ),
    ]


def _block_verb(engine: Engine, state: Any) -> Callable[[Images, Labels], object]:
    if isinstance(engine, NativeEngine):
        return lambda x, y: engine.kernel.learn(state, x, y.astype(np.uint32))

    def one_by_one(x: Images, y: Labels) -> None:
        for row, label in zip(x.astype(np.float64), y.tolist(), strict=True):
            engine.learn(state, row, label)

    return one_by_one


def call_contenders(layers: Sequence[int], n_draws: int) -> list[Contender]:
    """Return ``MesuClassifier.learn_one`` on the C engines: one sample a call."""
    spec, config = setting(layers, n_draws)
    made = []
    for arithmetic, backend, _ in engines(layers, n_draws, ("c",)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            learner = MesuClassifier(
                spec.layers,
                classes=range(spec.n_classes),
                arithmetic=arithmetic,
                backend=backend,
                bias=spec.bias,
                front_end=spec.front_end,
                **{k: v for k, v in vars(config).items() if k != "target_window"},
            )
        name = f"{label_of(arithmetic, backend)}, learn_one"
        made.append(Contender(name, "call", _learn_one(learner)))
    return made


def _learn_one(learner: MesuClassifier) -> Callable[[Images, Labels], object]:
    def learn(x: Images, y: Labels) -> None:
        for row, label in zip(x, y.tolist(), strict=True):
            learner.learn_one(row, label)

    return learn


def start_of(layers: Sequence[int], n_draws: int) -> tuple[list[Any], list[Any], MesuConfig]:
    """Return μ and σ of each layer, ``[in, out]``, at the start, and the hyperparameters."""
    spec, config = setting(layers, n_draws)
    state = init_state(spec, config, "float64", 0)
    mu, sigma = (
        [layer_view(spec, state, name, k).copy() for k in range(len(spec.shapes))]
        for name in ("mu", "sigma")
    )
    return mu, sigma, config
