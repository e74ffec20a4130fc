"""What is measured of the metaplastic learner: beside float networks and its own origin.

The published recipe is the authors' optimizer and layers (streamlearn.torch), with batches of 100
as they have it, and with batches of 1, where instance normalisation has to stand for batch
normalisation. All have one hidden layer and learn MNIST's pixels in [0, 1], mostly zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # type: ignore[import-not-found, unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from experiments.compiler import compiled
from experiments.metaplastic.settings import BATCH, LR, WEIGHT_DECAY, recipe_of
from experiments.speed.contenders import Contender, Images, Labels
from experiments.speed.names import (
    CALL,
    FLOAT,
    FLOAT_TORCH,
    METAPLASTIC,
    PUBLISHED,
    PUBLISHED_ONE,
)
from experiments.speed.rounds import Row, Say, in_rounds
from experiments.speed.torch_sgd import SgdLoop
from experiments.streaming import kernels
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.state import weight_view
from quant.state import init_state
from streamlearn import MetaplasticClassifier
from streamlearn.torch import BinaryLayer, MetaplasticAdam, binary_mlp
from streamlearn.torch.binary import Normalisation

Arrays = list[npt.NDArray[Any]]
NETWORKS = ((784, 200, 10), (784, 512, 10))
#: Of both float networks; their speed does not depend on it.
SGD_LR = 0.003
#: Samples learned before changes are counted, and steps over which they are. Of the published
#: recipe fewer: its momentum moves the weights from the first step on.
COUNT_AFTER, COUNT_AFTER_PUBLISHED, COUNT_STEPS = 20_000, 2000, 500


@dataclass(frozen=True)
class Watched(Contender):
    """A contender whose weights can be looked at, for what a step changes.

    Attributes
    ----------
    weights : callable
        Returns the arrays themselves or copies; None where it is another contender's rule.
    batch : int
        Samples of a step.
    """

    weights: Callable[[], Arrays] | None = None
    batch: int = 1


def contenders(layers: Sequence[int]) -> list[Watched]:
    """Return everything that is measured on one network, each at its start."""
    return [
        _kernel(layers),
        _calls(layers),
        _float(layers),
        _float_torch(layers),
        _published(layers, "batch", BATCH),
        _published(layers, "instance", 1),
    ]


def _kernel(layers: Sequence[int]) -> Watched:
    spec = NetworkSpec(tuple(layers), False, "none")
    config = MetaplasticConfig()
    kernel, state = NativeKernel(spec, config, "q8"), init_state(spec, config, "q8", 0)
    return Watched(
        METAPLASTIC,
        "engine",
        lambda x, y: kernel.learn(state, x, y.astype(np.uint32)),
        lambda: [weight_view(spec, state, layer) for layer in range(len(spec.shapes))],
    )


def _calls(layers: Sequence[int]) -> Watched:
    learner = MetaplasticClassifier(layers, classes=range(layers[-1]), front_end="none")

    def learn(x: Images, y: Labels) -> None:
        for row, label in zip(x, y.tolist(), strict=True):
            learner.learn_one(row, label)

    return Watched(CALL, "call", learn)


def _float(layers: Sequence[int]) -> Watched:
    rng = np.random.default_rng(0)
    n_in, n_hidden, n_out = layers
    w1, w2 = (
        (rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
        for shape in ((n_in, n_hidden), (n_hidden, n_out))
    )
    learn = compiled(kernels.learn_mlp)
    lr = np.float32(SGD_LR)
    return Watched(FLOAT, "float", lambda x, y: learn(lr, w1, w2, x, y), lambda: [w1, w2])


def _float_torch(layers: Sequence[int]) -> Watched:
    loop = SgdLoop(layers, SGD_LR)
    return Watched(FLOAT_TORCH, "float", loop.learn, lambda: [w.numpy() for w in loop.weights])


def _published(layers: Sequence[int], normalisation: Normalisation, batch: int) -> Watched:
    """Return the authors' network and optimizer; samples wait until a batch is full."""
    generator = torch.Generator().manual_seed(0)
    net = binary_mlp(layers, normalisation=normalisation, generator=generator)
    m = recipe_of("m1.35").metaplasticity
    optimizer = MetaplasticAdam(
        net.parameters(), LR, m, weight_decay=WEIGHT_DECAY, check_gradients=False
    )
    rows, labels = torch.empty(batch, layers[0]), torch.empty(batch, dtype=torch.int64)
    waiting = 0

    def learn(x: Images, y: Labels) -> None:
        nonlocal waiting
        images, targets = torch.from_numpy(x), torch.from_numpy(y)
        at = 0
        while at < len(y):
            n = min(batch - waiting, len(y) - at)
            rows[waiting : waiting + n] = images[at : at + n]
            labels[waiting : waiting + n] = targets[at : at + n]
            waiting, at = (waiting + n) % batch, at + n
            if waiting == 0:
                optimizer.zero_grad()
                loss: Any = functional.cross_entropy(net(rows), labels)
                loss.backward()
                optimizer.step()

    binary = [layer for layer in net if isinstance(layer, BinaryLayer)]
    return Watched(
        PUBLISHED if batch > 1 else PUBLISHED_ONE,
        "published",
        learn,
        lambda: [layer.weight.detach().numpy() for layer in binary],
        batch,
    )


def measure_changes(one: Watched, x: Images, y: Labels, after: int, steps: int) -> Row:
    """Count the weights that a step changes, once `after` samples are learned.

    Returns
    -------
    dict
        ``synapses``; ``changed``, the mean number a step; ``changing``, the share of the steps that
        change any. Nothing where the contender's weights are not watched.
    """
    if one.weights is None:
        return {}
    after -= after % one.batch
    one.learn(x[:after], y[:after])
    changed = []
    for start in range(after, min(after + steps * one.batch, len(y) - one.batch + 1), one.batch):
        before = [w.copy() for w in one.weights()]
        one.learn(x[start : start + one.batch], y[start : start + one.batch])
        pairs = zip(before, one.weights(), strict=True)
        changed.append(sum(int(np.count_nonzero(a != b)) for a, b in pairs))
    return {
        "synapses": sum(w.size for w in one.weights()),
        "changed": float(f"{np.mean(changed):.4g}"),
        "changing": float(f"{np.mean(np.array(changed) > 0):.4g}"),
    }


def measure_metaplastic(x: Images, y: Labels, rounds: int, round_s: float, say: Say) -> list[Row]:
    """Speed of all contenders in turn, and what a step of each changes, by the network."""
    found = []
    for layers in NETWORKS:
        say(f"{'-'.join(map(str, layers))}, binary and float")
        speeds = in_rounds(contenders(layers), x, y, rounds, round_s)
        for one, row in zip(contenders(layers), speeds, strict=True):
            after = COUNT_AFTER_PUBLISHED if one.group == "published" else COUNT_AFTER
            changes = measure_changes(one, x, y, after, COUNT_STEPS)
            found.append({"layers": list(layers), "batch": one.batch, **row, **changes})
    return found
