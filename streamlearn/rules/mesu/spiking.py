"""The spiking learner that a user holds: MESU behind layers that remember."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.mesu.config import MesuConfig
from streamlearn.engines import Backend
from streamlearn.learners.drawn import DrawnClassifier
from streamlearn.learners.spikes import Spikes


class SpikingClassifier(Spikes, DrawnClassifier):
    """A spiking network that learns from a signal, one time step at a time, forward in time.

    A feature becomes events: it rose, or it fell. Events leave traces that leak. Hidden units are
    leaky integrate-and-fire neurons, and the outputs weigh the traces of their spikes. The weights
    learn as in :class:`MesuClassifier`, with a trace in the place of an input (OTTT). With another
    ``rule`` this makes a learner of that rule's own class, which has that rule's hyperparameters.

    {inherited}
    average_window : int
        Predictions read an average of the means of the weights, which goes back over so many
        learned steps: a power of two, 64 to 262,144. Steps without a label read it too; where
        each has one, learning is the same. 0: they read the weights themselves.

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
        recurrent: bool = False,
        average_window: int = 0,
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
        self._build(locals())

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.spec}, {self.arithmetic}, "
            f"memory_window={self.config.memory_window:g}, {self.n_samples} steps learned)"
        )
