"""What a device answers over its link, as Python has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

#: The counters of a HEALTH reply, in the order of their words.
COUNTERS = ("input", "activation", "gradient", "mu", "rho", "front_end")
#: Where a state came from at boot.
SOURCES = ("factory", "newest", "the one before")


class Facts(Protocol):
    """The sizes of a firmware: `firmware_sim.image.Firmware` and `Hello` have them."""

    @property
    def n_features(self) -> int:
        """Values of a sample."""

    @property
    def n_classes(self) -> int:
        """0: the firmware predicts a number."""

    @property
    def state_bytes(self) -> int:
        """Size of the learner's state."""

    @property
    def max_payload_bytes(self) -> int:
        """The most that a request may carry."""


@dataclass(frozen=True)
class Hello:
    """What a device says of itself: protocol version, sizes of learner and link."""

    protocol_version: int
    n_features: int
    n_classes: int
    state_bytes: int
    scratch_bytes: int
    max_payload_bytes: int


@dataclass(frozen=True)
class Health:
    """How a device's learner is.

    Attributes
    ----------
    blind : int
        Features of which the network saw nothing at the last sample learned: held, or quiet.
    step : float
        By what the learning rate is multiplied; 1 if the rule's step is fixed.
    saturations : dict
        How often each kind of value met the end of its format since the device was reset.
    """

    blind: int
    step: float
    saturations: dict[str, int]


@dataclass(frozen=True)
class Stored:
    """What a device has in flash.

    Attributes
    ----------
    source : str
        Where its state came from at boot: "factory", what the build was given; "newest", the
        newest whole record; "the one before", because a later one was begun and is not whole.
    sequence : int
        Number of the newest whole record; 0 if there is none.
    commits, failures : int
        Since the reset: records written, and records that the flash did not take.
    unwhole : int
        Records that were begun and are not whole, as found at boot.
    """

    source: str
    sequence: int
    commits: int
    failures: int
    unwhole: int


class TargetPrediction(NamedTuple):
    """What a learner of numbers says, in the target's units: mean and two standard deviations."""

    mean: float
    aleatoric: float
    epistemic: float
