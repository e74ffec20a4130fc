"""What a head is: a name, sizes, what it keeps in the state, and its verbs in integers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.layout import Field, State


class ClassPrediction(NamedTuple):
    """A predicted class.

    Attributes
    ----------
    class_index : int
        Of the largest mean logit of the classes taught so far, 0 before anything was; the lowest
        index wins a tie.
    logits : float64[n_classes]
        Mean over the draws.
    """

    class_index: int
    logits: npt.NDArray[np.float64]


class NumberPrediction(NamedTuple):
    """A predicted number, in the target's units.

    Attributes
    ----------
    mean : float
    aleatoric : float
        Standard deviation of the target's own noise, as learned; infinite before two samples.
    epistemic : float
        Standard deviation of the mean under the uncertainty of the weights, which more learning
        takes away; infinite before two samples.
    """

    mean: float
    aleatoric: float
    epistemic: float

    @property
    def sd(self) -> float:
        """Standard deviation of the whole: ``√(aleatoric² + epistemic²)``."""
        return math.hypot(self.aleatoric, self.epistemic)


class Verbs(Protocol):
    """What a head does, in integers or in floats; one module each.

    ``outputs`` are those of the last layer, ``[n_outputs, draws]``.
    """

    def standardise_target(
        self, state: State, y: Any, config: Any
    ) -> tuple[dict[str, Any], Any, int]:
        """Return new statistics of the target, the target as learned, and how often it clamped."""

    def output_gradient(self, outputs: Any, target: Any, count: Saturations) -> Any:
        """Return the gradient of the loss of each draw by the outputs."""

    def predict(self, state: State, forward: Any, count: Saturations) -> Any:
        """Return the prediction: a class index, or mean and two standard deviations."""


@dataclass(frozen=True)
class Head:
    """A head: what the outputs of a network mean.

    Attributes
    ----------
    name : str
    target : str
        What it learns from, in words: for messages and the command line.
    check : callable
        ``check(layers)`` raises ConfigError if the sizes are not such a head's.
    n_classes, n_outputs : callable
        From the last of the layer sizes.
    gradient_shift : int
        Integer gradients by the outputs have ``20 - gradient_shift`` fraction bits.
    fields : callable
        ``fields(numbers, last)``: what it keeps in the state, with the last of the layer sizes.
    parameters : tuple of str
        Hyperparameters that only learners with this head have.
    target_dtype : type
        Of targets in C, a word each: a class index, or a float32.
    prediction_words : int
        Words of a prediction in C: 0 if the result of the call is all there is.
    result : callable
        From a prediction what learning and blocks return of it: a class index, or the prediction.
    verbs : Verbs
        In integers: the golden model.
    check_state : callable, optional
        ``check_state(state, last)`` raises ShapeError if what the head keeps is no such head's.
    """

    name: str
    target: str
    check: Callable[[tuple[int, ...]], None]
    n_classes: Callable[[int], int]
    n_outputs: Callable[[int], int]
    gradient_shift: int
    fields: Callable[[str, int], list[Field]]
    parameters: tuple[str, ...]
    target_dtype: type[np.generic]
    prediction_words: int
    result: Callable[[Any], Any]
    verbs: Verbs
    check_state: Callable[[State, int], None] | None = None
