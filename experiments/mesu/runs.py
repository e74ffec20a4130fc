"""Permuted MNIST, 200 tasks: what a run of the paper's comparison learns and measures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.data import Images, Permutations, load_images
from experiments.loop.runs import Begun, Record, Run
from experiments.machine import kernel_sha
from experiments.mesu.algorithms import ALGORITHMS, COMPILED
from experiments.mesu.evaluate import accuracy, full_measure, unseen_entropies
from experiments.mesu.task_learner import TaskLearner
from streamlearn.streams import DataNotFoundError, load_fashion_mnist, load_fashion_mnist_900
from streamlearn.streams.locate import data_files
from streamlearn.streams.mnist import IMAGE_SETS

#: The last tasks that are tested after each task: five, and one for the off-by-one curve.
NEWEST = 6
#: The last tasks that are measured in full, and after how many tasks.
WINDOW = 20
#: Its runs are shown as they end, and there are many: older tasks wait for the full measure.
WINDOW_FOLDER = "mesu-window"


class PermutedRun(Run):
    """One learner on one seed's tasks.

    Its record has for each task ``newest`` (accuracies in % of the run's ``n_newest`` newest
    tasks), ``sigma`` (mean of each layer) and ``train_s``; every 20 tasks and at the end
    ``windows`` (the newest 20 in full); at the end ``all`` (every task's accuracy).
    """

    @property
    def packages(self) -> tuple[str, ...]:
        """See :attr:`Run.packages`: the baselines' loops are compiled by numba."""
        return ("numba",) if self.setting.algorithm in COMPILED else ()

    @property
    def data_sets(self) -> tuple[str, ...]:
        """See :attr:`Run.data_sets`."""
        return ("mnist", "cifar10-gray")

    @property
    def n_newest(self) -> int:
        """How many of the last tasks are tested after each."""
        return 1 if self.folder == WINDOW_FOLDER else NEWEST

    def load(self) -> Images:
        """See :meth:`Run.load`."""
        return load_images(self.limit)

    def begin(self, data: Any, n_tasks: int) -> Begun:
        """See :meth:`Run.begin`."""
        learner = ALGORITHMS[self.setting.algorithm](self.setting, self.seed)
        permutations = Permutations(self.seed, data.train.shape[1])

        def step(task: int, record: Record) -> Mapping[str, int]:
            learn_task(learner, data, permutations, task, record)
            measure_task(self, learner, data, permutations, task + 1, n_tasks, record)
            return learner.counters()

        return Begun(learner, {"kernel": kernel_sha(), "numpy": np.__version__}, step)


class FashionRun(PermutedRun):
    """The same with the authors' out-of-distribution images: Fashion-MNIST's test set.

    Where it is not at hand, the 900 images of its overview sheet stand for it.
    """

    @property
    def data_sets(self) -> tuple[str, ...]:
        """See :attr:`Run.data_sets`."""
        return ("mnist",) if self._whole else ("mnist", "fashion-mnist-900")

    @property
    def _whole(self) -> bool:
        whole = IMAGE_SETS["fashion-mnist"]
        try:
            data_files(whole.folder, whole.files("test"), whole.source)
        except DataNotFoundError:
            return False
        return True

    def identity(self) -> Record:
        """See :class:`Run`."""
        return {**super().identity(), "foreign": "Fashion"}

    def load(self) -> Images:
        """See :class:`Run`."""
        if self._whole:
            return load_images(self.limit, lambda: load_fashion_mnist("test").x)
        return load_images(self.limit, load_fashion_mnist_900)


def learn_task(
    learner: TaskLearner, images: Images, permutations: Permutations, task: int, record: Record
) -> None:
    """Train on one task and note the CPU seconds."""
    permuted = np.take(images.train, permutations[task], axis=1)
    started = time.process_time()
    learner.learn(permuted, images.train_labels, task)
    record["train_s"].append(round(time.process_time() - started, 3))


def measure_task(
    run: PermutedRun,
    learner: TaskLearner,
    images: Images,
    permutations: Permutations,
    done: int,
    n_tasks: int,
    record: Record,
) -> None:
    """Test after ``done`` tasks and note the results; one draw of weights serves all of them."""
    weights = learner.weights(np.random.default_rng((run.seed, 3, done)))
    newest = range(max(0, done - run.n_newest), done)
    record["newest"].append([accuracy(weights, images, permutations[t]) for t in newest])
    record["sigma"].append([float(f"{value:.5g}") for value in learner.mean_sigma()])
    if done % WINDOW == 0 or done == n_tasks:
        window = range(max(0, done - WINDOW), done)
        unseen = unseen_entropies(weights, images, run.seed)
        full = [full_measure(weights, images, permutations[t], unseen) for t in window]
        record["windows"][str(done)] = {name: [one[name] for one in full] for name in full[0]}
    if done == n_tasks:
        every = [accuracy(weights, images, permutations[t]) for t in range(done)]
        record["all"] = {str(done): every}
