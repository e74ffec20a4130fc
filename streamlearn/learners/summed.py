"""What the spiking learners of binary weights share: where a unit fires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlearn.learners.spikes import Spikes


class SummedSpikes(Spikes):
    """A spiking classifier whose membranes are sums over traces (:mod:`quant.spiking.sums`).

    The network has two thresholds: that of events, and that of units, which is one of the rule's
    hyperparameters.

    {inherited}
    unit_threshold : float
        A unit fires where the sum of its traces, less its resets, reaches this times the root of
        how many inputs it has; 1/64 to 4.
    """

    #: The rule's name for the threshold of units.
    _threshold: str
    _made = (*Spikes._made, "unit_threshold")

    def _network(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {**super()._network(given), self._threshold: given["unit_threshold"]}

    @property
    def unit_threshold(self) -> float:
        """The charge at which a unit fires, over the root of how many inputs it has."""
        found: float = getattr(self.config, self._threshold)
        return found

    def _shown(self, settings: str) -> str:
        """Return what ``repr`` says, with the settings that matter most."""
        return (
            f"{type(self).__name__}({self.spec}, {self.arithmetic}, {settings}, "
            f"{self.n_samples} steps learned)"
        )
