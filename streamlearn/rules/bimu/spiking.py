"""The spiking learner that a user holds: BiMU behind layers that remember."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from quant.rules.bimu.config import BimuConfig
from streamlearn.engines import Backend
from streamlearn.learners.drawn import DrawnClassifier
from streamlearn.learners.spikes import Spikes


class SpikingBimuClassifier(Spikes, DrawnClassifier):
    """A spiking network of binary weights that know how sure they are, one byte per synapse.

    ``SpikingClassifier(rule="bimu")`` makes it. Events, traces and spikes are as there. A unit
    fires where the sum of its traces, less its resets, reaches ``unit_threshold`` times the root of
    how many inputs it has. Sums are not normalised: ``logit_scale`` multiplies the outputs' over
    the root of how many units there are.

    {inherited}
    unit_threshold : float
        1/64 to 4.

    References
    ----------
    arXiv 2605.30198: BiMU. Xiao et al., arXiv 2210.04195: OTTT.

    Examples
    --------
    Something passes eight sensors, up or down:

    >>> import numpy as np
    >>> from streamlearn import SpikingClassifier
    >>> learner = SpikingClassifier((8, 64, 2), rule="bimu", front_end="none")
    >>> up = 3 * np.eye(8)[np.arange(40) % 8]
    >>> for recording in range(30):
    ...     passed = np.roll(up, recording, axis=0)
    ...     _ = learner.learn_recording(passed, "up").learn_recording(passed[::-1], "down")
    >>> learner.predict_recording(up), learner.predict_recording(up[::-1])
    ('up', 'down')
    """

    _rule = "bimu"
    _made = (*Spikes._made, "unit_threshold")
    config: BimuConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
        rule: str = "bimu",
        classes: Sequence[Hashable] | None = None,
        arithmetic: str = "q8",
        seed: int = 0,
        bias: bool = False,
        front_end: str = "frozen",
        front_end_ranges: Sequence[tuple[float, float]] | None = None,
        threshold: float | None = 0.5,
        drift: int = 5,
        leaks: Sequence[int] | None = None,
        features: Sequence[str] | None = None,
        backend: Backend | None = None,
        memory_window: float = 1_000_000.0,
        lr: float = 1.0,
        caution: float | None = 4.0,
        belief_init: float = 2.0,
        unit_threshold: float = 0.2,
        logit_scale: float = 4.0,
        n_draws: int = 4,
        sweep: int = 64,
        front_end_window: int = 2000,
    ) -> None:
        self._build(locals())

    def _network(self, given: Mapping[str, Any]) -> dict[str, Any]:
        # The network has two thresholds: that of events, and that of units, which is the rule's.
        return {**super()._network(given), "threshold": given["unit_threshold"]}

    @property
    def unit_threshold(self) -> float:
        """The charge at which a unit fires, over the root of how many inputs it has."""
        return self.config.threshold

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.spec}, {self.arithmetic}, "
            f"memory_window={self.config.memory_window:g}, {self.n_samples} steps learned)"
        )
