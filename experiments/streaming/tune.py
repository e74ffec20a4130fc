"""Tune the float network and MESU for the streaming comparison, on training images alone.

    python -m streamlearn.reproduce.streaming_tune [--algorithm mlp] [--width 512] [--tasks 10]

Permuted tasks of the first 50,000 training images; accuracies on the last 10,000. The outcome is in
:mod:`streamlearn.reproduce.streaming_settings`, which takes the best mean of ten tasks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from streamlearn.errors import DivergedError
from streamlearn.reproduce.pmnist import Permutations
from streamlearn.reproduce.streaming import LEARNERS, Digits, load_digits, split_for_validation
from streamlearn.reproduce.streaming_settings import (
    MESU_DRAWS,
    MESU_SHARE,
    MESU_WINDOW,
    MLP_LR,
    N_CLASSES,
    N_FEATURES,
    WIDTHS,
    StreamingSetting,
)

RATES = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02)
WINDOWS = (3e5, 6e5, 1.2e6, 2.4e6, 1e15)


def candidates(algorithm: str, width: int) -> Iterator[tuple[str, StreamingSetting]]:
    """Yield what is tried, with its name."""
    hidden = width // MESU_SHARE if algorithm == "mesu-q16" else width
    layers = (N_FEATURES, hidden, N_CLASSES)
    if algorithm == "mlp":
        for lr in RATES:
            yield f"lr {lr:g}", StreamingSetting("mlp", layers, width=width, lr=lr)
    elif algorithm == "mesu-q16":
        for window in WINDOWS:
            setting = StreamingSetting(algorithm, layers, window, MESU_DRAWS, width)
            yield f"N {window:g}", setting
    else:
        lr, window = MLP_LR[width], MESU_WINDOW[width]
        yield "as it is", StreamingSetting(algorithm, layers, window, MESU_DRAWS, width, lr)


def validate(setting: StreamingSetting, seed: int, digits: Digits, n_tasks: int) -> list[float]:
    """Return the accuracy on every task after the last, in %."""
    learner, orders = LEARNERS[setting.algorithm](setting, seed), Permutations(seed, N_FEATURES)
    for task in range(n_tasks):
        learner.learn(np.take(digits.train, orders[task], axis=1), digits.train_labels)
    found = []
    for task in range(n_tasks):
        images = np.take(digits.test, orders[task], axis=1)
        right = learner.classify(images, (seed, 3, n_tasks)) == digits.test_labels
        found.append(100 * float(np.mean(right)))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line of a table a candidate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithm", choices=LEARNERS, nargs="+", default=["mlp", "mesu-q16"])
    parser.add_argument("--width", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=1)
    chosen = parser.parse_args(arguments)
    digits = split_for_validation(load_digits())
    print("| | width | | seeds | mean % | last % |\n|---|---:|---|---:|---:|---:|", flush=True)
    for algorithm in chosen.algorithm:
        for width in chosen.width:
            for name, setting in candidates(algorithm, width):
                try:
                    runs = np.array(
                        [validate(setting, s, digits, chosen.tasks) for s in range(chosen.seeds)]
                    )
                    cells = f"{runs.mean():.2f} | {runs[:, -1].mean():.2f}"
                except DivergedError:
                    cells = "diverges | –"
                print(f"| {algorithm} | {width} | {name} | {chosen.seeds} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
