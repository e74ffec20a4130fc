"""The spiking learner that a user holds: MESU behind layers that remember."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from quant.errors import ConfigError
from quant.rules.mesu.config import MesuConfig
from streamlearn.engines import Backend
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.drawn import DrawnClassifier
from streamlearn.learners.spikes import Spikes


class SpikingClassifier(Spikes, DrawnClassifier):
    """A spiking network that learns from a signal, one time step at a time, forward in time.

    A feature becomes events: it rose, or it fell. Events leave traces that leak. Hidden units are
    leaky integrate-and-fire neurons, and the outputs weigh the traces of their spikes. The weights
    learn as in :class:`MesuClassifier`, with a trace in the place of an input (OTTT).

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., n_classes)``.
    rule : {"mesu"}
        The learning rule.
    classes : sequence, optional
        The label of each class. Default: labels are taken in the order in which they appear.
    arithmetic : {"q16", "float64"}
        Fixed point, or the equations.
    seed : int
        Of the start and of the noise, 0 to 2^32 - 1.
    bias : bool
        Give every layer a bias: a constant current.
    front_end : {"frozen", "standardise", "none"}
        What makes values of raw ones, before the events (:class:`quant.network.NetworkSpec`). One
        that follows the signal by itself would take a level away that tells recordings apart.
    front_end_ranges : sequence of (float, float), optional
        See :class:`quant.network.NetworkSpec`.
    threshold : float or None
        Send-on-delta: an event is a change by so many of the front end's units, standard deviations
        where it standardises; 1/16 to 7.94, rounded to sixteenths. None: no events, the front end's
        values are currents.
    drift : int
        What a feature is compared with leaks towards the mean by 2^-drift a step, 1 to 8, so that
        a level that stays goes on to send events. 0: it does not leak.
    leaks : sequence of int, optional
        One number k for each layer of weights, 1 to 6: its inputs' traces and its membranes leak by
        2^-k a step, and so remember about 2^k steps. Default: 3, then 4.
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
    backend : {"c", "numpy"}, optional
        For q16: the C kernel (default) or the golden model.
    {hyperparameters}

    Raises
    ------
    ConfigError
        If a value is out of range, or fixed point cannot hold it.
    LabelError
        If ``classes`` has duplicates or is longer than the output.
    ShapeError
        If ``features`` has another length than the input.

    References
    ----------
    Bonnet et al., arXiv 2504.13569: MESU. Xiao et al., arXiv 2210.04195: OTTT.

    Examples
    --------
    Which of two tones a sensor hears is nothing that one instant could tell:

    >>> import math
    >>> from streamlearn import SpikingClassifier
    >>> learner = SpikingClassifier(layers=(1, 32, 2), front_end="none", memory_window=10_000)
    >>> for recording in range(60):
    ...     learner.reset()
    ...     for t in range(60):
    ...         wave = math.sin(t * (0.3 if recording % 2 else 0.9) + recording)
    ...         _ = learner.learn_one([2 * wave], "low" if recording % 2 else "high")
    >>> learner.reset()
    >>> [learner.step([2 * math.sin(0.3 * t)]) for t in range(60)].count("low") > 45
    True
    """

    _rule = "mesu"
    config: MesuConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
        rule: str = "mesu",
        classes: Sequence[Hashable] | None = None,
        arithmetic: str = "q16",
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
        sigma_prior: float | None = 0.2,
        mu_prior: float = 0.0,
        mu_init: float = 4.0,
        sigma_init: float = 0.7,
        lr_mu: float = 2.0,
        lr_sigma: float = 2.0,
        n_draws: int = 4,
        sweep: int = 64,
        step: str = "fixed",
        front_end_window: int = 2000,
        mu_frac_bits: int | tuple[int, ...] = 12,
    ) -> None:
        given = dict(locals())
        if rule != self._rule:
            raise ConfigError(
                f"rule={rule!r}: spiking layers learn by {self._rule!r} so far; no other rule does"
            )
        self._build(given)

    def _build(self, given: Mapping[str, Any]) -> None:
        # The forecast of a dense network's noise says nothing of sparse events.
        StreamLearner._build(self, self._network(given))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.spec}, {self.arithmetic}, "
            f"memory_window={self.config.memory_window:g}, {self.n_samples} steps learned)"
        )
