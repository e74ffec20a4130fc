"""How well novelty_one of every classifier tells what was learned from what was not: AUCs.

python benchmarks/novelty.py [gas | mnist]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.rule import RULES
from streamlearn import MetaplasticClassifier
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.loading import learner_class
from streamlearn.streams import load_cifar10_gray, load_gas_drift, load_mnist
from streamlearn.uncertainty import auc

KINDS: tuple[Any, ...] = tuple(learner_class(name, "categorical") for name in RULES)
#: Hidden units on MNIST, as the other documents have them: one byte per synapse buys more of them.
HIDDEN = {MetaplasticClassifier: 512}
N_OUTSIDE = 2000


def novelty(learner: StreamClassifier, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the score of each row."""
    return np.array([learner.novelty_one(row) for row in x])


def table(lines: dict[str, list[float]]) -> None:
    """Print a line for each kind of input, a column for each class."""
    print("| unlike what was learned | " + " | ".join(kind.__name__ for kind in KINDS) + " |")
    print("|---|" + "---|" * len(KINDS))
    for name, scores in lines.items():
        print(f"| {name} | " + " | ".join(f"{score:.3f}" for score in scores) + " |", flush=True)


def mnist() -> None:
    """After one pass of the training images, against pictures of another kind."""
    train, test = load_mnist(), load_mnist("test")
    rng = np.random.default_rng(0)
    outside = {
        "MNIST, pixels permuted": test.x[:N_OUTSIDE, rng.permutation(784)],
        "CIFAR-10, gray": load_cifar10_gray().x[:N_OUTSIDE],
        "uniform noise": rng.random((N_OUTSIDE, 784)).astype(np.float32),
    }
    lines: dict[str, list[float]] = {name: [] for name in (*outside, "its own mistakes")}
    for kind in KINDS:
        layers = (784, HIDDEN.get(kind, 50), 10)
        learner = kind(layers, classes=range(10), front_end="none")
        learner.learn_many(train.x, train.y)
        inside = novelty(learner, test.x)
        for name, x in outside.items():
            lines[name].append(auc(inside, novelty(learner, x)))
        right = np.array(learner.predict_many(test.x)) == test.y
        lines["its own mistakes"].append(auc(inside[right], inside[~right]))
    table(lines)


def gas() -> None:
    """Each gas kept from a learner of the five others; then shown to it."""
    data = load_gas_drift()
    lines: dict[str, list[float]] = {}
    for unseen, gas_name in enumerate(data.classes):
        known = np.flatnonzero(data.y != unseen)[:3000]
        last = int(known[-1])
        near = np.arange(last - 1500, min(last + 1500, len(data.y)))
        new = near[data.y[near] == unseen]
        old = near[(data.y[near] != unseen) & (near > last)]
        line = lines.setdefault(f"{gas_name}, never seen", [])
        for kind in KINDS:
            learner = kind((128, 128, 6), classes=range(6))
            learner.learn_many(data.x[known], data.y[known])
            line.append(auc(novelty(learner, data.x[old]), novelty(learner, data.x[new])))
    lines["mean of the six gases"] = np.mean(list(lines.values()), axis=0).tolist()
    table(lines)


PARTS: dict[str, Callable[[], None]] = {"gas": gas, "mnist": mnist}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
