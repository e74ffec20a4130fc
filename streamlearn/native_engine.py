"""The engine of C: a rule's kernel on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.errors import ConfigError, DivergedError
from quant.heads import HEADS
from quant.heads.head import ClassPrediction, NumberPrediction
from quant.layout import State
from quant.memory import golden
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rule import Config, arithmetic_of
from streamlearn.engine import (
    DIVERGED,
    NO_MEMORY,
    Float,
    LearnRow,
    Prediction,
    PredictRow,
    advice,
)


class NativeEngine:
    """The C kernel on the host: float32, or integers with the golden model's bits.

    Parameters
    ----------
    spec : NetworkSpec
    config : the rule's configuration
    arithmetic : str

    Raises
    ------
    ConfigError
        If fixed point cannot hold the configuration.
    BuildError
        If the C compiler fails.
    """

    def __init__(self, spec: NetworkSpec, config: Config, arithmetic: str) -> None:
        self.kernel = NativeKernel(spec, config, arithmetic)
        self._head = HEADS[spec.head]
        self._memory = spec.memory is not None
        self._logits = arithmetic_of(spec, config, arithmetic).logits
        quick = not self._head.prediction_words
        self.learn_row: LearnRow | None = self.kernel.learn_row if quick else None
        self.predict_row: PredictRow | None = self.kernel.predict_row if quick else None

    @property
    def saturations(self) -> Saturations:
        """See :class:`Engine`."""
        return self.kernel.saturations

    def predict(self, state: State, x: Float, draws: bool = True) -> Prediction:
        """See :class:`Engine`."""
        status, logits = self.kernel.predict(state, x, draws)
        self._check(status)
        if self._head.prediction_words:
            return NumberPrediction(*self.kernel.prediction.view(np.float32).tolist())
        return ClassPrediction(status, self._answered(state, logits))

    def predict_many(
        self, state: State, x: Float, draws: bool = True
    ) -> tuple[npt.NDArray[Any], Float]:
        """See :class:`Engine`."""
        with advice():
            words, logits = self.kernel.predict_many(state, x, draws)
        return self._block(words), self._answered(state, logits)

    def _answered(self, state: State, logits: Float) -> Float:
        """Logits as a probability is made of them: of the network, or of both."""
        if self._memory:
            return np.where(golden.taught(state), logits, -np.inf)
        return logits if self._logits is None else self._logits(state, logits)

    def recall_many(self, state: State, x: Float) -> Float:
        """See :class:`Engine`."""
        if not self._memory:
            raise ConfigError(NO_MEMORY)
        return np.where(golden.taught(state), self.kernel.recall_many(state, x), -np.inf)

    def draws(self, state: State, x: Float) -> Float:
        """See :class:`Engine`."""
        status, drawn = self.kernel.draws(state, x)
        self._check(status)
        return drawn

    def undecided(self, state: State, x: Float) -> int:
        """See :class:`Engine`."""
        return self.kernel.undecided(state, x)

    def learn(self, state: State, x: Float, target: Any) -> Any:
        """See :class:`Engine`."""
        status = self.kernel.learn_one(state, x, target)
        self._check(status)
        if self._head.prediction_words:
            return NumberPrediction(*self.kernel.prediction.view(np.float32).tolist())
        return status

    def advance(self, state: State, x: Float) -> Prediction:
        """See :class:`Engine`."""
        status, logits = self.kernel.advance(state, x)
        self._check(status)
        return ClassPrediction(status, self._answered(state, logits))

    def learn_many(self, state: State, x: Float, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See :class:`Engine`."""
        with advice():
            return self._block(self.kernel.learn(state, x, targets))

    def _block(self, words: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return words.view(np.float32) if self._head.prediction_words else words

    @staticmethod
    def _check(status: int) -> None:
        if status < 0:
            raise DivergedError(DIVERGED)
