"""Rows that were predicted and wait for their label."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Iterator
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamlearn.cli.blocks import Rows
from streamlearn.streams.late_labels import MOST_LABELS, LabelFile

#: Rows that wait at most; the oldest is dropped for one more.
MOST_ROWS = 10_000
NO_LABEL = -1


class Learned(NamedTuple):
    """Rows that were predicted, or that were learned now and had been predicted before.

    Attributes
    ----------
    x : float32[n, n_features]
    labels, predictions, lines : int64[n]
    seconds : float
    again : bool
        Whether the rows came before: now they were learned.
    """

    x: NDArray[np.float32]
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    lines: NDArray[np.int64]
    seconds: float
    again: bool


class _Row(NamedTuple):
    x: NDArray[np.float32]
    label: int
    prediction: int
    line: int


class Waiting:
    """Predicts rows when they come, and has them learned when their labels come.

    Parameters
    ----------
    delay
        Rows between a row and its label.
    labels
        Where labels come from; None: they stand in the rows.

    Attributes
    ----------
    dropped : dict
        Rows that waited too long, and labels whose row did not come; both count.
    """

    def __init__(self, delay: int, labels: LabelFile | None) -> None:
        self._delay, self._labels = delay, labels
        self._rows: OrderedDict[str, _Row] = OrderedDict()
        self._early: OrderedDict[str, int] = OrderedDict()
        self._count = 0
        self.dropped = {"rows": 0, "labels": 0}

    def __len__(self) -> int:
        return len(self._rows)

    def learn(self, learner: Any, rows: Rows, keys: list[str]) -> Iterator[Learned]:
        """Predict rows; learn those whose label has come.

        Parameters
        ----------
        learner
            Has ``test_then_learn_block``.
        rows
            As they came.
        keys
            One per row; empty without a file of labels.

        Yields
        ------
        Learned
            The rows as they were predicted, then those that were learned.
        """
        start, learned = perf_counter(), _Block(rows.x.shape[1])
        predictions = np.empty(len(rows.y), np.int64)
        none = np.array([NO_LABEL])
        for i in range(len(rows.y)):
            x = rows.x[i : i + 1]
            predictions[i] = learner.test_then_learn_block(x, none)[0]
            row = _Row(rows.x[i], int(rows.y[i]), int(predictions[i]), int(rows.lines[i]))
            if self._labels is None:
                self._rows[str(self._count)] = row
                self._count += 1
                if len(self._rows) > self._delay:
                    learned.learn(learner, self._rows.popitem(last=False)[1])
            else:
                self._came(learner, keys[i], row, learned)
        lines = rows.lines
        unknown = np.full(len(lines), NO_LABEL)
        yield Learned(rows.x, unknown, predictions, lines, perf_counter() - start, False)
        if learned.rows:
            yield learned.block(0.0)

    def finish(self, learner: Any) -> Iterator[Learned]:
        """Learn what labels there still are, once the rows have ended."""
        learned, start = _Block(0), perf_counter()
        while self._labels is not None and (found := self._labels.next()) is not None:
            self._label(learner, *found, learned)
        if learned.rows:
            yield learned.block(perf_counter() - start)

    def _came(self, learner: Any, key: str, row: _Row, learned: _Block) -> None:
        """A row came: read labels until its own is there, or there are enough."""
        assert self._labels is not None
        if key in self._rows:
            self.dropped["rows"] += 1
        self._rows[key] = row
        if key in self._early:
            self._label(learner, key, self._early.pop(key), learned)
        else:
            if len(self._rows) > MOST_ROWS:
                self._rows.popitem(last=False)
                self.dropped["rows"] += 1
            once = True
            while key in self._rows and (once or len(self._early) < MOST_LABELS):
                once = False
                found = self._labels.next()
                if found is None:
                    break
                self._label(learner, *found, learned)

    def _label(self, learner: Any, key: str, label: int, learned: _Block) -> None:
        row = self._rows.pop(key, None)
        if row is not None:
            learned.learn(learner, row._replace(label=label))
            return
        self._early[key] = label
        if len(self._early) > MOST_LABELS:
            self._early.popitem(last=False)
            self.dropped["labels"] += 1

    def figures(self) -> dict[str, Any]:
        """Return how many rows wait, and what was dropped."""
        found: dict[str, Any] = {"rows": len(self._rows), "dropped": dict(self.dropped)}
        if self._labels is not None:
            found |= {"labels": len(self._early), "bad_labels": self._labels.bad}
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        rows = list(self._rows.values())
        x = np.array([row.x for row in rows], "<f4")
        return {
            "keys": list(self._rows),
            "x": base64.b64encode(x.tobytes()).decode(),
            "rows": [row[1:] for row in rows],
            "early": list(self._early.items()),
            "count": self._count,
            "dropped": dict(self.dropped),
            "line": 0 if self._labels is None else self._labels.line,
        }

    def go_on(self, found: dict[str, Any]) -> None:
        """Go on from what :meth:`to_dict` gave."""
        if not found:
            return
        x = np.frombuffer(base64.b64decode(found["x"]), "<f4").astype(np.float32)
        x = x.reshape(len(found["keys"]), -1)
        for key, row, values in zip(found["keys"], found["rows"], x, strict=True):
            self._rows[key] = _Row(values, *row)
        self._early.update((key, label) for key, label in found["early"])
        self._count, self.dropped = found["count"], dict(found["dropped"])
        if self._labels is not None:
            self._labels.go_on(found["line"])


class _Block:
    """Rows that are learned one after the other."""

    def __init__(self, n_features: int) -> None:
        self._n_features = n_features
        self.rows: list[_Row] = []

    def learn(self, learner: Any, row: _Row) -> None:
        if row.label == NO_LABEL:
            return
        learner.test_then_learn_block(row.x[np.newaxis], np.array([row.label]))
        self.rows.append(row)

    def block(self, seconds: float) -> Learned:
        _, labels, predictions, lines = zip(*self.rows, strict=True)
        return Learned(
            np.array([row.x for row in self.rows], np.float32),
            np.array(labels, np.int64),
            np.array(predictions, np.int64),
            np.array(lines, np.int64),
            seconds,
            True,
        )
