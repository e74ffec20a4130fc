"""The engines: what runs a learner's state forward.

Two classes with the same verbs. :class:`NumpyEngine` runs a rule's model in NumPy: the equations in
float64, or the golden model in integers. :class:`streamlearn.native_engine.NativeEngine` runs the C
kernel on the host: in float32, or in integers with the golden model's bits. What a rule has of them
it says in its room (:mod:`quant.rule`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import quant.averages.golden
import quant.front_end.golden
import quant.spiking.golden
from quant import averages as averaged
from quant.counters import Saturations
from quant.errors import ConfigError, DivergedError
from quant.front_end import INPUT_FRAC_BITS
from quant.heads import HEADS
from quant.heads.head import ClassPrediction
from quant.layout import State
from quant.memory import golden
from quant.network import NetworkSpec
from quant.replay import golden as replay
from quant.rooms import part
from quant.rule import Config, Model, arithmetic_of, rule_of
from streamlearn import averages, front_end, heads, spiking
from streamlearn.engine import (
    DIVERGED,
    NO_MEMORY,
    Backend,
    Engine,
    Float,
    LearnRow,
    Prediction,
    PredictRow,
    choose_backend,
)
from streamlearn.memory import Memory
from streamlearn.native_engine import NativeEngine

__all__ = [
    "DIVERGED",
    "Backend",
    "Engine",
    "NativeEngine",
    "NumpyEngine",
    "choose_backend",
    "make_engine",
]

_OUTPUT_ONE = 1 << 16
INPUT_ONE = 1 << INPUT_FRAC_BITS


class NumpyEngine:
    """A rule's model in NumPy: float64, or the golden model in integers.

    Parameters
    ----------
    spec : NetworkSpec
    config : the rule's configuration
    arithmetic : str

    Raises
    ------
    ConfigError
        If the arithmetic has no model in NumPy, or cannot hold the configuration.
    """

    def __init__(self, spec: NetworkSpec, config: Config, arithmetic: str) -> None:
        self._spec, self._config = spec, config
        kind = arithmetic_of(spec, config, arithmetic)
        self._floats = kind.numbers == "float64"
        model: Model | None = kind.golden
        if self._floats:
            model = part(rule_of(config).name, "streamlearn").EQUATIONS
        if model is None:
            raise ConfigError(f"arithmetic={arithmetic!r} has no model in NumPy")
        self._model = model
        self._mean = model.mean or model.forward
        self._head = HEADS[spec.head]
        self._inputs: Any = front_end.inputs if self._floats else quant.front_end.golden.inputs
        self._verbs = heads.HEADS[spec.head] if self._floats else self._head.verbs
        self._arrive: Any = spiking.arrive if self._floats else quant.spiking.golden.arrive
        self._follow: Any = averages.follow if self._floats else quant.averages.golden.follow
        self._logits = kind.logits
        self._memory = Memory(spec, kind) if spec.memory else None
        self._plan = model.plan(spec, config)
        self.saturations = Saturations()
        self.learn_row: LearnRow | None = None
        self.predict_row: PredictRow | None = None

    def _forward(
        self, state: State, x: Float, draws: bool = True, learning: bool = False
    ) -> tuple[dict[str, Any], Any, Any]:
        spec, count = self._spec, self.saturations
        state = state if learning else averaged.shown(state)
        window = self._config.front_end_window
        statistics, inputs = self._inputs(spec.front_end, window, state, x, count)
        arrived: dict[str, Any] = {}
        if spec.leaks:
            arrived, inputs = self._arrive(spec, state, inputs)
            inputs = inputs if rule_of(self._config).charges else inputs.traces
        with np.errstate(all="ignore"):
            run = self._model.forward if draws else self._mean
            forward = run(spec, self._plan, state, inputs, count)
        if not np.isfinite(forward.outputs).all():
            raise DivergedError(DIVERGED)
        if spec.leaks:
            statistics |= quant.spiking.golden.after(state, arrived, forward.fired)
        return statistics, forward, inputs

    def _predicted(self, state: State, forward: Any, answer: Any) -> Prediction:
        if answer is not None:
            return ClassPrediction(int(np.argmax(answer.logits)), answer.logits)
        with np.errstate(all="ignore"):  # finite outputs may still be too large to square
            found: Prediction = self._verbs.predict(state, forward, self.saturations)
        if self._logits is not None and isinstance(found, ClassPrediction):
            return ClassPrediction(found.class_index, self._logits(state, found.logits))
        return found

    def _answer(self, state: State, x: Float, forward: Any) -> golden.Answer | None:
        """What network and memory say together, for a learner with a memory."""
        if self._memory is None:
            return None
        return self._memory.answer(state, x, forward.outputs)

    def predict(self, state: State, x: Float, draws: bool = True) -> Prediction:
        """See :class:`Engine`."""
        forward = self._forward(state, x, draws)[1]
        return self._predicted(state, forward, self._answer(state, x, forward))

    def recall_many(self, state: State, x: Float) -> Float:
        """See :class:`Engine`."""
        if self._memory is None:
            raise ConfigError(NO_MEMORY)
        found = [self._memory.recall(state, values) for values in x]
        return np.array(found, np.float64).reshape(len(x), self._spec.n_outputs)

    def predict_many(
        self, state: State, x: Float, draws: bool = True
    ) -> tuple[npt.NDArray[Any], Float]:
        """See :class:`Engine`."""
        results, logits = [], np.zeros((len(x), self._spec.n_outputs))
        for row, values in enumerate(x):
            found = self.predict(state, values, draws)
            results.append(self._head.result(found))
            if isinstance(found, ClassPrediction):
                logits[row] = found.logits
        return self._block(results), logits

    def draws(self, state: State, x: Float) -> Float:
        """See :class:`Engine`."""
        outputs = self._forward(state, x)[1].outputs
        drawn: Float = outputs if self._floats else outputs / _OUTPUT_ONE
        return drawn

    def undecided(self, state: State, x: Float) -> int:
        """See :class:`Engine`."""
        if self._model.undecided is None:
            raise ConfigError(f"the rule {rule_of(self._config).name!r} counts no undecided units")
        return self._model.undecided(self._spec, self._plan, self._forward(state, x)[1])

    def learn(self, state: State, x: Float, target: Any) -> Any:
        """See :class:`Engine`."""
        spec, count = self._spec, self.saturations
        statistics, forward, inputs = self._forward(state, x, learning=True)
        answer = self._answer(state, x, forward)
        predicted = self._predicted(state, forward, answer)
        known, target, clamped = self._verbs.standardise_target(state, target, self._config)
        count.input += clamped
        if self._memory is not None and answer is not None:
            self._memory.learn(state, x, answer, target)
        with np.errstate(all="ignore"):  # what overflows is refused at the next forward pass
            n_samples = int(state["n_samples"][0])
            self._model.update(spec, self._plan, state, forward, target, count)
        if spec.average_window:
            self._follow(spec, state, n_samples)
        for name, value in {**statistics, **known}.items():
            state[name][0] = value
        if spec.replay_capacity:
            replay.learn(spec, state, inputs, target, partial(self._learn_again, state))
        return self._head.result(predicted)

    def advance(self, state: State, x: Float) -> Prediction:
        """See :class:`Engine`."""
        statistics, forward, _ = self._forward(state, x)
        predicted = self._predicted(state, forward, None)
        for name, value in statistics.items():
            state[name][0] = value
        return predicted

    def _learn_again(self, state: State, codes: npt.NDArray[Any], target: int) -> None:
        """One learning step on stored inputs, unless a state in floats has diverged."""
        spec, count = self._spec, self.saturations
        given = codes / INPUT_ONE if self._floats else codes
        with np.errstate(all="ignore"):
            forward = self._model.forward(spec, self._plan, state, given, count)
            if np.isfinite(forward.outputs).all():
                self._model.update(spec, self._plan, state, forward, target, count)

    def learn_many(self, state: State, x: Float, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See :class:`Engine`."""
        results = []
        for row, (values, target) in enumerate(zip(x, targets.tolist(), strict=True)):
            try:
                results.append(self.learn(state, values, target))
            except DivergedError as error:
                raise DivergedError(f"row {row}: {error}") from error
        return self._block(results)

    def _block(self, results: list[Any]) -> npt.NDArray[Any]:
        if not self._head.prediction_words:
            return np.array(results, np.int32)
        return np.array(results, np.float64).reshape(-1, self._head.prediction_words)


def make_engine(
    spec: NetworkSpec, config: Config, arithmetic: str, backend: str | None = None
) -> Engine:
    """Return the engine of an arithmetic; ``backend`` chooses if integers have both.

    Raises
    ------
    ConfigError
        If the arithmetic is unknown, has no such backend, or cannot hold the configuration.
    BuildError
        If the C compiler fails.
    """
    chosen = choose_backend(spec, config, arithmetic, backend)
    return (NativeEngine if chosen == "c" else NumpyEngine)(spec, config, arithmetic)
