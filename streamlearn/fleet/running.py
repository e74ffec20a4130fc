"""Running a fleet's dataflow to the end of its stream, from where it stands; signals end topics."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from streamlearn.errors import StreamlearnError
from streamlearn.fleet.arriving import END
from streamlearn.fleet.flow import BLOCK_ROWS, endless, flow
from streamlearn.fleet.folder import RECOVERY_DIR, RECOVERY_PARTS, read_plan


def run(
    folder: Path,
    workers: int,
    snapshot_seconds: float,
    block_rows: int = BLOCK_ROWS,
    quiet_s: float | None = None,
) -> None:
    """Learn a fleet's stream to its end, from where it stands.

    Topics have no end: SIGINT (Ctrl-C) and SIGTERM end the stream there, and the images of all keys
    are written as at the end of a file.

    Parameters
    ----------
    folder : Path
        Of a fleet (:func:`streamlearn.fleet.folder.make_folder`).
    workers : int
        Threads; a later run may have another number.
    snapshot_seconds : float
        How often states are kept, all of one moment. A killed run learns so much again.
    block_rows, quiet_s
        As of :func:`streamlearn.fleet.flow.flow`.

    Raises
    ------
    StreamlearnError
        What is wrong with the stream or with a row; what was kept before stays.
    """
    store = folder / RECOVERY_DIR
    if not store.is_dir():
        made = folder / f"{RECOVERY_DIR}.new"
        shutil.rmtree(made, ignore_errors=True)  # what a killed run left half made
        made.mkdir()
        init_db_dir(made, RECOVERY_PARTS)  # type: ignore[no-untyped-call]
        made.rename(store)
    try:
        with _ended_by_signals() if endless(read_plan(folder)) else nullcontext():
            cli_main(  # type: ignore[no-untyped-call]
                flow(folder, block_rows, quiet_s),
                workers_per_process=workers,
                epoch_interval=timedelta(seconds=snapshot_seconds),
                recovery_config=RecoveryConfig(store),  # type: ignore[no-untyped-call]
            )
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, StreamlearnError):
            cause = cause.__cause__
        if cause is None:
            raise
        raise cause from error


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the topics of a fleet as a file ends."""
    END.clear()
    before = {
        number: signal.signal(number, lambda *_: END.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
