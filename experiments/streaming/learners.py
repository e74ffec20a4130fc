"""Who learns the stream: the binary learner and its float reference, a float network, MESU."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from experiments import compiler
from experiments.data import Floats, Integers, standardised
from experiments.loop.kept_state import KeptState
from experiments.mesu.evaluate import logits
from experiments.mesu.learners import MesuLearner
from experiments.streaming import kernels
from experiments.streaming.floats import MlpLearner, PenalisedLearner, TwoMatrices
from experiments.streaming.settings import (
    GATES,
    MESU_ALGORITHMS,
    PENALTIES,
    TWINS,
    StreamingSetting,
    metaplastic_config,
    metaplastic_spec,
)
from quant.native import NativeKernel
from quant.rules.metaplastic.cuts import metaplasticity_of
from quant.rules.metaplastic.gates import active_units, gate_bits, gates_of
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view
from quant.state import init_state
from streamlearn.rules.metaplastic.equations import LSB

Bools = npt.NDArray[np.bool_]


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

    `active`, ``bool[n, n_hidden]``, tells which units are active.
    """
    first, second = (np.where(w < 0, -1, 1).astype(np.float32) for w in (w1, w2))
    hidden = np.where(x @ first < 0, np.float32(-1), np.float32(1))
    if active is not None:
        hidden *= active
    classes: Integers = np.argmax(hidden @ second, axis=1)
    return classes


class MetaplasticLearner(KeptState):
    """The C kernel of the metaplastic rule."""

    def __init__(self, setting: StreamingSetting, seed: int) -> None:
        self._spec, self._config = metaplastic_spec(setting), metaplastic_config(setting)
        super().__init__(self._spec, self._config, "q8", seed)
        self._kernel = NativeKernel(*self._given)

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

    def counters(self) -> dict[str, int]:
        """See :class:`StreamingLearner`."""
        return dataclasses.asdict(self._kernel.saturations)


class TwinLearner(TwoMatrices):
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
        compiler.compiled(kernels.learn_metaplastic)(
            *(metaplasticity_of(self._spec, c), c.metaplasticity_output, c.clamp),
            *(LSB * sized.lr, LSB * sized.lr_output),
            *(sized.window, c.skip, sized.logit_scale, self._shift),
            *(self._gates, self._config.n_active, self.w1, self.w2, images, labels),
        )
        self.check()

    def classify(self, images: Floats, seed: tuple[int, ...]) -> Integers:
        """See :class:`StreamingLearner`."""
        del seed
        gates = gates_of(self._spec, self._config)
        active = active_units(gates, self._seed, images) if gates.n_blocks else None
        return binary_classes(self.w1, self.w2, images, active)


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
        return self._learner.bytes()

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
    **dict.fromkeys(PENALTIES, PenalisedLearner),
    **dict.fromkeys(MESU_ALGORITHMS, lambda setting, seed: StandardisedMesu(setting, seed, "q16")),
}
