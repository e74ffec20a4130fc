"""``mesu-hessian``: is a weight's precision the curvature of the loss? (paper, supplement 1).

The paper calls MESU and BGD a diagonal Newton method: with H the second derivative of a step's
loss by a weight's mean, 1/(σ² L) → H after L steps of BGD and (1/σ² - 1/σ_prior²)/N → H in MESU.
Of the last layer's weights H has a closed form. Here are the runs, their steps and their logs;
networks: :mod:`experiments.mesu.hessian_nets`, which needs PyTorch.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from experiments.data import Digits, Floats, Integers, standardised
from experiments.loop.experiment import MANY
from experiments.loop.runs import Begun, Record, Run, Setting
from experiments.needs import load_with
from streamlearn.errors import ConfigError, DivergedError
from streamlearn.streams import load_mnist

FOLDER = "mesu-hessian"
LAYERS = (784, 50, 10)
BATCH, N_DRAWS, MEMORY_WINDOW = 32, 20, 1e5
#: Of these runs a task is so many steps, after which they can stop; 200 tasks are 1e5 steps.
STEPS_PER_TASK = 500
#: After how many steps the Hessian is computed; and when a run ends.
MILESTONES = (1_000, 10_000, 100_000, 1_000_000)
ALGORITHMS = ("mesu", "bgd", "sgd")
#: Constants of the authors' code; σ_prior is the default of its command line.
SIGMA_PRIOR, CLAMP_GRAD, SGD_LR, SI_DAMPING = 0.06, 0.05, 1e-4, 1e-3


class HessianLearner(Protocol):
    """Learns batches, and tells what it holds about the curvature."""

    def step(self, images: Floats, labels: Integers) -> None:
        """Learn one batch ``float32[BATCH, 784]``, ``int64[BATCH]``."""

    def accuracy(self, images: Floats, labels: Integers) -> float:
        """Return the accuracy of the mean weights in %."""

    def measure(self, images: Floats, labels: Integers, seed: int) -> dict[str, Floats]:
        """Return ``hessian`` and what it is compared with, each ``[10, 50]``; training images."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that a later step depends on."""

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""


def hessian_settings(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return the one setting of an algorithm."""
    return [(FOLDER, Setting(algorithm, LAYERS, MEMORY_WINDOW, N_DRAWS), MANY)]


class HessianRun(Run):
    """One learner on batches of MNIST in an order of its seed's; a task is 500 steps."""

    @property
    def name(self) -> str:
        """See :attr:`Run.name`."""
        return f"{self.setting.algorithm}-seed{self.seed}"

    def identity(self) -> Record:
        """See :meth:`Run.identity`; the constants of the experiment are part of it."""
        constants = {
            "batch": BATCH,
            "steps_per_task": STEPS_PER_TASK,
            "sigma_prior": SIGMA_PRIOR,
            "clamp_grad": CLAMP_GRAD,
            "sgd_lr": SGD_LR,
            "si_damping": SI_DAMPING,
        }
        return {**super().identity(), **constants}

    def load(self) -> Digits:
        """Load MNIST, standardised by the mean and standard deviation of the training set.

        Raises
        ------
        ConfigError
            If the limit is below one batch.
        DataNotFoundError
            If the files are not there.
        """
        if self.limit is not None and self.limit < BATCH:
            raise ConfigError(f"limit={self.limit}: expected {BATCH} samples or more, one batch")
        train, test = load_mnist("train"), load_mnist("test")
        n = len(train.x[: self.limit])
        both = standardised(np.concatenate([train.x[:n], test.x[: self.limit]]), n)
        return Digits(both[:n], train.y[:n], both[n:], test.y[: self.limit])

    @property
    def packages(self) -> tuple[str, ...]:
        """See :attr:`Run.packages`."""
        return ("torch",)

    @property
    def data_sets(self) -> tuple[str, ...]:
        """See :attr:`Run.data_sets`."""
        return ("mnist",)

    def begin(self, data: Any, n_tasks: int) -> Begun:
        """See :meth:`Run.begin`.

        The record's ``newest`` has the test accuracy of the mean weights after each task,
        ``windows`` at each milestone and at the end what :meth:`HessianLearner.measure` returned,
        flat, and ``steps``.
        """
        nets = load_with("torch", "experiments.mesu.hessian_nets", "mesu-hessian")
        learner: HessianLearner = nets.make_learner(self.setting, self.seed)
        order = Batches(self.seed, len(data.train))

        def step(task: int, record: Record) -> Mapping[str, int]:
            started = time.process_time()
            for number in range(task * STEPS_PER_TASK, (task + 1) * STEPS_PER_TASK):
                rows = order[number]
                learner.step(data.train[rows], data.train_labels[rows])
            record["train_s"].append(round(time.process_time() - started, 3))
            if not all(np.isfinite(values).all() for values in learner.arrays().values()):
                raise DivergedError(f"{self.name}: the weights are no longer finite")
            record["newest"].append([learner.accuracy(data.test, data.test_labels)])
            steps = (task + 1) * STEPS_PER_TASK
            if steps in MILESTONES or task + 1 == n_tasks:
                found = learner.measure(data.train, data.train_labels, self.seed + steps)
                record["windows"][str(task + 1)] = {"steps": steps} | {
                    name: [float(f"{value:.5g}") for value in values.ravel().tolist()]
                    for name, values in found.items()
                }
            return {}

        versions = {"torch": nets.torch.__version__, "numpy": np.__version__}
        return Begun(learner, versions, step)


class Batches:
    """The rows of each step's batch: every epoch a new order of the seed's, whole batches only."""

    def __init__(self, seed: int, n_rows: int) -> None:
        self._seed, self._n_rows = seed, n_rows
        self._epoch, self._rows = -1, np.zeros(0, np.int64)

    def __getitem__(self, step: int) -> Integers:
        epoch, place = divmod(step, self._n_rows // BATCH)
        if epoch != self._epoch:
            self._epoch = epoch
            self._rows = np.random.default_rng((self._seed, 2, epoch)).permutation(self._n_rows)
        return self._rows[place * BATCH : (place + 1) * BATCH]
