"""The learners that a user holds: MESU with factored variance, two bytes per synapse."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.mesu_factored.config import MesuFactoredConfig
from streamlearn.engines import Backend
from streamlearn.learners.sampling import SamplingClassifier, SamplingRegressor


class MesuFactoredClassifier(SamplingClassifier):
    """MESU with factored variance: half the memory of :class:`streamlearn.MesuClassifier`.

    σ² of a layer is the product of one factor per input and one per unit: two bytes per synapse in
    q16, half of :class:`streamlearn.MesuClassifier`. The format of μ follows the weights by itself.
    The equations: :mod:`streamlearn.rules.mesu_factored.equations`.

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
    bias, front_end
        See :class:`quant.network.NetworkSpec`.
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
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
        Monte-Carlo draws of the pre-activations per sample, 1 to 64.
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
    the learner: calls chain. Warns with :class:`streamlearn.NoiseWarning` if the predicted weight
    noise exceeds the signal.

    References
    ----------
    Bonnet et al., arXiv 2504.13569; Louizos and Welling, arXiv 1603.04733.

    Examples
    --------
    >>> from streamlearn import MesuFactoredClassifier
    >>> learner = MesuFactoredClassifier(layers=(2, 8, 2), arithmetic="float64")
    >>> for t in range(400):
    ...     _ = learner.learn_one([t % 2, t % 3], "odd" if t % 2 else "even")
    >>> learner.predict_one([1, 0])
    'odd'
    """

    _rule = "mesu_factored"
    config: MesuFactoredConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
        classes: Sequence[Hashable] | None = None,
        arithmetic: str = "q16",
        seed: int = 0,
        bias: bool = True,
        front_end: str = "standardise",
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
        self._build(locals())


class MesuFactoredRegressor(SamplingRegressor):
    """MESU with factored variance: half the memory of :class:`streamlearn.MesuRegressor`.

    σ² of a layer is the product of one factor per input and one per unit: two bytes per synapse in
    q16, half of :class:`streamlearn.MesuRegressor`. The format of μ follows the weights by itself.
    The equations: :mod:`streamlearn.rules.mesu_factored.equations`.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., 1)``: one target.
    arithmetic : {"q16", "float32", "float64"}
        Fixed point, the C kernel in floating point, or the equations.
    seed : int
        Of the start and of the noise, 0 to 2^32 - 1.
    bias, front_end
        See :class:`quant.network.NetworkSpec`. The target is standardised with either front end.
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
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
        Monte-Carlo draws of the pre-activations per sample, 1 to 64.
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
    learning returns the learner: calls chain. A residual beyond three standard deviations counts
    as one of three, a target beyond eight of its own as one of eight; ``saturations`` has how often
    (as ``gradient`` and ``input``). ``mu_init`` and ``sigma_init`` start lower than a classifier's:
    the loss is steeper than that of classes, and would make more of wild first guesses
    (docs/regression.md).

    References
    ----------
    Bonnet et al., arXiv 2504.13569; Louizos and Welling, arXiv 1603.04733.

    Examples
    --------
    >>> from streamlearn import MesuFactoredRegressor
    >>> learner = MesuFactoredRegressor(layers=(1, 16, 1))
    >>> for t in range(2000):
    ...     x = t * 0.618 % 1
    ...     _ = learner.learn_one([x], 20 + 5 * x + (0.2 if t % 2 else -0.2))
    >>> mean, aleatoric, epistemic = learner.predict_distribution_one([0.5])
    >>> abs(mean - 22.5) < 0.3, 0.1 < aleatoric < 0.5, epistemic < aleatoric
    (True, True, True)
    """

    _rule = "mesu_factored"
    config: MesuFactoredConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
        arithmetic: str = "q16",
        seed: int = 0,
        bias: bool = True,
        front_end: str = "standardise",
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
        front_end_window: int = 300,
        target_window: int = 1000,
    ) -> None:
        self._build(locals())
