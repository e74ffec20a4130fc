"""Streams of images for weights of few levels: pairs of digits, and two sets one after the other.

One pass, one sample at a time, no task is announced. Settings were chosen on training images alone,
the last 10,000 in the place of the test.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.data import Digits, Floats, Integers, Permutations, load_digits
from experiments.loop.runs import Begun, Record, Run, Setting
from experiments.machine import kernel_sha
from experiments.multilevel.learner import RuleLearner
from quant.description import to_json
from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig

#: Counted up when a log of before says something else than a new one.
VERSION = 1
SPLIT, LEVELS = "multilevel-split", "multilevel-levels"
N_PAIRS, N_SETS, N_SEEDS = 5, 2, 5
#: The first layer stays as it was drawn; no counter fades, as published.
SPLIT_LAYERS = (784, 1500, 2)
SPLIT_CONFIG = MultilevelConfig(
    lr=0.019,
    lr_hidden=0.0,
    consolidation=0.1,
    growth=0.043,
    growth_hidden=0.0,
    threshold=0.0,
    active=1.1,
    logit_scale=1.8,
    memory_window=float("inf"),
)
#: By algorithm: devices of 32 levels per weight, and the arithmetic.
DEVICES = {"1": (1, "q8"), "2": (2, "q8"), "7": (7, "q8"), "float": (7, "float64")}
SETS_LAYERS = (784, 1500, 10)
SETS_CONFIG = dataclasses.replace(SPLIT_CONFIG, lr=0.3, consolidation=0.3, logit_scale=8.0)
LEVELS_STUDIED = (2, 3, 5, 8, 16, 32, 256)


def split_settings(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return the one setting of so many devices."""
    return [(SPLIT, Setting(algorithm, SPLIT_LAYERS), N_SEEDS)]


def sets_settings(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return the one setting of so many levels."""
    return [(LEVELS, Setting(algorithm, SETS_LAYERS), 3)]


class ImagesRun(Run):
    """One learner on one seed's tasks.

    The record has for each task ``newest`` (test accuracy on the tasks so far, in %, the newest
    last) and ``train_s`` (CPU seconds).
    """

    @property
    def name(self) -> str:
        """See :attr:`Run.name`."""
        return f"{self.setting.algorithm}-seed{self.seed}"

    @property
    def data_sets(self) -> tuple[str, ...]:
        """See :attr:`Run.data_sets`."""
        return ("mnist",)

    def given(self) -> tuple[NetworkSpec, MultilevelConfig, str]:
        """Return network, configuration and arithmetic."""
        raise NotImplementedError

    def identity(self) -> Record:
        """See :meth:`Run.identity`; the configuration is part of it."""
        spec, config, arithmetic = self.given()
        return self.identity_with(VERSION, learner=to_json(spec, config), arithmetic=arithmetic)

    def load(self) -> Digits:
        """See :meth:`Run.load`."""
        return load_digits(self.limit)

    def task(self, data: Digits, number: int, train: bool) -> tuple[Floats, Integers]:
        """Return images and labels of a task, for training or for the test."""
        raise NotImplementedError

    def begin(self, data: Any, n_tasks: int) -> Begun:
        """See :meth:`Run.begin`."""
        del n_tasks
        learner = RuleLearner(*self.given(), self.seed)

        def step(task: int, record: Record) -> Mapping[str, int]:
            record["bytes"] = learner.bytes()
            started = time.process_time()
            learner.learn(*self.task(data, task, True))
            record["train_s"].append(round(time.process_time() - started, 3))
            found = [learner.accuracy(*self.task(data, t, False)) for t in range(task + 1)]
            record["newest"].append(found)
            record["windows"] = {str(task + 1): {"accuracy": found}}
            return learner.counters()

        return Begun(learner, {"kernel": kernel_sha(), "numpy": np.__version__}, step)


class SplitRun(ImagesRun):
    """Five tasks: which of two digits, 0 or 1, then 2 or 3, and so on; the same two outputs."""

    def given(self) -> tuple[NetworkSpec, MultilevelConfig, str]:
        """See :meth:`ImagesRun.given`."""
        devices, arithmetic = DEVICES[self.setting.algorithm]
        config = dataclasses.replace(SPLIT_CONFIG, devices=devices)
        return NetworkSpec(SPLIT_LAYERS, front_end="none"), config, arithmetic

    def task(self, data: Digits, number: int, train: bool) -> tuple[Floats, Integers]:
        """See :meth:`ImagesRun.task`; training images come in the seed's order."""
        x, y = (data.train, data.train_labels) if train else (data.test, data.test_labels)
        chosen = np.flatnonzero(y // 2 == number)
        if train:
            chosen = np.random.default_rng((self.seed, number)).permutation(chosen)
        return x[chosen], y[chosen] % 2


class SetsRun(ImagesRun):
    """Two tasks of ten classes and the same outputs: digits, then the same with moved pixels."""

    def given(self) -> tuple[NetworkSpec, MultilevelConfig, str]:
        """See :meth:`ImagesRun.given`."""
        config = dataclasses.replace(SETS_CONFIG, n_levels=int(self.setting.algorithm), devices=1)
        return NetworkSpec(SETS_LAYERS, front_end="none"), config, "q8"

    def task(self, data: Digits, number: int, train: bool) -> tuple[Floats, Integers]:
        """See :meth:`ImagesRun.task`."""
        x, y = (data.train, data.train_labels) if train else (data.test, data.test_labels)
        if number:
            x = np.take(x, Permutations(self.seed, x.shape[1])[number], axis=1)
        return x, y
