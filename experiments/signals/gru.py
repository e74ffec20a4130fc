"""A GRU over raw seconds: an upper reference that stores all recordings and passes over them often.

A second is cut into frames of ten samples, a step of the GRU each; the mean of its units over the
steps goes into a softmax. Adam, batches of 64 seconds, a rate that falls to 0 along a cosine. In
each pass a second begins anywhere within a quarter of a second of its place. Units, rate and
passes were chosen on thirds of the very recordings, drawn by another seed: that flatters it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.signals.rivals import others
from experiments.signals.shown import HOP, RATE, STARTS, Floats, Shown
from experiments.spiking.data import Integers

NAME, BATCH = "GRU over raw seconds", 64
#: Samples that the GRU takes in one step; divides :data:`RATE`.
FRAME = 10
#: What is tried, knob by knob; the first value is the one to begin with.
KNOBS: Mapping[str, tuple[Any, ...]] = {
    "units": (32, 64),
    "rate": (3e-3, 1e-2),
    "passes": (60, 120),
}


def by_gru(
    seen: Shown, kept: Integers, seed: int, units: int, rate: float, passes: int
) -> dict[int, Floats]:
    """Return the probabilities of each other recording's seconds.

    Parameters
    ----------
    seen : Shown
    kept : array of int
        The recordings to learn.
    seed : int
    units : int
    rate : float
        Of learning, at the start.
    passes : int
        Over all seconds.
    """
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng, signals = np.random.default_rng(seed), seen.data.signals
    together = np.concatenate([signals[i] for i in kept])
    scaled = [
        ((s - together.mean(axis=0)) / together.std(axis=0)).astype(np.float32) for s in signals
    ]

    def seconds(which: Integers, ends: Integers) -> Any:
        cut = [scaled[i][end - RATE : end] for i, end in zip(which, ends, strict=True)]
        return torch.from_numpy(np.stack(cut).reshape(len(cut), RATE // FRAME, -1))

    which, ends = _places(signals, kept.tolist(), STARTS)
    longest = np.array([len(signals[i]) for i in which])
    y = torch.from_numpy(seen.data.labels[which])
    gru = torch.nn.GRU(FRAME * together.shape[1], units, batch_first=True)
    last = torch.nn.Linear(units, int(seen.data.labels.max()) + 1)
    optimiser = torch.optim.Adam([*gru.parameters(), *last.parameters()], rate)
    steps = passes * -(-len(y) // BATCH)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(passes):
        moved = rng.integers(-HOP // 2, HOP // 2 + 1, len(ends))
        x = seconds(which, np.clip(ends + moved, RATE, longest))
        order: Any = torch.randperm(len(x))
        for batch in order.split(BATCH):
            optimiser.zero_grad()
            logits = last(gru(x[batch])[0].mean(dim=1))
            loss: Any = torch.nn.functional.cross_entropy(logits, y[batch])
            loss.backward()
            optimiser.step()
            falling.step()
    found = {}
    with torch.no_grad():
        for i in others(seen, kept):
            rows = seconds(*_places(signals, [i], STARTS[:1]))
            found[i] = torch.softmax(last(gru(rows)[0].mean(dim=1)), 1).numpy().astype(np.float64)
    return found


def _places(
    signals: list[Floats], recordings: list[int], starts: tuple[int, ...]
) -> tuple[Integers, Integers]:
    """Return the recording of each second, and the sample behind its last one."""
    found = [
        (i, end)
        for i in recordings
        for at in starts
        for end in range(at + RATE, len(signals[i]) + 1, HOP)
    ]
    which, ends = np.array(found, np.int64).T
    return which, ends
