"""How unsure a learner of classes is of a sample, and how unlike anything learned the sample is."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import LabelError
from quant.heads.categorical.taught import anything, candidates
from quant.layout import State
from quant.network import NetworkSpec
from quant.rule import arithmetic_of
from streamlearn.engines import Engine
from streamlearn.learners.base import Features
from streamlearn.uncertainty import PredictiveUncertainty, Uncertainty, uncertainty_of

Raw = npt.NDArray[np.float64]
NOTHING_KNOWN = (
    "no label is known yet, so that there is nothing to be unsure of: learn a sample, or give "
    "classes="
)


class ClassDoubts:
    """The verbs of a classifier that say what it does not know; a rule may know more of it."""

    spec: NetworkSpec
    config: Any
    arithmetic: str
    _state: State
    _engine: Engine
    _labels: list[Any]
    _lock: threading.RLock
    _read: Any
    _logits: Any

    def predict_uncertainty_one(self, x: Features) -> Uncertainty | PredictiveUncertainty:
        """Return how unsure the prediction is, as entropies in bits over the labels taught.

        One meaning for every rule: ``predictive`` is the entropy of the predicted probabilities,
        0 where one label is certain, log2 of the number of labels where all are alike. A rule that
        draws its weights splits it: ``aleatoric`` would stay however much more is learned,
        ``epistemic``, their difference, would go. A rule whose weights are one value each has no
        such split, and says so when asked (:class:`streamlearn.uncertainty.PredictiveUncertainty`).
        Of a learner with a memory it is the network's alone.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        LabelError
            If no label is known yet.
        """
        with self._lock:
            if not self._labels:
                raise LabelError(NOTHING_KNOWN)
            return self._uncertainty(self._read(x))

    def novelty_one(self, x: Features) -> float:
        """Return how unlike anything learned a sample is, 0 to 1.

        One meaning for every rule: larger is more unlike, whatever the label, and what was learned
        often is near 0. It has no scale of its own: compare it with what the stream usually gives,
        such as a running quantile. Both rules add what a wrong kind of input does inside the
        network to the entropy of the probabilities over all outputs, and divide by the most there
        can be; docs/confidence.md has each rule's equation and how well it tells apart. Of a
        learner with a memory it is the network's alone.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            return min(max(self._novelty(self._read(x)), 0.0), 1.0)

    def look_one(self, x: Features) -> tuple[float, Uncertainty | PredictiveUncertainty]:
        """Return :meth:`novelty_one` and :meth:`predict_uncertainty_one` of one sample.

        A rule that draws its weights draws them once for both.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        LabelError
            If no label is known yet.
        """
        with self._lock:
            if not self._labels:
                raise LabelError(NOTHING_KNOWN)
            novelty, uncertainty = self._look(self._read(x))
            return min(max(novelty, 0.0), 1.0), uncertainty

    def _look(self, values: Raw) -> tuple[float, Uncertainty | PredictiveUncertainty]:
        return self._novelty(values), self._uncertainty(values)

    def _uncertainty(self, values: Raw) -> Uncertainty | PredictiveUncertainty:
        """Return what a rule knows of it: here the entropy of the probabilities, and no split."""
        known = self._known(self._network_logits(values)[:, None])
        return PredictiveUncertainty(uncertainty_of(known).predictive)

    def _novelty(self, values: Raw) -> float:
        """Return a rule's score, 0 to 1: here the entropy over that of not knowing."""
        found = uncertainty_of(self._network_logits(values)[:, None])
        return found.predictive / math.log2(self.spec.n_classes)

    def _network_logits(self, values: Raw) -> npt.NDArray[np.float64]:
        """Return the logits without the memory."""
        if self.spec.memory is None:
            found: npt.NDArray[np.float64] = self._logits(values)
            return found
        mean: npt.NDArray[np.float64] = self._engine.draws(self._state, values).mean(axis=1)
        tempered = arithmetic_of(self.spec, self.config, self.arithmetic).logits
        return mean if tempered is None else np.asarray(tempered(self._state, mean))

    def _known(self, outputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the outputs ``[classes, draws]`` of the classes taught, 0 before that."""
        if anything(self._state):
            return outputs[candidates(self._state, self.spec.n_classes)]
        return np.zeros((len(self._labels), outputs.shape[1]))
