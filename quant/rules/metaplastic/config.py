"""Hyperparameters of the streaming binarized metaplastic rule."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import NoneType
from typing import ClassVar, NamedTuple

from quant.cuts import MOST_CUTS
from quant.errors import ConfigError
from quant.hyperparameters import keep_plain_numbers
from quant.labels import shown

#: The hidden weight's least significant bit is 2^-7: an int8 spans ±1.
WEIGHT_FRAC_BITS = 7

#: Settings that are None until the network's sizes are known.
BY_SIZE = ("weight_init", "window", "logit_scale", "lr", "lr_output", "metaplasticity", "cuts")
#: The paper's m where it is None: columns as they are, and columns that are cut.
METAPLASTICITY, METAPLASTICITY_CUT = 1.14, 0.6
RANGES = (
    ("metaplasticity", 0, 16, "0 to 16"),
    ("metaplasticity_output", 0, 16, "0 to 16"),
    ("clamp", 1 / 64, 1, "1/64 to 1"),
    ("weight_init", 0, 1, "0 to 1"),
    ("weight_init_output", 0, 1, "0 to 1"),
    ("bias_input", 1 / 16, 127 / 16, "1/16 to 7.9"),
    ("window", 1 / 256, 16, "1/256 to 16"),
    ("skip", 0, 1, "0 to 1"),
    ("lr", 1 / 256, 16, "1/256 to 16"),
    ("lr_output", 1 / 256, 16, "1/256 to 16"),
    ("logit_scale", 1 / 16, 8, "1/16 to 8"),
    ("front_end_window", 2, 32768, "2 to 32768 samples"),
    ("cuts", 0, MOST_CUTS, f"0 to {MOST_CUTS}"),
)


@dataclass(frozen=True)
class MetaplasticConfig:
    """Hyperparameters of the metaplastic rule (NUMBERS.md beside this file) and of the front end.

    Parameters
    ----------
    metaplasticity : float or None
        The paper's *m*: a step towards zero is let through with probability
        ``1 - tanh²(m |W|)``, 0 to 16. 0 switches the memory off. None: 1.14, or 0.6 where columns
        are cut. With gates
        (:mod:`quant.rules.metaplastic.gates`) fewer tasks share a unit, and 1.02 keeps as much.
    metaplasticity_output : float
        The same in the last layer.
    clamp : float
        Hidden weights stay within ±clamp, 1/64 to 1. Part of the rule: it bounds how far a
        weight is consolidated, and so how old a memory can be.
    weight_init, weight_init_output : float or None
        Hidden weights start uniform in ±weight_init, 0 to 1, and within `clamp`; those of the last
        layer in ±weight_init_output. None: 0.24·√(784/n), at most 0.75, with n features.
    bias_input : float
        The first layer's bias is a row whose input is always this, 1/16 to 7.9; where there are
        biases. 11/16 is the median size of a standardised normal value: a unit of one column with
        its bias cuts it at the quartiles.
    window : float or None
        Straight-through window: a unit learns where its pre-activation is within ``window`` times
        the norm of its input, 1/256 to 16. None: 0.68·√(h/n), at least √(128/n), all within 0.5
        and 1, with h units in the first hidden layer (classes, where there is none).
    skip : float
        A sample whose probabilities are all within this of what they should be teaches nothing,
        0 to 1.
    lr, lr_output : float or None
        Learning rates of the hidden layers and of the last, in steps of the hidden weight's 2^-7,
        1/256 to 16. At 1 a gradient of 1 moves a weight by one step on average. None: 1.3·(784/n)^¼
        and (784/n)^¼, within 1 and 2.
    logit_scale : float or None
        The last layer's sums are divided by the norm of its input and multiplied by this before
        the softmax, 1/16 to 8. None: 0.0536·√n, within 0.75 and 1.5.
    calibration_window : int
        Samples over which the temperature of the probabilities follows the stream; a power of
        two, 64 to 65536.
    front_end_window : int
        Samples over which the front end's mean and variance follow the sensor, 2 to 32768.
    n_blocks, n_active : int
        Gates: the first hidden layer is so many blocks of units, of which so many are active per
        sample, those with the largest gate scores (:mod:`quant.rules.metaplastic.gates`); later
        layers have no blocks. For many tasks one after the other; 64 and 16, with
        ``metaplasticity=1.02``, are what docs/binarized.md measures. 0: all units are active.
    cuts : int or None
        Each column is compared with so many values, and the network reads the signs, 0 to 31
        (:mod:`quant.rules.metaplastic.cuts`); 0: it reads the column. None: 128/n of n features,
        rounded down, at most 31, and 0 where that is below 5 or values are not standardised.
    step : {"adaptive", "fixed"} or None
        "adaptive": a multiplier of the learning rates, 0.7 to 8, follows the stream by itself
        (:mod:`quant.rules.metaplastic.step`). "fixed": it is 1. None: "adaptive" where columns are
        cut; elsewhere it gains nothing (docs/binarized.md).

    Raises
    ------
    ConfigError
        If a value makes no sense.

    Notes
    -----
    The defaults and the formulas behind None interpolate two data sets, MNIST and the gas stream,
    on validation splits of the training images and of the stream's first third.

    References
    ----------
    Laborieux et al., Synaptic metaplasticity in binarized neural networks, Nature Communications
    12, 2549 (2021): the hidden weight, f_meta = 1 - tanh²(m |W|).
    """

    rule: ClassVar[str] = "metaplastic"

    metaplasticity: float | None = None
    metaplasticity_output: float = 3.2
    clamp: float = 0.906
    weight_init: float | None = None
    weight_init_output: float = 0.156
    bias_input: float = 11 / 16
    window: float | None = None
    skip: float = 0.156
    lr: float | None = None
    lr_output: float | None = None
    logit_scale: float | None = None
    calibration_window: int = 256
    front_end_window: int = 300
    n_blocks: int = 0
    n_active: int = 0
    cuts: int | None = None
    step: str | None = field(default=None, metadata={"word": True})

    def __post_init__(self) -> None:
        def require(ok: bool, name: str, expected: str) -> None:
            if not ok:
                raise ConfigError(f"{name}={shown(getattr(self, name))}: expected {expected}")

        keep_plain_numbers(self, BY_SIZE)
        for name in ("front_end_window", "calibration_window", "cuts"):
            require(isinstance(getattr(self, name), int | NoneType), name, "a whole number")
        steps = ("adaptive", "fixed", None)
        require(self.step in steps, "step", "'adaptive', 'fixed' or None")
        for name, low, high, expected in RANGES:
            value = getattr(self, name)
            require(value is None or low <= value <= high, name, expected)
        for name in ("n_blocks", "n_active"):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= 0, name, "a whole number, 0 or above")
        window = self.calibration_window
        require(
            64 <= window <= 65536 and window & (window - 1) == 0,
            "calibration_window",
            "a power of two, 64 to 65536",
        )

    def for_sizes(self, layers: tuple[int, ...]) -> SizedConfig:
        """Return what follows from the sizes: of what is None, by the formulas; else as given.

        Parameters
        ----------
        layers : tuple of int
            Behind the cuts: n is the inputs of the first layer.
        """
        n, h = layers[0], layers[1]
        narrow = (784 / n) ** 0.25

        def clip(x: float, low: float, high: float) -> float:
            return min(max(x, low), high)

        def given(value: float | None, formula: float) -> float:
            return formula if value is None else value

        window = clip(0.68 * math.sqrt(h / n), clip(math.sqrt(128 / n), 0.5, 1.0), 1.0)
        return SizedConfig(
            weight_init=given(self.weight_init, min(0.24 * math.sqrt(784 / n), 0.75)),
            window=given(self.window, window),
            logit_scale=given(self.logit_scale, clip(0.0536 * math.sqrt(n), 0.75, 1.5)),
            lr=given(self.lr, clip(1.3 * narrow, 1.0, 2.0)),
            lr_output=given(self.lr_output, clip(narrow, 1.0, 2.0)),
        )


class SizedConfig(NamedTuple):
    """The settings that may follow from a network's sizes; see :class:`MetaplasticConfig`."""

    weight_init: float
    window: float
    logit_scale: float
    lr: float
    lr_output: float
