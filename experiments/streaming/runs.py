"""Streaming permuted MNIST: one pass, one sample at a time, no task boundaries; who remembers what.

The binarized metaplastic learner in integers, without memory (m = 0) and as its float reference,
beside a float network of the same shape and MESU with the same bytes of state. No task is
announced, and evaluation is not told which it is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from experiments.data import Digits, Integers, Permutations, load_digits
from experiments.loop.runs import Begun, Record, Run
from experiments.machine import kernel_sha
from experiments.streaming.learners import LEARNERS, StreamingLearner
from experiments.streaming.settings import (
    PENALTIES,
    TESTED,
    TWINS,
    VERSION,
    StreamingSetting,
    constants,
)


class StreamingRun(Run):
    """One learner on one seed's stream of permuted tasks."""

    @property
    def streaming(self) -> StreamingSetting:
        """The setting."""
        return cast(StreamingSetting, self.setting)

    @property
    def name(self) -> str:
        """See :attr:`Run.name`; the width is always part of it."""
        return f"{self.setting.algorithm}-h{self.streaming.width}-seed{self.seed}"

    def identity(self) -> Record:
        """See :meth:`Run.identity`; the constants are part of it."""
        return self.identity_with(VERSION, width=self.streaming.width, **constants(self.streaming))

    def load(self) -> Digits:
        """See :meth:`Run.load`."""
        return load_digits(self.limit)

    @property
    def packages(self) -> tuple[str, ...]:
        """See :attr:`Run.packages`."""
        compiled = {"mlp", *PENALTIES, *TWINS}
        return ("numba",) if self.setting.algorithm in compiled else ()

    @property
    def data_sets(self) -> tuple[str, ...]:
        """See :attr:`Run.data_sets`."""
        return ("mnist",)

    def begin(self, data: Any, n_tasks: int) -> Begun:
        """See :meth:`Run.begin`.

        The record has for each task ``newest`` (test accuracy on it, in %) and ``train_s`` (CPU
        seconds); ``windows`` has every task's accuracy after 1, 6, 10, 20 and 50 tasks and at the
        end; ``bytes`` is the size of the state.
        """
        learner = LEARNERS[self.setting.algorithm](self.streaming, self.seed)

        def step(task: int, record: Record) -> Mapping[str, int]:
            record["bytes"] = learner.bytes()
            self._task(learner, data, task, n_tasks, record)
            return learner.counters()

        return Begun(learner, {"kernel": kernel_sha(), "numpy": np.__version__}, step)

    def _task(
        self, learner: StreamingLearner, data: Digits, task: int, n_tasks: int, record: Record
    ) -> None:
        orders = Permutations(self.seed, data.train.shape[1])
        permuted = np.take(data.train, orders[task], axis=1)
        started = time.process_time()
        learner.learn(permuted, data.train_labels)
        record["train_s"].append(round(time.process_time() - started, 3))
        done = task + 1
        whole = done in TESTED or done == n_tasks
        found = [
            self._accuracy(learner, data, orders[t], done)
            for t in range(0 if whole else task, done)
        ]
        record["newest"].append(found[-1:])
        if whole:
            record["windows"][str(done)] = {"accuracy": found}

    def _accuracy(
        self, learner: StreamingLearner, data: Digits, order: Integers, done: int
    ) -> float:
        images = np.take(data.test, order, axis=1)
        right = learner.classify(images, (self.seed, 3, done)) == data.test_labels
        return round(100 * float(np.mean(right)), 2)
