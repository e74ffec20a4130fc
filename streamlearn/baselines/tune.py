"""Measure the baselines on the bundled stream: ``python -m streamlearn.baselines.tune``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from streamlearn.baselines.river_adapter import RiverClassifier, available
from streamlearn.baselines.sgd_mlp import BEST_LR, SgdMlpClassifier
from streamlearn.evaluation import evaluate, majority_accuracy, no_change_accuracy
from streamlearn.streams.gas_drift import load_gas_drift

LEARNING_RATES = (0.001, 0.002, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.3)
HIDDEN = 32


def sgd_accuracy(lr: float = BEST_LR, seed: int = 0) -> tuple[float, float]:
    """Return prequential accuracy and seconds of one run on the gas stream.

    Parameters
    ----------
    lr
        Learning rate.
    seed
        Seed of both the stream's order and the initial weights.

    Returns
    -------
    tuple of float
        Accuracy in [0, 1] over all 6,697 samples; seconds inside the learner.
    """
    stream = load_gas_drift(seed)
    layers = (stream.n_features, HIDDEN, stream.n_classes)
    with np.errstate(over="ignore", invalid="ignore"):  # too large a rate diverges: that is data
        result = evaluate(SgdMlpClassifier(layers, lr, seed), stream)
    return result.accuracy, result.seconds


def river_candidates() -> dict[str, Any]:
    """Return the River models that the default was chosen from, fresh, by name."""
    forest, linear_model, multiclass, preprocessing = (
        import_module(f"river.{name}")
        for name in ("forest", "linear_model", "multiclass", "preprocessing")
    )
    models = {
        "AMFClassifier, 5 trees": forest.AMFClassifier(n_estimators=5, seed=0),
        "AMFClassifier, 10 trees": forest.AMFClassifier(n_estimators=10, seed=0),
        "ARFClassifier, 10 trees": forest.ARFClassifier(n_models=10, seed=0),
        "one-vs-rest PAClassifier, C = 0.01": multiclass.OneVsRestClassifier(
            linear_model.PAClassifier(C=0.01)
        ),
        "SoftmaxRegression": linear_model.SoftmaxRegression(),
    }
    return {name: preprocessing.StandardScaler() | model for name, model in models.items()}


def print_river(seeds: Sequence[int]) -> None:
    """Print the accuracy and time of River's models: the default on each seed, others on 0.

    Parameters
    ----------
    seeds
        Seeds of the stream's order.
    """
    print("| River model | stream seed | accuracy % | seconds |\n|---|---|---|---|")
    runs = [("default: 1-NN of the last 500", RiverClassifier(), seed) for seed in seeds]
    runs += [(name, RiverClassifier(model), 0) for name, model in river_candidates().items()]
    for name, learner, seed in runs:
        result = evaluate(learner, load_gas_drift(seed))
        accuracy = 100 * result.accuracy
        print(f"| {name} | {seed} | {accuracy:.2f} | {result.seconds:.1f} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables of docs/data.md; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m streamlearn.baselines.tune")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 0")
    parser.add_argument("--lr", type=float, nargs="+", default=LEARNING_RATES)
    parser.add_argument("--river", action="store_true", help="measure River as well")
    options = parser.parse_args(arguments)

    seeds = range(options.seeds)
    print(f"SGD MLP 128-{HIDDEN}-6, prequential accuracy in %, seeds 0..{options.seeds - 1}")
    print("| lr | mean | min | max | seconds a run |\n|---|---|---|---|---|")
    for lr in options.lr:
        accuracies, seconds = np.array([sgd_accuracy(lr, seed) for seed in seeds]).T
        low, high = 100 * accuracies.min(), 100 * accuracies.max()
        mean = 100 * accuracies.mean()
        print(
            f"| {lr:g} | {mean:.2f} | {low:.2f} | {high:.2f} | {seconds.mean():.2f} |", flush=True
        )
    for name, function in (("no-change", no_change_accuracy), ("majority", majority_accuracy)):
        values = 100 * np.array([function(load_gas_drift(seed).y) for seed in seeds])
        print(f"{name}: mean {values.mean():.2f}, {values.min():.2f} to {values.max():.2f}")
    if options.river:
        if not available():
            print("error: River is not installed; `pip install river`", file=sys.stderr)
            return 1
        print_river(seeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
