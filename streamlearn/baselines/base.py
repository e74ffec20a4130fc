"""What every baseline can do: the two verbs of an online classifier."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatRow = NDArray[np.float32]


class OnlineClassifier(Protocol):
    """Predicts and learns one sample at a time; classes are indices from 0."""

    def predict_one(self, x: FloatRow, /) -> int:
        """Return the class index for ``x`` float32 ``[n_features]``, and change nothing."""
        ...

    def learn_one(self, x: FloatRow, y: int, /) -> object:
        """Learn that ``x`` has the class index ``y``; what it returns is not used."""
        ...
