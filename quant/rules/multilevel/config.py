"""Hyperparameters of the rule of few levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quant.errors import ConfigError
from quant.hyperparameters import keep_plain_numbers
from quant.labels import shown

#: A weight's level is one byte, and so is the counter of its metaplasticity.
MOST_STEPS, COUNTER_MAX = 255, 255
RANGES = (
    ("n_levels", 2, 256, "2 to 256 levels"),
    ("devices", 1, 255, "1 to 255 devices"),
    ("lr", 0, 64, "0 to 64"),
    ("lr_hidden", 0, 64, "0 to 64"),
    ("consolidation", 0, 8, "0 to 8"),
    ("growth", 0, 1, "a probability, 0 to 1"),
    ("growth_hidden", 0, 1, "a probability, 0 to 1"),
    ("threshold", -7, 7, "-7 to 7 standard deviations"),
    ("active", 1 / 16, 7, "1/16 to 7"),
    ("logit_scale", 1 / 16, 32, "1/16 to 32"),
    ("weight_init", 0, 1, "0 to 1"),
    ("weight_init_output", 0, 1, "0 to 1"),
    ("front_end_window", 2, 32768, "2 to 32768 samples"),
)


@dataclass(frozen=True)
class MultilevelConfig:
    """Hyperparameters of multi-level synapses (arXiv 2403.08718, 2306.12142) and of the front end.

    Parameters
    ----------
    n_levels : int
        Levels of one device, 2 to 256. ``devices · (n_levels - 1)`` may be 255 at most.
    devices : int
        So many make a weight, which is their sum: it has ``devices · (n_levels - 1) + 1`` levels,
        evenly between -1 and 1.
    lr : float
        Learning rate of the last layer, for weights within ±1, 0 to 64. A step is one level, and
        the gradient times ``lr`` is its probability, in levels.
    lr_hidden : float
        The same of all other layers; 0: they stay as they were drawn.
    consolidation : float
        m is this times the synapse's counter, and a step happens ``exp(-m |w|)`` times as often,
        0 to 8.
    growth : float
        Probability that the counter of a synapse of the last layer rises by one at a sample at
        which its input is active and its output is the class that was taught, 0 to 1.
    growth_hidden : float
        The same of other layers, where input and unit are active.
    threshold : float
        A hidden unit gives by how much its sum is above this, in standard deviations of its
        layer's sums, -7 to 7. High ones leave few units active.
    active : float
        An input or a unit is active where its magnitude is this or more, 1/16 to 7.
    logit_scale : float
        The last layer's sums are divided by the norm of its input and multiplied by this before
        the softmax, 1/16 to 32.
    weight_init, weight_init_output : float
        Weights start uniform within ± this, 0 to 1; the second is of the last layer.
    memory_window : float
        A counter fades over about so many samples, 1 or above. ``inf`` keeps it, as published.
    sweep : int
        Counters of ``1/sweep`` of the rows fade at each sample, ``sweep`` times as fast. A power of
        two, 1 to 4096.
    front_end_window : int
        Samples over which the front end's mean and variance follow the sensor, 2 to 32768.

    Raises
    ------
    ConfigError
        If a value makes no sense.

    Notes
    -----
    The defaults suit streams that drift: they were chosen on the bundled gas stream. Where tasks
    follow each other and must stay, take an infinite ``memory_window`` and small learning rates.
    """

    rule: ClassVar[str] = "multilevel"

    n_levels: int = 32
    devices: int = 7
    lr: float = 0.9
    lr_hidden: float = 1.8
    consolidation: float = 0.05
    growth: float = 0.05
    growth_hidden: float = 0.005
    threshold: float = -0.1
    active: float = 0.5
    logit_scale: float = 14.0
    weight_init: float = 1.0
    weight_init_output: float = 0.2
    memory_window: float = 600.0
    sweep: int = 64
    front_end_window: int = 300

    def __post_init__(self) -> None:
        def require(ok: bool, name: str, expected: str) -> None:
            if not ok:
                raise ConfigError(f"{name}={shown(getattr(self, name))}: expected {expected}")

        keep_plain_numbers(self, ())
        for name in ("n_levels", "devices", "sweep", "front_end_window"):
            require(isinstance(getattr(self, name), int), name, "a whole number")
        require(self.memory_window >= 1, "memory_window", "a number of samples, 1 or above, or inf")
        for name, low, high, expected in RANGES:
            require(low <= getattr(self, name) <= high, name, expected)
        require(
            1 <= self.sweep <= 4096 and self.sweep & (self.sweep - 1) == 0,
            "sweep",
            "a power of two, 1 to 4096",
        )
        if self.steps > MOST_STEPS:
            raise ConfigError(
                f"devices={self.devices} of n_levels={self.n_levels}: devices · (n_levels - 1) is "
                f"{self.steps}, expected {MOST_STEPS} at most, so that a level fits a byte; take "
                "fewer devices or fewer levels"
            )

    @property
    def steps(self) -> int:
        """The steps from the lowest level to the highest."""
        return self.devices * (self.n_levels - 1)
