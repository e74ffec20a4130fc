"""The engines of a regressor: :mod:`streamlearn.engines` with a Gaussian likelihood."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from quant import gaussian_q16, mesu_q16
from quant.errors import DivergedError
from quant.mesu_q16 import Saturations
from quant.spec import MesuConfig, NetworkSpec
from quant.state import Arithmetic, State
from streamlearn import gaussian, mesu
from streamlearn.engine_blocks import TargetsRowByRow
from streamlearn.engines import (
    DIVERGED,
    Backend,
    Float64Engine,
    GoldenEngine,
    NativeEngine,
    choose_backend,
)
from streamlearn.inputs import Raw

#: Mean, aleatoric and epistemic standard deviation, in the target's units.
Predicted = tuple[float, float, float]


class RegressionEngine(Protocol):
    """What runs a state forward. ``x`` is raw, finite, of the right size; ``y`` finite."""

    @property
    def saturations(self) -> Saturations:
        """Values that met the end of their format since the engine was made."""

    def predict_target(self, state: State, x: Raw) -> Predicted:
        """Return mean, aleatoric and epistemic standard deviation; the state is unchanged."""

    def learn_target(self, state: State, x: Raw, y: float) -> Predicted:
        """Test, then train in place; return what was predicted before learning."""

    def learn_many(
        self, state: State, x: Raw, targets: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """See :meth:`streamlearn.engine_blocks.TargetsRowByRow.learn_many`."""

    def predict_many(self, state: State, x: Raw) -> tuple[Any, npt.NDArray[np.float64]]:
        """See :meth:`streamlearn.engine_blocks.TargetsRowByRow.predict_many`."""


class Float64Regression(TargetsRowByRow, Float64Engine):
    """The equations in NumPy."""

    def predict_target(self, state: State, x: Raw) -> Predicted:
        """See :class:`RegressionEngine`."""
        _, result = self._forward(state, x)
        return self._predicted(state, result)

    def learn_target(self, state: State, x: Raw, y: float) -> Predicted:
        """See :class:`RegressionEngine`."""
        statistics, result = self._forward(state, x)
        predicted = self._predicted(state, result)
        window = self._config.target_window
        target, z, clamped = gaussian.standardise_target(state, y, window)
        with np.errstate(all="ignore"):  # what overflows is refused at the next forward pass
            delta, held = gaussian.output_gradient(result.logits, z)
            self._rule.step(self._spec, self._config, state, result, delta)
        self.saturations.input += clamped
        self.saturations.gradient += held
        for name, value in {**statistics, **target}.items():
            state[name][0] = value
        return predicted

    @staticmethod
    def _predicted(state: State, result: mesu.Forward) -> Predicted:
        found = gaussian.moments(result.logits, result.spread[-1], result.epsilon[-1])
        return gaussian.in_units(state, found)


class GoldenRegression(TargetsRowByRow, GoldenEngine):
    """The fixed-point golden model in NumPy."""

    def predict_target(self, state: State, x: Raw) -> Predicted:
        """See :class:`RegressionEngine`."""
        _, result = self._forward(state, x)
        return self._predicted(state, result)

    def learn_target(self, state: State, x: Raw, y: float) -> Predicted:
        """See :class:`RegressionEngine`."""
        statistics, result = self._forward(state, x)
        predicted = self._predicted(state, result)
        target, y_q, clamped = gaussian_q16.standardise_target(
            state, np.float32(y), self._config.target_window
        )
        self.saturations.input += clamped
        delta = gaussian_q16.output_gradient(result.logits, y_q, self.saturations)
        self._rule.step(self._spec, self._plan, state, result, delta, self.saturations)
        for name, value in {**statistics, **target}.items():
            state[name][0] = value
        return predicted

    def _predicted(self, state: State, result: mesu_q16.Forward) -> Predicted:
        found = gaussian_q16.sums(
            result.logits, result.inverse_spread[-1], result.epsilon[-1], self.saturations
        )
        bits = gaussian_q16.prediction_bits(state, found, self._plan.n_draws)
        return _floats(bits.view(np.float32))


class NativeRegression(TargetsRowByRow, NativeEngine):
    """The C kernel on the host."""

    def predict_target(self, state: State, x: Raw) -> Predicted:
        """See :class:`RegressionEngine`."""
        return self._checked(*self.kernel.predict_target(state, x.astype(np.float32)))

    def learn_target(self, state: State, x: Raw, y: float) -> Predicted:
        """See :class:`RegressionEngine`."""
        given = x.astype(np.float32), np.float32(y)
        return self._checked(*self.kernel.learn_target(state, *given))

    def learn_many(
        self, state: State, x: Raw, targets: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """See :class:`RegressionEngine`; one call of the kernel."""
        try:
            found = self.kernel.learn_targets(
                state, x.astype(np.float32), targets.astype(np.float32)
            )
        except DivergedError as error:
            raise DivergedError(f"{error}. {DIVERGED}") from error
        return found.astype(np.float64)

    @staticmethod
    def _checked(status: int, predicted: npt.NDArray[np.float32]) -> Predicted:
        if status < 0:
            raise DivergedError(DIVERGED)
        return _floats(predicted)


def make_regression_engine(
    spec: NetworkSpec, config: MesuConfig, arithmetic: Arithmetic, backend: Backend | None = None
) -> RegressionEngine:
    """Return the engine of an arithmetic; ``backend`` chooses where q16 has two.

    Raises
    ------
    ConfigError, BuildError
        As :func:`streamlearn.engines.make_engine`.
    """
    if choose_backend(spec, arithmetic, backend) == "c":
        return NativeRegression(spec, config, arithmetic)
    kind = Float64Regression if arithmetic == "float64" else GoldenRegression
    return kind(spec, config)


def _floats(predicted: npt.NDArray[np.float32]) -> Predicted:
    mean, aleatoric, epistemic = predicted.tolist()
    return mean, aleatoric, epistemic
