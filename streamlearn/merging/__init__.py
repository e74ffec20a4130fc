"""Merging: how what several learners know becomes one state, as far as a rule says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.rooms import optional_part
from quant.rule import Config


class Share(NamedTuple):
    """What the summed evidence of all learners is multiplied by: a fraction, so that it is exact.

    1 is the sum, 1/K the mean of K learners.
    """

    numerator: int
    denominator: int


@dataclass(frozen=True)
class Merging:
    """How a rule merges the states of learners that started from one state.

    It is the optional attribute ``MERGING`` of a rule's room on the floor ``streamlearn``. It
    must not depend on the order of the learners, not in one bit.

    Attributes
    ----------
    merge : callable
        ``merge(spec, config, base, learned, share, merged)``: write the fields that are the rule's
        own into ``merged``, which begins as a copy of ``base``. With natural parameters θ:
        ``θ = θ_base + share Σ (θ_learned - θ_base)``.
    position : callable
        ``position(spec, config, state)``: the weights as ``float64[n]``, in one unit for all
        states of a network: from it one sees that two learners had different starts.
    """

    merge: Callable[[NetworkSpec, Config, State, Sequence[State], Share, State], None]
    position: Callable[[NetworkSpec, Config, State], npt.NDArray[np.float64]]


def merging_of(rule: str) -> Merging | None:
    """Return how a rule merges; None if it does not.

    Raises
    ------
    RuleError
        If its room has something else there.
    """
    return optional_part(rule, "MERGING", Merging, "streamlearn.merging.Merging")
