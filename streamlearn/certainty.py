"""How settled a learner's weights are: what a rule has to show of them, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.rooms import optional_part
from quant.rule import Config

Weights = npt.NDArray[np.float64]
Layers = Callable[[NetworkSpec, Config, State], list[Weights]]
OfEach = Callable[[Weights, Any], Weights]


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


def magnitude(
    quantity: str,
    meaning: str,
    field: str,
    frac_bits: Callable[[State], int],
    view: Callable[[NetworkSpec, State, int], npt.NDArray[Any]],
    mean: OfEach | None = None,
    deviation: OfEach | None = None,
) -> Certainty:
    """Return the magnitude of what a synapse keeps as its certainty.

    Parameters
    ----------
    quantity, meaning : str
    field : str
        Of the state.
    frac_bits : callable
        ``frac_bits(state)``: of the field, where it is an integer.
    view : callable
        ``view(spec, state, layer)``: a layer of it, ``[rows, columns]``.
    mean, deviation : callable, optional
        ``mean(kept, config)``: of what is kept, the weight's mean and its standard deviation,
        number by number. Without a mean: what is kept is the weight.
    """

    def of(each: OfEach) -> Layers:
        def layers(spec: NetworkSpec, config: Config, state: State) -> list[Weights]:
            unit = 2.0 ** -frac_bits(state) if state[field].dtype.kind == "i" else 1.0
            views = [view(spec, state, layer) for layer in range(len(spec.shapes))]
            return [each(one.astype(np.float64) * unit, config) for one in views]

        return layers

    sizes, means = of(lambda kept, _: np.abs(kept)), of(mean or (lambda kept, _: kept))
    return Certainty(quantity, meaning, sizes, means, deviation and of(deviation))


def certainty_of(rule: str) -> Certainty | None:
    """Return what a rule has to show of its weights; None if it has nothing.

    Raises
    ------
    RuleError
        If its room has something else there.
    """
    return optional_part(rule, "CERTAINTY", Certainty, "streamlearn.certainty.Certainty")


#: What every rule with a standard deviation per weight says of it.
SIGMA = "σ", "A small σ means that the stream has settled the weight, which now changes slowly."
