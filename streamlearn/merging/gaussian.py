"""Merging of Gaussian weights, by their natural parameters: precision ρ = 1/σ², and η = ρμ.

With ``w`` the share, and Σ over the learners::

    ρ = ρ0 + w Σ (ρ_k - ρ0)
    η = η0 + w Σ (η_k - η0),  so  μ = η/ρ = μ0 + w Σ ρ_k (μ_k - μ0) / ρ

If the learners saw parts of one world, and none of them forgot, the sum is the posterior of one
that saw all. A learner that forgets lowers its ρ towards the prior's. Where all together have lower
ones than at the start, each forgot the same past, and the sum would take it away K times. There ρ
is at least the prior's (or the learners' mean ρ, if that is lower), and μ is divided by their mean
ρ at least. So a ρ is never 0 or below, and no weight moves farther than the K learners together.

The same lines run on float64, and on Python's integers, in which they are exact. Sums in floats
are taken in the order of their values. So the order of the learners changes no bit of either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.rule import Config
from streamlearn.merging import Merging, Share
from streamlearn.merging.words import merge_step

#: float64, or Python's integers as objects.
Numbers = npt.NDArray[Any]


class Layer(NamedTuple):
    """The weights of a layer.

    Attributes
    ----------
    precision : float64[rows, columns] or integers
        1/σ², in a unit that is the layer's own.
    mean : float64[rows, columns] or integers
        μ, likewise.
    prior : float or int
        1/σ² of the prior, in the unit of the precisions.
    """

    precision: Numbers
    mean: Numbers
    prior: Any


def divided(numerator: Any, denominator: Any) -> Any:
    """Return a quotient: of integers rounded half up, of floats as it is."""
    if np.asarray(numerator).dtype == object:
        return (2 * numerator + denominator) // (2 * denominator)
    return numerator / denominator


def summed(parts: Sequence[Numbers]) -> Numbers:
    """Return a sum over the learners that does not depend on their order, in floats either."""
    stacked = np.stack(parts)
    if stacked.dtype != object:
        stacked = np.sort(stacked, axis=0)
    found: Numbers = stacked[0]
    for part in stacked[1:]:
        found = found + part
    return found


def combined(base: Layer, learned: Sequence[Layer], share: Share) -> Layer:
    """Return a layer of the merged learner."""
    k, (up, down) = len(learned), share
    total = summed([layer.precision for layer in learned])
    moved = summed([layer.precision * (layer.mean - base.mean) for layer in learned])
    gained = total - k * base.precision
    forgot = gained < 0
    mean_precision = divided(total, k)
    precision = base.precision + divided(up * gained, down)
    floor = np.minimum(mean_precision, np.full(total.shape, base.prior, total.dtype))
    precision = np.where(forgot, np.maximum(precision, floor), precision)
    by = np.where(forgot, np.maximum(precision, mean_precision), precision)
    return Layer(precision, base.mean + divided(up * moved, down * by), base.prior)


def gaussian_merging(
    read: Callable[[NetworkSpec, Config, State], list[Layer]],
    write: Callable[[NetworkSpec, Config, list[Layer], State], None],
    position: Callable[[NetworkSpec, Config, State], npt.NDArray[np.float64]],
) -> Merging:
    """Return the merging of a rule with Gaussian weights.

    Parameters
    ----------
    read : callable
        ``read(spec, config, state)``: the layers, in units that are the same for all states.
    write : callable
        ``write(spec, config, layers, merged)``: put them into a state, which is a copy of the
        base's.
    position : callable
        As of :class:`streamlearn.merging.Merging`.
    """

    def merge(
        spec: NetworkSpec,
        config: Config,
        base: State,
        learned: Sequence[State],
        share: Share,
        merged: State,
    ) -> None:
        start = read(spec, config, base)
        each = [read(spec, config, state) for state in learned]
        write(
            spec,
            config,
            [
                combined(start[i], [layers[i] for layers in each], share)
                for i in range(len(spec.shapes))
            ],
            merged,
        )
        merge_step(spec, learned, merged)

    return Merging(merge, position)
