"""The rows of a stream as windows: one row of features each time a window of raw rows ends."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.window import Window, reset
from quant.window.native import NativeWindow
from streamlearn.errors import ConfigError
from streamlearn.streams.csv_rows import CsvRows


class WindowRows:
    """What a stream's raw rows say, window by window; otherwise that stream.

    The label, the line and the time of a window are those of its last row. Its verbs are those of
    :class:`streamlearn.streams.csv_stream.CsvStream`, or of ``CsvTargets``.

    Parameters
    ----------
    rows
        The stream of raw rows.
    n, hop, features, magnitude
        Of :class:`quant.window.Window`; the stream's features are its channels.
    segment
        Whether the stream's keys say which recording a row belongs to: a window holds rows of one.

    Raises
    ------
    ConfigError
        If there is no such window.
    """

    def __init__(
        self,
        rows: Any,
        n: int,
        hop: int,
        features: tuple[str, ...],
        magnitude: bool,
        segment: bool,
    ) -> None:
        self._rows: Any = rows
        self.window = Window(n, hop, rows.feature_names, features, None, magnitude)
        self._engine = NativeWindow(self.window)
        self._segment = segment
        self._state, self._of = self.window.start(), ""
        self.times: NDArray[np.float64] | None = None
        self.keys: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name == "_rows":
            raise AttributeError(name)
        return getattr(self._rows, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("say", "may_be_empty"):
            setattr(self._rows, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features of a window."""
        return self.window.feature_names

    @property
    def n_features(self) -> int:
        """Number of features of a window."""
        return self.window.n_features

    def blocks(self, max_rows: int | Callable[[], int]) -> Iterator[tuple[Any, Any, Any]]:
        """Yield windows that have ended, many at once.

        As of :meth:`streamlearn.streams.csv_stream.CsvStream.blocks`; ``position`` is that of the
        raw rows. Raw rows that end no window yield nothing.
        """
        for x, y, lines in self._rows.blocks(max_rows):
            found = [self._take(row, at) for at, row in enumerate(x)]
            ends = np.array([at for at, row in enumerate(found) if row is not None], np.int64)
            if not len(ends):
                continue
            times = self._rows.times
            self.times = None if times is None else times[ends]
            yield np.stack([found[at] for at in ends]), y[ends], lines[ends]

    def _take(self, row: NDArray[np.float32], at: int) -> NDArray[np.float32] | None:
        if self._segment:
            of = self._rows.keys[at]
            if of != self._of:
                reset(self.window, self._state)
                self._of = of
        found = self._engine.look(self._state, row)
        self._engine.push(self._state, row)
        return found

    def __iter__(self) -> Iterator[tuple[Any, Any, int]]:
        for x, y, lines in self.blocks(1):
            yield x[0], y[0].item(), int(lines[0])

    def memory(self) -> dict[str, Any]:
        """Return what later windows depend on; see :meth:`recall`."""
        state = base64.b64encode(self._state.tobytes()).decode()
        return {**self._rows.memory(), "window": {"state": state, "segment": self._of}}

    def recall(self, found: dict[str, Any]) -> None:
        """Go on from what :meth:`memory` gave; before the first row."""
        rest = dict(found)
        kept = rest.pop("window", None)
        self._rows.recall(rest)
        if kept is not None:
            self._state = self.window.state_from_bytes(base64.b64decode(kept["state"]))
            self._of = str(kept["segment"])


def windows(rows: CsvRows, asked: dict[str, Any] | None, segment: str | None) -> Any:
    """Return a stream's rows as windows, if any are asked for.

    Parameters
    ----------
    rows
        The stream.
    asked
        ``n``, ``hop``, ``features`` and ``magnitude``; None: no windows.
    segment
        Column of the recording, if there is one.
    """
    if asked is None:
        return rows
    given = dict(asked)
    try:
        features = tuple(given.pop("features"))
        return WindowRows(rows, features=features, segment=segment is not None, **given)
    except (KeyError, TypeError) as error:
        raise ConfigError(f"windows {asked!r}: expected n, hop, features, magnitude") from error
