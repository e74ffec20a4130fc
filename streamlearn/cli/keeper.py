"""How a run comes to the disk while it goes on."""

from __future__ import annotations

import secrets
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from quant.durable import write_error
from streamlearn.cli import checkpoints
from streamlearn.cli.checkpoints import CHECKPOINT_DIR
from streamlearn.cli.observers import Observers
from streamlearn.cli.record import RunRecord
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
    observers : Observers, optional
        Whose files belong to the run.
    """

    def __init__(
        self,
        run_dir: Path | None,
        record: RunRecord,
        every: int | None,
        seconds: float,
        say: Callable[[str], object],
        observers: Observers | None = None,
    ) -> None:
        self._observers = Observers() if observers is None else observers
        self._run_dir, self._record, self._every = run_dir, record, every
        self._seconds, self._say = min(seconds, threading.TIMEOUT_MAX), say
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self.kept = self._kept_rows = -1
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
        except OSError as error:
            raise write_error(folder, error) from error
        self.save()
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
        if self._run_dir is None:
            return
        self._try()
        (self._run_dir / CHECKPOINT_DIR / RESERVE_FILE).unlink(missing_ok=True)

    def room(self, most: int) -> int:
        """Return how many samples may be learned before it is time to ask :meth:`counted`."""
        if self._every is None:
            return most
        return min(most, self._every - self._record.n_rows % self._every)

    def counted(self) -> None:
        """Write a checkpoint, if it is time; called after each block, with the record's lock."""
        if self._error is not None:
            raise self._error
        if self._every is not None and self._record.n_rows % self._every == 0:
            self._try()

    def save(self) -> None:
        """Write a checkpoint of now, if there is anything new.

        Raises
        ------
        WriteError
            If it cannot be written; the latest one is untouched.
        """
        with self._record.lock:
            if self._run_dir is None or (
                (self._record.n_rows, self._record.n_samples) == (self._kept_rows, self.kept)
            ):
                return
            self._observers.checkpoint()
            made = self._record.checkpoint()
            checkpoints.write(self._run_dir, made)
            self._record.kept(made)
            self.kept, self._kept_rows = self._record.n_samples, self._record.n_rows
            self.failed = None

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
