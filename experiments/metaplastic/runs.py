"""Runs of the binarized metaplastic network: permuted tasks, subsets one after the other.

The network needs PyTorch (:mod:`experiments.metaplastic.nets`); it learns on a GPU where there
is one.

References
----------
Laborieux et al., "Synaptic metaplasticity in binarized neural networks", arXiv 2003.03533.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from experiments.data import Floats, Integers, Permutations
from experiments.loop.runs import Begun, Record, Run
from experiments.metaplastic.settings import (
    ALL,
    BATCH,
    CUT,
    LR,
    ORDER,
    SUBSETS,
    VALIDATION,
    VERSION,
    WEIGHT_DECAY,
    BnnSetting,
    recipe_of,
)
from experiments.needs import load_with
from streamlearn.errors import ConfigError
from streamlearn.streams import Stream, load_fashion_mnist, load_mnist

#: Images at the end of the training set that stand for the test where something is chosen.
N_VALIDATION = 10_000


class BnnLearner(Protocol):
    """What :mod:`experiments.metaplastic.nets` makes: a network, its optimizer, its states."""

    def restart(self) -> None:
        """Forget the optimizer's moments."""

    def learn(self, x: Floats, y: Integers, epochs: int, seed: tuple[int, ...]) -> None:
        """Learn ``float32[n, features]``, ``int64[n]`` in batches, a new order every epoch."""

    def finish(self, x: Floats, y: Integers, task: int, seed: int) -> None:
        """Keep the task's normalisation state, and consolidate where the recipe says so."""

    def accuracy(
        self, x: Floats, y: Integers, task: int | None = None, batch_statistics: bool = False
    ) -> float:
        """Return the accuracy in %, with the present or a task's own normalisation state."""

    def magnitudes(self) -> list[float]:
        """Return the mean magnitude of each layer's hidden weights."""

    def importance(self, x: Floats, y: Integers, seed: int) -> dict[str, Any]:
        """Return what switching weights costs, by layer and magnitude."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that a later task depends on."""

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""


@dataclass
class Sets:
    """The data sets by name, loaded when they are first asked for; pixels in [0, 1].

    Parameters
    ----------
    limit : int, optional
        Only the first so many images of each set.
    """

    limit: int | None = None
    _loaded: dict[str, tuple[Stream, Stream]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> tuple[Floats, Integers, Floats, Integers]:
        """Return training images and labels, test images and labels.

        Raises
        ------
        DataNotFoundError
            If the files are not there.
        """
        if name not in self._loaded:
            self._loaded[name] = _loaded(name)
        train, test = self._loaded[name]
        n = self.limit
        return train.x[:n], train.y[:n], test.x[:n], test.y[:n]


def _loaded(name: str) -> tuple[Stream, Stream]:
    if name == VALIDATION:
        images = load_mnist("train")
        return _rows(images, slice(0, -N_VALIDATION)), _rows(images, slice(-N_VALIDATION, None))
    load = {"mnist": load_mnist, "fashion-mnist": load_fashion_mnist}[name]
    return load("train"), load("test")


def _rows(stream: Stream, rows: slice) -> Stream:
    return replace(stream, x=stream.x[rows], y=stream.y[rows])


class BnnRun(Run):
    """One network on one seed's stream. Subclasses say what a task is and what is measured."""

    @property
    def bnn(self) -> BnnSetting:
        """The setting."""
        return cast(BnnSetting, self.setting)

    @property
    def name(self) -> str:
        """See :attr:`Run.name`; width and epochs are always part of it."""
        hidden = "-".join(map(str, self.setting.layers[1:-1]))
        data = "" if self.bnn.data == "mnist" else f"-{self.bnn.data}"
        return f"{self.setting.algorithm}{data}-h{hidden}-e{self.bnn.epochs}-seed{self.seed}"

    def identity(self) -> Record:
        """See :meth:`Run.identity`; the recipe and the constants are part of it."""
        recipe = recipe_of(self.setting.algorithm)
        return self.identity_with(
            VERSION,
            epochs=self.bnn.epochs,
            data=self.bnn.data,
            metaplasticity=recipe.metaplasticity,
            ewc_strength=recipe.ewc_strength,
            lr=LR,
            weight_decay=WEIGHT_DECAY,
            batch=BATCH,
        )

    def load(self) -> Sets:
        """Return the data sets.

        Raises
        ------
        ConfigError
            If the limit is below one batch.
        """
        if self.limit is not None and self.limit < BATCH:
            raise ConfigError(f"limit={self.limit}: expected {BATCH} samples or more, one batch")
        return Sets(self.limit)

    @property
    def packages(self) -> tuple[str, ...]:
        """See :attr:`Run.packages`."""
        return ("torch",)

    @property
    def data_sets(self) -> tuple[str, ...]:
        """See :attr:`Run.data_sets`."""
        return ("mnist" if self.bnn.data == VALIDATION else self.bnn.data,)

    def begin(self, data: Any, n_tasks: int) -> Begun:
        """See :meth:`Run.begin`.

        The record's ``newest`` has the test accuracy on the last task, ``magnitude`` the mean
        of each layer's hidden weights, ``train_s`` CPU seconds (on a GPU: seconds), all after each
        task; ``windows`` what the subclass measures.
        """
        nets = load_with("torch", "experiments.metaplastic.nets", "the binarized network")
        learner: BnnLearner = nets.make_learner(self.bnn, self.seed, affine=self.affine)

        def step(task: int, record: Record) -> Mapping[str, int]:
            sets = data[self.bnn.data]
            started = nets.clock()
            self.learn(learner, sets, task)
            record["train_s"].append(round(nets.clock() - started, 2))
            found = self.measure(learner, sets, task, task + 1 == n_tasks)
            record["newest"].append([found.pop("newest")])
            magnitudes = [float(f"{value:.4g}") for value in learner.magnitudes()]
            record.setdefault("magnitude", []).append(magnitudes)
            if found:
                record["windows"][str(task + 1)] = found
            return {}

        return Begun(learner, nets.machine(), step)

    #: Whether normalisation layers learn a scale and a shift.
    affine = True

    def learn(self, learner: BnnLearner, sets: Any, task: int) -> None:
        """Learn one task."""
        raise NotImplementedError

    def measure(self, learner: BnnLearner, sets: Any, task: int, last: bool) -> dict[str, Any]:
        """Return ``newest``, the accuracy on the task, and what else goes into the log."""
        raise NotImplementedError


class PermutedRun(BnnRun):
    """Permuted tasks; Adam starts anew at each, as in the authors' code.

    ``windows`` has for every number of tasks the accuracies on all of them, under ``present``
    (the network as it is: one normalisation state, no task identity) and ``own`` (each task with
    the state that normalisation had when it was learned); at the end also ``present_batch`` and
    ``own_batch``: scale and shift of either, the statistics those of 1000 test images.
    """

    def learn(self, learner: BnnLearner, sets: Any, task: int) -> None:
        """See :meth:`BnnRun.learn`."""
        x, y, _, _ = sets
        permuted = np.take(x, Permutations(self.seed, x.shape[1])[task], axis=1)
        learner.restart()
        learner.learn(permuted, y, self.bnn.epochs, (self.seed, ORDER, task))
        learner.finish(permuted, y, task, self.seed)

    def measure(self, learner: BnnLearner, sets: Any, task: int, last: bool) -> dict[str, Any]:
        """See :meth:`BnnRun.measure`."""
        _, _, x, y = sets
        orders = Permutations(self.seed, x.shape[1])
        names = ("present", "own", "present_batch", "own_batch")[: 4 if last else 2]
        found: dict[str, Any] = {name: [] for name in names}
        for t in range(task + 1):
            permuted = np.take(x, orders[t], axis=1)
            for name in names:
                own = t if name.startswith("own") else None
                found[name].append(learner.accuracy(permuted, y, own, name.endswith("batch")))
        return {"newest": found["present"][-1], **found}


class StreamRun(BnnRun):
    """60 random subsets, each learned alone for its epochs and never seen again.

    With "-all" a task is one epoch over all data instead: as many samples, in any order.
    """

    affine = False

    def until(self, n_tasks: int) -> int:
        """See :meth:`Run.until`."""
        at_once = self.setting.algorithm.endswith(ALL)
        return min(n_tasks, self.bnn.epochs if at_once else SUBSETS)

    def learn(self, learner: BnnLearner, sets: Any, task: int) -> None:
        """See :meth:`BnnRun.learn`."""
        x, y, _, _ = sets
        if self.setting.algorithm.endswith(ALL):
            learner.learn(x, y, 1, (self.seed, ORDER, task))
            return
        rows = np.array_split(np.random.default_rng((self.seed, CUT)).permutation(len(x)), SUBSETS)
        subset = rows[task]
        learner.learn(x[subset], y[subset], self.bnn.epochs, (self.seed, ORDER, task))

    def measure(self, learner: BnnLearner, sets: Any, task: int, last: bool) -> dict[str, Any]:
        """See :meth:`BnnRun.measure`."""
        del task
        x, y, test_x, test_y = sets
        found: dict[str, Any] = {"newest": learner.accuracy(test_x, test_y)}
        return found | ({"train": learner.accuracy(x, y)} if last else {})


class ImportanceRun(BnnRun):
    """All of MNIST, a task an epoch; at the end weights of each magnitude are switched."""

    def until(self, n_tasks: int) -> int:
        """See :meth:`Run.until`."""
        return min(n_tasks, self.bnn.epochs)

    def learn(self, learner: BnnLearner, sets: Any, task: int) -> None:
        """See :meth:`BnnRun.learn`."""
        x, y, _, _ = sets
        learner.learn(x, y, 1, (self.seed, ORDER, task))

    def measure(self, learner: BnnLearner, sets: Any, task: int, last: bool) -> dict[str, Any]:
        """See :meth:`BnnRun.measure`; images of the training set, as in the paper."""
        del task
        x, y, test_x, test_y = sets
        found: dict[str, Any] = {"newest": learner.accuracy(test_x, test_y)}
        return found | (learner.importance(x, y, self.seed) if last else {})
