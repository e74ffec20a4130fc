"""The uncertainty of every classifier that draws its weights, whatever its rule."""

from __future__ import annotations

import math
from typing import cast

from quant.asking import Asking, margin
from quant.heads.categorical.taught import candidates
from streamlearn.learners.base import Features
from streamlearn.learners.classifier import Raw, StreamClassifier
from streamlearn.uncertainty import Uncertainty, uncertainty_of


class DrawnClassifier(StreamClassifier):
    """A classifier whose predictions are means over draws, and which knows how they disagree."""

    #: What :meth:`wants_label` goes by, None before it was asked; not part of the state.
    asking: Asking | None = None

    def wants_label(self, x: Features, budget: float = 0.05) -> bool:
        """Return whether the label of a sample is worth asking for.

        The more the draws disagree, the more there is to learn. So a sample asks if its least
        certain draw prefers the predicted class by less than a threshold, or prefers another one.
        The threshold follows the budget (:mod:`quant.asking`): ask once for each sample of the
        stream, and learn those that are worth it. A new learner asks for all labels first.

        The learner stays as it is. The threshold is not part of its state: a copy, or a learner
        from a file, finds it anew, within some hundred samples.

        Parameters
        ----------
        x : mapping, sequence or array
            Of ``n_features`` finite numbers.
        budget : float
            The share of samples that may ask, above 0, and at most 1. Another one than before
            begins anew.

        Raises
        ------
        ConfigError
            If the budget is no such share.
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.

        Examples
        --------
        >>> from streamlearn import BimuClassifier
        >>> learner = BimuClassifier(layers=(2, 8, 2))
        >>> asked = 0
        >>> for t in range(2000):
        ...     x = [t % 2, t % 3]
        ...     if learner.wants_label(x, budget=0.1):
        ...         asked += 1
        ...         _ = learner.learn_one(x, "odd" if t % 2 else "even")
        >>> 0.09 < asked / 2000 < 0.13, learner.predict_one([1, 0])
        (True, 'odd')
        """
        with self._lock:
            if self.asking is None or self.asking.budget != budget:
                self.asking = Asking(budget)
            drawn = self._known(self._engine.draws(self._state, self._read(x)))
            return self.asking.asks(margin(drawn))

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
        return uncertainty_of(self._known(self._engine.draws(self._state, values)))

    def _novelty(self, values: Raw) -> float:
        """Return ``(H + I) / 2``: predictive and epistemic entropy, over that of not knowing."""
        return self._score(uncertainty_of(self._engine.draws(self._state, values)))

    def _score(self, found: Uncertainty) -> float:
        return (found.predictive + found.epistemic) / (2 * math.log2(self.spec.n_classes))

    def _look(self, values: Raw) -> tuple[float, Uncertainty]:
        drawn = self._engine.draws(self._state, values)
        found = uncertainty_of(drawn)
        if candidates(self._state, self.spec.n_classes).all():
            return self._score(found), found
        return self._score(found), uncertainty_of(self._known(drawn))
