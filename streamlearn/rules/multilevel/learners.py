"""The learner that a user holds: weights of few levels."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.multilevel.config import MultilevelConfig
from streamlearn.engines import Backend
from streamlearn.learners.classifier import StreamClassifier


class MultilevelClassifier(StreamClassifier):
    """A network of weights of few levels, which move one level at a time, by chance.

    A weight that is large and was often used moves rarely, so that what was learned stays. Nothing
    finer than a level is stored: the weights may be those of devices that can only be stepped, such
    as memristors. A synapse has two bytes, its level and a counter.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., n_classes)``; any number of hidden layers.
    classes : sequence, optional
        The label of each class. Default: labels are taken in the order in which they appear.
    arithmetic : {"q8", "float64"}
        Two bytes per synapse and nothing but integers, or the equations: the mean step.
    seed : int
        Of the start and of all random bits, 0 to 2^32 - 1.
    replay_bytes, replays : int
        Bytes of the state for stored samples, as many of each class, and how many of them each
        step learns again. 0 bytes: none (docs/replay.md).
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
    bias, front_end, front_end_ranges
        See :class:`quant.network.NetworkSpec`. ``front_end="none"`` takes values within ±8, best
        where most are zero, such as pixels in 0 to 1.
    memory, memory_features
        See :class:`quant.network.NetworkSpec`: what remembers every class ever taught.
    memory_bytes : int, optional
        Room for the memory in the state; it sets ``memory_features``
        (:func:`quant.memory.features_for`).
    backend : {"c", "numpy"}, optional
        For q8: the C kernel (default) or the golden model.
    {hyperparameters}

    Raises
    ------
    ConfigError
        If a value is out of range.
    LabelError
        If ``classes`` has duplicates or is longer than the output.
    ShapeError
        If ``features`` has another length than the input.

    Notes
    -----
    Reads features as float32, as a device gets them. Predicting changes nothing and draws nothing.

    References
    ----------
    Zohora et al., arXiv 2403.08718; D'Agostino et al., arXiv 2306.12142.

    Examples
    --------
    >>> from streamlearn import MultilevelClassifier
    >>> learner = MultilevelClassifier(layers=(2, 16, 2), arithmetic="float64")
    >>> for t in range(400):
    ...     _ = learner.learn_one([t % 2, t % 3], "odd" if t % 2 else "even")
    >>> learner.predict_one([1, 0])
    'odd'
    """

    _rule = "multilevel"
    config: MultilevelConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
        classes: Sequence[Hashable] | None = None,
        arithmetic: str = "q8",
        seed: int = 0,
        bias: bool = True,
        front_end: str = "standardise",
        front_end_ranges: Sequence[tuple[float, float]] | None = None,
        replay_bytes: int = 0,
        replays: int = 1,
        memory: str | None = None,
        memory_features: int = 64,
        memory_bytes: int | None = None,
        features: Sequence[str] | None = None,
        backend: Backend | None = None,
        n_levels: int = 32,
        devices: int = 7,
        lr: float = 0.9,
        lr_hidden: float = 1.8,
        consolidation: float = 0.05,
        growth: float = 0.05,
        growth_hidden: float = 0.005,
        threshold: float = -0.1,
        active: float = 0.5,
        logit_scale: float = 14.0,
        weight_init: float = 1.0,
        weight_init_output: float = 0.2,
        memory_window: float = 600.0,
        sweep: int = 64,
        front_end_window: int = 300,
    ) -> None:
        self._build(locals())

    def __repr__(self) -> str:
        return (
            f"MultilevelClassifier({self.spec}, {self.arithmetic}, "
            f"{self.config.steps + 1} levels, {self.n_samples} samples)"
        )
