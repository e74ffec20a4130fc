"""The adaptive step in float64: one multiplier m = 2^e of lr_mu, which follows the stream.

At each sample it asks whether the last layer's recent movement, μ - slow, still points against the
present gradient. Then concepts move, and the step may be longer; if it points along, the weights
wander in noise, and the step may be shorter. This is the derivative of the present loss by the
logarithm of the recent step::

    U     = Σ_ik h̄_i δ̄_k (μ_ik - slow_ik)             means over the draws; μ before the step
    usual += (|U| - usual) · max(1/256, 1/(t+1))
    z     = U/usual within ±3;   where e <= 0: z -= 1/16
    e     = e - 3/256 z within -1/2 … 3                used from the next sample on
    slow  += (μ - slow)/4 in one of 64 rows

    Δμ of a layer with the step min(m lr_mu, 4/max s²),  N = memory_window/max(1, m)

e <= 0 asks for clear evidence before it falls below the default step. The minimum is a guard: s² is
the largest Σ x² σ² of the layer's units, and lr_mu s² is what one step moves a pre-activation by,
per unit of gradient; 4 is where normalised gradients stop to converge.

References
----------
Jacobs, "Increased rates of convergence through learning rate adaptation", Neural Networks 1 (1988):
a rate that follows the agreement of successive gradients. Sutton, "Adapting bias by gradient
descent: an incremental version of delta-bar-delta", AAAI 1992: the derivative of the present loss
by the logarithm of past steps. Nagumo and Noda, IEEE Trans. Automatic Control 12 (1967): the
normalised step.

Differs from them: one rate for all weights, a slow copy in place of a trace of derivatives, and σ,
with it the protection of old tasks, stays as it is. Counterparts: :mod:`quant.sampling.step`
(integers), ``quant/sampling/kernel`` (C).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.replay import replaying
from quant.sampling.config import SamplingConfig
from streamlearn.sampling import Forward

Float = npt.NDArray[np.float64]

LOG2_MIN, LOG2_MAX = -0.5, 3.0
RATE, PUSH, SLOPE_LIMIT = 3 / 256, 1 / 16, 3.0
GUARD = 4.0
USUAL_WINDOW = 256
SLOW_ROWS, SLOW_RATE = 64, 1 / 4


@dataclass(frozen=True)
class Step:
    """One sample's learning rates.

    Attributes
    ----------
    multiplier : float
        m.
    slope : float or None
        U; None if the step is fixed.
    """

    multiplier: float = 1.0
    slope: float | None = None

    @classmethod
    def of(
        cls, spec: NetworkSpec, config: SamplingConfig, state: State, forward: Forward, delta: Float
    ) -> Step:
        """Return it, from the state before the update and the last layer's gradients.

        Parameters
        ----------
        delta : float64[n_outputs, draws]
        """
        if config.step == "fixed":
            return cls()
        last = len(spec.shapes) - 1
        moved = layer_view(spec, state, "mu", last) - state["slow"][0].reshape(spec.shapes[last])
        slope = forward.inputs[last].mean(axis=1) @ moved @ delta.mean(axis=1)
        return cls(float(2 ** state["step_log2"][0]), float(slope))

    @property
    def hurry(self) -> float:
        """By what the memory window is shorter: max(1, m)."""
        return max(1.0, self.multiplier)

    def lr_mu(self, config: SamplingConfig, spread: Float) -> float:
        """Return a layer's learning rate of μ, guarded.

        Parameters
        ----------
        spread : float64[columns, draws]
            Standard deviations of its pre-activations.
        """
        rate, square = config.lr_mu * self.multiplier, float(spread.max() ** 2)
        guarded = self.slope is not None and rate * square > GUARD
        return GUARD / square if guarded else rate

    def pull_mu(self, config: SamplingConfig) -> float:
        """Return what multiplies the pull of μ: lr_mu m max(1, m)."""
        return config.lr_mu * self.multiplier * self.hurry

    def pull_sigma(self, config: SamplingConfig) -> float:
        """Return what multiplies the pull of σ: lr_sigma max(1, m)."""
        return config.lr_sigma * self.hurry

    def commit(self, spec: NetworkSpec, state: State) -> None:
        """Move the multiplier, and let some rows of the slow copy follow μ, in place.

        ``n_samples`` is still that before the update.
        """
        if self.slope is None or replaying(state):  # it follows the stream
            return
        size, n_samples, last = abs(self.slope), int(state["n_samples"][0]), len(spec.shapes) - 1
        state["step_usual"] += (size - state["step_usual"]) / (min(n_samples, USUAL_WINDOW - 1) + 1)
        z = 0.0
        if size > 0:
            z = float(np.copysign(min(size / state["step_usual"][0], SLOPE_LIMIT), self.slope))
        log2 = float(state["step_log2"][0])
        z -= PUSH if log2 <= 0 else 0.0
        state["step_log2"] = min(max(log2 - RATE * z, LOG2_MIN), LOG2_MAX)
        rows = slice(-n_samples % SLOW_ROWS, None, SLOW_ROWS)
        slow = state["slow"][0].reshape(spec.shapes[last])
        slow[rows] += (layer_view(spec, state, "mu", last)[rows] - slow[rows]) * SLOW_RATE
