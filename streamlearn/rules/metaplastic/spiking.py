"""The spiking learner that a user holds: the metaplastic rule behind layers that remember."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import metaplasticity_of
from streamlearn.engines import Backend
from streamlearn.learners.summed import SummedSpikes


class SpikingMetaplasticClassifier(SummedSpikes):
    """A spiking network of binary weights that consolidate what is confirmed, one byte per synapse.

    ``SpikingClassifier(rule="metaplastic")`` makes it. Events, traces and spikes are as there, and
    weights learn as in :class:`MetaplasticClassifier`, by pulses, with a trace in the place of an
    input. Nothing is drawn for a prediction, so a unit has one membrane. Sums are not normalised:
    ``logit_scale`` multiplies the outputs' over the root of how many units there are. Probabilities
    are calibrated by a temperature, part of the state.

    {inherited}

    References
    ----------
    Laborieux et al., Synaptic metaplasticity in binarized neural networks, Nature Communications
    12, 2549 (2021). Xiao et al., arXiv 2210.04195: OTTT.

    Examples
    --------
    Something passes eight sensors, up or down:

    >>> import numpy as np
    >>> from streamlearn import SpikingClassifier
    >>> learner = SpikingClassifier((8, 64, 2), rule="metaplastic", front_end="none")
    >>> up = 3 * np.eye(8)[np.arange(40) % 8]
    >>> for recording in range(30):
    ...     passed = np.roll(up, recording, axis=0)
    ...     _ = learner.learn_recording(passed, "up").learn_recording(passed[::-1], "down")
    >>> learner.predict_recording(up), learner.predict_recording(up[::-1])
    ('up', 'down')
    """

    _rule = "metaplastic"
    _threshold = "window"
    config: MetaplasticConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
        rule: str = "metaplastic",
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
        metaplasticity: float | None = 3.0,
        metaplasticity_output: float = 5.0,
        clamp: float = 0.906,
        weight_init: float | None = 0.2,
        weight_init_output: float = 0.156,
        bias_input: float = 1.0,
        unit_threshold: float = 0.4,
        skip: float = 0.156,
        lr: float | None = 0.7,
        lr_output: float | None = 0.12,
        logit_scale: float | None = 4.0,
        calibration_window: int = 256,
        front_end_window: int = 2000,
        step: str | None = None,
    ) -> None:
        self._build(locals())

    def __repr__(self) -> str:
        return self._shown(f"metaplasticity={metaplasticity_of(self.spec, self.config):g}")
