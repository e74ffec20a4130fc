"""What the learners of both MESU rules share: their parameters, and the check of their noise."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from streamlearn.engines import Backend
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.drawn import DrawnClassifier
from streamlearn.learners.regressor import StreamRegressor
from streamlearn.noise_check import warn_if_noise_exceeds_signal


class SamplingLearner(StreamLearner):
    """A learner whose weights are Gaussians and whose pre-activations are sampled."""

    def _build(self, given: Mapping[str, Any]) -> None:
        super()._build(given)
        warn_if_noise_exceeds_signal(self.spec, self.config)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.spec}, {self.arithmetic}, "
            f"memory_window={self.config.memory_window:g}, {self.n_samples} samples)"
        )


class SamplingClassifier(SamplingLearner, DrawnClassifier):
    """A classifier under MESU.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., n_classes)``.
    classes : sequence, optional
        The label of each class. Default: labels are taken in the order in which they appear.
    arithmetic : {"q16", "float32", "float64"}
        Fixed point, the C kernel in floating point, or the equations.
    seed : int
        Of the start and of the noise, 0 to 2^32 - 1.
    bias, front_end, front_end_ranges
        See :class:`quant.network.NetworkSpec`.
    replay_bytes, replays : int
        Bytes of the state for stored samples, as many of each class, and how many of them each
        step learns again. 0 bytes: none (docs/replay.md).
    memory, memory_features
        See :class:`quant.network.NetworkSpec`: what remembers every class ever taught.
    memory_bytes : int, optional
        Room for the memory in the state; it sets ``memory_features``
        (:func:`quant.memory.features_for`).
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

    Notes
    -----
    Reads features as float32, as a device gets them. Predicting changes nothing; learning returns
    the learner: calls chain. Warns with :class:`streamlearn.NoiseWarning` if the predicted weight
    noise exceeds the signal.
    """

    def __init__(
        self,
        layers: Sequence[int],
        *,
        classes: Sequence[Hashable] | None = None,
        arithmetic: str = "q16",
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
        memory_window: float = 100_000.0,
        sigma_prior: float | None = None,
        mu_prior: float = 0.0,
        mu_init: float = 4.0,
        sigma_init: float = 1.0,
        lr_mu: float = 2.0,
        lr_sigma: float = 2.0,
        n_draws: int = 10,
        sweep: int = 64,
        step: str = "adaptive",
        front_end_window: int = 300,
    ) -> None:
        self._build(locals())


class SamplingRegressor(SamplingLearner, StreamRegressor):
    """A regressor under MESU.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., 1)``: one target.
    arithmetic : {"q16", "float32", "float64"}
        Fixed point, the C kernel in floating point, or the equations.
    seed : int
        Of the start and of the noise, 0 to 2^32 - 1.
    bias, front_end, front_end_ranges
        See :class:`quant.network.NetworkSpec`. The target is standardised with either front end.
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
    backend : {"c", "numpy"}, optional
        For q16: the C kernel (default) or the golden model.
    {hyperparameters}

    Raises
    ------
    ConfigError
        If a value is out of range, there is not one target, or fixed point cannot hold it.
    ShapeError
        If ``features`` has another length than the input.

    Notes
    -----
    Reads features and targets as float32, as a device gets them. Predicting changes nothing;
    learning returns the learner: calls chain. A residual beyond three standard deviations counts
    as one of three, a target beyond eight of its own as one of eight; ``saturations`` has how often
    (as ``gradient`` and ``input``). ``mu_init`` and ``sigma_init`` start lower than a classifier's:
    the loss is steeper than that of classes, and would make more of wild first guesses
    (docs/regression.md). ``step`` is fixed: where the noise is found to be small the loss is so
    steep that an adaptive step breaks some runs down.
    """

    def __init__(
        self,
        layers: Sequence[int],
        *,
        arithmetic: str = "q16",
        seed: int = 0,
        bias: bool = True,
        front_end: str = "standardise",
        front_end_ranges: Sequence[tuple[float, float]] | None = None,
        features: Sequence[str] | None = None,
        backend: Backend | None = None,
        memory_window: float = 100_000.0,
        sigma_prior: float | None = None,
        mu_prior: float = 0.0,
        mu_init: float = 1.0,
        sigma_init: float = 0.5,
        lr_mu: float = 2.0,
        lr_sigma: float = 2.0,
        n_draws: int = 10,
        sweep: int = 64,
        step: str = "fixed",
        front_end_window: int = 300,
        target_window: int = 1000,
    ) -> None:
        self._build(locals())
