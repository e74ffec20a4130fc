"""Who is measured by speed.py: the engines of this project, and what a user would write instead."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch_loops import LocalLoop, PlainLoop, SgdLoop, WeightLoop

from quant.errors import ConfigError
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.state import ARITHMETICS, Arithmetic, init_state
from streamlearn import MesuClassifier
from streamlearn.engines import Backend, Engine, NativeEngine, make_engine
from streamlearn.reproduce.learners import frac_bits
from streamlearn.torch import MESU, BayesianLinear, bayesian_parameters, monte_carlo, nll_loss

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

BACKENDS: tuple[Backend, ...] = ("c", "numpy")
FACTORED = "q16 factored, C"
TORCH_LOCAL, TORCH_PLAIN = "PyTorch, local, tuned", "PyTorch, local, plain"
TORCH_WEIGHTS = "PyTorch, weight sampling, tuned"
TORCH_AUTOGRAD, TORCH_SGD = "streamlearn.torch, autograd", "PyTorch, SGD, tuned"


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


def setting(layers: Sequence[int], n_draws: int) -> tuple[NetworkSpec, MesuConfig]:
    """Return the network and the hyperparameters of mesu-pmnist, with so many draws."""
    spec = NetworkSpec(tuple(layers), False, "none", mu_frac_bits=frac_bits(tuple(layers)))
    config = MesuConfig(
        memory_window=3e5,
        sigma_prior=1.0,
        mu_init=4.0,
        sigma_init=2.0,
        lr_mu=1.0,
        lr_sigma=1.0,
        n_draws=n_draws,
    )
    return spec, config


def factored_setting(layers: Sequence[int]) -> NetworkSpec:
    """Return the same network with factored variances, whose formats follow by themselves."""
    return NetworkSpec(tuple(layers), False, "none", variance="factored")


def label_of(arithmetic: Arithmetic, backend: Backend) -> str:
    """Return the name of an engine in tables."""
    return f"{arithmetic}, {'C' if backend == 'c' else 'NumPy'}"


def engines(
    layers: Sequence[int], n_draws: int, backends: Sequence[Backend] = BACKENDS
) -> list[tuple[Arithmetic, Backend, Engine]]:
    """Return every engine that there is: all arithmetics, on each backend that has them."""
    spec, config = setting(layers, n_draws)
    found: list[tuple[Arithmetic, Backend, Engine]] = []
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
    factored = factored_setting(layers)
    engine = make_engine(factored, config, "q16", "c")
    return [
        Contender(
            label_of(arithmetic, backend),
            "engine",
            _block_verb(engine, init_state(spec, config, arithmetic, 0)),
        )
        for arithmetic, backend, engine in engines(layers, n_draws, backends)
    ] + [
        Contender(FACTORED, "engine", _block_verb(engine, init_state(factored, config, "q16", 0))),
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
                mu_frac_bits=spec.frac_bits,
                **vars(config),
            )
        name = f"{label_of(arithmetic, backend)}, learn_one"
        made.append(Contender(name, "call", _learn_one(learner)))
    return made


def _learn_one(learner: MesuClassifier) -> Callable[[Images, Labels], object]:
    def learn(x: Images, y: Labels) -> None:
        for row, label in zip(x, y.tolist(), strict=True):
            learner.learn_one(row, label)

    return learn


def torch_local(layers: Sequence[int], n_draws: int) -> Contender:
    """Return the loop that ratios are taken to."""
    return Contender(TORCH_LOCAL, "torch", LocalLoop(*_start(layers, n_draws)).learn)


def torch_contenders(layers: Sequence[int], n_draws: int) -> list[Contender]:
    """Return everything in PyTorch, the loop that ratios are taken to first."""
    mu, sigma, config = _start(layers, n_draws)
    return [
        torch_local(layers, n_draws),
        Contender(TORCH_PLAIN, "torch", PlainLoop(*_start(layers, n_draws)).learn),
        Contender(TORCH_WEIGHTS, "torch", WeightLoop(mu, sigma, config).learn),
        Contender(TORCH_AUTOGRAD, "torch", _autograd(layers, config)),
        Contender(TORCH_SGD, "torch", SgdLoop(layers).learn),
    ]


def _start(layers: Sequence[int], n_draws: int) -> tuple[list[Any], list[Any], MesuConfig]:
    spec, config = setting(layers, n_draws)
    state = init_state(spec, config, "float64", 0)
    mu, sigma = (
        [layer_view(spec, state, name, k).copy() for k in range(len(spec.shapes))]
        for name in ("mu", "sigma")
    )
    return mu, sigma, config


def _autograd(layers: Sequence[int], config: MesuConfig) -> Callable[[Images, Labels], object]:
    """Return the loop of docs/torch.md, at batch 1."""
    net = torch.nn.Sequential(
        BayesianLinear(layers[0], layers[1], bias=False),
        torch.nn.ReLU(),
        BayesianLinear(layers[1], layers[2], bias=False),
    )
    optimizer = MESU(bayesian_parameters(net), config.memory_window, sigma_prior=1.0)

    def learn(x: Images, y: Labels) -> None:
        rows, labels = torch.from_numpy(x).split(1), torch.from_numpy(y).split(1)
        for row, label in zip(rows, labels, strict=True):
            optimizer.zero_grad()
            nll_loss(monte_carlo(net, row, config.n_draws), label).backward()
            optimizer.step()

    return learn
