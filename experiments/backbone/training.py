"""Backbones of a problem: in floats, in integers, and of all classes together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # type: ignore[import-not-found, unused-ignore]

from experiments.backbone.problems import Floats, Problem
from quant.backbone import Backbone, CodeFormat
from quant.backbone.golden import features
from streamlearn.torch.backbone import (
    Chain,
    Conv,
    Part,
    Pool,
    float_backbone,
    freeze,
    layers_of,
    pretrain,
    quantised,
)

_BATCH, _RATE, _LATER_RATE = 64, 2e-3, 1e-3


def parts_of(problem: Problem) -> tuple[Part, ...]:
    """Return the layers: two convolutions and a maximum."""
    return Conv(8, 5, 2, 2), Conv(problem.channels, 3, 2, 1), Pool(2, 2)


@dataclass(frozen=True, eq=False)
class Trained:
    """A backbone in floats, and the same, trained on with quantisation, in integers."""

    net: Chain
    backbone: Backbone


def train(problem: Problem, seed: int) -> Trained:
    """Train a backbone on what it may see."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.from_numpy(part[problem.old]) for part in (problem.x, problem.y))
    net = float_backbone(problem.shape, parts_of(problem), generator)
    more: dict[str, Any] = {
        "batch": _BATCH,
        "rotations": problem.rotations,
        "generator": generator,
    }
    later = {"epochs": problem.epochs // 2, "learning_rate": _LATER_RATE, **more}
    pretrain(net, x, y, epochs=problem.epochs, learning_rate=_RATE, **more)
    aware = quantised(net, x, CodeFormat(problem.bits, problem.frac_bits))
    pretrain(aware, x, y, **later)
    pretrain(net, x, y, **later)
    return Trained(net, freeze(aware))


def joint(problem: Problem, seed: int) -> npt.NDArray[np.int64]:
    """Train the same layers and a classifier on everything, in floats; return what it predicts."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    net = float_backbone(problem.shape, parts_of(problem), generator)
    x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)
    epochs = problem.epochs + problem.epochs // 2
    more: dict[str, Any] = {"batch": _BATCH, "learning_rate": _RATE, "generator": generator}
    head = pretrain(net, x, y, epochs=epochs, **more)
    with torch.no_grad():
        found: npt.NDArray[np.int64] = head(net(torch.from_numpy(problem.test_x))).argmax(1).numpy()
    return found


def float_features(net: Chain, x: Floats) -> Floats:
    """Return the features of a network in floats."""
    with torch.no_grad():
        given = torch.from_numpy(x)
        parts = [net(given[i : i + 1000]).numpy() for i in range(0, len(x), 1000)]
    return np.concatenate(parts)


def torch_differs(backbone: Backbone, x: Floats) -> int:
    """Return how many features of Brevitas layers are other bits than the golden model's."""
    found = float_features(layers_of(backbone), x).view(np.uint32)
    return int(np.count_nonzero(found != features(backbone, x).view(np.uint32)))
