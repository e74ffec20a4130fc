"""Rows that were predicted and wait for their label."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from streamlearn.cli.blocks import Rows
from streamlearn.cli.observers import Block
from streamlearn.errors import SourceError
from streamlearn.streams.late_labels import MOST_LABELS, LateLabels

#: Rows that wait at most for a label of a file; the oldest is dropped for one more.
MOST_ROWS = 10_000
#: Labels of a topic that are read at most after each row.
AT_ONCE = 256


class Waiting:
    """Predicts rows when they come, and has them learned when their labels come.

    Parameters
    ----------
    delay
        Rows between a row and its label.
    labels
        Where labels come from; None: they stand in the rows.
    unlabelled
        What stands for no label: -1, or NaN for targets.

    Attributes
    ----------
    dropped : dict
        Rows that waited too long, and labels whose row did not come: how many.
    error : SourceError or None
        Why no more labels come.
    """

    def __init__(self, delay: int, labels: LateLabels | None, unlabelled: float) -> None:
        self._delay, self._labels, self._none = delay, labels, unlabelled
        self._rows: OrderedDict[str, Block] = OrderedDict()
        self._early: OrderedDict[str, float] = OrderedDict()
        self._count = 0
        self.dropped = {"rows": 0, "labels": 0}
        self.error: SourceError | None = None

    def learn(self, learner: Any, rows: Rows, predict: Callable[[Rows], Block]) -> Iterator[Block]:
        """Predict rows; learn those whose label has come.

        Parameters
        ----------
        learner
            Has ``test_then_learn_block``.
        rows
            As they came.
        predict
            Makes a block of rows without labels.

        Yields
        ------
        Block
            The rows as they were predicted, without labels; then those that were learned.
        """
        came, learned = [], []
        for i in range(len(rows.y)):
            one = slice(i, i + 1)
            none = np.full(1, self._none, rows.y.dtype)
            block = predict(
                Rows(
                    rows.x[one],
                    none,
                    rows.lines[one],
                    None if rows.times is None else rows.times[one],
                )
            )
            came.append(replace(block, first=block.first + i))
            if self._labels is None:
                self._rows[str(self._count)] = replace(block, labels=rows.y[one])
                self._count += 1
                if len(self._rows) > self._delay:
                    learned += _learned(learner, self._rows.popitem(last=False)[1], self._none)
            else:
                learned += self._came(learner, rows.keys[i], block)
        yield joined(came)
        if learned:
            yield joined(learned)

    def finish(self, learner: Any) -> Iterator[Block]:
        """Learn what labels there still are, once the rows have ended."""
        learned: list[Block] = []
        if self._labels is not None:
            self._labels.ends()
        while (found := self._next()) is not None:
            learned += self._label(learner, *found)
            if len(learned) >= MOST_LABELS:
                yield joined(learned)
                learned = []
        if learned:
            yield joined(learned)

    def _came(self, learner: Any, key: str, block: Block) -> list[Block]:
        """A row came: read a label at least, and more until its own is there or enough wait."""
        assert self._labels is not None
        if self._rows.pop(key, None) is not None:
            self.dropped["rows"] += 1  # a key that comes again: who knows whose label it is
        self._rows[key] = block
        if len(self._rows) > MOST_ROWS:
            self._rows.popitem(last=False)
            self.dropped["rows"] += 1
        learned: list[Block] = []
        if key in self._early:
            learned += self._label(learner, key, self._early.pop(key))
        read = 0
        least = AT_ONCE if self._labels.live else 1
        while read < least or (key in self._rows and len(self._early) < MOST_LABELS):
            read += 1
            found = self._next()
            if found is None:
                break
            learned += self._label(learner, *found)
        return learned

    def _next(self) -> tuple[str, float] | None:
        """Return the next label that is there."""
        if self._labels is None or self.error is not None:
            return None
        try:
            return self._labels.next()
        except SourceError as error:
            self.error = error
            return None

    def _label(self, learner: Any, key: str, label: float) -> list[Block]:
        row = self._rows.pop(key, None)
        if row is not None:
            labels = np.array([label], row.labels.dtype)
            return _learned(learner, replace(row, labels=labels), self._none)
        self._early[key] = label
        if len(self._early) > MOST_LABELS:
            self._early.popitem(last=False)
            self.dropped["labels"] += 1
        return []

    def figures(self) -> dict[str, Any]:
        """Return how many rows wait, and what was dropped."""
        found: dict[str, Any] = {"rows": len(self._rows), "dropped": dict(self.dropped)}
        if self._labels is not None:
            found["labels"] = len(self._early)
            found["bad_labels"] = {"count": self._labels.bad, "first": self._labels.message}
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {
            "keys": list(self._rows),
            "rows": _packed(joined([*self._rows.values()])) if self._rows else {},
            "early": list(self._early.items()),
            "count": self._count,
            "dropped": dict(self.dropped),
            **self._of_labels(),
        }

    def _of_labels(self) -> dict[str, Any]:
        labels = self._labels
        if labels is None:
            return {"place": [0, 0]}
        return {"place": [*labels.place], "bad": [labels.bad, labels.message]}

    def go_on(self, found: dict[str, Any]) -> bool:
        """Go on from what :meth:`to_dict` gave, and open where labels come from.

        Returns
        -------
        bool
            False: it is another file, or one with other lines: it is read from its beginning.

        Raises
        ------
        StreamlearnError
            If it cannot be read, or not be reached.
        """
        before = (int(found["place"][0]), int(found["place"][1])) if found else None
        same = self._labels is None or self._labels.begin(before)
        if not found:
            return same
        if self._labels is not None:
            bad, message = found.get("bad", (0, ""))
            self._labels.bad += bad
            self._labels.message = message or self._labels.message
        if found["keys"]:
            rows = _unpacked(found["rows"])
            for i, key in enumerate(found["keys"]):
                self._rows[key] = _part(rows, i)
        self._early.update((key, label) for key, label in found["early"])
        self._count, self.dropped = found["count"], dict(found["dropped"])
        return same

    def kept(self, found: dict[str, Any]) -> None:
        """Say that a checkpoint holds what :meth:`to_dict` gave."""
        if self._labels is not None:
            self._labels.kept(found["place"][0])

    def close(self) -> None:
        """Let go of where labels come from."""
        if self._labels is not None:
            self._labels.close()


def _learned(learner: Any, row: Block, none: float) -> list[Block]:
    label = row.labels[0]
    if label == none or label != label:
        return []
    if hasattr(learner, "test_then_learn_one"):  # the same bits, sooner
        learner.test_then_learn_one(row.x[0], int(label))
    else:
        learner.test_then_learn_block(row.x, row.labels)
    return [replace(row, again=True)]


_ARRAYS = ("x", "labels", "predictions", "lines", "probabilities", "times")


def joined(blocks: Sequence[Block]) -> Block:
    """Return blocks as one."""
    arrays: dict[str, Any] = {}
    for name in _ARRAYS:
        parts = [getattr(block, name) for block in blocks]
        arrays[name] = None if parts[0] is None else np.concatenate(parts)
    return replace(blocks[0], seconds=sum(block.seconds for block in blocks), **arrays)


def _part(block: Block, index: int) -> Block:
    arrays = {name: getattr(block, name) for name in _ARRAYS}
    one = slice(index, index + 1)
    parts: dict[str, Any] = {n: None if a is None else a[one] for n, a in arrays.items()}
    return replace(block, **parts)


def _packed(block: Block) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in (field.name for field in fields(block)):
        value = getattr(block, name)
        if isinstance(value, np.ndarray):
            data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
            value = [value.dtype.str, list(value.shape), data]
        found[name] = value
    return found


def _unpacked(found: dict[str, Any]) -> Block:
    names = {field.name for field in fields(Block)}
    values = {name: value for name, value in found.items() if name in names}
    for name in _ARRAYS:
        if values.get(name) is not None:
            kind, shape, data = values[name]
            values[name] = np.frombuffer(base64.b64decode(data), kind).reshape(shape).copy()
    return Block(**values)
