"""The Bayesian learners that a user holds: MESU behind the verbs of every learner."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.mesu.config import MesuConfig
from streamlearn.engines import Backend
from streamlearn.learners.sampling import SamplingClassifier, SamplingRegressor


class MesuClassifier(SamplingClassifier):
    """A network that learns one sample at a time and forgets over a window of samples.

    {inherited}

    References
    ----------
    Bonnet et al., arXiv 2504.13569.

    Examples
    --------
    >>> from streamlearn import MesuClassifier
    >>> learner = MesuClassifier(layers=(2, 8, 2), arithmetic="float64")
    >>> for t in range(400):
    ...     _ = learner.learn_one([t % 2, t % 3], "odd" if t % 2 else "even")
    >>> learner.predict_one([1, 0])
    'odd'
    """

    _rule = "mesu"
    config: MesuConfig

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
        mu_frac_bits: int | tuple[int, ...] = 12,
    ) -> None:
        self._build(locals())


class MesuRegressor(SamplingRegressor):
    """A network that learns to predict a number, one sample at a time.

    The head is Gaussian: mean and variance are outputs of the network
    (:mod:`streamlearn.heads.gaussian`); the target is standardised online, as the features are.

    {inherited}

    References
    ----------
    Bonnet et al., arXiv 2504.13569; Kendall and Gal, arXiv 1703.04977.

    Examples
    --------
    >>> from streamlearn import MesuRegressor
    >>> learner = MesuRegressor(layers=(1, 16, 1))
    >>> for t in range(2000):
    ...     x = t * 0.618 % 1
    ...     _ = learner.learn_one([x], 20 + 5 * x + (0.2 if t % 2 else -0.2))
    >>> mean, aleatoric, epistemic = learner.predict_distribution_one([0.5])
    >>> abs(mean - 22.5) < 0.3, 0.1 < aleatoric < 0.5, epistemic < aleatoric
    (True, True, True)
    """

    _rule = "mesu"
    config: MesuConfig

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
        mu_frac_bits: int | tuple[int, ...] = 12,
    ) -> None:
        self._build(locals())
