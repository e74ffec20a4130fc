"""Streaming permuted MNIST: one pass, one sample at a time, no task boundaries; who remembers what.

The binarized metaplastic learner in integers, without memory (m = 0) and as its float twin, beside
a float network of the same shape and MESU with the same bytes of state. A task is announced to
nobody, and evaluated without telling which it is.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from quant.native import NativeKernel
from quant.rules.metaplastic.gates import active_units, gate_bits, gates_of
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view
from quant.state import init_state, state_from_bytes
from streamlearn.errors import ConfigError, DivergedError
from streamlearn.reproduce import kernels, streaming_kernels
from streamlearn.reproduce.learners import MesuLearner
from streamlearn.reproduce.pmnist import Permutations, logits, standardised
from streamlearn.reproduce.runs import Record, Run, go_on, kernel_sha, tasks_done
from streamlearn.reproduce.streaming_settings import (
    GATES,
    MILESTONES,
    TWINS,
    VERSION,
    StreamingSetting,
    constants,
    metaplastic_config,
    metaplastic_spec,
)
from streamlearn.rules.metaplastic.equations import LSB
from streamlearn.streams import load_mnist

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Digits:
    """MNIST's images in their original order, pixels in [0, 1].

    Attributes
    ----------
    train, test : float32[n, 784]
    train_labels, test_labels : int64[n]
    """

    train: Floats
    train_labels: Integers
    test: Floats
    test_labels: Integers


def load_digits(limit: int | None = None) -> Digits:
    """Load the training and the test images, or the first so many of each.

    Raises
    ------
    ConfigError
        If `limit` is below 1.
    DataNotFoundError
        If the files are not there.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit={limit}: expected 1 sample or more")
    train, test = load_mnist("train"), load_mnist("test")
    return Digits(train.x[:limit], train.y[:limit], test.x[:limit], test.y[:limit])


def split_for_validation(digits: Digits, n_validation: int = 10_000) -> Digits:
    """Return training images alone, the last `n_validation` of them in the place of the test."""
    n = len(digits.train_labels) - n_validation
    x, y = digits.train, digits.train_labels
    return Digits(x[:n], y[:n], x[n:], y[n:])


class StreamingLearner(Protocol):
    """Learns images and classifies them; what it holds can be taken out and put back."""

    def learn(self, images: Floats, labels: Integers) -> None:
        """Learn ``float32[n, 784]``, ``int64[n]``, once and in order."""

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """Return the classes, ``int64[n]``; `seed` is of the draws, where there are any."""

    def bytes(self) -> int:
        """Return the size of the state."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that later samples depend on."""

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""

    def counters(self) -> dict[str, int]:
        """Return what met the end of its format since this object was made, by name."""


def binary_classes(
    w1: npt.NDArray[Any], w2: npt.NDArray[Any], x: Floats, active: Bools | None = None
) -> Integers:
    """Return the classes by the signs of ``[in, out]`` hidden weights; exact for Q3.4 inputs.

    `active`, ``bool[n, n_hidden]``, tells which units take part.
    """
    first, second = (np.where(w < 0, -1, 1).astype(np.float32) for w in (w1, w2))
    hidden = np.where(x @ first < 0, np.float32(-1), np.float32(1))
    if active is not None:
        hidden *= active
    classes: Integers = np.argmax(hidden @ second, axis=1)
    return classes


class MetaplasticLearner:
    """The C kernel of the metaplastic rule."""

    def __init__(self, setting: StreamingSetting, seed: int) -> None:
        self._spec, self._config = metaplastic_spec(setting), metaplastic_config(setting)
        self._kernel = NativeKernel(self._spec, self._config, "q8")
        self._state = init_state(self._spec, self._config, "q8", seed)

    def learn(self, images: Floats, labels: Integers) -> None:
        """See :class:`StreamingLearner`."""
        self._kernel.learn(self._state, images, labels.astype(np.uint32))

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`StreamingLearner`; what the kernel predicts, many images at once."""
        del seed
        w1, w2 = (weight_view(self._spec, self._state, layer) for layer in range(2))
        x = np.floor(images * 16 + np.float32(0.5))
        active, gates = None, gates_of(self._spec, self._config)
        if gates.n_blocks:
            active = active_units(gates, int(self._state["seed"][0]), x)
        return binary_classes(w1, w2, x, active)

    def bytes(self) -> int:
        """See :class:`StreamingLearner`."""
        return int(self._state.nbytes)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`StreamingLearner`."""
        return {"state": np.frombuffer(self._state.tobytes(), np.uint8)}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`StreamingLearner`."""
        self._state = state_from_bytes(self._spec, self._config, "q8", arrays["state"].tobytes())

    def counters(self) -> dict[str, int]:
        """See :class:`StreamingLearner`."""
        return dataclasses.asdict(self._kernel.saturations)


class _Weights:
    """A learner whose state is two matrices."""

    w1: npt.NDArray[Any]
    w2: npt.NDArray[Any]

    def bytes(self) -> int:
        """See :class:`StreamingLearner`."""
        return int(self.w1.nbytes + self.w2.nbytes)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`StreamingLearner`."""
        return {"w1": self.w1.copy(), "w2": self.w2.copy()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`StreamingLearner`."""
        self.w1, self.w2 = arrays["w1"].copy(), arrays["w2"].copy()

    def counters(self) -> dict[str, int]:
        """See :class:`StreamingLearner`."""
        return {}

    def _check(self) -> None:
        if not (np.isfinite(self.w1).all() and np.isfinite(self.w2).all()):
            raise DivergedError("the weights are no longer finite")


class TwinLearner(_Weights):
    """The metaplastic rule in real numbers, from the start of the engine in integers; with gates
    where the setting has blocks.
    """

    def __init__(self, setting: StreamingSetting, seed: int) -> None:
        spec, self._config = metaplastic_spec(setting), metaplastic_config(setting)
        self._sized = self._config.for_sizes(setting.layers)
        self._shift = 2.0 ** make_metaplastic_plan(spec, self._config).backward_shifts[1]
        state = init_state(spec, self._config, "float64", seed)
        self.w1, self.w2 = (weight_view(spec, state, layer).copy() for layer in range(2))
        self._spec, self._seed = spec, seed
        self._gates = gate_bits(setting.layers[0], setting.n_blocks, seed) * 2.0 - 1.0

    def learn(self, images: Floats, labels: Integers) -> None:
        """See :class:`StreamingLearner`."""
        c, sized = self._config, self._sized
        kernels.compiled(streaming_kernels.learn_metaplastic)(
            *(c.metaplasticity, c.metaplasticity_output, c.clamp),
            *(LSB * sized.lr, LSB * sized.lr_output),
            *(sized.window, c.skip, sized.logit_scale, self._shift),
            *(self._gates, self._config.n_active, self.w1, self.w2, images, labels),
        )
        self._check()

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`StreamingLearner`."""
        del seed
        gates = gates_of(self._spec, self._config)
        active = active_units(gates, self._seed, images) if gates.n_blocks else None
        return binary_classes(self.w1, self.w2, images, active)


class MlpLearner(_Weights):
    """A float network with rectified units, by plain SGD; weights start from N(0, 2/fan_in)."""

    def __init__(self, setting: StreamingSetting, seed: int) -> None:
        self._lr = np.float32(constants(setting)["lr"])
        rng = np.random.default_rng((seed, 1))
        n_in, n_hidden, n_out = setting.layers
        self.w1, self.w2 = (
            (rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
            for shape in ((n_in, n_hidden), (n_hidden, n_out))
        )

    def learn(self, images: Floats, labels: Integers) -> None:
        """See :class:`StreamingLearner`."""
        learn = kernels.compiled(streaming_kernels.learn_mlp)
        learn(self._lr, self.w1, self.w2, images, labels)
        self._check()

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`StreamingLearner`."""
        del seed
        classes: Integers = np.argmax(np.maximum(images @ self.w1, 0) @ self.w2, axis=1)
        return classes


class StandardisedMesu:
    """MESU in fixed point, on pixels standardised by the two numbers of what it is given.

    Training and test images each by their own, as in the authors' protocol.
    """

    def __init__(self, setting: StreamingSetting, seed: int, arithmetic: str) -> None:
        self._learner = MesuLearner(setting, seed, arithmetic)

    def learn(self, images: Floats, labels: Integers) -> None:
        """See :class:`StreamingLearner`."""
        self._learner.learn(standardised(images), labels, 0)

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`StreamingLearner`."""
        weights = self._learner.weights(np.random.default_rng(seed))
        order = np.arange(images.shape[1])
        z = logits(weights, standardised(images), order).mean(axis=0)
        classes: Integers = z.argmax(axis=1)
        return classes

    def bytes(self) -> int:
        """See :class:`StreamingLearner`."""
        return int(self._learner.arrays()["state"].nbytes)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`StreamingLearner`."""
        return self._learner.arrays()

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`StreamingLearner`."""
        self._learner.restore(arrays)

    def counters(self) -> dict[str, int]:
        """See :class:`StreamingLearner`."""
        return self._learner.counters()


#: Every algorithm by name: what makes its learner from a setting and a seed.
LEARNERS: dict[str, Callable[[StreamingSetting, int], StreamingLearner]] = {
    **dict.fromkeys(("metaplastic", "plastic", "no-memory", *GATES), MetaplasticLearner),
    **dict.fromkeys(TWINS, TwinLearner),
    "mlp": MlpLearner,
    "mesu-q16": lambda setting, seed: StandardisedMesu(setting, seed, "q16"),
}


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
        return {
            "version": VERSION,
            "seed": self.seed,
            "limit": self.limit,
            "algorithm": self.setting.algorithm,
            "layers": list(self.setting.layers),
            "width": self.streaming.width,
            **constants(self.streaming),
        }

    def load(self) -> Digits:
        """See :meth:`Run.load`."""
        return load_digits(self.limit)

    def execute(
        self,
        n_tasks: int,
        data: Any,
        results: Path,
        work: Path,
        report: Callable[[int, float], None] | None = None,
    ) -> Record:
        """Run up to ``n_tasks`` tasks, going on where the checkpoint is; return the record.

        It has for each task ``newest`` (test accuracy on it, in %) and ``train_s`` (CPU seconds);
        ``windows`` has every task's accuracy after 1, 6, 10 and 20 tasks and at the end;
        ``bytes`` is the size of the state.

        Raises
        ------
        ConfigError
            If the log is that of another run, or numba is missing.
        DivergedError
            If weights are no longer finite.
        """
        tasks_done(self, results)
        learner = LEARNERS[self.setting.algorithm](self.streaming, self.seed)

        def step(task: int, record: Record) -> Mapping[str, int]:
            record["bytes"] = learner.bytes()
            self._task(learner, data, task, n_tasks, record)
            return learner.counters()

        session = {"kernel": kernel_sha(), "numpy": np.__version__}
        return go_on(self, learner, n_tasks, results, work, report, session, step)

    def _task(
        self, learner: StreamingLearner, data: Digits, task: int, n_tasks: int, record: Record
    ) -> None:
        orders = Permutations(self.seed, data.train.shape[1])
        permuted = np.take(data.train, orders[task], axis=1)
        started = time.process_time()
        learner.learn(permuted, data.train_labels)
        record["train_s"].append(round(time.process_time() - started, 3))
        done = task + 1
        whole = done in MILESTONES or done == n_tasks
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
