"""The NumPy engines of the metaplastic rule; the C kernel's is :mod:`streamlearn.engines`'."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant import metaplastic_q8
from quant.mesu_q16 import Saturations
from quant.metaplastic_config import MetaplasticConfig
from quant.metaplastic_plan import make_metaplastic_plan
from quant.spec import NetworkSpec
from quant.state import State
from streamlearn import metaplastic
from streamlearn.engine_blocks import ClassesRowByRow
from streamlearn.inputs import Raw, integer_inputs, real_inputs

Logits = npt.NDArray[np.float64]


def calibrated(state: State, logits: Logits) -> Logits:
    """Return the logits divided by the state's temperature."""
    value = state["log_temperature"][0]
    exponent = value / 65536 if value.dtype.kind == "i" else value
    scaled: Logits = logits / 2.0**exponent
    return scaled


class MetaplasticFloat64Engine(ClassesRowByRow):
    """The equations in NumPy."""

    def __init__(self, spec: NetworkSpec, config: MetaplasticConfig) -> None:
        self._spec, self._config = spec, config
        self.saturations = Saturations()

    def _forward(self, state: State, x: Raw) -> tuple[dict[str, Any], metaplastic.Forward]:
        window = self._config.front_end_window
        statistics, z = real_inputs(self._spec, window, state, x, self.saturations)
        return statistics, metaplastic.forward(self._spec, self._config, state, z)

    def predict(self, state: State, x: Raw) -> tuple[int, Logits]:
        """See :class:`streamlearn.engines.Engine`; the logits are calibrated."""
        _, result = self._forward(state, x)
        return metaplastic.predict(result.logits), calibrated(state, result.logits)

    def undecided(self, state: State, x: Raw) -> int:
        """Return how many hidden units are inside the window."""
        _, result = self._forward(state, x)
        return metaplastic.undecided(self._spec, self._config, result)

    def learn(self, state: State, x: Raw, label: int) -> int:
        """See :class:`streamlearn.engines.Engine`."""
        statistics, result = self._forward(state, x)
        metaplastic.learn(self._spec, self._config, state, result, label)
        for name, value in statistics.items():
            state[name][0] = value
        return metaplastic.predict(result.logits)


class MetaplasticGoldenEngine(ClassesRowByRow):
    """The fixed-point golden model in NumPy."""

    def __init__(self, spec: NetworkSpec, config: MetaplasticConfig) -> None:
        self._spec, self._config = spec, config
        self._plan = make_metaplastic_plan(spec, config)
        self.saturations = Saturations()

    def _forward(self, state: State, x: Raw) -> tuple[dict[str, Any], metaplastic_q8.Forward]:
        window = self._config.front_end_window
        statistics, z_q = integer_inputs(self._spec, window, state, x, self.saturations)
        return statistics, metaplastic_q8.forward(self._spec, self._plan, state, z_q)

    def predict(self, state: State, x: Raw) -> tuple[int, Logits]:
        """See :class:`streamlearn.engines.Engine`; the logits are calibrated."""
        _, result = self._forward(state, x)
        return metaplastic_q8.predict(result.logits), calibrated(state, result.logits / 65536)

    def undecided(self, state: State, x: Raw) -> int:
        """Return how many hidden units are inside the window."""
        _, result = self._forward(state, x)
        return metaplastic_q8.undecided(result, self._plan)

    def learn(self, state: State, x: Raw, label: int) -> int:
        """See :class:`streamlearn.engines.Engine`."""
        statistics, result = self._forward(state, x)
        metaplastic_q8.learn(self._spec, self._plan, state, result, label, self.saturations)
        for name, value in statistics.items():
            state[name][0] = value
        return metaplastic_q8.predict(result.logits)
