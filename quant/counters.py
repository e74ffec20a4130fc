"""How often values met the end of their format: one count per kind of value."""

from __future__ import annotations

from dataclasses import dataclass


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
    front_end : int
        Values that the front end held: too far from a feature's recent past to enter its
        statistics as they are.
    """

    input: int = 0
    activation: int = 0
    gradient: int = 0
    mu: int = 0
    rho: int = 0
    front_end: int = 0
