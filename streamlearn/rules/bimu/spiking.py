"""The spiking learner that a user holds: BiMU behind layers that remember."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.bimu.config import BimuConfig
from streamlearn.engines import Backend
from streamlearn.learners.drawn import DrawnClassifier
from streamlearn.learners.summed import SummedSpikes


class SpikingBimuClassifier(SummedSpikes, DrawnClassifier):
    """A spiking network of binary weights that know how sure they are, one byte per synapse.

    ``SpikingClassifier(rule="bimu")`` makes it. Events, traces and spikes are as there. Sums are
    not normalised: ``logit_scale`` multiplies the outputs' over the root of how many units there
    are.

    {inherited}

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
    _threshold = "threshold"
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
        recurrent: bool = False,
        features: Sequence[str] | None = None,
        backend: Backend | None = None,
        memory_window: float = 1_000_000.0,
        lr: float = 1.0,
        caution: float | None = 4.0,
        belief_init: float = 2.0,
        unit_threshold: float = 0.2,
        logit_scale: float = 4.0,
        n_draws: int = 4,
        relaxed: int = 0,
        sweep: int = 64,
        front_end_window: int = 2000,
    ) -> None:
        self._build(locals())

    def __repr__(self) -> str:
        return self._shown(f"memory_window={self.config.memory_window:g}")
