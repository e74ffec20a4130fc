"""Hyperparameters of BiMU."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import ClassVar

from quant.cuts import MOST_CUTS
from quant.errors import ConfigError
from quant.hyperparameters import keep_plain_numbers
from quant.labels import shown

#: λ's least significant bit is 2^-5: an int8 spans ±3.97.
BELIEF_FRAC_BITS = 5
BELIEF_MAX = 127 / (1 << BELIEF_FRAC_BITS)

#: A row adds up the steps of so many samples, at most.
GATHER_MAX = 64

#: Settings that are None until the network's sizes are known.
BY_SIZE = ("caution", "cuts")
RANGES = (
    ("lr", 1 / 64, 64, "1/64 to 64"),
    ("caution", 0, 64, "0 to 64"),
    ("belief_init", 0, BELIEF_MAX, "0 to 3.96"),
    ("sides", 1, 2, "1 or 2"),
    ("threshold", 0, 4, "0 to 4"),
    ("window", 1 / 256, 4, "1/256 to 4"),
    ("radial", 0, 1, "0 to 1"),
    ("logit_scale", 1 / 16, 8, "1/16 to 8"),
    ("n_draws", 1, 64, "1 to 64 draws"),
    ("settle", 0, 4, "0 to 4"),
    ("relaxed", 0, 1, "0 or 1"),
    ("front_end_window", 2, 32768, "2 to 32768 samples"),
    ("cuts", 0, MOST_CUTS, f"0 to {MOST_CUTS}"),
)


@dataclass(frozen=True)
class BimuConfig:
    """Hyperparameters of BiMU (arXiv 2605.30198, the numbers in NUMBERS.md) and of the front end.

    Parameters
    ----------
    memory_window : float
        The paper's *N*, in samples: what is not confirmed fades over about so many, 1 or above.
        ``inf`` never forgets.
    lr : float
        How far a gradient of 1 moves λ, 1/64 to 64: the paper's ``lr · lr_max · likelihood``.
    caution : float or None
        How much a step shrinks where the gradient is large and points against what λ believes,
        0 to 64: the paper's ``2 · lr_max · likelihood``. None: n/157 within 1/2 and 5, with n
        inputs of the first layer.
    belief_init : float
        λ starts uniform within ± this, 0 to 3.96.
    sides : int
        A hidden unit is 1 where its normalised pre-activation is above the threshold, else 0. With
        2 sides, as in the paper, its magnitude is compared.
    threshold : float
        In standard deviations, 0 to 4; the paper's is 1.
    window : float
        A hidden unit passes a gradient on where it is within so many standard deviations of the
        threshold, 1/256 to 4; the paper's is 1/2.
    logit_scale : float
        The normalised outputs are multiplied by this before the softmax, 1/16 to 8.
    radial : float
        Of the gradient that only makes all outputs larger, which normalising undoes, so much is
        taken away, 0 to 1; the paper's is 1. With two classes that would be nearly all of it.
    settle : float
        Rounding at random spreads λ, most near 0, so that it gathers at the ends of its byte. So
        much of that drift is taken back with each step, 0 to 4: 1 undoes it.
    gather : int
        In integers the rows of the first layer take turns: each adds up the steps of so many
        samples, and rounds its λ once. 1, or a power of two up to 64. What rounding adds falls with
        its root; inputs and gradients of so many samples are kept, two bytes for each unit and
        one for each input. A sample moves a λ by half an LSB at most for an input of 1, more is
        cut and counted: for slow rates. A replayed sample is not gathered. Floating point rounds
        nothing and gathers nothing.
    n_draws : int
        Monte-Carlo draws of the pre-activations per sample, 1 to 64.
    relaxed : int
        1: weights are not ±1 but between -1 and 1, as the paper draws them to learn: Concrete
        variables of temperature 1, whose mean is less than tanh λ. What is sure stays more plastic,
        so that many tasks can follow each other. 0: ±1.
    sweep : int
        The prior pulls ``1/sweep`` of the rows at each sample, ``sweep`` times as hard. A power of
        two, 1 to 4096; 1 is the paper.
    cuts : int or None
        Each column is compared with so many values, and the network reads the signs, 0 to 31
        (:mod:`quant.cuts`); 0: it reads the column. None: 128/n of n features, rounded down, at
        most 31, and 0 where that is below 5 or values are not standardised.
    front_end_window : int
        Samples over which the front end's mean and variance follow the sensor, 2 to 32768.

    Raises
    ------
    ConfigError
        If a value makes no sense.

    Notes
    -----
    The defaults were chosen on every second stream of ``python -m experiments streams``, the last
    two of them on the gas stream. For the paper's network see ``python -m experiments
    bimu-pmnist``.
    """

    rule: ClassVar[str] = "bimu"
    options: ClassVar[tuple[str, ...]] = ("relaxed",)

    memory_window: float = 100_000.0
    lr: float = 6.0
    caution: float | None = None
    belief_init: float = 0.3
    sides: int = 1
    threshold: float = 0.5
    window: float = 0.75
    logit_scale: float = 2.5
    radial: float = 0.0
    settle: float = 0.0
    gather: int = 1
    n_draws: int = 4
    relaxed: int = 0
    sweep: int = 64
    cuts: int | None = None
    front_end_window: int = 300

    def __post_init__(self) -> None:
        def require(ok: bool, name: str, expected: str) -> None:
            if not ok:
                raise ConfigError(f"{name}={shown(getattr(self, name))}: expected {expected}")

        keep_plain_numbers(self, BY_SIZE)
        for name in ("sides", "gather", "relaxed", "n_draws", "sweep", "cuts", "front_end_window"):
            require(isinstance(getattr(self, name), int | NoneType), name, "a whole number")
        require(self.memory_window >= 1, "memory_window", "a number of samples, 1 or above, or inf")
        for name, low, high, expected in RANGES:
            value = getattr(self, name)
            require(value is None or low <= value <= high, name, expected)
        require(
            1 <= self.gather <= GATHER_MAX and self.gather & (self.gather - 1) == 0,
            "gather",
            f"a power of two, 1 to {GATHER_MAX}",
        )
        require(
            1 <= self.sweep <= 4096 and self.sweep & (self.sweep - 1) == 0,
            "sweep",
            "a power of two, 1 to 4096",
        )

    def caution_of(self, n_inputs: int) -> float:
        """Return ``caution`` of a network whose first layer has so many inputs."""
        return min(max(n_inputs / 157, 0.5), 5.0) if self.caution is None else self.caution
