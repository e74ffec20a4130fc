"""Labelled rows that a baseline may not learn yet: their labels come so many samples later."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]


class LateRows:
    """Puts what is asked and what is learned into the order in which it happened.

    Parameters
    ----------
    delay
        Samples between a row and its label.
    n_features

    Examples
    --------
    >>> late = LateRows(1, 1)
    >>> rows, labels, asked = late.put(np.array([[1], [2], [3]], np.float32), np.array([0, 1, 0]))
    >>> rows.ravel().tolist(), labels.tolist()  # 1 is asked, then 2, then 1 is learned ...
    ([1.0, 2.0, 1.0, 3.0, 2.0], [-1, -1, 0, -1, 1])
    >>> asked.tolist()
    [0, 1, 3]
    """

    def __init__(self, delay: int, n_features: int) -> None:
        self._delay = delay
        self._x: Rows = np.zeros((0, n_features), np.float32)
        self._labels: NDArray[Any] | None = None

    def put(self, x: Rows, labels: NDArray[Any]) -> tuple[Rows, NDArray[Any], NDArray[np.intp]]:
        """Take labelled rows; return what to show a baseline, one row after the other.

        Parameters
        ----------
        x, labels
            ``[n, n_features]`` and ``[n]``: class indices, or float targets.

        Returns
        -------
        tuple
            Rows ``[m, n_features]``, their labels ``[m]`` (-1 or NaN: only asked), and where each
            of the n rows is asked.
        """
        n = len(labels)
        if not self._delay:
            return x, labels, np.arange(n)
        waiting = 0 if self._labels is None else len(self._labels)
        every = np.concatenate([self._x, x])
        known = labels if self._labels is None else np.concatenate([self._labels, labels])
        at, learned = [], []
        for row in range(waiting, waiting + n):
            at.append(row)
            learned.append(False)
            if row >= self._delay:
                at.append(row - self._delay)
                learned.append(True)
        order, learns = np.array(at, np.intp), np.array(learned, np.bool_)
        none = np.nan if labels.dtype.kind == "f" else -1
        given = np.where(learns, known[order], none).astype(labels.dtype)
        self._x, self._labels = every[-self._delay :], known[-self._delay :]
        return every[order], given, np.flatnonzero(~learns)

    def to_dict(self) -> dict[str, Any]:
        """Return everything that it knows, for JSON."""
        if self._labels is None:
            return {}
        return {"x": _text(self._x), "labels": _text(self._labels), "kind": self._labels.dtype.str}

    def again(self, found: Mapping[str, Any]) -> LateRows:
        """Return one that goes on from what :meth:`to_dict` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is nothing of that kind.
        """
        new = LateRows(self._delay, self._x.shape[1])
        if found:
            new._labels = np.frombuffer(base64.b64decode(found["labels"]), found["kind"])
            x = np.frombuffer(base64.b64decode(found["x"]), np.float32)
            new._x = x.reshape(len(new._labels), -1)
            if new._x.shape[1] != self._x.shape[1]:
                raise ValueError("its rows are of another width")
        return new


def _text(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
