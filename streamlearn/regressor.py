"""A Bayesian network that predicts a number, and says how unsure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from quant.image import Image
from quant.spec import MU_FRAC_BITS, FrontEnd, Likelihood, MesuConfig, NetworkSpec, Variance
from quant.state import Arithmetic
from streamlearn.engines import Backend
from streamlearn.learners.blocks import TargetBlocks
from streamlearn.learners.labels import read_target
from streamlearn.learners.river_protocol import join_river
from streamlearn.noise_check import warn_if_drowning
from streamlearn.regression_engines import RegressionEngine, make_regression_engine
from streamlearn.stream_learner import Features, StreamLearner, as_tuple


class Prediction(NamedTuple):
    """What a regressor says of a target, in the target's units.

    Attributes
    ----------
    mean : float
    aleatoric : float
        Standard deviation of the target's own noise, as learned; infinite before two samples.
    epistemic : float
        Standard deviation of the mean under the uncertainty of the weights, which more learning
        takes away; infinite before two samples.
    """

    mean: float
    aleatoric: float
    epistemic: float

    @property
    def sd(self) -> float:
        """Standard deviation of the whole: ``√(aleatoric² + epistemic²)``."""
        return math.hypot(self.aleatoric, self.epistemic)


class MesuRegressor(TargetBlocks, StreamLearner):
    """A network that learns to predict a number, one sample at a time.

    The likelihood is Gaussian, mean and variance are outputs of the network
    (:mod:`streamlearn.gaussian`); the target is standardised online, as the features are.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., 1)``: one target.
    arithmetic : {"q16", "float32", "float64"}
        Fixed point, the C kernel in floating point, or the equations.
    seed : int
        Of the start and of the noise, 0 to 2^32 - 1.
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
    bias, front_end, mu_frac_bits, variance
        See :class:`quant.spec.NetworkSpec`. The target is standardised with either front end.
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
    target_window : int
        The same for the target, which is standardised too, 2 to 32768. Long, because the network
        has to follow whenever the target's scale moves.

    Raises
    ------
    ConfigError
        If a value is out of range, there is not one target, or fixed point cannot hold it.
    ShapeError
        If ``features`` has another length than the input.

    Notes
    -----
    Reads features and targets as float32, as a device gets them. Predicting changes nothing;
    learning returns the learner, so that calls chain. A residual beyond three standard deviations
    counts as one of three, a target beyond eight of its own as one of eight; ``saturations`` has
    how often (as ``gradient`` and ``input``).

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
    _likelihood: Likelihood = "gaussian"
    _engine: RegressionEngine
    config: MesuConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
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
        # The loss is steeper than that of classes, and would make more of wild first guesses, so
        # that these two start smaller than a classifier's (docs/regression.md).
        mu_init: float = 1.0,
        sigma_init: float = 0.5,
        lr_mu: float = 2.0,
        lr_sigma: float = 2.0,
        n_draws: int = 10,
        sweep: int = 64,
        front_end_window: int = 300,
        target_window: int = 1000,
    ) -> None:
        spec = NetworkSpec(
            as_tuple("layers", layers),
            bias,
            front_end,
            mu_frac_bits=mu_frac_bits,
            likelihood="gaussian",
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
            target_window=target_window,
        )
        warn_if_drowning(spec, settings)
        self._start(spec, settings, arithmetic, seed, None, features, backend)

    def _setup(self, image: Image, backend: Backend | None) -> None:
        super()._setup(image, backend)
        self._engine = make_regression_engine(self.spec, self.config, self.arithmetic, backend)
        join_river(MesuRegressor, "Regressor")

    def learn_one(self, x: Features, y: float) -> MesuRegressor:
        """Learn one sample: ``x`` of ``n_features`` finite numbers, ``y`` a finite number.

        Raises
        ------
        ShapeError
            If ``x`` has another number or other names of features, or ``y`` is not one number.
        InputValueError
            If a value is NaN, infinite, not a number, or beyond float32.
        DivergedError
            If a floating-point state no longer gives finite outputs.
        """
        self.test_then_learn_one(x, y)
        return self

    def test_then_learn_one(self, x: Features, y: float) -> Prediction:
        """Predict, then learn, in one forward pass, as the device does; return the prediction.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        values, target = self._read(x), read_target(y)
        predicted = self._engine.learn_target(self._state, values, target)
        self._note_names(x)
        return Prediction(*predicted)

    def predict_one(self, x: Features) -> float:
        """Return the mean of the predicted target; 0 before any sample has been learned.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        return self.predict_distribution_one(x).mean

    def predict_distribution_one(self, x: Features) -> Prediction:
        """Return mean, aleatoric and epistemic standard deviation of the target.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        return Prediction(*self._engine.predict_target(self._state, self._read(x)))

    def __repr__(self) -> str:
        return (
            f"MesuRegressor({self.spec}, {self.arithmetic}, "
            f"memory_window={self.config.memory_window:g}, {self.n_samples} samples)"
        )
