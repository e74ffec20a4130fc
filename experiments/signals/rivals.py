"""What stands beside MESU on windows: the same network under SGD, neighbours, a forest, a GRU."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.signals.shown import HOP, RATE, STARTS, Floats, Shown
from experiments.spiking.data import Integers
from streamlearn.baselines import SgdMlpClassifier

TREES = 100
GRU_UNITS, GRU_BATCH = 32, 32


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
        for i in _others(seen, kept)
    }


def by_neighbour(seen: Shown, kept: Integers, seed: int, n_bytes: int) -> dict[int, Floats]:
    """Return the same by the nearest of so many stored windows as fit into bytes, float32 each."""
    x, y = seen.of(kept)
    n = int(seen.data.labels.max()) + 1
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-9
    some = np.random.default_rng(seed).permutation(len(x))[: n_bytes // (4 * x.shape[1] + 1)]
    stored, labels = ((x - mean) / deviation)[some], y[some]
    found = {}
    for i in _others(seen, kept):
        rows = (seen.asked[i] - mean) / deviation
        apart = ((rows[:, None] - stored) ** 2).sum(axis=-1)
        found[i] = _certain(labels[apart.argmin(axis=1)].tolist(), n)
    return found


def by_forest(seen: Shown, kept: Integers, seed: int) -> dict[int, Floats]:
    """Return the same by a random forest, which has all windows at once."""
    from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]

    x, y = seen.of(kept)
    forest = RandomForestClassifier(TREES, random_state=seed).fit(x, y)
    return {i: forest.predict_proba(seen.asked[i]) for i in _others(seen, kept)}


def by_gru(
    seen: Shown, kept: Integers, seed: int, rate: float, epochs: int, every: int
) -> dict[int, Floats]:
    """Return the same by a GRU over the raw seconds, trained by Adam, which has all at once.

    Parameters
    ----------
    seen, kept, seed
        As of the others.
    rate : float
        Of learning.
    epochs : int
        Passes over all seconds.
    every : int
        Of so many samples of a second one is seen.
    """
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    signals = seen.data.signals
    together = np.concatenate([signals[i] for i in kept])
    mean, deviation = together.mean(axis=0), together.std(axis=0)

    def seconds(i: int, starts: tuple[int, ...]) -> Any:
        signal = (signals[i] - mean) / deviation
        ends = [end for at in starts for end in range(at + RATE, len(signal) + 1, HOP)]
        return np.stack([signal[end - RATE : end : every] for end in ends])

    x = torch.tensor(np.concatenate([seconds(i, STARTS) for i in kept]), dtype=torch.float32)
    y = torch.tensor(
        np.concatenate([[seen.data.labels[i]] * len(seconds(i, STARTS)) for i in kept])
    )
    n = int(seen.data.labels.max()) + 1
    gru = torch.nn.GRU(x.shape[2], GRU_UNITS, batch_first=True)
    last = torch.nn.Linear(GRU_UNITS, n)
    optimiser = torch.optim.Adam([*gru.parameters(), *last.parameters()], rate)
    for _ in range(epochs):
        order: Any = torch.randperm(len(x))
        for batch in order.split(GRU_BATCH):
            optimiser.zero_grad()
            logits = last(gru(x[batch])[0].mean(dim=1))
            loss: Any = torch.nn.functional.cross_entropy(logits, y[batch])
            loss.backward()
            optimiser.step()
    found = {}
    with torch.no_grad():
        for i in _others(seen, kept):
            rows = torch.tensor(seconds(i, STARTS[:1]), dtype=torch.float32)
            found[i] = torch.softmax(last(gru(rows)[0].mean(dim=1)), 1).numpy().astype(np.float64)
    return found


def _others(seen: Shown, kept: Integers) -> list[int]:
    return [i for i in range(len(seen.data.labels)) if i not in set(kept.tolist())]


def _certain(classes: list[int], n: int) -> Floats:
    found = np.zeros((len(classes), n))
    found[np.arange(len(classes)), classes] = 1
    return found
