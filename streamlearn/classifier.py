"""The Bayesian learner that a user holds: MESU behind the verbs of every classifier."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import cast

from quant.spec import MU_FRAC_BITS, FrontEnd, MesuConfig, NetworkSpec, Variance
from quant.state import Arithmetic
from streamlearn.engines import Backend, SamplingEngine
from streamlearn.inputs import Raw
from streamlearn.noise_check import warn_if_drowning
from streamlearn.stream_classifier import StreamClassifier
from streamlearn.stream_learner import Features, as_tuple
from streamlearn.uncertainty import Uncertainty, uncertainty_of


class MesuClassifier(StreamClassifier):
    """A network that learns one sample at a time and forgets over a window of samples.

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
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
    bias, front_end, mu_frac_bits, variance
        See :class:`quant.spec.NetworkSpec`.
    backend : {"c", "numpy"}, optional
        For q16: the C kernel (default) or the golden model.
    memory_window : float
        The paper's *N*: knowledge fades over about this many samples. ``inf`` never forgets.
    sigma_prior : float or None
        Standard deviation of the prior, the same for all weights. None: 1/√fan_in of each layer,
        which keeps the noise of a layer of unconstrained weights at the scale of its input
        whatever the fan-in.
    mu_prior : float
        Mean of the prior.
    mu_init, sigma_init : float
        Start: μ uniform in ±mu_init/√fan_in (biases 0), σ = sigma_init/√fan_in.
    lr_mu, lr_sigma : float
        Multiply the two updates; the paper's equations have 1.
    n_draws : int
        Monte-Carlo draws of the pre-activations for each sample, 1 to 64.
    sweep : int
        The prior pulls ``1/sweep`` of the rows at each sample, ``sweep`` times as hard. A power
        of two; 1 is the paper's equation to the letter.
    front_end_window : int
        Samples over which the front end's mean and variance follow the sensor, 2 to 32768.

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
    the learner, so that calls chain. Warns with :class:`streamlearn.NoiseWarning` when the
    configuration is forecast to drown in its own noise.

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
    _engine: SamplingEngine
    config: MesuConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
        classes: Sequence[Hashable] | None = None,
        arithmetic: Arithmetic = "q16",
        seed: int = 0,
        bias: bool = True,
        front_end: FrontEnd = "standardise",
        mu_frac_bits: int | tuple[int, ...] = MU_FRAC_BITS,
        variance: Variance = "synapse",
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
        front_end_window: int = 300,
    ) -> None:
        spec = NetworkSpec(
            as_tuple("layers", layers),
            bias,
            front_end,
            mu_frac_bits=mu_frac_bits,
            variance=variance,
        )
        settings = MesuConfig(
            memory_window=memory_window,
            sigma_prior=sigma_prior,
            mu_prior=mu_prior,
            mu_init=mu_init,
            sigma_init=sigma_init,
            lr_mu=lr_mu,
            lr_sigma=lr_sigma,
            n_draws=n_draws,
            sweep=sweep,
            front_end_window=front_end_window,
        )
        warn_if_drowning(spec, settings)
        self._start(spec, settings, arithmetic, seed, classes, features, backend)

    def predict_uncertainty_one(self, x: Features) -> Uncertainty:
        """Return how unsure the prediction is: predictive, aleatoric and epistemic entropy in bits.

        ``H(mean_s p_s) = mean_s H(p_s) + I`` over the draws s of the weights, each p_s the softmax
        over the known labels (:func:`streamlearn.uncertainty.entropies`). What each means, and what
        it raises: :meth:`StreamClassifier.predict_uncertainty_one`.

        Examples
        --------
        >>> from streamlearn import MesuClassifier
        >>> learner = MesuClassifier(layers=(2, 8, 2))
        >>> for t in range(400):
        ...     _ = learner.learn_one([t % 2, t % 3], "odd" if t % 2 else "even")
        >>> learner.predict_uncertainty_one([1, 0]).predictive < 0.3
        True
        """
        return cast(Uncertainty, super().predict_uncertainty_one(x))

    def _uncertainty(self, values: Raw) -> Uncertainty:
        return uncertainty_of(self._engine.draws(self._state, values)[: len(self._labels)])

    def _novelty(self, values: Raw) -> float:
        """Return ``(H + I) / 2``: predictive and epistemic entropy, over that of not knowing."""
        found = uncertainty_of(self._engine.draws(self._state, values))
        return (found.predictive + found.epistemic) / (2 * math.log2(self.spec.n_classes))

    def __repr__(self) -> str:
        return (
            f"MesuClassifier({self.spec}, {self.arithmetic}, "
            f"memory_window={self.config.memory_window:g}, {self.n_samples} samples)"
        )
