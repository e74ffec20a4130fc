"""``streamlearn run --record``: the run's flight recorder, one transaction with its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, time_ns
from typing import Any

import numpy as np

from streamlearn.cli.observers import Block
from streamlearn.errors import WriteError
from streamlearn.learners.base import StreamLearner
from streamlearn.recorder.writer import RecordWriter

#: What waits in memory goes to the disk after so long, if no checkpoint asks for it before.
_FLUSH_S = 60.0


@contextmanager
def recording(
    given: Path | None,
    known: Mapping[str, Any],
    learner: StreamLearner,
    label: str,
    run_dir: Path | None = None,
    *,
    force: bool = False,
) -> Iterator[RunRecorder | None]:
    """Hold the record of a run; parameters and errors are those of :meth:`RunRecorder.of_run`."""
    recorder = RunRecorder.of_run(given, known, learner, label, run_dir, force=force)
    try:
        yield recorder
    finally:
        if recorder is not None:
            recorder.end()


class RunRecorder:
    """An observer that writes every sample of a run to a record.

    Parameters
    ----------
    writer
        Ends with the learner's state.
    learner
        Of the run.
    run_dir
        Its folder: a checkpoint names the record from there, so that both may be moved together.
    """

    def __init__(
        self, writer: RecordWriter, learner: StreamLearner, run_dir: Path | None = None
    ) -> None:
        self._writer, self._learner, self._run_dir = writer, learner, run_dir
        self._flushed = monotonic()

    @classmethod
    def of_run(
        cls,
        given: Path | None,
        known: Mapping[str, Any],
        learner: StreamLearner,
        label: str,
        run_dir: Path | None = None,
        *,
        force: bool = False,
    ) -> RunRecorder | None:
        """Begin a record; or go on with that of a run, cut to what its checkpoint counts on.

        Parameters
        ----------
        given
            What ``--record`` says. With the file that the run has, or none, it goes on.
        known
            :meth:`position` in the checkpoint; empty: the run had no record until now.
        learner
            As in the checkpoint.
        label
            Name of the label's column.
        run_dir
            Folder of the run.
        force
            Whether another record may be lost.

        Returns
        -------
        RunRecorder or None
            None: the run has no record.

        Raises
        ------
        ConfigError
            If a new file is there already, or another process writes it.
        StateFormatError
            If the record is not the one that the run wrote, or holds less than it counts on.
        WriteError
            If it cannot be written.
        """
        if known:
            path = Path(os.path.normpath((run_dir or Path()).resolve() / known["file"]))
            if given is None or given.resolve() == path.resolve():
                writer = RecordWriter.go_on(path, known["samples"], known["crc32"])
                return cls(writer, learner, run_dir)
        if given is None:
            return None
        writer = RecordWriter.create(given, learner, label=label, force=force)
        return cls(writer, learner, run_dir)

    def position(self) -> dict[str, Any]:
        """Return where the record ends, for a checkpoint: :meth:`checkpoint` was called before."""
        samples, crc32 = self._writer.position()
        file = self._writer.path.resolve()
        name = str(file)
        if self._run_dir is not None:
            with suppress(ValueError):  # another drive
                name = Path(os.path.relpath(file, self._run_dir.resolve())).as_posix()
        return {"file": name, "samples": samples, "crc32": crc32}

    def see(self, block: Block) -> None:
        """Record a block; what cannot be written waits in memory for the next checkpoint."""
        now = time_ns() // 1000
        times: Any = now
        if block.times is not None:
            known = np.isfinite(block.times)
            times = np.where(known, np.where(known, block.times, 0.0) * 1e6, now)
            times = np.rint(times).astype(np.int64)
        with suppress(WriteError):
            self._writer.add(block.x, block.labels, times, block.lines)
            self._writer.snapshot_if_due(self._learner)
            if monotonic() - self._flushed > _FLUSH_S:
                self.checkpoint()

    def checkpoint(self) -> None:
        """Bring all to the disk.

        Raises
        ------
        WriteError
            If that fails; it is tried again in its time.
        """
        self._writer.flush()
        self._flushed = monotonic()

    def end(self) -> None:
        """Bring all to the disk, and close the record.

        Raises
        ------
        WriteError
            If that fails.
        """
        self._writer.close()
