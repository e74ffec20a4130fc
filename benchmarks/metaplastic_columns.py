"""How many columns the metaplastic learner needs: a table of docs/binarized.md.

python benchmarks/metaplastic_columns.py

Streams nobody has seen, made by a seed: columns of scales from 1e-12 to 1e12 with offsets, and two
that never change; the label is which third the sum of all columns, with random weights, lies in.
Every learner has the library's defaults and is tested on a sample, then learns it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from benchmarks_machine import machine

from quant.native import NativeKernel
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.reproduce.tables import markdown

Floats = npt.NDArray[np.float64]
N_SAMPLES, N_CLASSES, SEEDS = 6000, 3, (0, 1, 2)
N_COLUMNS = (1, 4, 8, 16, 32, 64)
#: Where a column is cut into steps, in its standard deviations.
CUTS = np.linspace(-1.75, 1.75, 8)


def stream(n_columns: int, seed: int) -> tuple[Floats, npt.NDArray[np.uint32]]:
    """Return standard normal columns ``[n, n_columns]`` and the labels."""
    rng = np.random.default_rng((seed, n_columns))
    z = rng.normal(size=(N_SAMPLES, n_columns))
    score = z @ rng.normal(size=n_columns)
    return z, np.digitize(score, np.quantile(score, [1 / 3, 2 / 3])).astype(np.uint32)


def as_measured(z: Floats, seed: int) -> Floats:
    """Give each column a unit and an offset of its own, and add two columns that never change."""
    rng = np.random.default_rng((seed, z.shape[1], 1))
    unit = 10.0 ** rng.integers(-12, 13, z.shape[1])
    moved = (z + rng.normal(size=z.shape[1])) * unit
    return np.column_stack([moved, np.zeros(len(z)), np.full(len(z), 7e5)])


def in_steps(z: Floats) -> Floats:
    """Cut each column into steps: ``tanh(2 (z - cut))``, one column a cut."""
    steps: Floats = np.tanh(2 * (z[:, :, None] - CUTS)).reshape(len(z), -1)
    return steps


def prequential(learner: StreamClassifier, x: Floats, y: npt.NDArray[np.uint32]) -> float:
    """Return the accuracy in % of test, then train, over the second half of a stream."""
    kernel, state = NativeKernel(learner.spec, learner.config, learner.arithmetic), learner.state
    right = kernel.learn(state, x, y) == y
    return 100 * float(right[len(y) // 2 :].mean())


def accuracies(n_columns: int, seed: int) -> list[float]:
    """Return what each learner reaches on one stream."""
    z, y = stream(n_columns, seed)
    x, steps = as_measured(z, seed), in_steps(z)
    n, labels = x.shape[1], range(N_CLASSES)
    cases: list[tuple[StreamClassifier, Floats]] = [
        (MesuClassifier((n, 32, N_CLASSES), classes=labels, seed=seed), x),
        (MetaplasticClassifier((n, 128, N_CLASSES), classes=labels, seed=seed), x),
        (MetaplasticClassifier((n, 128, N_CLASSES), classes=labels, seed=seed, bias=False), x),
        (
            MetaplasticClassifier((steps.shape[1], 128, N_CLASSES), classes=labels, seed=seed),
            steps,
        ),
    ]
    return [prequential(learner, data, y) for learner, data in cases]


def main() -> None:
    """Print the table."""
    rows = []
    for n_columns in N_COLUMNS:
        found = np.array([accuracies(n_columns, seed) for seed in SEEDS])
        cells = zip(found.mean(0), found.std(0, ddof=1), strict=True)
        rows.append([str(n_columns), *(f"{mean:.1f} ± {spread:.1f}" for mean, spread in cells)])
    head = ["columns that matter", "MESU, q16, 32 units", "metaplastic, q8, 128 units"]
    print(markdown([*head, "without bias", "columns in 8 steps"], rows))
    print(f"{len(SEEDS)} seeds, {N_SAMPLES:,} samples. {machine()}")


if __name__ == "__main__":
    main()
