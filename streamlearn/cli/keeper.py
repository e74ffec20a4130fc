"""How a run comes to the disk while it goes on."""

from __future__ import annotations

import hashlib
import secrets
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from quant.durable import sync, write_error
from streamlearn.cli import checkpoints
from streamlearn.cli.checkpoints import CHECKPOINT_DIR, PREDICTIONS_FILE
from streamlearn.cli.record import PAIR_BYTES, RunRecord
from streamlearn.errors import WriteError

RESERVE_FILE = "reserve"
#: Bytes that are kept aside beside twice the largest checkpoint so far: young ones grow.
ROOM = 1 << 17


class Keeper:
    """Writes a run's checkpoints: every so many samples, every so many seconds, and at its end.

    While entered, a thread looks at the clock: a stream that pauses is kept too. A checkpoint that
    cannot be written (a full disk) is said once and tried again the next time; until then learning
    goes on in memory. Room for one is kept aside from the beginning.

    Parameters
    ----------
    run_dir : Path or None
        None: nothing is kept.
    record : RunRecord
    every : int or None
        Samples between checkpoints.
    seconds : float
        Between checkpoints; 0: the clock does not matter.
    say : callable
        Tells people a line.
    """

    def __init__(
        self,
        run_dir: Path | None,
        record: RunRecord,
        every: int | None,
        seconds: float,
        say: Callable[[str], object],
    ) -> None:
        self._run_dir, self._record, self._every = run_dir, record, every
        self._seconds, self._say = seconds, say
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._hash = hashlib.sha256(record.pairs())
        self._n_hashed = record.n_samples  # these are on the disk already
        self._log: IO[bytes] | None = None
        self._error: Exception | None = None
        self.kept = -1
        self.failed: WriteError | None = None

    def __enter__(self) -> Keeper:
        """Write the first checkpoint: what cannot be kept is not learned.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        if self._run_dir is None:
            return self
        folder = self._run_dir / CHECKPOINT_DIR
        try:
            folder.mkdir(exist_ok=True)
            log = folder / PREDICTIONS_FILE
            self._log = log.open("r+b" if log.exists() else "w+b", buffering=0)
        except OSError as error:
            raise write_error(folder, error) from error
        try:
            self.save()
        except BaseException:
            self._log.close()
            raise
        self._put_aside()
        if self._seconds:
            self._thread = threading.Thread(target=self._by_the_clock, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write the last checkpoint, whatever ended the run; :attr:`failed` says if that failed."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._log is None or self._run_dir is None:
            return
        self._try()
        self._log.close()
        (self._run_dir / CHECKPOINT_DIR / RESERVE_FILE).unlink(missing_ok=True)

    def counted(self) -> None:
        """Write a checkpoint, if it is time; called after each sample, with the record's lock."""
        if self._error is not None:
            raise self._error
        if self._every is not None and self._record.n_samples % self._every == 0:
            self._try()

    def save(self) -> None:
        """Write a checkpoint of now, if there is anything new.

        Raises
        ------
        WriteError
            If it cannot be written; the latest one is untouched.
        """
        with self._record.lock:
            n = self._record.n_samples
            if self._run_dir is None or n == self.kept:
                return
            self._append(n)
            made = self._record.checkpoint(self._hash.hexdigest())
            checkpoints.write(self._run_dir, made)
            self._record.kept(made.place)
            self.kept, self.failed = n, None

    def _try(self) -> None:
        with self._record.lock:
            try:
                try:
                    self.save()
                except WriteError:
                    if not self._take_back():
                        raise
                    self.save()
            except WriteError as error:
                if self.failed is None:
                    self._say(
                        f"{error}. The latest checkpoint is that of sample {self.kept}; learning "
                        "goes on, and the next checkpoint is tried in its time"
                    )
                self.failed = error
            else:
                self._put_aside()

    def _append(self, n: int) -> None:
        """Bring predictions and labels to the disk, behind those that are there."""
        assert self._log is not None
        assert self._run_dir is not None
        new = self._record.pairs(self._n_hashed)
        try:
            self._log.seek(PAIR_BYTES * self._n_hashed)
            rest = memoryview(new)
            while rest:
                rest = rest[self._log.write(rest) or 0 :]
            sync(self._log.fileno())
        except OSError as error:
            raise write_error(self._run_dir / CHECKPOINT_DIR / PREDICTIONS_FILE, error) from error
        self._hash.update(new)
        self._n_hashed = n

    def _by_the_clock(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # signals are for the thread that reads the stream
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            while not self._stop.wait(self._seconds):
                self._try()
        except Exception as error:  # noqa: BLE001 - raised by the thread that learns
            self._error = error

    def _put_aside(self) -> None:
        """Keep room on the disk for one more checkpoint, if it has any."""
        assert self._run_dir is not None
        folder = self._run_dir / CHECKPOINT_DIR
        reserve = folder / RESERVE_FILE
        if reserve.exists():
            return
        size = max((file.stat().st_size for file in folder.iterdir()), default=0)
        try:
            reserve.write_bytes(secrets.token_bytes(2 * size + ROOM))
        except OSError:  # a disk that is nearly full: then what is there is the room
            reserve.unlink(missing_ok=True)

    def _take_back(self) -> bool:
        assert self._run_dir is not None
        reserve = self._run_dir / CHECKPOINT_DIR / RESERVE_FILE
        there = reserve.exists()
        reserve.unlink(missing_ok=True)
        return there
