"""The rows of a stream through a chain of stages: one row of features each time one comes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.stages import Stages
from quant.stages.frames import Framed
from quant.stages.native import NativeStages
from streamlearn.errors import ConfigError, StreamFormatError
from streamlearn.streams.csv_rows import CsvRows
from streamlearn.streams.recordings import Recordings


class _Tally:
    """How long recordings were, and which gave no row of features."""

    def __init__(self) -> None:
        self.rows = 0
        self._samples, self._silent = 0, True
        self._short: list[int] = []
        self._longest = self._many = 0

    def begins(self, resumed: bool = False) -> None:
        """A recording begins, or goes on if a run was resumed inside of it."""
        if self._samples and self._silent:
            self._short.append(self._samples)
        self._many += self._samples > 0
        self._samples, self._silent = 0, not resumed

    def came(self, row: bool) -> None:
        """Count a raw row."""
        self._samples += 1
        self._longest = max(self._longest, self._samples)
        self.rows += row
        self._silent &= not row

    def said(self, first: int, segment: bool) -> str | None:
        """Return what there is to say of recordings without a row of features."""
        self.begins()
        if not self._short:
            return None
        if not self.rows:
            what = "the longest recording" if segment else "the stream"
            other = ", or name another column with --segment" if segment else ""
            return (
                f"no row of features came: the first one of a recording comes with its sample "
                f"{first}, and {what} has {self._longest}; take a shorter window or hop{other}"
            )
        ends = sorted({min(self._short), max(self._short)})
        return (
            f"{len(self._short)} of {self._many} recordings gave no row of features: they have "
            f"{' to '.join(map(str, ends))} samples, and the first row comes with sample {first}"
        )


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
        self._state, self._segment, self._recordings = self.stages.start(), segment, Recordings()
        self._tally, self._resumed = _Tally(), False
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

        Raises
        ------
        StreamFormatError
            If no recording was long enough for a row of features; or as that stream's.
        """
        self._rows.say(described(self.stages))
        for x, y, lines in self._rows.blocks(max_rows):
            begins = self._recordings.begin(self._rows.keys) if self._segment else ()
            found = [self._take(row, at in begins) for at, row in enumerate(x[:, self._order])]
            ends = np.array([at for at, row in enumerate(found) if row is not None], np.int64)
            if not len(ends):
                continue
            times = self._rows.times
            self.times = None if times is None else times[ends]
            self.keys = [self._rows.keys[at] for at in ends] if self._segment else []
            yield np.stack([found[at] for at in ends]), y[ends], lines[ends]
        said = self._tally.said(self.stages.first, self._segment)
        if said is not None and not self._tally.rows and not self._resumed:
            raise StreamFormatError(f"{self._rows.name}: {said}")
        if said is not None:
            self._rows.say(said)

    def _take(self, row: NDArray[np.float32], begins: bool) -> NDArray[np.float32] | None:
        if begins:
            self.stages.reset(self._state)
            self._tally.begins()
        found = self._engine.run(self._state, row[None])
        self._tally.came(len(found) > 0)
        return found[0] if len(found) else None

    def __iter__(self) -> Iterator[tuple[Any, Any, int]]:
        for x, y, lines in self.blocks(1):
            yield x[0], y[0].item(), int(lines[0])

    def memory(self) -> dict[str, Any]:
        """Return what later features depend on; see :meth:`recall`."""
        state = base64.b64encode(self._state.tobytes()).decode()
        return {**self._rows.memory(), "stages": {"state": state, "segment": self._recordings.of}}

    def recall(self, found: dict[str, Any]) -> None:
        """Go on from what :meth:`memory` gave; before the first row."""
        rest = dict(found)
        kept = rest.pop("stages", None)
        self._rows.recall(rest)
        if kept is not None:
            self._state = self.stages.state_from_bytes(base64.b64decode(kept["state"]))
            self._recordings, self._resumed = Recordings(kept["segment"]), True
            self._tally.begins(resumed=True)


def described(stages: Stages) -> str:
    """Return what a chain takes and gives, for who reads the output of a run."""
    names = ", ".join(one.name for one in stages.stages)
    text = (
        f"{names} of {', '.join(stages.channel_names)}: {stages.n_features} features, a row each "
        f"{stages.hop} samples"
    )
    for one in stages.stages:
        if isinstance(one, Framed) and one.hop > one.n:
            text += (
                f"; {one.name}: hop={one.hop} is more than n={one.n}, so of each {one.hop} samples "
                f"{one.hop - one.n} are not seen"
            )
    return text


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
