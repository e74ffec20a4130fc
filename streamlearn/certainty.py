"""How settled a learner's weights are: what a rule has to show of them, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant.errors import RuleError
from quant.layout import State
from quant.network import NetworkSpec
from quant.rule import Config, part

Layers = Callable[[NetworkSpec, Config, State], list[npt.NDArray[np.float64]]]


@dataclass(frozen=True)
class Certainty:
    """A quantity of every weight that says how settled the weight is.

    It is the optional attribute ``CERTAINTY`` of a rule's room on the floor ``streamlearn``; a
    report draws its percentiles over the stream.

    Attributes
    ----------
    quantity : str
        A word or a letter for it, such as "σ".
    meaning : str
        A sentence that says what a small or a large value means.
    values : callable
        ``values(spec, config, state)``: ``float64[rows, columns]`` of each layer, 0 or above.
    means : callable, optional
        Likewise: the weights themselves, or their means.
    deviations : callable, optional
        Likewise: the weights' standard deviations, above 0; of a rule with a posterior.
    """

    quantity: str
    meaning: str
    values: Layers
    means: Layers | None = None
    deviations: Layers | None = None


def certainty_of(rule: str) -> Certainty | None:
    """Return what a rule has to show of its weights; None if it has nothing.

    Raises
    ------
    RuleError
        If its room has something else there.
    """
    found = getattr(part(rule, "streamlearn"), "CERTAINTY", None)
    if found is None or isinstance(found, Certainty):
        return found
    raise RuleError(
        f"rule {rule!r}: CERTAINTY is {found!r}, expected a streamlearn.certainty.Certainty"
    )


#: What every rule with a standard deviation per weight says of it.
SIGMA = "σ", "A small σ means that the stream has settled the weight, which now changes slowly."
