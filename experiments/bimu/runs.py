"""Permuted MNIST, task after task, at 784-100-10: what a byte per synapse remembers, and others.

The paper's columns, with this library's rules in fixed point and in float32, and its rivals: one
pass, one sample at a time, no task is announced but to EWC and SI. Tested on the newest five tasks
after each, and on the newest twenty now and then.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from experiments.bimu.learners import (
    BASELINES,
    DRAWN,
    LAYERS,
    MESU,
    PUBLISHED,
    RULE_SETTINGS,
    PermutedLearner,
    make,
    network_of,
)
from experiments.data import Digits, Floats, Permutations, load_digits
from experiments.loop.runs import Begun, Record, Run, Setting
from experiments.machine import kernel_sha
from quant.description import to_json
from streamlearn.streams import load_fashion_mnist
from streamlearn.streams.idx import read_idx
from streamlearn.streams.locate import DataNotFoundError, data_files
from streamlearn.uncertainty import auc, entropies

#: Counted up when a log of before says something else than a new one.
VERSION = 2
FOLDER = "bimu-pmnist"
N_TASKS, N_SEEDS = 100, 3
NEWEST, MORE, MOST, EVERY = 5, 20, 100, 10

#: All algorithms, in the order of the table.
_ALL = (*RULE_SETTINGS, *DRAWN, *PUBLISHED, *MESU, *BASELINES)
ALGORITHMS = tuple(name for name in _ALL if not name.startswith("bimu-one"))
#: One task, with the paper's constants for that.
ONE_FOLDER = "bimu-one"
ONE = (*(name for name in _ALL if name not in ALGORITHMS), *MESU, "sgd")
#: Images of each kind that tell how well a learner knows what it does not know.
KNOWN = 900


#: For the paper's N = 400, 700, 1000 and 1900: N/(κ lr_max).
WINDOWS = (46_000.0, 81_000.0, 116_000.0, 220_000.0)
WINDOW_FOLDER = "bimu-window"
#: The paper's number of tasks.
LONG_FOLDER, N_LONG, LONG = "bimu-thousand", 1000, ("bimu", "mesu-q16")


def window_settings_of(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return a setting for each memory window; that of its own is the comparison's run."""
    own = RULE_SETTINGS[algorithm][2]["memory_window"]
    return [
        settings_of(algorithm)[0]
        if window == own
        else (WINDOW_FOLDER, Setting(algorithm, LAYERS, window), N_SEEDS)
        for window in WINDOWS
    ]


def settings_of(algorithm: str, folder: str = FOLDER) -> list[tuple[str, Setting, int]]:
    """Return the one setting of an algorithm."""
    return [(folder, Setting(algorithm, LAYERS), N_SEEDS)]


def one_settings_of(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return the one setting of an algorithm on one task."""
    return settings_of(algorithm, ONE_FOLDER)


def long_settings_of(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return the same, for ten times as many tasks."""
    return settings_of(algorithm, LONG_FOLDER)


def load_foreign() -> Floats:
    """Load out-of-distribution images: 900 of Fashion-MNIST, pixels in 0 to 1, ``[n, 784]``.

    Those of the folder ``fashion_mnist_900`` if it is there, else the first of the test set.

    Raises
    ------
    DataNotFoundError
        If neither is there.
    """
    try:
        (path,) = data_files("fashion_mnist_900", ["images-idx3-ubyte.gz"], "Fashion-MNIST")
    except DataNotFoundError:
        first: Floats = load_fashion_mnist("test").x[:KNOWN]
        return first
    images = read_idx(path, 3)[:KNOWN]
    found: Floats = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    return found


def novelty_auc(
    learner: PermutedLearner, inside: Floats, outside: Floats, task: int
) -> tuple[float, float]:
    """Return how well entropies tell known images from others: areas under the curve.

    By predictive and by epistemic entropy; by the former twice if there is one draw. Both kinds of
    images share the draws.
    """
    scores: list[tuple[Any, Any]] = []
    for images in (inside, outside):
        z = learner.drawn(images, (task,))
        p = np.exp(z - z.max(axis=-1, keepdims=True))
        found = entropies(p / p.sum(axis=-1, keepdims=True))
        scores.append((found.predictive, found.predictive if len(z) == 1 else found.epistemic))
    predictive, epistemic = (round(auc(*pair), 4) for pair in zip(*scores, strict=True))
    return predictive, epistemic


class BimuRun(Run):
    """One learner on one seed's stream of permuted tasks."""

    @property
    def name(self) -> str:
        """See :attr:`Run.name`: all have one network."""
        window = self.setting.memory_window
        usual = window == Setting(self.setting.algorithm).memory_window
        return f"{self.setting.algorithm}{'' if usual else f'-n{window:.0f}'}-seed{self.seed}"

    @property
    def data_sets(self) -> tuple[str, ...]:
        """See :attr:`Run.data_sets`."""
        return ("mnist",)

    @property
    def packages(self) -> tuple[str, ...]:
        """See :attr:`Run.packages`: float networks' loops are compiled by numba, and the
        published network is PyTorch's."""
        if self.setting.algorithm in PUBLISHED:
            return ("torch",)
        return () if self.setting.algorithm in (*RULE_SETTINGS, *DRAWN, *MESU) else ("numba",)

    def identity(self) -> Record:
        """See :meth:`Run.identity`; the configuration is part of it."""
        name = self.setting.algorithm
        if name in RULE_SETTINGS:
            spec, config, arithmetic = network_of(self.setting)
            learner = to_json(spec, config)
            return self.identity_with(VERSION, learner=learner, arithmetic=arithmetic)
        if name in DRAWN:
            return self.identity_with(VERSION, constants=asdict(DRAWN[name]))
        if name in PUBLISHED:
            return self.identity_with(VERSION, layers=[*LAYERS], recipe=PUBLISHED[name])
        return super().identity()

    def load(self) -> tuple[Digits, Floats]:
        """See :meth:`Run.load`: the digits, and out-of-distribution images, pixels in 0 to 1."""
        return load_digits(self.limit), load_foreign()

    def begin(self, data: Any, n_tasks: int) -> Begun:
        """See :meth:`Run.begin`.

        The record has for each task ``newest`` (test accuracy on the newest five, in %, the newest
        last) and ``train_s`` (CPU seconds); ``windows`` has the newest twenty after every tenth
        task and at the end, and ``auc`` and ``auc_epistemic`` of the newest five against
        out-of-distribution images, permuted as the task's are, by predictive and by epistemic
        entropy, and ``auc_as_is`` against images that are not permuted; at the end ``all`` has the
        newest hundred; ``bytes`` is the size of the state.
        """
        digits, foreign = data
        learner = make(self.setting, self.seed)
        orders = Permutations(self.seed, digits.train.shape[1])

        def step(task: int, record: Record) -> Mapping[str, int]:
            record["bytes"] = learner.bytes()
            started = time.process_time()
            learner.learn(np.take(digits.train, orders[task], axis=1), digits.train_labels, task)
            record["train_s"].append(round(time.process_time() - started, 3))
            done = task + 1
            whole = done % EVERY == 0 or done == n_tasks
            oldest = MOST if done == n_tasks else MORE if whole else NEWEST
            found = []
            for old in range(max(done - oldest, 0), done):
                images = np.take(digits.test, orders[old], axis=1)
                classes = learner.classify(images, (self.seed, task, old))
                found.append(round(100 * float(np.mean(classes == digits.test_labels)), 2))
            record["newest"].append(found[-NEWEST:])
            if whole:
                areas, as_is = [], []
                for old in range(max(done - NEWEST, 0), done):
                    order = orders[old]
                    known = np.take(digits.test[:KNOWN], order, axis=1)
                    others = np.take(foreign, order, axis=1)
                    areas.append(novelty_auc(learner, known, others, task))
                    as_is.append(novelty_auc(learner, known, foreign, task)[0])
                predictive, epistemic = (list(each) for each in zip(*areas, strict=True))
                record["windows"][str(done)] = {
                    "accuracy": found[-MORE:],
                    "auc": predictive,
                    "auc_epistemic": epistemic,
                    "auc_as_is": as_is,
                }
            if done == n_tasks:
                record["all"] = {"accuracy": found}
            return learner.counters()

        return Begun(learner, {"kernel": kernel_sha(), "numpy": np.__version__}, step)
