"""Hyperparameters of the streaming binarized metaplastic rule."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from quant.errors import ConfigError

#: The hidden weight's least significant bit is 2^-7: an int8 spans ±1.
WEIGHT_FRAC_BITS = 7

#: Where what suits an input that is mostly zeros, such as pixels, is not the default, which suits
#: standardised features: by front end. Chosen on validation splits of MNIST's training images and
#: of the gas stream's first third.
FOR_FRONT_END: dict[str, dict[str, float]] = {
    "standardise": {},
    "none": {
        "window": 0.5,
        "skip": 0.195,
        "weight_init": 0.16,
        "weight_init_output": 0.16,
        "lr": 1.0,
        "lr_output": 1.0,
    },
}


@dataclass(frozen=True)
class MetaplasticConfig:
    """Hyperparameters of the metaplastic rule (docs/numbers.md §9) and of the front end.

    Parameters
    ----------
    metaplasticity : float
        The paper's *m*: a step towards zero is let through with probability
        ``1 - tanh²(m |W|)``, 0 to 16. 0 switches the memory off.
    metaplasticity_output : float
        The same in the last layer.
    clamp : float
        Hidden weights stay within ±clamp, 1/64 to 1. Part of the rule: it bounds how firm a
        weight can become, and so how old a memory.
    weight_init, weight_init_output : float
        Hidden weights start uniform in ±weight_init, 0 to 1, and within `clamp`; those of the last
        layer in ±weight_init_output.
    bias_input : float
        The first layer's bias is a row whose input is always this, 1/16 to 7.9; where there are
        biases.
    window : float
        Straight-through window: a unit learns where its pre-activation is within ``window`` times
        the norm of its input, above 0 to 16.
    skip : float
        A sample whose probabilities are all within this of what they should be teaches nothing,
        0 to 1.
    lr, lr_output : float
        Learning rates of the hidden layers and of the last, in steps of the hidden weight's 2^-7,
        above 0 to 16. At 1 a gradient of 1 moves a weight by one step on average.
    logit_scale : float
        The last layer's sums are divided by the norm of its input and multiplied by this before
        the softmax, 1/16 to 8.
    calibration_window : int
        Samples over which the temperature of the probabilities follows the stream; a power of
        two, 64 to 65536.
    front_end_window : int
        Samples over which the front end's mean and variance follow the sensor, 2 to 32768.

    Raises
    ------
    ConfigError
        If a value makes no sense.

    References
    ----------
    Laborieux et al., Synaptic metaplasticity in binarized neural networks, Nature Communications
    12, 2549 (2021): the hidden weight, f_meta = 1 - tanh²(m |W|).
    """

    metaplasticity: float = 1.28
    metaplasticity_output: float = 1.28
    clamp: float = 1.0
    weight_init: float = 0.5
    weight_init_output: float = 0.5
    bias_input: float = 1.0
    window: float = 1.0
    skip: float = 0.047
    lr: float = 2.0
    lr_output: float = 2.0
    logit_scale: float = 1.0
    calibration_window: int = 256
    front_end_window: int = 300

    def __post_init__(self) -> None:
        def require(ok: bool, name: str, expected: str) -> None:
            if not ok:
                raise ConfigError(f"{name}={getattr(self, name)!r}: expected {expected}")

        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            require(number, field.name, "a number")
        for name in ("front_end_window", "calibration_window"):
            require(isinstance(getattr(self, name), int), name, "a whole number")
        for name in ("metaplasticity", "metaplasticity_output"):
            require(0 <= getattr(self, name) <= 16, name, "0 to 16")
        require(1 / 64 <= self.clamp <= 1, "clamp", "1/64 to 1")
        for name in ("weight_init", "weight_init_output"):
            require(0 <= getattr(self, name) <= 1, name, "0 to 1")
        require(1 / 16 <= self.bias_input <= 127 / 16, "bias_input", "1/16 to 7.9")
        require(0 <= self.skip <= 1, "skip", "0 to 1")
        for name in ("window", "lr", "lr_output"):
            require(1 / 256 <= getattr(self, name) <= 16, name, "1/256 to 16")
        require(1 / 16 <= self.logit_scale <= 8, "logit_scale", "1/16 to 8")
        window = self.calibration_window
        require(
            64 <= window <= 65536 and window & (window - 1) == 0,
            "calibration_window",
            "a power of two, 64 to 65536",
        )
        require(2 <= self.front_end_window <= 32768, "front_end_window", "2 to 32768 samples")
