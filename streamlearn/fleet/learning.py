"""The learner as a pure function: an image and samples in, an image and predictions out."""

from __future__ import annotations

import threading
from typing import Any

from streamlearn.fleet.live import LiveLearners


class _Worker(threading.local):
    """Each thread has live learners of its own: workers do not wait for one another."""

    def __init__(self) -> None:
        self.learners = LiveLearners()


_WORKER = _Worker()


def learn(image: bytes, X: Any, y: Any) -> tuple[bytes, Any]:
    """Predict, then learn, each row in turn; return the new image and the predictions.

    The image that is given stays what it is. Equal images and samples give equal results, in
    every process and on every machine if the arithmetic is integers. The learners that a thread
    taught last stay alive (:class:`LiveLearners`), which saves time and changes nothing.

    Parameters
    ----------
    image : bytes
        A state image, as ``to_bytes`` and ``save`` write it, of any rule and head.
    X : data frame, array or tensor ``[n, n_features]``, or list of samples
    y : list, one-dimensional array or tensor, or Series
        ``n`` labels; of a regressor, ``n`` finite numbers.

    Returns
    -------
    image : bytes
        What ``learn_one`` of each row in turn leaves: every bit.
    predictions : list, float64[n, 3], or pandas Series
        As ``test_then_learn_many`` of the image's learner returns them: made before the row was
        learned.

    Raises
    ------
    StateFormatError
        If the image is foreign, truncated, damaged or of another version.
    ShapeError, InputValueError, LabelError, DivergedError
        As ``learn_many``; they name the row, counted from 0. Then nothing was learned.

    Examples
    --------
    >>> from streamlearn import MesuClassifier
    >>> from streamlearn.fleet import learn
    >>> start = MesuClassifier(layers=(2, 4, 2), classes=("cold", "hot")).to_bytes()
    >>> image, predictions = learn(start, [[20.5, 1.0], [90.0, 1.0]], ["cold", "hot"])
    >>> predictions
    ['cold', 'cold']
    >>> MesuClassifier.from_bytes(image).n_samples
    2
    """
    return _WORKER.learners.learn(image, X, y)
