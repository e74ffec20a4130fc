"""How well novelty_one of every rule tells what was learned from what was not."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.options import add_limit
from experiments.study import Record, Study, say
from experiments.tables import markdown
from quant.rule import RULES
from streamlearn.learners.loading import learner_class
from streamlearn.streams import load_cifar10_gray, load_gas_drift, load_mnist
from streamlearn.uncertainty import auc

KINDS: tuple[str, ...] = tuple(RULES)
#: Hidden units on MNIST, as the other documents have them; 50 for a rule that is not named.
HIDDEN = {"metaplastic": 512}
N_OUTSIDE, N_KNOWN, N_NEAR = 2000, 3000, 1500


def novelty(learner: Any, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the score of each row."""
    return np.array([learner.novelty_one(row) for row in x])


def digits(limit: int | None) -> dict[str, list[float]]:
    """After one pass of MNIST's training images, against pictures of another kind."""
    train, test = load_mnist(), load_mnist("test")
    rng = np.random.default_rng(0)
    outside = {
        "MNIST, pixels permuted": test.x[:N_OUTSIDE, rng.permutation(784)][:limit],
        "CIFAR-10, gray": load_cifar10_gray().x[:N_OUTSIDE][:limit],
        "uniform noise": rng.random((N_OUTSIDE, 784)).astype(np.float32)[:limit],
    }
    lines: dict[str, list[float]] = {name: [] for name in (*outside, "its own mistakes")}
    for kind in KINDS:
        say(f"{kind}, digits")
        layers = (784, HIDDEN.get(kind, 50), 10)
        learner: Any = learner_class(kind, "categorical")(
            layers, classes=range(10), front_end="none"
        )
        learner.learn_many(train.x[:limit], train.y[:limit])
        inside = novelty(learner, test.x[:limit])
        for name, x in outside.items():
            lines[name].append(auc(inside, novelty(learner, x)))
        right = np.array(learner.predict_many(test.x[:limit])) == test.y[:limit]
        lines["its own mistakes"].append(auc(inside[right], inside[~right]))
    return lines


def gases(limit: int | None) -> dict[str, list[float]]:
    """Each gas kept from a learner of the five others; then shown to it."""
    data = load_gas_drift()
    lines: dict[str, list[float]] = {}
    for unseen, gas in enumerate(data.classes):
        say(f"without {gas}")
        known = np.flatnonzero(data.y != unseen)[:N_KNOWN]
        last = int(known[-1])
        near = np.arange(last - N_NEAR, min(last + N_NEAR, len(data.y)))
        new = near[data.y[near] == unseen][:limit]
        old = near[(data.y[near] != unseen) & (near > last)][:limit]
        line = lines.setdefault(f"{gas}, never seen", [])
        for kind in KINDS:
            learner: Any = learner_class(kind, "categorical")((128, 128, 6), classes=range(6))
            learner.learn_many(data.x[known], data.y[known])
            line.append(auc(novelty(learner, data.x[old]), novelty(learner, data.x[new])))
    lines["mean of the six gases"] = np.mean(list(lines.values()), axis=0).tolist()
    return lines


def measure(options: argparse.Namespace) -> Record:
    """Learn both streams with every rule, and look at what each had not learned."""
    lines = {**digits(options.limit_samples), **gases(options.limit_samples)}
    rows = [
        {"outside": name, "auc": [round(area, 4) for area in areas]}
        for name, areas in lines.items()
    ]
    return {"rules": list(KINDS), "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: areas under the ROC curve."""
    rows = [[row["outside"], *(f"{area:.3f}" for area in row["auc"])] for row in record["rows"]]
    return {"table": markdown(["unlike what was learned", *record["rules"]], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_limit(parser, 100, "of each set")


STUDY = Study("novelty", measure, tables, add_options)
