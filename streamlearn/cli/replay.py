"""``streamlearn replay`` and ``verify``: any state of a record, and whether a state is of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamlearn.cli.common import console, progress
from streamlearn.cli.endings import CommandError, DifferentError
from streamlearn.cli.folders import check_json, write_json
from streamlearn.cli.kept_learner import learner_of
from streamlearn.errors import StateFormatError
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import load
from streamlearn.recorder.proof import verify as verified
from streamlearn.recorder.record import Record
from streamlearn.recorder.without import replay as replayed
from streamlearn.recorder.without import without, without_rows


def replay(
    path: Path,
    to: int | None,
    left_out: Sequence[str],
    left_out_rows: Sequence[str],
    out: Path | None,
    json_file: Path | None,
    quiet: bool,
) -> None:
    """Learn a record again, write the state, and say what it is."""
    choices = [*map(without, left_out), *map(without_rows, left_out_rows)]
    check_json(None, json_file)
    if out is not None:
        _check_image(out)
    record = _opened(path)
    with _shown(quiet, f"replay {path.name}", to or record.n_samples) as done:
        found = replayed(record, to, choices, done)
    if out is not None:
        found.learner.save(out)
    metrics: dict[str, Any] = {
        "record": str(path),
        "n_samples": found.n_samples,
        "n_learned": found.n_learned,
        "n_left_out": found.n_left_out,
        "torn_bytes": record.torn_bytes,
        "state_sha256": found.learner.state_sha256,
    }
    if json_file is not None:
        write_json(json_file, metrics)
    text = f"{path}: the state after {found.n_samples} of its {record.n_samples} samples"
    if choices:
        text += f", as if {found.n_left_out} of them had never come"
    results = console(quiet, results=True)
    results.print(f"{text}: {found.learner.state_sha256[:12]}", soft_wrap=True)
    if out is not None:
        results.print(f"written to {out}", soft_wrap=True)
    else:
        results.print("nothing was written; --out FILE writes the state image")


def verify(path: Path, state: Path, json_file: Path | None, quiet: bool) -> None:
    """Say whether a state came from a record, and after which sample.

    Raises
    ------
    DifferentError
        If it did not.
    """
    check_json(None, json_file)
    record, learner = _opened(path), _learner(state)
    with _shown(quiet, f"verify {path.name}", record.n_samples) as done:
        verdict = verified(record, learner, done)
    metrics = {
        "record": str(path),
        "state": str(state),
        "state_sha256": learner.state_sha256,
        "sample": verdict.sample,
        "reason": verdict.why,
        "snapshots_compared": verdict.n_snapshots,
    }
    if json_file is not None:
        write_json(json_file, metrics)
    if verdict.sample is None:
        raise DifferentError(f"{state} did not come from {path}: {verdict.why}")
    also = f"; {verdict.n_snapshots} states within the record agree" if verdict.n_snapshots else ""
    console(quiet, results=True).print(
        f"{state} is the state after sample {verdict.sample} of {path}, in every bit{also}",
        soft_wrap=True,
    )


def _opened(path: Path) -> Record:
    record = Record(path)
    if record.torn_bytes and record._damage is None:
        console(False).print(
            f"streamlearn: {path}: the last {record.torn_bytes} bytes are no whole block, as a "
            f"crash leaves them; they are left out. {record.n_samples} samples are whole",
            soft_wrap=True,
        )
    return record


def _learner(state: Path) -> StreamLearner:
    return learner_of(state) if state.is_dir() else load(state)


def _check_image(out: Path) -> None:
    """Refuse to write a state image over anything else."""
    if out.is_dir():
        raise CommandError(f"{out} is a folder: --out takes a file")
    if not out.is_file():
        return
    try:
        load(out)
    except StateFormatError:
        if out.stat().st_size:
            raise CommandError(
                f"{out} exists and holds no state image: --out would overwrite it; give a new file"
            ) from None


@contextmanager
def _shown(quiet: bool, what: str, total: int) -> Iterator[Callable[[int], object]]:
    with progress(console(quiet)) as display:
        task = display.add_task(what, total=total)
        yield lambda done: display.update(task, completed=done)
