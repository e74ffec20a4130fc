"""The rows of a stream through a chain of stages: one row of features each time one comes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.stages import Stages
from quant.stages.native import NativeStages
from streamlearn.errors import ConfigError
from streamlearn.streams.csv_rows import CsvRows


class StageRows:
    """What stages make of a stream's raw rows; otherwise that stream.

    Label, line and time of a row of features are those of the last raw row in it. Its verbs are
    those of :class:`streamlearn.streams.csv_stream.CsvStream`, or of ``CsvTargets``.

    Parameters
    ----------
    rows
        The stream of raw rows; its features are the channels.
    stages
        As JSON values: what :meth:`quant.stages.Stages.to_json` gives, without channels.
    segment
        Whether the stream's keys say which recording a row belongs to: a recording begins anew.

    Raises
    ------
    ConfigError
        If there is no such chain.
    """

    def __init__(self, rows: Any, stages: Any, segment: bool) -> None:
        self._rows: Any = rows
        self.stages, self._order = _of_columns(stages, rows)
        self._engine = NativeStages(self.stages)
        self._segment = segment
        self._state, self._of = self.stages.start(), ""
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
        """Names of the features of the last stage."""
        return self.stages.feature_names

    @property
    def n_features(self) -> int:
        """Number of features of the last stage."""
        return self.stages.n_features

    def blocks(self, max_rows: int | Callable[[], int]) -> Iterator[tuple[Any, Any, Any]]:
        """Yield rows of features, many at once.

        As of :meth:`streamlearn.streams.csv_stream.CsvStream.blocks`; ``position`` is that of the
        raw rows. Raw rows with which no features come yield nothing.
        """
        for x, y, lines in self._rows.blocks(max_rows):
            found = [self._take(row, at) for at, row in enumerate(x[:, self._order])]
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
                self.stages.reset(self._state)
                self._of = of
        found = self._engine.run(self._state, row[None])
        return found[0] if len(found) else None

    def __iter__(self) -> Iterator[tuple[Any, Any, int]]:
        for x, y, lines in self.blocks(1):
            yield x[0], y[0].item(), int(lines[0])

    def memory(self) -> dict[str, Any]:
        """Return what later features depend on; see :meth:`recall`."""
        state = base64.b64encode(self._state.tobytes()).decode()
        return {**self._rows.memory(), "stages": {"state": state, "segment": self._of}}

    def recall(self, found: dict[str, Any]) -> None:
        """Go on from what :meth:`memory` gave; before the first row."""
        rest = dict(found)
        kept = rest.pop("stages", None)
        self._rows.recall(rest)
        if kept is not None:
            self._state = self.stages.state_from_bytes(base64.b64decode(kept["state"]))
            self._of = str(kept["segment"])


def _of_columns(values: Any, rows: CsvRows) -> tuple[Stages, NDArray[np.intp]]:
    """Return stages of a stream's columns, and the columns in the order of their channels."""
    found = list(rows.feature_names)
    known = values[0].get("channels") if values and isinstance(values[0], dict) else None
    if known is not None and {*known} != {*found}:
        raise ConfigError(
            f"{rows.name} has the columns {found}, and the run's stages take {[*known]}: give the "
            "same columns"
        )
    stages = Stages.from_json(values, known or found)
    return stages, np.array([found.index(name) for name in stages.channel_names], np.intp)


def through_stages(rows: CsvRows, stages: Any, segment: str | None) -> Any:
    """Return what stages make of a stream's rows, if there are any.

    Parameters
    ----------
    rows
        The stream.
    stages
        As JSON values; None: no stages.
    segment
        Column of the recording, if there is one.
    """
    return rows if stages is None else StageRows(rows, stages, segment is not None)
