"""Streams that River's generators make: 30,000 rows, the seed draws concept and rows.

Where a concept switches, it does so every 5,000 rows, whatever part of the stream is learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.needs import load_with
from experiments.streams.bundled import as_arrays

Rows = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]

ROWS, SWITCH = 30_000, 5_000
#: Distance that a centroid moves per sample: the usual RBF_m and RBF_f (Gomes et al., 2017).
SLOW, FAST = 0.0001, 0.001
#: Agrawal's rules but the two that give nearly every row the same class.
AGRAWAL = (0, 1, 2, 3, 4, 5, 6, 8)
#: Rows over which one mixture of clouds takes the place of another.
GRADUAL = 3_000
#: Segments of the display, and how many change places at a switch.
SEGMENTS, SWAPPED = 7, 4


def _synth() -> Any:
    return load_with("river", "river.datasets.synth", "a generated stream")


def _rows(pairs: Any, n: int = ROWS) -> Rows:
    x, labels = as_arrays(islice(iter(pairs), n))
    return x, labels.astype(np.int64)


def _one_after_another(generators: list[Any]) -> Rows:
    parts = [_rows(one, SWITCH) for one in generators]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def _concepts() -> range:
    return range(ROWS // SWITCH)


def waveform(seed: int) -> Rows:
    """Return Breiman's waves with 19 features of noise, one concept."""
    return _rows(_synth().Waveform(seed=seed, has_noise=True))


def tree(seed: int) -> Rows:
    """Return one random tree over five numbers and five categories."""
    return _rows(_synth().RandomTree(seed, seed, n_classes=3))


def rbf(seed: int) -> Rows:
    """Return fifty clouds in ten dimensions, five classes, that move slowly."""
    return _rows(_synth().RandomRBFDrift(seed, seed, n_classes=5, change_speed=SLOW))


def rbf_fast(seed: int) -> Rows:
    """Return the same clouds, ten times as fast."""
    return _rows(_synth().RandomRBFDrift(seed, seed, n_classes=5, change_speed=FAST))


def sea(seed: int) -> Rows:
    """Return SEA's four thresholds one after another, 10 % of the labels wrong."""
    synth = _synth()
    return _one_after_another(
        [synth.SEA(variant=k % 4, noise=0.1, seed=_seed(seed, k)) for k in _concepts()]
    )


def led(seed: int) -> Rows:
    """Return a display's seven segments, 10 % inverted, and 17 features of noise.

    At every switch some segments change places with features of noise.
    """
    synth = _synth()
    x, y = _one_after_another(
        [
            synth.LED(seed=_seed(seed, k), noise_percentage=0.1, irrelevant_features=True)
            for k in _concepts()
        ]
    )
    rng = np.random.Generator(np.random.PCG64((8, seed)))
    places = np.arange(x.shape[1])
    for k in list(_concepts())[1:]:
        segments = rng.choice(SEGMENTS, SWAPPED, replace=False)
        noise = SEGMENTS + rng.choice(len(places) - SEGMENTS, SWAPPED, replace=False)
        places[segments], places[noise] = places[noise], places[segments]
        part = slice(k * SWITCH, (k + 1) * SWITCH)
        x[part] = x[part][:, places]
    return x, y


def hyperplane(seed: int) -> Rows:
    """Return a plane in ten dimensions, all of whose weights change a little with each sample."""
    return _rows(_synth().Hyperplane(seed=seed, n_drift_features=10, mag_change=0.001))


def agrawal(seed: int) -> Rows:
    """Return six of Agrawal's rules, one after another, with 5 % perturbation."""
    rules = np.random.Generator(np.random.PCG64((9, seed))).permutation(AGRAWAL)
    synth = _synth()
    return _one_after_another(
        [
            synth.Agrawal(
                classification_function=int(rules[k]), seed=_seed(seed, k), perturbation=0.05
            )
            for k in _concepts()
        ]
    )


def tree_switch(seed: int) -> Rows:
    """Return random trees, one after another."""
    synth = _synth()
    return _one_after_another(
        [synth.RandomTree(_seed(seed, k), _seed(seed, k), n_classes=3) for k in _concepts()]
    )


def sine(seed: int) -> Rows:
    """Return borders that are sines, two of them, each then turned upside down."""
    synth = _synth()
    return _one_after_another(
        [
            synth.Sine(classification_function=k % 4, seed=_seed(seed, k), has_noise=True)
            for k in _concepts()
        ]
    )


def mixture(seed: int) -> Rows:
    """Return sets of clouds, each gradually for the one before, within 3,000 rows."""
    synth = _synth()
    rng = np.random.Generator(np.random.PCG64((10, seed)))
    clouds: list[Iterator[Any]] = [
        iter(synth.RandomRBF(_seed(seed, k), _seed(seed, k), n_classes=5)) for k in _concepts()
    ]
    pairs = []
    for row in range(ROWS):
        k, into = divmod(row, SWITCH)
        old = k > 0 and rng.random() > into / GRADUAL
        pairs.append(next(clouds[k - 1 if old else k]))
    return _rows(pairs)


def _seed(seed: int, k: int) -> int:
    return 100 * seed + k
