"""Who learns the permuted tasks: the library's rules by the C kernel, and rivals by numba."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from experiments.bimu.drawn import Constants, DrawnLearner
from experiments.bimu.pixels import standardise
from experiments.data import Floats, Integers
from experiments.loop.kept_state import KeptState
from experiments.loop.runs import Setting
from experiments.mesu.baselines import Deterministic, DeterministicLearner
from experiments.mesu.evaluate import Weights, logits
from experiments.mesu.kernels import ANCHORED, SGD, SI
from experiments.mesu.learners import MesuLearner
from experiments.mesu.task_learner import TaskLearner
from experiments.needs import load_with
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rule import RULES, Config

LAYERS = (784, 100, 10)


class PermutedLearner(Protocol):
    """Learns images of pixels in 0 to 1, and tells what each draw says of others."""

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """Learn ``float32[n, 784]``, ``int64[n]``, once and in order."""

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """Return the classes, ``int64[n]``; `seed` is of the draws, where they are not its own."""

    def drawn(self, images: Floats, seed: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return the logits of each draw, ``float[draws, n, classes]``."""

    def bytes(self) -> int:
        """Return the size of what it keeps."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that later samples depend on."""

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""

    def counters(self) -> dict[str, int]:
        """Return what met the end of its format since this object was made, by name."""


class RuleLearner(KeptState):
    """The C kernel of a rule of the library."""

    def __init__(self, given: tuple[NetworkSpec, Config, str], seed: int) -> None:
        super().__init__(*given, seed)
        self._kernel = NativeKernel(*given)

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`PermutedLearner`."""
        del task
        self._kernel.learn(self._state, images, labels.astype(np.uint32))

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`PermutedLearner`."""
        del seed
        found: Integers = np.asarray(self._kernel.predict_many(self._state, images)[0], np.int64)
        return found

    def drawn(self, images: Floats, seed: tuple[int, ...]) -> npt.NDArray[Any]:
        """See :class:`PermutedLearner`."""
        del seed
        return np.stack([self._kernel.draws(self._state, row)[1].T for row in images], axis=1)

    def counters(self) -> dict[str, int]:
        """See :class:`PermutedLearner`."""
        return dataclasses.asdict(self._kernel.saturations)


class StandardLearner(RuleLearner):
    """The same on standardised pixels."""

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`PermutedLearner`."""
        super().learn(standardise(images), labels, task)

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`PermutedLearner`."""
        return super().classify(standardise(images), seed)

    def drawn(self, images: Floats, seed: tuple[int, ...]) -> npt.NDArray[Any]:
        """See :class:`PermutedLearner`."""
        return super().drawn(standardise(images), seed)


class FloatLearner:
    """A float network of the comparison over 200 tasks, on standardised pixels."""

    def __init__(self, learner: TaskLearner, floats: int) -> None:
        self._learner, self._floats = learner, floats

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`PermutedLearner`."""
        self._learner.learn(standardise(images), labels, task)

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`PermutedLearner`."""
        found: Integers = self.drawn(images, seed).mean(axis=0).argmax(axis=1)
        return found

    def drawn(self, images: Floats, seed: tuple[int, ...]) -> npt.NDArray[Any]:
        """See :class:`PermutedLearner`."""
        weights: Weights = self._learner.weights(np.random.default_rng(seed))
        return logits(weights, standardise(images), np.arange(images.shape[1]))

    def bytes(self) -> int:
        """See :class:`PermutedLearner`: four bytes for each number that the rule needs."""
        return 4 * self._floats * sum(a * b for a, b in pairwise(LAYERS))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`PermutedLearner`."""
        return self._learner.arrays()

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`PermutedLearner`."""
        self._learner.restore(arrays)

    def counters(self) -> dict[str, int]:
        """See :class:`PermutedLearner`."""
        return self._learner.counters()


#: The paper's: N/(κ lr_max) samples of memory, relaxed weights, and its gates.
_PAPER = {
    "lr": 1.818,
    "caution": 0.742,
    "memory_window": 81_000.0,
    "relaxed": 1,
    "sides": 2,
    "threshold": 1.0,
    "window": 0.5,
    "logit_scale": 1.0,
    "radial": 1.0,
}
#: What a byte is rounded by asks for these, and for a slower rate and a longer window: the best of
#: ``bimu-tune``, on validation images.
_BYTE = {**_PAPER, "lr": 0.9, "memory_window": 160_000.0, "settle": 1.0, "gather": 32}
#: Learning by weights of ±1, with settings chosen for that in the same way.
_HARD = {**_PAPER, "relaxed": 0, "memory_window": 115_000.0}
_HARD_BYTE = {**_HARD, "lr": 1.3, "memory_window": 231_000.0, "settle": 2.0, "gather": 32}
#: The paper's for one task.
_ONE = {**_PAPER, "lr": 17.1, "caution": 0.418, "memory_window": 76_000.0}
#: By algorithm its rule and arithmetic, and what differs from the rule's defaults. In float32 there
#: are as many draws as in the paper.
RULE_SETTINGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bimu": ("bimu", "q8", _BYTE),
    "bimu-q16": ("bimu", "q16", _PAPER),
    "bimu-float": ("bimu", "float32", {**_PAPER, "n_draws": 5}),
    "bimu-hard": ("bimu", "q8", _HARD_BYTE),
    "bimu-hard-float": ("bimu", "float32", {**_HARD, "n_draws": 5}),
    "bimu-one": ("bimu", "q8", _ONE),
    "bimu-one-q16": ("bimu", "q16", _ONE),
    "metaplastic": ("metaplastic", "q8", {"metaplasticity": 0.6, "lr": 2.0, "lr_output": 2.0}),
}
#: BiMU as published.
DRAWN = {
    "bimu-drawn": Constants(),
    "bimu-one-drawn": Constants(81.76, 0.017, 4.72, 12.3, 6100.0),
}
#: MESU as in the comparison over 200 tasks: arithmetic, and words of four bytes for each
#: weight.
MESU = {"mesu": ("float32", 2), "mesu-q16": ("q16", 1)}
#: The baselines of the comparison over 200 tasks, at its settings, and the numbers that they keep
#: for each weight.
BASELINES = {
    "ewc-online": (Deterministic(ANCHORED, strength=2.0, decay=0.2), 3),
    "si": (Deterministic(SI, strength=1e-4), 4),
    "sgd": (Deterministic(SGD), 1),
}
#: The binary rule as published: a key of the recipes of ``bnn-pmnist``, as ``bimu-tune`` chose it.
#: The setting of the library's own form is from there, too.
PUBLISHED = {"metaplastic-published": "m0.5"}


def network_of(setting: Setting, **more: float) -> tuple[NetworkSpec, Config, str]:
    """Return the network, the configuration and the arithmetic of a rule of the library.

    `more` takes the place of its settings, and the setting's memory window that of its own, where
    it is not the usual one.
    """
    rule, arithmetic, settings = RULE_SETTINGS[setting.algorithm]
    if setting.memory_window != Setting(setting.algorithm).memory_window:
        settings = {**settings, "memory_window": setting.memory_window}
    spec = NetworkSpec(LAYERS, bias=False, front_end="none")
    return spec, RULES[rule].config(**{**settings, **more}), arithmetic


def make(setting: Setting, seed: int) -> PermutedLearner:
    """Return the learner of a setting, at its start."""
    name = setting.algorithm
    if name in RULE_SETTINGS:
        kind = StandardLearner if RULE_SETTINGS[name][0] == "bimu" else RuleLearner
        return kind(network_of(setting), seed)
    if name in DRAWN:
        return DrawnLearner(LAYERS, DRAWN[name], seed)
    if name in MESU:
        arithmetic, size = MESU[name]
        return FloatLearner(MesuLearner(setting, seed, arithmetic), size)
    if name in PUBLISHED:
        module = load_with("torch", "experiments.bimu.published", "the published binary rule")
        published: PermutedLearner = module.PublishedLearner(LAYERS, PUBLISHED[name], seed)
        return published
    constants, floats = BASELINES[name]
    return FloatLearner(DeterministicLearner(setting, seed, constants), floats)
