"""How many random patterns a layer of 128 x 128 remembers after it saw each once.

Zyarah et al. (arXiv 2003.11638): synapses of several states classify 2.1 times as many patterns as
those of two, at a mean accuracy of 75 %. A pattern is 128 random signs, its class one of the 128
units. The learning rates are the best of a grid, on patterns of another seed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.data import Floats, Integers
from experiments.loop.runs import Begun, Record, Run, Setting
from experiments.machine import kernel_sha
from experiments.multilevel.learner import RuleLearner
from quant.description import to_json
from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig

VERSION = 1
CAPACITY = "multilevel-capacity"
N_UNITS, N_SEEDS, REMEMBERED = 128, 5, 75.0
PATTERNS = (16, 32, 48, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 1024)
#: By name: levels and learning rate.
SYNAPSES = {"two-state": (2, 8.0), "8 levels": (8, 4.0), "32 levels": (32, 1.0)}
SPEC = NetworkSpec((N_UNITS, N_UNITS), bias=False, front_end="none")


def config_of(levels: int, lr: float) -> MultilevelConfig:
    """Return the configuration of so many levels."""
    return MultilevelConfig(
        n_levels=levels,
        devices=1,
        lr=lr,
        consolidation=0.0,
        growth=0.0,
        logit_scale=16.0,
        memory_window=float("inf"),
    )


def patterns(seed: int, n: int) -> tuple[Floats, Integers]:
    """Return random signs of ½, ``float32[n, 128]``, and a class each, as many of every class."""
    rng = np.random.default_rng((seed, n))
    signs = rng.integers(0, 2, (n, N_UNITS)) - 0.5
    return signs.astype(np.float32), rng.permutation(np.arange(n) % N_UNITS)


def remembered(config: MultilevelConfig, seed: int, n: int) -> float:
    """Return how many of so many patterns are classified after one pass, in %."""
    learner = RuleLearner(SPEC, config, "q8", seed)
    x, classes = patterns(seed, n)
    learner.learn(x, classes)
    return learner.accuracy(x, classes)


def capacity(found: list[float]) -> float:
    """Return where the accuracy falls below 75 %, between two numbers of patterns; 0: at once."""
    if found[0] < REMEMBERED:
        return 0.0
    for place in range(1, len(found)):
        if found[place] < REMEMBERED:
            above, below = found[place - 1] - REMEMBERED, REMEMBERED - found[place]
            step = PATTERNS[place] - PATTERNS[place - 1]
            return round(PATTERNS[place - 1] + step * above / (above + below), 1)
    return float(PATTERNS[len(found) - 1])


class Nothing:
    """Numbers of patterns do not depend on each other: there is nothing to keep."""

    def arrays(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def restore(self, arrays: Mapping[str, Any]) -> None:
        """Put nothing back."""


class CapacityRun(Run):
    """Number of patterns after number of patterns, each with a layer of its own.

    The record has ``newest`` (of each number the share that is remembered, in %), ``patterns`` and
    ``capacity``.
    """

    @property
    def name(self) -> str:
        """See :attr:`Run.name`."""
        return f"{self.setting.algorithm.replace(' ', '-')}-seed{self.seed}"

    def identity(self) -> Record:
        """See :meth:`Run.identity`; the configuration is part of it."""
        config = config_of(*SYNAPSES[self.setting.algorithm])
        return self.identity_with(VERSION, learner=to_json(SPEC, config))

    def begin(self, data: Any, n_tasks: int) -> Begun:
        """See :meth:`Run.begin`."""
        del data, n_tasks
        config = config_of(*SYNAPSES[self.setting.algorithm])

        def step(task: int, record: Record) -> Mapping[str, int]:
            started = time.process_time()
            record["newest"].append([remembered(config, self.seed, PATTERNS[task])])
            record["train_s"].append(round(time.process_time() - started, 3))
            record["patterns"] = PATTERNS[: task + 1]
            record["capacity"] = capacity([newest[-1] for newest in record["newest"]])
            record["windows"] = {str(task + 1): {"accuracy": record["newest"][-1]}}
            return {}

        return Begun(Nothing(), {"kernel": kernel_sha(), "numpy": np.__version__}, step)


def settings_of(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return the one setting of a kind of synapse."""
    return [(CAPACITY, Setting(algorithm, SPEC.layers), N_SEEDS)]
