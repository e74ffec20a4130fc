"""Any River classifier behind the same two verbs; River itself is imported only when used."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from streamlearn.baselines.base import FloatRow
from streamlearn.errors import ConfigError

#: Samples that the default model keeps.
MEMORY = 500


def available() -> bool:
    """Return whether River is installed."""
    return find_spec("river") is not None


class RiverClassifier:
    """A River model that learns from arrays.

    Parameters
    ----------
    model
        A River classifier or pipeline, fresh. None builds :func:`default_model`.

    Raises
    ------
    ConfigError
        `model` is None and River is not installed.

    Notes
    -----
    A River model that has learned nothing may predict None; that is class 0 here.
    """

    def __init__(self, model: Any = None) -> None:
        self.model = default_model() if model is None else model

    def predict_one(self, x: FloatRow, /) -> int:
        """Return the class index, 0 where the model has no opinion yet.

        Parameters
        ----------
        x
            float32 ``[n_features]``.

        Returns
        -------
        int
            Class index.
        """
        answer = self.model.predict_one(_features(x))
        return 0 if answer is None else int(answer)

    def learn_one(self, x: FloatRow, y: int, /) -> None:
        """Learn one sample.

        Parameters
        ----------
        x
            float32 ``[n_features]``.
        y
            Class index.
        """
        self.model.learn_one(_features(x), y)


def default_model() -> Any:
    """Return the best of River's models on the gas stream: the nearest of the last 500 samples.

    It keeps those samples, which a microcontroller could not afford; docs/data.md has what was
    compared, with models that keep none.

    Returns
    -------
    river.compose.Pipeline
        ``StandardScaler | KNNClassifier``, fresh, which searches by
        :class:`~streamlearn.baselines.river_window.MatrixWindow`.

    Raises
    ------
    ConfigError
        River is not installed.
    """
    if not available():
        raise ConfigError("River is not installed; `pip install river` or choose another baseline")
    neighbors, preprocessing, window = map(
        import_module,
        ("river.neighbors", "river.preprocessing", "streamlearn.baselines.river_window"),
    )
    return preprocessing.StandardScaler() | neighbors.KNNClassifier(
        n_neighbors=1, engine=window.MatrixWindow(MEMORY)
    )


def _features(x: FloatRow) -> dict[int, float]:
    return dict(enumerate(np.asarray(x).tolist()))
