"""How often values met the end of their format: one count per kind of value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

Statistics = TypeVar("Statistics")
Inputs = TypeVar("Inputs")


@dataclass
class Saturations:
    """How often each kind of value met the end of its format; nothing saturates uncounted.

    Attributes
    ----------
    input : int
        Inputs clamped by the front end, and targets clamped by a head.
    activation : int
        Pre-activations, and their standard deviations.
    gradient : int
        Gradients and steps.
    mu, rho : int
        Stored weights, and stored variances.
    """

    input: int = 0
    activation: int = 0
    gradient: int = 0
    mu: int = 0
    rho: int = 0


def counted(found: tuple[Statistics, Inputs, int], count: Saturations) -> tuple[Statistics, Inputs]:
    """Count what a front end clamped; return the statistics and the inputs that it found."""
    statistics, z, clamped = found
    count.input += clamped
    return statistics, z
