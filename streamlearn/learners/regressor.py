"""What every learner of a number is to its user, whatever its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant.errors import ParameterError
from quant.heads.head import NumberPrediction
from quant.image import Image
from streamlearn.engines import Backend
from streamlearn.learners.base import Features, StreamLearner
from streamlearn.learners.blocks import TargetBlocks
from streamlearn.learners.labels import read_target
from streamlearn.learners.river_protocol import join_river

if TYPE_CHECKING:
    from typing_extensions import Self

#: What a regressor says of a target, in the target's units.
Prediction = NumberPrediction


class StreamRegressor(TargetBlocks, StreamLearner):
    """A regressor that learns one sample at a time; a subclass names its rule."""

    _head = "gaussian"

    def __new__(cls, *args: Any, **given: Any) -> Self:
        """Refuse a memory with its reason, before other names that are no parameters.

        Raises
        ------
        ParameterError
            If ``memory`` is given.
        """
        if "memory" in given:
            raise ParameterError(
                f"{cls.__name__} has no memory: a memory is of classes, and a regressor predicts a "
                "number; leave memory out"
            )
        return super().__new__(cls, *args, **given)

    def _setup(self, image: Image, backend: Backend | None) -> None:
        super()._setup(image, backend)
        join_river(StreamRegressor, "Regressor")

    def learn_one(self, x: Features, y: float) -> Self:
        """Learn one sample: ``x`` of ``n_features`` finite numbers, ``y`` a finite number.

        Raises
        ------
        ShapeError
            If ``x`` has another number or other names of features, or ``y`` is not one number.
        InputValueError
            If a value is NaN, infinite, not a number, or beyond float32.
        DivergedError
            If a floating-point state no longer gives finite outputs.
        """
        self.test_then_learn_one(x, y)
        return self

    def test_then_learn_one(self, x: Features, y: float) -> Prediction:
        """Predict, then learn, in one forward pass, as the device does; return the prediction.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            values, target = self._read(x), read_target(y)
            predicted: Prediction = self._engine.learn(self._state, values, target)
            self._note_names(x)
            return predicted

    def predict_one(self, x: Features, *, draws: bool = True) -> float:
        """Return the mean of the predicted target; 0 before any sample has been learned.

        ``draws`` as in :meth:`predict_distribution_one`.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        return self.predict_distribution_one(x, draws=draws).mean

    def predict_distribution_one(self, x: Features, *, draws: bool = True) -> Prediction:
        """Return mean, aleatoric and epistemic standard deviation of the target.

        Parameters
        ----------
        x : mapping, sequence or array
            Of ``n_features`` finite numbers.
        draws : bool
            False: predict with the mean weights, at about half the cost on a chip. Such a
            prediction does not see how sure the weights are: ``epistemic`` is 0, or infinite
            before two samples, and intervals are too narrow where little was learned.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            found: Prediction = self._engine.predict(self._state, self._read(x), draws)
            return found
