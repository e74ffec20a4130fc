"""Does the weight noise exceed the signal? A forecast from the hyperparameters alone.

At rest 1/σ² = N H + 1/σ_prior² (papers: precision is a leaky integrator of curvature), so that a
layer of standardised inputs adds noise of standard deviation √(fan_in / (N H + 1/σ_prior²)) to
each of its units, whose signal is of order 1. A large learning rate of μ shakes the weights as a
shorter window would.

Before it rests, the variance is that of the start, σ = sigma_init/√fan_in: one step on
standardised inputs moves a unit by lr_μ σ² |x|² = lr_μ · sigma_init² times its error, whatever its
fan-in, and each layer adds its part to the step of the output. Above a few times the error, steps
overshoot further than they came from, until σ has shrunk or the learner has diverged. The scan has
it grow with (layers · sigma_init)^1.5: σ takes the longer to shrink, the smaller it begins, and a
layer adds more than its part.

H = 0.02, the weight of a step, 0.127, and the limits were read off a scan on the gas stream: run
``python -m experiments noise-limits`` for its tables.
"""

from __future__ import annotations

import math
import warnings

from quant.network import NetworkSpec
from quant.sampling.config import SamplingConfig

CURVATURE = 0.02
STEP = 0.127
#: Of both forecasts: noise in units of the signal.
NOISE_LIMIT = 1.5
WINDOW_LIMIT = 1000


class NoiseWarning(UserWarning):
    """A configuration whose predicted weight noise exceeds the signal."""


def forecast_spread(fan_in: int, config: SamplingConfig) -> float:
    """Return the standard deviation that the weights' noise adds to a unit of signal about 1."""
    window = config.memory_window / max(config.lr_mu, config.lr_sigma)
    precision = window * CURVATURE + 1 / config.sigma_prior_of(fan_in) ** 2
    return math.sqrt(fan_in / precision)


def forecast_step(n_layers: int, config: SamplingConfig) -> float:
    """Return how far the first steps of μ move an output of size about 1."""
    return STEP * config.lr_mu * math.pow(n_layers * config.sigma_init, 1.5)


def warn_if_noise_exceeds_signal(spec: NetworkSpec, config: SamplingConfig) -> None:
    """Warn, with what to change, if the predicted weight noise exceeds the signal."""
    n_layers = len(spec.layers) - 1
    step = forecast_step(n_layers, config)
    if step > NOISE_LIMIT:
        most = _rounded_down(config.lr_mu * NOISE_LIMIT / step)
        warnings.warn(
            f"lr_mu={config.lr_mu:g} and sigma_init={config.sigma_init:g}: in {n_layers} layers "
            f"the first steps are forecast at {step:.2g} times the signal (limit {NOISE_LIMIT:g}), "
            f"and overshoot; use lr_mu of {most:g} or less",
            NoiseWarning,
            stacklevel=4,
        )
        return
    window = config.memory_window / max(config.lr_mu, config.lr_sigma)
    if window < WINDOW_LIMIT:
        need = math.ceil(WINDOW_LIMIT * max(config.lr_mu, config.lr_sigma))
        warnings.warn(
            f"memory_window={config.memory_window:g} with learning rates up to "
            f"{max(config.lr_mu, config.lr_sigma):g}: the prior erases faster than a weight "
            f"learns, and noise takes over; use memory_window of {need} or more",
            NoiseWarning,
            stacklevel=4,
        )
        return
    worst = max(spec.layers[:-1], key=lambda fan_in: forecast_spread(fan_in, config))
    spread = forecast_spread(worst, config)
    if spread > NOISE_LIMIT:
        warnings.warn(
            f"sigma_prior={config.sigma_prior:g} and memory_window={config.memory_window:g}: in "
            f"the layer of {worst} inputs the weights' noise is forecast at {spread:.2g} times "
            f"the signal (limit {NOISE_LIMIT:g}); lengthen memory_window or lower sigma_prior "
            f"towards {1 / math.sqrt(worst):.2g}",
            NoiseWarning,
            stacklevel=4,
        )


def _rounded_down(value: float) -> float:
    """Return two significant digits of a number above 0."""
    digits = 1 - math.floor(math.log10(value))
    return math.floor(value * 10.0**digits) / 10.0**digits
