"""Learning samples of a record again: the same verbs of the engine, in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.recorder.layout import Samples

Names = tuple[tuple[str, ...] | None, tuple[Any, ...]]


def learn(learner: StreamLearner, samples: Samples, names: Names) -> Any:
    """Learn samples one after the other, those that were predicted only left out.

    Parameters
    ----------
    learner
        Changes; it has the sizes of the record's.
    samples
    names
        Names of the features, and all labels that the record knows by then.

    Returns
    -------
    int32[m] or float[m, 3]
        The predictions made before learning, as of the engine.

    Raises
    ------
    DivergedError
        As the learner's verbs.
    """
    learned = samples.learned
    if not learned.all():
        samples = samples.part(learned)
    features, labels = names
    with learner._lock:
        found = learner._engine.learn_many(
            learner._state, samples.x.astype(np.float64), samples.targets
        )
        if features is not None and learner._features is None and len(samples):
            learner._features = features
        if isinstance(learner, StreamClassifier) and len(samples):
            _know(learner, labels[: int(samples.targets.max()) + 1])
    return found


def _know(learner: StreamClassifier, labels: tuple[Any, ...]) -> None:
    """Give classes their labels, in the order of their first samples."""
    for index in range(len(learner.labels), len(labels)):
        learner._labels.append(labels[index])
        learner._index[labels[index]] = index
