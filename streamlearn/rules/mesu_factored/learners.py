"""The learners that a user holds: MESU with factored variance, two bytes per synapse."""

from __future__ import annotations

from quant.rules.mesu_factored.config import MesuFactoredConfig
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
