"""The baselines that stand beside a run that predicts numbers, in C, in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamlearn.baselines.online import FRONT_END_BYTES, WINDOW, OnlineBaselines, padded
from streamlearn.errors import ShapeError, StateFormatError

#: The second best rate of the scan in docs/regression.md. With the best one it is not far from
#: where it diverges.
LR = 0.006
#: Samples over which the target's statistics follow, as in the regressor's own front end.
TARGET_WINDOW = 1000.0
_TARGET_BYTES = 4

Floats = NDArray[np.float64]


class PredictedTargets(NamedTuple):
    """What each baseline predicted of a block before it learned it: float64 ``[n]`` each.

    NaN before any target was learned.
    """

    sgd: Floats
    nearest: Floats


class OnlineTargets(OnlineBaselines):
    """SGD of a shape, and a nearest neighbour of so many bytes, for a number.

    The network has one linear output and learns the squared error of the target, which is
    standardised online. The nearest neighbour keeps the newest standardised samples, a byte per
    value, beside their targets in float32. What it costs, keeps and raises is said of
    :class:`OnlineBaselines`.

    Parameters
    ----------
    layers, state_bytes, seed
        As there; the last size is 1.

    Examples
    --------
    >>> import numpy as np
    >>> beside = OnlineTargets((1, 8, 1), 1000)
    >>> x = np.array([[0], [5], [0]], np.float32)
    >>> beside.see(x, np.array([1.5, 7, 2], np.float32)).nearest.tolist()
    [nan, 1.5, 1.5]
    """

    def __init__(self, layers: Sequence[int], state_bytes: int, seed: int = 0) -> None:
        if layers[-1] != 1:
            raise ShapeError(f"layers are {list(layers)}: expected one output")
        super().__init__(layers, state_bytes, seed)
        d = layers[0]
        self.room = max(1, (state_bytes - FRONT_END_BYTES * d) // (d + _TARGET_BYTES))
        for name in ("counts", "latest", "kept_labels"):
            del self._state[name]
        self._state["kept"] = padded(np.zeros((self.room, d), np.int8))
        self._state["kept_targets"] = np.zeros(self.room, np.float32)
        self._state["target_front"] = np.zeros(3)

    @property
    def bytes_kept(self) -> int:
        """Bytes of samples, targets and statistics that the nearest neighbour counts."""
        d = self.layers[0]
        return self.room * (d + _TARGET_BYTES) + FRONT_END_BYTES * d

    def see(self, x: NDArray[np.floating[Any]], labels: NDArray[Any]) -> Any:
        """Predict each row in turn, and learn it if it has a target.

        Parameters
        ----------
        x
            float ``[n, n_features]``, finite.
        labels
            float32 ``[n]``, targets; NaN: none.

        Returns
        -------
        PredictedTargets

        Raises
        ------
        ShapeError
            If rows and targets do not fit.
        """
        rows = np.ascontiguousarray(x, np.float32)
        y = np.ascontiguousarray(labels, np.float32)
        n = len(y)
        if rows.shape != (n, self.layers[0]):
            raise ShapeError(f"rows {rows.shape}: expected {(n, self.layers[0])}")
        found = PredictedTargets(*np.empty((2, n)))
        s = {name: part.ctypes.data for name, part in self._state.items()}
        self._library.slb_learned_targets(
            rows.ctypes.data, y.ctypes.data, n, self._sizes.ctypes.data, len(self.layers), WINDOW,
            LR, s["front"], s["weights"], s["kept"], s["kept_targets"], self.room, s["seen"],
            self._values.ctypes.data, self._row.ctypes.data, TARGET_WINDOW, s["target_front"],
            found.sgd.ctypes.data, found.nearest.ctypes.data,
        )  # fmt: skip
        return found

    def _check(self, read: dict[str, NDArray[Any]]) -> None:
        if not np.isfinite(read["kept_targets"]).all():
            raise StateFormatError("the baselines' state holds a target that is no number")
