"""The learner that a user holds: binary weights that know how sure they are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.bimu.config import BimuConfig
from streamlearn.engines import Backend
from streamlearn.learners.binary import BinaryClassifier
from streamlearn.learners.drawn import DrawnClassifier


class BimuClassifier(BinaryClassifier, DrawnClassifier):
    """A network of binary weights that know how sure they are, in one byte per synapse, or two.

    A weight is ±1. What is stored of it is λ, half the log-odds that it is +1: 0 knows nothing, ±3
    is certain. The network predicts with draws of the weights, so it knows what it does not know,
    and what is not confirmed fades over a window of samples. In two bytes (``arithmetic="q16"``) λ
    has 8 bits more; the weights' means are still those of its high byte.

    {inherited}

    References
    ----------
    arXiv 2605.30198 (ICML 2026).

    Examples
    --------
    >>> from streamlearn import BimuClassifier
    >>> learner = BimuClassifier(layers=(2, 16, 2), arithmetic="float64")
    >>> for t in range(400):
    ...     _ = learner.learn_one([t % 2, t % 3], "odd" if t % 2 else "even")
    >>> learner.predict_one([1, 0])
    'odd'
    """

    _rule = "bimu"
    config: BimuConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
        classes: Sequence[Hashable] | None = None,
        arithmetic: str = "q8",
        seed: int = 0,
        bias: bool | None = None,
        front_end: str = "standardise",
        front_end_ranges: Sequence[tuple[float, float]] | None = None,
        replay_bytes: int = 0,
        replays: int = 1,
        memory: str | None = None,
        memory_features: int = 64,
        memory_bytes: int | None = None,
        features: Sequence[str] | None = None,
        backend: Backend | None = None,
        memory_window: float = 100_000.0,
        lr: float = 6.0,
        caution: float | None = None,
        belief_init: float = 0.3,
        sides: int = 1,
        threshold: float = 0.5,
        window: float = 0.75,
        logit_scale: float = 2.5,
        radial: float = 0.0,
        settle: float = 0.0,
        gather: int = 1,
        n_draws: int = 4,
        relaxed: int = 0,
        sweep: int = 64,
        cuts: int | None = None,
        front_end_window: int = 300,
    ) -> None:
        self._build(locals())

    def __repr__(self) -> str:
        return (
            f"BimuClassifier({self.spec}, {self.arithmetic}, "
            f"memory_window={self.config.memory_window:g}, {self.n_samples} samples)"
        )
