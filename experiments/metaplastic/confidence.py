"""How sure the metaplastic learner is: calibration, novelty, out-of-distribution images and gases.

Test images are looked at once, after all is chosen.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.blocks import learn_block
from experiments.options import add_limit
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import MetaplasticClassifier
from streamlearn.streams import load_cifar10_gray, load_gas_drift, load_mnist
from streamlearn.uncertainty import auc, expected_calibration_error

Floats = npt.NDArray[np.float64]
Scores = dict[str, Floats]
N_OUTSIDE, N_KNOWN, N_NEAR = 2000, 3000, 1500
HIDDEN, GAS_HIDDEN = 512, 128
GATES = {"n_blocks": 16, "n_active": 8}


def scores_of(learner: MetaplasticClassifier, x: npt.NDArray[np.float32]) -> tuple[Floats, Scores]:
    """Return the probabilities of each row, and its scores of being unlike what was learned."""
    p = np.array([list(learner.predict_proba_one(row).values()) for row in x])
    entropy = -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1) / np.log(p.shape[1])
    novelty = np.array([learner.novelty_one(row) for row in x])
    return p, {
        "1 - largest p": 1 - p.max(axis=1),
        "entropy": entropy,
        "undecided units": (3 * novelty - entropy) / 2,
        "novelty": novelty,
    }


def areas(inside: Scores, outside: Scores) -> list[float]:
    """Return the AUC of each score, inside against outside."""
    return [round(auc(inside[name], outside[name]), 4) for name in inside]


def measure(options: argparse.Namespace) -> Record:
    """Calibration on MNIST's test images, and AUCs of what is unlike what was learned."""
    train, test = load_mnist(), load_mnist("test")
    n: int | None = options.limit_samples
    x, y = test.x[:n], test.y[:n]
    say("MNIST")
    learner = MetaplasticClassifier((784, HIDDEN, 10), classes=range(10), front_end="none")
    learn_block(learner, train.x[:n], train.y[:n])
    p, inside = scores_of(learner, x)
    temperature = temperature_of(learner)
    rng = np.random.default_rng(0)
    n_outside = min(N_OUTSIDE, len(x))
    outside: dict[str, npt.NDArray[np.float32]] = {
        "MNIST, pixels permuted": x[:n_outside, rng.permutation(784)],
        "CIFAR-10, gray": load_cifar10_gray().x[:n_outside],
        "uniform noise": rng.random((n_outside, 784)).astype(np.float32),
    }
    rows = {name: areas(inside, scores_of(learner, some)[1]) for name, some in outside.items()}
    wrong = p.argmax(axis=1) != y
    rows["its own mistakes"] = areas(
        {name: values[~wrong] for name, values in inside.items()},
        {name: values[wrong] for name, values in inside.items()},
    )
    rows |= gases(n, {})
    calibrated = [
        {"learned": f"784-{HIDDEN}-10, MNIST, test images", **calibration(p, y, temperature)}
    ]
    layers = f"128-{GAS_HIDDEN}-6"
    for name, gates in {
        "": {},
        f", {GATES['n_active']} of {GATES['n_blocks']} blocks": GATES,
    }.items():
        say(f"gas stream{name}")
        line = calibration(*prequential(gates, n))
        calibrated.append({"learned": f"{layers}{name}, gas stream, before each update", **line})
    return {
        "calibrated": calibrated,
        "scores": list(inside),
        "rows": [{"outside": name, "auc": found} for name, found in rows.items()],
        "gated": [{"outside": name, "auc": found} for name, found in gases(n, GATES).items()],
    }


def calibration(
    p: Floats, y: npt.NDArray[np.int64], temperature: float | Floats
) -> dict[str, float | None]:
    """Return accuracy, T where it is one, and the calibration error with it and at T = 1."""
    raw = p ** np.asarray(temperature).reshape(-1, 1)
    raw /= raw.sum(axis=1, keepdims=True)
    return {
        "accuracy": round(100 * float(np.mean(p.argmax(axis=1) == y)), 2),
        "temperature": round(temperature, 4) if isinstance(temperature, float) else None,
        "error_at_1": round(expected_calibration_error(raw, y), 4),
        "error": round(expected_calibration_error(p, y), 4),
    }


def prequential(
    gates: Mapping[str, Any], limit: int | None
) -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    """Return what a learner of the gas stream says before each update, the labels, and its T."""
    gas = load_gas_drift(limit=limit)
    learner = MetaplasticClassifier((128, GAS_HIDDEN, 6), classes=range(6), **gates)
    said, temperatures = [], []
    for x, label in zip(gas.x, gas.y.tolist(), strict=True):
        said.append(list(learner.predict_proba_one(x).values()))
        temperatures.append(temperature_of(learner))
        learner.learn_one(x, label)
    return np.array(said), gas.y, np.array(temperatures)


def temperature_of(learner: MetaplasticClassifier) -> float:
    """Return T, which divides the logits."""
    return float(2.0 ** (int(learner.state["log_temperature"][0]) / 65536))


def gases(limit: int | None, gates: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the AUCs of each gas kept from a learner of the five others, then shown to it."""
    gas = load_gas_drift()
    found = {}
    for unseen, name in enumerate(gas.classes):
        say(f"without {name}")
        learner = MetaplasticClassifier((128, GAS_HIDDEN, 6), classes=range(6), **gates)
        known = np.flatnonzero(gas.y != unseen)[:N_KNOWN]
        learn_block(learner, gas.x[known][:limit], gas.y[known][:limit])
        near = np.arange(known[-1] - N_NEAR, min(known[-1] + N_NEAR, len(gas.y)))
        new = near[gas.y[near] == unseen][:limit]
        old = near[(gas.y[near] != unseen) & (near > known[-1])][:limit]
        inside, outside = scores_of(learner, gas.x[old])[1], scores_of(learner, gas.x[new])[1]
        found[f"{name}, never seen"] = areas(inside, outside)
    mean = np.mean(list(found.values()), axis=0)
    return {**found, "mean of the six gases": [round(float(value), 4) for value in mean]}


def tables(record: Record) -> Mapping[str, str]:
    """Return the tables of AUCs, of all units and of gated ones, and that of the calibration."""

    def table(rows: list[dict[str, Any]]) -> str:
        cells = [[row["outside"], *(f"{area:.3f}" for area in row["auc"])] for row in rows]
        return markdown(["unlike what was learned", *record["scores"]], cells)

    lines = [
        [
            line["learned"],
            f"{line['accuracy']:.2f}",
            f"{line['temperature']:.3f}" if line["temperature"] else "",
            f"{line['error_at_1']:.4f}",
            f"{line['error']:.4f}",
        ]
        for line in record["calibrated"]
    ]
    head = ["learned", "accuracy, %", "T at the end", "ECE at T = 1", "calibrated"]
    return {
        "table": table(record["rows"]),
        "gated": table(record["gated"]),
        "calibration": markdown(head, lines),
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_limit(parser, 100, "of each set")


STUDY = Study("metaplastic-confidence", measure, tables, add_options)
