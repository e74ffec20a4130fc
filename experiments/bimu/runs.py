"""Permuted MNIST, task after task, at 784-100-10: what integers of one byte and of four remember.

The paper's columns, with this library's rules in fixed point: one pass, one sample at a time, no
task is announced. Tested on the newest five tasks after each, and on the newest twenty now and
then.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.data import Digits, Floats, Integers, Permutations, load_digits
from experiments.loop.runs import Begun, Record, Run, Setting
from experiments.machine import kernel_sha
from quant.description import to_json
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rule import RULES, Config
from quant.state import init_state, state_from_bytes

#: Counted up when a log of before says something else than a new one.
VERSION = 1
FOLDER = "bimu-pmnist"
LAYERS = (784, 100, 10)
N_TASKS, N_SEEDS = 100, 3
NEWEST, MORE, EVERY = 5, 20, 10

#: By algorithm its rule and what differs from the rule's defaults. BiMU's were chosen on validation
#: images: nine whole tasks, mean accuracy on the newest five.
ALGORITHMS: dict[str, tuple[str, dict[str, Any]]] = {
    "bimu": ("bimu", {"memory_window": 300_000.0, "lr": 1.8, "caution": 2.0}),
    "bimu-defaults": ("bimu", {}),
    "mesu": ("mesu", {"memory_window": 300_000.0}),
    "metaplastic": ("metaplastic", {}),
}


def network_of(algorithm: str) -> tuple[NetworkSpec, Config, str]:
    """Return the network, the configuration and the arithmetic of an algorithm, in integers."""
    rule, settings = ALGORITHMS[algorithm]
    kind = RULES[rule]
    spec = NetworkSpec(LAYERS, bias=rule == "mesu", front_end="none")
    return spec, kind.config(**settings), next(iter(kind.arithmetics))


def settings_of(algorithm: str) -> list[tuple[str, Setting, int]]:
    """Return the one setting of an algorithm."""
    return [(FOLDER, Setting(algorithm, LAYERS), N_SEEDS)]


class RuleLearner:
    """The C kernel of a rule in integers."""

    def __init__(self, algorithm: str, seed: int) -> None:
        self._given = network_of(algorithm)
        self._kernel = NativeKernel(*self._given)
        self._state = init_state(*self._given, seed)

    def learn(self, images: Floats, labels: Integers) -> None:
        """Learn ``float32[n, 784]``, ``int64[n]``, once and in order."""
        self._kernel.learn(self._state, images, labels.astype(np.uint32))

    def classify(self, images: Floats) -> Integers:
        """Return the classes, ``int64[n]``."""
        found: Integers = np.asarray(self._kernel.predict_many(self._state, images)[0], np.int64)
        return found

    def bytes(self) -> int:
        """Return the size of the state."""
        return int(self._state.nbytes)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that later samples depend on."""
        return {"state": np.frombuffer(self._state.tobytes(), np.uint8)}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""
        self._state = state_from_bytes(*self._given, arrays["state"].tobytes())

    def counters(self) -> dict[str, int]:
        """Return what met the end of its format since this object was made, by name."""
        return dataclasses.asdict(self._kernel.saturations)


class BimuRun(Run):
    """One learner on one seed's stream of permuted tasks."""

    @property
    def name(self) -> str:
        """See :attr:`Run.name`."""
        return f"{self.setting.algorithm}-seed{self.seed}"

    @property
    def data_sets(self) -> tuple[str, ...]:
        """See :attr:`Run.data_sets`."""
        return ("mnist",)

    def identity(self) -> Record:
        """See :meth:`Run.identity`; the configuration is part of it."""
        spec, config, arithmetic = network_of(self.setting.algorithm)
        learner = to_json(spec, config)
        return self.identity_with(VERSION, learner=learner, arithmetic=arithmetic)

    def load(self) -> Digits:
        """See :meth:`Run.load`."""
        return load_digits(self.limit)

    def begin(self, data: Any, n_tasks: int) -> Begun:
        """See :meth:`Run.begin`.

        The record has for each task ``newest`` (test accuracy on the newest five, in %, the newest
        last) and ``train_s`` (CPU seconds); ``windows`` has the newest twenty after every tenth
        task and at the end; ``bytes`` is the size of the state.
        """
        learner = RuleLearner(self.setting.algorithm, self.seed)

        def step(task: int, record: Record) -> Mapping[str, int]:
            record["bytes"] = learner.bytes()
            orders = Permutations(self.seed, data.train.shape[1])
            started = time.process_time()
            learner.learn(np.take(data.train, orders[task], axis=1), data.train_labels)
            record["train_s"].append(round(time.process_time() - started, 3))
            done = task + 1
            whole = done % EVERY == 0 or done == n_tasks
            found = []
            for old in range(max(done - (MORE if whole else NEWEST), 0), done):
                classes = learner.classify(np.take(data.test, orders[old], axis=1))
                found.append(round(100 * float(np.mean(classes == data.test_labels)), 2))
            record["newest"].append(found[-NEWEST:])
            if whole:
                record["windows"][str(done)] = {"accuracy": found}
            return learner.counters()

        return Begun(learner, {"kernel": kernel_sha(), "numpy": np.__version__}, step)
