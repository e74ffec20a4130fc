"""The engines: one learner, the same verbs, different arithmetic.

=========  =======  ===============================================================
float64    numpy    the equations: :mod:`streamlearn.mesu`
float32    c        the C kernel in floating point
q16        numpy    the golden model: :mod:`quant.mesu_q16`
q16        c        the C kernel in integers, bit-identical with the golden model
q8         numpy    the metaplastic rule's golden model: :mod:`quant.metaplastic_q8`
q8         c        the C kernel, bit-identical with it
=========  =======  ===============================================================

The metaplastic rule's float64 is :mod:`streamlearn.metaplastic`. With factored variance the
equations are :mod:`streamlearn.mesu_factored`, the golden model :mod:`quant.factored_q16`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Literal, Protocol, cast

import numpy as np
import numpy.typing as npt

from quant import factored_q16, mesu_q16
from quant.errors import ConfigError, DivergedError
from quant.factored_plan import FactoredPlan, make_factored_plan
from quant.mesu_q16 import Saturations
from quant.metaplastic_config import MetaplasticConfig
from quant.native import NativeKernel
from quant.plan import Plan, make_plan
from quant.spec import Config, MesuConfig, NetworkSpec
from quant.state import Arithmetic, State, check_arithmetic
from streamlearn import mesu, mesu_factored
from streamlearn.engine_blocks import ClassesRowByRow
from streamlearn.inputs import Raw, integer_inputs, real_inputs
from streamlearn.metaplastic_engines import (
    MetaplasticFloat64Engine,
    MetaplasticGoldenEngine,
    calibrated,
)

Backend = Literal["numpy", "c"]

DIVERGED = (
    "the learner's outputs are no longer finite: the noise of its weights outgrew the signal. "
    "Start again with a longer memory_window, a smaller sigma_prior or smaller learning rates"
)


class Engine(Protocol):
    """What runs a state forward. ``x`` is raw, finite, of the right size; labels are indices."""

    @property
    def saturations(self) -> Saturations:
        """Values that met the end of their format since the engine was made."""

    def predict(self, state: State, x: Raw) -> tuple[int, npt.NDArray[np.float64]]:
        """Return the class index and the mean logits ``float64[n_classes]``; state unchanged."""

    def learn(self, state: State, x: Raw, label: int) -> int:
        """Test, then train in place; return the class predicted before learning."""

    def learn_many(self, state: State, x: Raw, targets: npt.NDArray[Any]) -> Any:
        """See :meth:`streamlearn.engine_blocks.ClassesRowByRow.learn_many`."""

    def predict_many(self, state: State, x: Raw) -> tuple[Any, npt.NDArray[np.float64]]:
        """Return the class index and the mean logits of each row; state unchanged."""


class SamplingEngine(Engine, Protocol):
    """An engine whose prediction is a mean over draws of the weights."""

    def draws(self, state: State, x: Raw) -> npt.NDArray[np.float64]:
        """Return the logits of each draw, ``float64[n_classes, n_draws]``; state unchanged."""


class Float64Engine(ClassesRowByRow):
    """The equations in NumPy."""

    def __init__(self, spec: NetworkSpec, config: MesuConfig) -> None:
        self._spec, self._config = spec, config
        self._rule: ModuleType = mesu_factored if spec.variance == "factored" else mesu
        self.saturations = Saturations()

    def _forward(self, state: State, x: Raw) -> tuple[dict[str, Any], mesu.Forward]:
        window = self._config.front_end_window
        statistics, z = real_inputs(self._spec, window, state, x, self.saturations)
        with np.errstate(all="ignore"):
            result: mesu.Forward = self._rule.forward(self._spec, self._config, state, z)
        if not np.isfinite(result.logits).all():
            raise DivergedError(DIVERGED)
        return statistics, result

    def predict(self, state: State, x: Raw) -> tuple[int, npt.NDArray[np.float64]]:
        """See :class:`Engine`."""
        _, result = self._forward(state, x)
        return mesu.predict(result.logits), result.logits.mean(axis=1)

    def draws(self, state: State, x: Raw) -> npt.NDArray[np.float64]:
        """See :class:`SamplingEngine`."""
        return self._forward(state, x)[1].logits

    def learn(self, state: State, x: Raw, label: int) -> int:
        """See :class:`Engine`."""
        statistics, result = self._forward(state, x)
        predicted = mesu.predict(result.logits)
        with np.errstate(all="ignore"):  # what overflows is refused at the next forward pass
            self._rule.learn(self._spec, self._config, state, result, label)
        for name, value in statistics.items():
            state[name][0] = value
        return predicted


class GoldenEngine(ClassesRowByRow):
    """The fixed-point golden model in NumPy."""

    def __init__(self, spec: NetworkSpec, config: MesuConfig) -> None:
        self._spec, self._config = spec, config
        self._rule: ModuleType = mesu_q16
        self._plan: Plan | FactoredPlan
        if spec.variance == "factored":
            self._rule, self._plan = factored_q16, make_factored_plan(spec, config)
        else:
            self._plan = make_plan(spec, config)
        self.saturations = Saturations()

    def _forward(self, state: State, x: Raw) -> tuple[dict[str, Any], mesu_q16.Forward]:
        window = self._config.front_end_window
        statistics, z_q = integer_inputs(self._spec, window, state, x, self.saturations)
        result: mesu_q16.Forward = self._rule.forward(
            self._spec, self._plan, state, z_q, self.saturations
        )
        return statistics, result

    def predict(self, state: State, x: Raw) -> tuple[int, npt.NDArray[np.float64]]:
        """See :class:`Engine`."""
        _, result = self._forward(state, x)
        return mesu_q16.predict(result.logits), result.logits.mean(axis=1) / 65536

    def draws(self, state: State, x: Raw) -> npt.NDArray[np.float64]:
        """See :class:`SamplingEngine`."""
        return self._forward(state, x)[1].logits / 65536

    def learn(self, state: State, x: Raw, label: int) -> int:
        """See :class:`Engine`."""
        statistics, result = self._forward(state, x)
        predicted = mesu_q16.predict(result.logits)
        self._rule.learn(self._spec, self._plan, state, result, label, self.saturations)
        for name, value in statistics.items():
            state[name][0] = value
        return predicted


class NativeEngine(ClassesRowByRow):
    """The C kernel on the host."""

    def __init__(self, spec: NetworkSpec, config: Config, arithmetic: Arithmetic) -> None:
        self.kernel = NativeKernel(spec, config, arithmetic)

    @property
    def saturations(self) -> Saturations:
        """See :class:`Engine`."""
        return self.kernel.saturations

    def predict(self, state: State, x: Raw) -> tuple[int, npt.NDArray[np.float64]]:
        """See :class:`Engine`."""
        predicted, logits = self.kernel.predict(state, x.astype(np.float32))
        if predicted < 0:
            raise DivergedError(DIVERGED)
        return predicted, logits

    def draws(self, state: State, x: Raw) -> npt.NDArray[np.float64]:
        """See :class:`SamplingEngine`."""
        predicted, logits = self.kernel.draws(state, x.astype(np.float32))
        if predicted < 0:
            raise DivergedError(DIVERGED)
        return logits

    def learn(self, state: State, x: Raw, label: int) -> int:
        """See :class:`Engine`."""
        predicted = self.kernel.learn_one(state, x.astype(np.float32), label)
        if predicted < 0:
            raise DivergedError(DIVERGED)
        return predicted

    def learn_many(self, state: State, x: Raw, targets: npt.NDArray[Any]) -> Any:
        """See :class:`Engine`; one call of the kernel."""
        try:
            return self.kernel.learn(state, x.astype(np.float32), targets.astype(np.uint32))
        except DivergedError as error:
            raise DivergedError(f"{error}. {DIVERGED}") from error


def choose_backend(spec: NetworkSpec, arithmetic: Arithmetic, backend: Backend | None) -> Backend:
    """Return where an arithmetic runs, "c" or "numpy"; ConfigError if it does not run there."""
    check_arithmetic(spec, arithmetic)
    both: tuple[Backend, ...] = ("c", "numpy")
    only_c: tuple[Backend, ...] = ("c",)
    numpy: tuple[Backend, ...] = ("numpy",)
    backends = {"float64": numpy, "float32": only_c, "q16": both, "q8": both}[arithmetic]
    chosen = backends[0] if backend is None else backend
    if chosen not in backends:
        raise ConfigError(
            f"backend={backend!r}: {arithmetic} runs on {' or '.join(map(repr, backends))}"
        )
    return chosen


class MetaplasticNativeEngine(NativeEngine):
    """The C kernel on the host, its logits divided by the state's temperature."""

    def predict(self, state: State, x: Raw) -> tuple[int, npt.NDArray[np.float64]]:
        """See :class:`Engine`."""
        predicted, logits = super().predict(state, x)
        return predicted, calibrated(state, logits)

    def undecided(self, state: State, x: Raw) -> int:
        """Return how many hidden units are inside the window."""
        return self.kernel.undecided(state, x.astype(np.float32))


def make_engine(
    spec: NetworkSpec, config: Config, arithmetic: Arithmetic, backend: Backend | None = None
) -> Engine:
    """Return the engine of an arithmetic; ``backend`` chooses where q16 and q8 have two.

    Raises
    ------
    ConfigError
        If the arithmetic is unknown, has no such backend, or cannot hold the configuration.
    BuildError
        If the C compiler fails.
    """
    chosen = choose_backend(spec, arithmetic, backend)
    if spec.rule == "metaplastic":
        settings = cast(MetaplasticConfig, config)
        if chosen == "c":
            return MetaplasticNativeEngine(spec, config, arithmetic)
        floats = arithmetic == "float64"
        return (MetaplasticFloat64Engine if floats else MetaplasticGoldenEngine)(spec, settings)
    if chosen == "c":
        return NativeEngine(spec, config, arithmetic)
    mesu_config = cast(MesuConfig, config)
    floats = arithmetic == "float64"
    return (Float64Engine if floats else GoldenEngine)(spec, mesu_config)
