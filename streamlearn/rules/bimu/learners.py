"""The learner that a user holds: binary weights that know how sure they are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.bimu.config import BimuConfig
from streamlearn.engines import Backend
from streamlearn.learners.drawn import DrawnClassifier


class BimuClassifier(DrawnClassifier):
    """A network of binary weights that know how sure they are, in one byte per synapse.

    A weight is ±1. What is stored of it is λ, half the log-odds that it is +1: 0 knows nothing, ±3
    is certain. The network predicts with draws of the weights, so it knows what it does not know,
    and what is not confirmed fades over a window of samples.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., n_classes)``.
    classes : sequence, optional
        The label of each class. Default: labels are taken in the order in which they appear.
    arithmetic : {"q8", "float64"}
        One byte per synapse and nothing but integers, or the equations.
    seed : int
        Of the start and of the noise, 0 to 2^32 - 1.
    replay_bytes, replays : int
        Bytes of the state for stored samples, as many of each class, and how many of them each
        step learns again. 0 bytes: none (docs/replay.md).
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
    bias : bool, optional
        Whether units have biases: see :class:`quant.network.NetworkSpec`. Default: where values are
        standardised, since signs of sums without a bias make a network odd, -x the opposite of x.
    front_end, front_end_ranges
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
    Reads features as float32, as a device gets them. Predicting changes nothing; learning returns
    the learner, so that calls chain.

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
        window: float = 1.0,
        logit_scale: float = 2.0,
        n_draws: int = 4,
        sweep: int = 64,
        cuts: int | None = None,
        front_end_window: int = 300,
    ) -> None:
        given = locals()
        self._build({**given, "bias": front_end != "none" if bias is None else bias})

    def __repr__(self) -> str:
        return (
            f"BimuClassifier({self.spec}, {self.arithmetic}, "
            f"memory_window={self.config.memory_window:g}, {self.n_samples} samples)"
        )
