"""Who learns the permuted tasks: rules in integers by the C kernel, and float networks by numba."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from experiments import compiler
from experiments.bimu import kernels
from experiments.data import Floats, Integers
from experiments.loop.kept_state import KeptState
from experiments.loop.runs import Setting
from experiments.mesu.baselines import Deterministic, DeterministicLearner
from experiments.mesu.evaluate import Weights, logits
from experiments.mesu.kernels import ANCHORED, SGD, SI
from experiments.mesu.learners import MesuLearner
from experiments.mesu.task_learner import TaskLearner
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rule import RULES, Config
from streamlearn.errors import DivergedError

LAYERS = (784, 100, 10)
#: Mean and standard deviation of MNIST's training pixels, by which float networks standardise.
PIXEL_MEAN, PIXEL_STD = np.float32(0.13066), np.float32(0.30811)


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
    """The C kernel of a rule in integers."""

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
        super().learn(_standard(images), labels, task)

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`PermutedLearner`."""
        return super().classify(_standard(images), seed)

    def drawn(self, images: Floats, seed: tuple[int, ...]) -> npt.NDArray[Any]:
        """See :class:`PermutedLearner`."""
        return super().drawn(_standard(images), seed)


class FloatLearner:
    """A float network of the comparison over 200 tasks, on standardised pixels."""

    def __init__(self, learner: TaskLearner, floats: int) -> None:
        self._learner, self._floats = learner, floats

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`PermutedLearner`."""
        self._learner.learn(_standard(images), labels, task)

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`PermutedLearner`."""
        found: Integers = self.drawn(images, seed).mean(axis=0).argmax(axis=1)
        return found

    def drawn(self, images: Floats, seed: tuple[int, ...]) -> npt.NDArray[Any]:
        """See :class:`PermutedLearner`."""
        weights: Weights = self._learner.weights(np.random.default_rng(seed))
        return logits(weights, _standard(images), np.arange(images.shape[1]))

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


class Published(NamedTuple):
    """Constants of the paper's rule, for 1000 tasks; N was found anew for sampled sums."""

    lr: float = 4.9
    lr_max: float = 0.0023
    kappa: float = 3.76
    likelihood: float = 161.3
    window: float = 1000.0
    top: float = 16.0
    lsb: float = 0.0


class PublishedLearner:
    """BiMU on the paper's network, LayerNorm and gate, in float32; the pre-activations sampled.

    With ``lsb`` λ lies on a grid, as in a byte, and is rounded at random; the rest is float32.
    """

    n_draws = 5

    def __init__(self, constants: Published, seed: int) -> None:
        self._constants = np.array(constants, np.float32)
        rng = np.random.default_rng((seed, 1))
        self._state: dict[str, npt.NDArray[Any]] = {
            f"belief{k + 1}": rng.uniform(-0.3, 0.3, shape).astype(np.float32)
            for k, shape in enumerate((LAYERS[:2], LAYERS[1:]))
        }
        self._state |= {f"mean{k}": np.tanh(self._state[f"belief{k}"]) for k in (1, 2)}
        self._state["counts"] = np.array([rng.integers(1, 1 << 62), 0], np.uint64)
        normals = np.random.default_rng(0).standard_normal(kernels.NORMALS)
        self._normals = normals.astype(np.float32)

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`PermutedLearner`."""
        del task
        room = [np.zeros((self.n_draws, n), np.float32) for n in LAYERS[1:]]
        state = [self._state[name] for name in ("belief1", "mean1", "belief2", "mean2", "counts")]
        compiler.compiled(kernels.learn_bimu)(
            self._constants, *state, self._normals, *room, _standard(images), labels
        )
        if not np.isfinite(self._state["belief1"]).all():
            raise DivergedError("the beliefs are no longer finite")

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`PermutedLearner`."""
        p = _softmax(self.drawn(images, seed)).mean(axis=0)
        found: Integers = p.argmax(axis=1)
        return found

    def drawn(self, images: Floats, seed: tuple[int, ...]) -> npt.NDArray[Any]:
        """See :class:`PermutedLearner`: weights of ±1, as published."""
        rng = np.random.default_rng(seed)
        found = []
        for _ in range(self.n_draws):
            x = _standard(images)
            for k in (1, 2):
                mean = self._state[f"mean{k}"]
                plus = rng.random(mean.shape, np.float32) * 2 - 1 < mean
                a = x @ np.where(plus, np.float32(1), np.float32(-1))
                a = (a - a.mean(axis=1, keepdims=True)) / (a.std(axis=1, keepdims=True) + 1e-5)
                x = (np.abs(a) > 1).astype(np.float32)
            found.append(a)
        return np.stack(found)

    def bytes(self) -> int:
        """See :class:`PermutedLearner`: of λ alone; its tanh is kept to save time."""
        n = self._state["belief1"].size + self._state["belief2"].size
        return n * (1 if self._constants[-1] else 4)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`PermutedLearner`."""
        return {name: values.copy() for name, values in self._state.items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`PermutedLearner`."""
        self._state = {name: arrays[name].copy() for name in self._state}

    def counters(self) -> dict[str, int]:
        """See :class:`PermutedLearner`."""
        return {}


def _standard(images: Floats) -> Floats:
    found: Floats = (images - PIXEL_MEAN) / PIXEL_STD
    return found


def _softmax(z: npt.NDArray[Any]) -> npt.NDArray[Any]:
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    found: npt.NDArray[Any] = p / p.sum(axis=-1, keepdims=True)
    return found


#: The paper's, and its gates. N and fade were chosen on validation images: fourteen whole tasks,
#: accuracy on the newest five.
_PAPER = {
    "lr": 1.818,
    "caution": 0.742,
    "memory_window": 115_000.0,
    "fade": 0.1,
    "sides": 2,
    "threshold": 1.0,
    "window": 0.5,
    "logit_scale": 1.0,
    "radial": 1.0,
}
#: By algorithm its rule, and what differs from the rule's defaults.
RULE_SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "bimu": ("bimu", _PAPER),
    "bimu-defaults": ("bimu", {}),
    "mesu-q16": ("mesu", {"memory_window": 300_000.0}),
    "metaplastic": ("metaplastic", {}),
}
#: The baselines of the comparison over 200 tasks, at its settings, and the numbers that they keep
#: for each weight.
BASELINES = {
    "ewc-online": (Deterministic(ANCHORED, strength=2.0, decay=0.2), 3),
    "si": (Deterministic(SI, strength=1e-4), 4),
    "sgd": (Deterministic(SGD), 1),
}
PUBLISHED = {"bimu-float": Published(), "bimu-byte": Published(top=127 / 32, lsb=1 / 32)}
Maker = Callable[[Setting, int], PermutedLearner]


def network_of(algorithm: str) -> tuple[NetworkSpec, Config, str]:
    """Return the network, the configuration and the arithmetic of a rule in integers."""
    rule, settings = RULE_SETTINGS[algorithm]
    kind = RULES[rule]
    spec = NetworkSpec(LAYERS, bias=rule == "mesu", front_end="none")
    return spec, kind.config(**settings), next(iter(kind.arithmetics))


def make(setting: Setting, seed: int) -> PermutedLearner:
    """Return the learner of a setting, at its start."""
    name = setting.algorithm
    if name in RULE_SETTINGS:
        kind = StandardLearner if RULE_SETTINGS[name][0] == "bimu" else RuleLearner
        return kind(network_of(name), seed)
    if name in PUBLISHED:
        return PublishedLearner(PUBLISHED[name], seed)
    if name == "mesu":
        return FloatLearner(MesuLearner(setting, seed, "float32"), 2)
    constants, floats = BASELINES[name]
    return FloatLearner(DeterministicLearner(setting, seed, constants), floats)
