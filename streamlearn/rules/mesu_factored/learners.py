"""The learners that a user holds: MESU with factored variance, two bytes per synapse."""

from __future__ import annotations

from quant.rules.mesu_factored.config import MesuFactoredConfig
from streamlearn.learners.sampling import SamplingClassifier, SamplingRegressor


class MesuFactoredClassifier(SamplingClassifier):
    """MESU with factored variance: half the memory of :class:`streamlearn.MesuClassifier`.

    σ² of a layer is the product of one factor per input and one per unit: two bytes per synapse in
    q16, half of :class:`streamlearn.MesuClassifier`. The format of μ follows the weights by itself.
    The equations: :mod:`streamlearn.rules.mesu_factored.equations`.

    {inherited}

    References
    ----------
    Bonnet et al., arXiv 2504.13569; Louizos and Welling, arXiv 1603.04733.

    Examples
    --------
    >>> from streamlearn import MesuClassifier, MesuFactoredClassifier
    >>> learner = MesuFactoredClassifier(layers=(2, 8, 2), arithmetic="float64")
    >>> learner.learn_many([[0, 1], [1, 0]] * 200, ["even", "odd"] * 200).predict_one([1, 0])
    'odd'
    >>> kinds = MesuFactoredClassifier, MesuClassifier
    >>> half, whole = (kind((64, 32, 4)).state.nbytes for kind in kinds)
    >>> half / whole < 0.65
    True
    """

    _rule = "mesu_factored"
    config: MesuFactoredConfig


class MesuFactoredRegressor(SamplingRegressor):
    """MESU with factored variance: half the memory of :class:`streamlearn.MesuRegressor`.

    What it keeps of σ², and whose idea that is: :class:`streamlearn.MesuFactoredClassifier`.

    {inherited}

    Examples
    --------
    >>> from streamlearn import MesuFactoredRegressor
    >>> rows = [[t * 0.618 % 1] for t in range(2000)]
    >>> learner = MesuFactoredRegressor(layers=(1, 16, 1))
    >>> learner = learner.learn_many(rows, [20 + 5 * row[0] for row in rows])
    >>> abs(learner.predict_one([0.5]) - 22.5) < 0.3
    True
    """

    _rule = "mesu_factored"
    config: MesuFactoredConfig
