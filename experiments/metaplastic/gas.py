"""The metaplastic learner on the gas stream, beside SGD and MESU: the table of docs/binarized.md.

python benchmarks/metaplastic_gas.py [--seeds 5]

Every learner is tested on a sample, then learns it: all 6,697, once, at batch 1. A seed is that of
an order of the stream, where the recorded batches keep their place and are shuffled inside
(:func:`streamlearn.streams.load_gas_drift`), and of the learner's start and draws. The metaplastic
learner has the library's defaults; of the others the setting with the best mean *on these very
runs* counts, which favours them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from benchmarks_machine import machine

from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.baselines import OnlineClassifier, SgdMlpClassifier
from streamlearn.prequential import evaluate
from streamlearn.reproduce.tables import markdown
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

    def cells(self, best: float) -> list[str]:
        """Return the row of the table; `best` is the mean that the gap is taken to."""
        low, high = min(self.accuracies), max(self.accuracies)
        spread = f" ± {np.std(self.accuracies, ddof=1):.2f}" if len(self.accuracies) > 1 else ""
        return [
            self.candidate.name,
            self.candidate.setting,
            "-".join(map(str, self.candidate.layers)),
            f"{self.state_bytes:,}",
            f"{self.mean:.2f}{spread}",
            f"{low:.2f} to {high:.2f}",
            f"{self.mean - best:+.2f}",
        ]


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


def measure(candidate: Candidate, streams: Sequence[Stream]) -> Found:
    """Run a candidate over every stream, the number of the stream its seed."""
    accuracies = []
    for seed, stream in enumerate(streams):
        learner = candidate.make(seed)
        accuracies.append(100 * evaluate(learner, stream).accuracy)
    return Found(candidate, tuple(accuracies), state_bytes(learner))


def best_of(candidates: Iterable[Candidate], streams: Sequence[Stream]) -> Found:
    """Measure all, print each, and return the one with the best mean."""
    found = []
    for candidate in candidates:
        found.append(measure(candidate, streams))
        layers = "-".join(map(str, candidate.layers))
        print(f"{candidate.name}, {layers}, {candidate.setting}: {found[-1].mean:.2f}", flush=True)
    return max(found, key=lambda one: one.mean)


def main() -> None:
    """Print the scans, the table, and the machine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="orders of the stream, from 0")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: expected 1 or more")
    streams = [load_gas_drift(seed) for seed in range(options.seeds)]
    n_in, n_out = streams[0].n_features, streams[0].n_classes
    small, wide = ((n_in, hidden, n_out) for hidden in (HIDDEN, SAME_BYTES))
    rows = [
        measure(metaplastic(wide, "defaults"), streams),
        measure(metaplastic(wide, "without bias", bias=False), streams),
        measure(metaplastic(wide, "defaults", arithmetic="float64"), streams),
        measure(metaplastic(small, "defaults"), streams),
        best_of((mesu(small, window) for window in WINDOWS), streams),
        *(
            best_of((sgd(layers, lr) for lr in RATES), streams)
            for layers in (small, wide)
        ),
    ]  # fmt: skip
    best = max(row.mean for row in rows)
    head = ["learner", "setting", "layers", "bytes of state", "accuracy %", "range"]
    print()
    print(markdown([*head, "to the best"], [row.cells(best) for row in rows]), end="")
    print(f"\n{options.seeds} orders of {len(streams[0].y):,} samples; {machine()}")


if __name__ == "__main__":
    main()
