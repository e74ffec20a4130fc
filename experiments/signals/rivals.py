"""What stands beside MESU on windows: the same network under SGD, neighbours, and a forest."""

from __future__ import annotations

import numpy as np

from experiments.signals.shown import Floats, Shown
from experiments.spiking.data import Integers
from streamlearn.baselines import SgdMlpClassifier

TREES = 100


def by_sgd(
    seen: Shown, kept: Integers, seed: int, hidden: int, passes: int, rate: float
) -> dict[int, Floats]:
    """Return the probabilities of each other recording's windows by SGD."""
    x, y = seen.of(kept)
    n = int(seen.data.labels.max()) + 1
    learner = SgdMlpClassifier((x.shape[1], hidden, n), lr=rate, seed=seed)
    rng = np.random.default_rng(seed)
    for _ in range(passes):
        for k in rng.permutation(len(x)):
            learner.learn_one(x[k], int(y[k]))
    return {
        i: np.array([learner.predict_proba_one(row) for row in seen.asked[i]])
        for i in others(seen, kept)
    }


def by_neighbour(seen: Shown, kept: Integers, seed: int, n_bytes: int) -> dict[int, Floats]:
    """Return the same by the nearest of so many stored windows as fit into bytes, float32 each."""
    x, y = seen.of(kept)
    n = int(seen.data.labels.max()) + 1
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-9
    some = np.random.default_rng(seed).permutation(len(x))[: n_bytes // (4 * x.shape[1] + 1)]
    stored, labels = ((x - mean) / deviation)[some], y[some]
    found = {}
    for i in others(seen, kept):
        rows = (seen.asked[i] - mean) / deviation
        apart = ((rows[:, None] - stored) ** 2).sum(axis=-1)
        found[i] = _certain(labels[apart.argmin(axis=1)].tolist(), n)
    return found


def by_forest(seen: Shown, kept: Integers, seed: int) -> dict[int, Floats]:
    """Return the same by a random forest, which has all windows at once."""
    from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]

    x, y = seen.of(kept)
    forest = RandomForestClassifier(TREES, random_state=seed).fit(x, y)
    return {i: forest.predict_proba(seen.asked[i]) for i in others(seen, kept)}


def others(seen: Shown, kept: Integers) -> list[int]:
    """Return the recordings that are held out."""
    return [i for i in range(len(seen.data.labels)) if i not in set(kept.tolist())]


def _certain(classes: list[int], n: int) -> Floats:
    found = np.zeros((len(classes), n))
    found[np.arange(len(classes)), classes] = 1
    return found
