"""What every engine is: the verbs that learners call, and what they say if numbers diverge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.errors import ConfigError, DivergedError
from quant.heads.head import ClassPrediction, NumberPrediction
from quant.layout import State
from quant.network import NetworkSpec
from quant.rule import Config, arithmetic_of

Backend = Literal["numpy", "c"]
Float = npt.NDArray[np.float64]
Prediction = ClassPrediction | NumberPrediction
LearnRow = Callable[[int, npt.NDArray[Any], int], int]
PredictRow = Callable[[int, npt.NDArray[Any], bool], int]

DIVERGED = (
    "the learner's outputs are no longer finite: the noise of its weights outgrew the signal. "
    "Start again with a longer memory_window, a smaller sigma_prior or smaller learning rates"
)
NO_MEMORY = 'this learner has no memory to recall from: make it with memory="lda"'


class Engine(Protocol):
    """What runs a state forward.

    ``x`` is raw, finite, ``float64[n_features]`` (blocks: ``[n, n_features]``); targets are class
    indices, or finite numbers. Predicting leaves the state as it is, learning changes it in place.
    ``draws=False`` predicts with the mean weights; of a rule that draws nothing it is the same.
    """

    @property
    def saturations(self) -> Saturations:
        """Values that met the end of their format since the engine was made."""

    def predict(self, state: State, x: Float, draws: bool = True) -> Any:
        """Return the head's prediction: class index and logits, or a number with its deviations."""

    def predict_many(
        self, state: State, x: Float, draws: bool = True
    ) -> tuple[npt.NDArray[Any], Float]:
        """Predict a block: class indices ``int32[n]`` or numbers ``float32[n, 3]``, and the logits.

        The logits are ``float64[n, n_outputs]``.
        """

    def learn(self, state: State, x: Float, target: Any) -> Any:
        """Test, then train; return the class index or number predicted before learning."""

    def advance(self, state: State, x: Float) -> Any:
        """Let a step of time without a label pass, in a spiking network; as `predict`."""

    def learn_many(self, state: State, x: Float, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Learn a block, sample by sample; return the predictions as :meth:`predict_many`."""

    def recall_many(self, state: State, x: Float) -> Float:
        """Return the memory's log-probabilities of a block, ``float64[n, classes]``."""

    def draws(self, state: State, x: Float) -> Float:
        """Return the outputs of each draw of the weights, ``float64[n_outputs, draws]``."""

    def undecided(self, state: State, x: Float) -> int:
        """Return how many hidden units a small change would turn over."""

    #: The quick ways to learn and to predict a row, of a classifier's kernel
    #: (:meth:`quant.native.NativeKernel.learn_row`); None where there is none.
    learn_row: LearnRow | None
    predict_row: PredictRow | None


@contextmanager
def advice() -> Iterator[None]:
    """Say of a block that diverged what to do, and where; the caller's state may be a copy."""
    try:
        yield
    except DivergedError as error:
        where = str(error).partition(":")[0]  # "sample 3 of 400"
        raise DivergedError(f"{where}: {DIVERGED}") from error


def choose_backend(
    spec: NetworkSpec, config: Config, arithmetic: str, backend: str | None
) -> Backend:
    """Return where an arithmetic runs, "c" or "numpy"; "c" if both and none is asked for.

    Raises
    ------
    ConfigError
        If rule, network and arithmetic do not fit, or it does not run there.
    """
    kind = arithmetic_of(spec, config, arithmetic)
    has: dict[Backend, bool] = {
        "c": kind.kernel is not None,
        "numpy": kind.golden is not None or kind.numbers == "float64",
    }
    backends = [name for name, there in has.items() if there]
    if backend is None:
        return backends[0]
    for name in backends:
        if name == backend:
            return name
    raise ConfigError(
        f"backend={backend!r}: {arithmetic} runs on {' or '.join(map(repr, backends))}"
    )
