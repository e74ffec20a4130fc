"""The metaplastic learner on the gas stream, beside SGD and MESU.

Every learner is tested on a sample, then learns it: all 6,697, once, at batch 1. A seed is that of
an order of the stream, where the recorded batches keep their place and are shuffled inside
(:func:`streamlearn.streams.load_gas_drift`), and of the learner's start and draws. The metaplastic
learner has the library's defaults; of the others the setting with the best mean *on these very
runs* counts, which favours them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.options import add_limit, add_seeds, seeds_of
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.baselines import OnlineClassifier, SgdMlpClassifier
from streamlearn.evaluation import evaluate
from streamlearn.streams import Stream, load_gas_drift

#: Hidden units of MESU and SGD, and those that the metaplastic learner has in MESU's bytes.
HIDDEN, SAME_BYTES = 32, 128
RATES = (0.003, 0.005, 0.007, 0.01, 0.015, 0.02)
WINDOWS = (1e4, 3e4, 1e5, 3e5, 1e6)


@dataclass(frozen=True)
class Candidate:
    """A learner with its settings.

    Attributes
    ----------
    name, setting : str
    layers : tuple of int
    make : callable
        Takes a seed, returns a fresh learner.
    """

    name: str
    setting: str
    layers: tuple[int, ...]
    make: Callable[[int], OnlineClassifier]


@dataclass(frozen=True)
class Found:
    """Accuracy of each seed in %, and the bytes of state."""

    candidate: Candidate
    accuracies: tuple[float, ...]
    state_bytes: int

    @property
    def mean(self) -> float:
        """Mean over the seeds, in %."""
        return float(np.mean(self.accuracies))

    def row(self) -> Record:
        """Return the plain values of the row."""
        return {
            "learner": self.candidate.name,
            "setting": self.candidate.setting,
            "layers": "-".join(map(str, self.candidate.layers)),
            "state_bytes": self.state_bytes,
            "accuracies": list(self.accuracies),
        }


def metaplastic(layers: tuple[int, ...], setting: str, **options: Any) -> Candidate:
    """Return the metaplastic learner, with defaults but for what is named."""

    def make(seed: int) -> OnlineClassifier:
        return MetaplasticClassifier(layers, classes=range(layers[-1]), seed=seed, **options)

    arithmetic = options.get("arithmetic", "q8")
    return Candidate(f"metaplastic, {arithmetic}", setting, layers, make)


def mesu(layers: tuple[int, ...], memory_window: float) -> Candidate:
    """Return MESU in 16 bits, with defaults but for the window."""

    def make(seed: int) -> OnlineClassifier:
        classes = range(layers[-1])
        return MesuClassifier(layers, classes=classes, seed=seed, memory_window=memory_window)

    return Candidate("MESU, q16", f"N = {memory_window:,.0f}", layers, make)


def sgd(layers: tuple[int, ...], lr: float) -> Candidate:
    """Return the float network behind the same standardised inputs."""
    return Candidate(
        "SGD, float64", f"lr {lr:g}", layers, lambda seed: SgdMlpClassifier(layers, lr, seed)
    )


def state_bytes(learner: OnlineClassifier) -> int:
    """Return the bytes of everything that later samples depend on."""
    if isinstance(learner, SgdMlpClassifier):
        front = (learner.standardizer.mean, learner.standardizer.variance)
        return sum(a.nbytes for a in (*learner.weights, *(learner.biases or ()), *front))
    assert isinstance(learner, MesuClassifier | MetaplasticClassifier)
    return int(learner.state.nbytes)


def measure_one(candidate: Candidate, streams: Mapping[int, Stream]) -> Found:
    """Run a candidate over every stream, by its seed."""
    accuracies = []
    for seed, stream in streams.items():
        learner = candidate.make(seed)
        accuracies.append(round(100 * evaluate(learner, stream).accuracy, 4))
    return Found(candidate, tuple(accuracies), state_bytes(learner))


def best_of(candidates: Iterable[Candidate], streams: Mapping[int, Stream]) -> Found:
    """Measure all, say each, and return the one with the best mean."""
    found = []
    for candidate in candidates:
        found.append(measure_one(candidate, streams))
        layers = "-".join(map(str, candidate.layers))
        say(f"{candidate.name}, {layers}, {candidate.setting}: {found[-1].mean:.2f}")
    return max(found, key=lambda one: one.mean)


def measure(options: argparse.Namespace) -> Record:
    """Measure every learner; of MESU and SGD the best of a scan."""
    limit = options.limit_samples
    streams = {seed: load_gas_drift(seed, limit) for seed in seeds_of(options)}
    first = next(iter(streams.values()))
    n_in, n_out = first.n_features, first.n_classes
    small, wide = ((n_in, hidden, n_out) for hidden in (HIDDEN, SAME_BYTES))
    fixed = (
        metaplastic(wide, "defaults"),
        metaplastic(wide, "without bias", bias=False),
        metaplastic(wide, "defaults", arithmetic="float64"),
        metaplastic(small, "defaults"),
    )
    scans = [
        [mesu(small, window) for window in WINDOWS],
        [sgd(small, lr) for lr in RATES],
        [sgd(wide, lr) for lr in RATES],
    ]
    found = [best_of([one], streams) for one in fixed] + [best_of(scan, streams) for scan in scans]
    return {
        "samples": len(first.y),
        "seeds": list(streams),
        "rows": [one.row() for one in found],
    }


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table, with the gap to the best mean."""
    best = max(float(np.mean(row["accuracies"])) for row in record["rows"])
    rows = []
    for row in record["rows"]:
        low, high = min(row["accuracies"]), max(row["accuracies"])
        rows.append(
            [
                *(row[key] for key in ("learner", "setting", "layers")),
                f"{row['state_bytes']:,}",
                cell(row["accuracies"]),
                f"{low:.2f} to {high:.2f}",
                f"{np.mean(row['accuracies']) - best:+.2f}",
            ]
        )
    head = ["learner", "setting", "layers", "bytes of state", "accuracy %", "range", "to the best"]
    return {"table": markdown(head, rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options; a seed is an order of the stream too."""
    add_seeds(parser, 5)
    add_limit(parser, 2, "of the stream")


STUDY = Study("metaplastic-gas", measure, tables, add_options)
