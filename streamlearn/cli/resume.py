"""``streamlearn run --resume``: go on from the latest checkpoint, as if the run never stopped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from streamlearn.cli import checkpoints
from streamlearn.cli.asking import budget_of, check_alone
from streamlearn.cli.blocks import RowBlocks
from streamlearn.cli.checkpoints import CHECKPOINT_DIR, Checkpoint, Place
from streamlearn.cli.columns import Columns
from streamlearn.cli.common import console
from streamlearn.cli.endings import CommandError
from streamlearn.cli.folders import begin_again, reopened
from streamlearn.cli.keeping import Keeping
from streamlearn.cli.recording import recording
from streamlearn.cli.sitting import Run, source_of
from streamlearn.cli.spiking import check_time
from streamlearn.cli.stream_paths import stream_at, stream_path
from streamlearn.cli.target_run import TargetRun
from streamlearn.learners.loading import read
from streamlearn.learners.regressor import StreamRegressor
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets


def resume(
    run_dir: Path,
    stream: str | None,
    label: str | None,
    on_bad: Literal["stop", "skip"] | None,
    keeping: Keeping,
    columns: Callable[[Columns], Columns] = lambda found: found,
) -> None:
    """Go on with a run: with the rest of its stream, or with another one.

    Parameters
    ----------
    run_dir
        Its folder.
    stream, label, on_bad
        None: those that it had. A file whose first lines are those that were learned goes on
        behind them; any other stream is learned from its beginning.
    keeping
        Its ``out`` is the folder.
    columns
        Makes how columns are read of how they were.

    Raises
    ------
    CommandError
        If the folder has no checkpoint, the stream has other columns, or its file is another than
        it was and no stream was given.
    """
    with reopened(run_dir, keeping.json_file):
        start = _latest(run_dir)
        learner = read(start.image, f"{run_dir / CHECKPOINT_DIR}, sample {start.n_samples}")
        source = keeping.source(stream or stream_at(start.place.stream, run_dir), fresh=False)
        named = stream_path(source.stream, run_dir)
        if named == start.place.stream:
            source.resume(run_dir / CHECKPOINT_DIR, start.place.line, start.place.crc32)
        place = replace(
            start.place,
            stream=named,
            label=label or start.place.label,
            on_bad=on_bad or start.place.on_bad,
        )
        reading = columns(Columns.from_dict(place.reading)).seen_from(run_dir)
        reading.check(source.stream)
        keeping.check(source.stream, reading.labels and stream_at(reading.labels, run_dir))
        recorded = keeping.record is not None or bool(start.record)
        check_time(bool(learner.spec.leaks), reading, recorded)
        check_alone(
            budget_of(keeping.label_budget, start),
            reading,
            recorded,
            isinstance(learner, StreamRegressor),
        )
        place = replace(place, reading=reading.to_dict())
        names = learner.get_params()["features"]
        reading = reading.known(names or ())
        bad: Literal["stop", "skip"] = "skip" if place.on_bad == "skip" else "stop"
        rows: CsvStream | CsvTargets
        kind: type[Run]
        if isinstance(learner, StreamRegressor):
            rows, kind = reading.targets(source, place.label, bad), TargetRun
        else:
            classes = [str(label) for label in learner.labels]
            rows, kind = reading.stream(source, place.label, classes, bad), Run
        samples = _in_order(rows, names, run_dir)
        rows.may_be_empty = start.n_rows > 0
        if place.line and rows.start_after(place.line, place.crc32):
            begun = replace(start, place=place)
            said = f"goes on behind line {place.line} of {rows.name}"
        else:
            begun = _with_another(start, place, rows, stream is not None)
            said = f"learns {rows.name} from its beginning"
        kept = recording(keeping.record, start.record, learner, place.label, run_dir)
        with ExitStack() as stack:
            stack.enter_context(closing(rows))
            fresh = not start.waiting or place.reading.get("labels") != start.place.reading.get(
                "labels"
            )
            waiting = reading.waiting(rows, begun, keeping, fresh=fresh)
            if waiting is not None:
                stack.callback(waiting.close)
            recorder = stack.enter_context(kept)
            rows.recall(start.columns)
            reading.say(rows, keeping.quiet)
            begin_again(run_dir, source_of(begun.place))
            console(keeping.quiet).print(
                f"{run_dir}: {start.n_samples} samples learned; {said}", soft_wrap=True
            )
            run = kind(rows, samples, learner, begun, keeping)
            run.keep_record(recorder)
            run.wait_for_labels(waiting)
            run.learn()


def _latest(run_dir: Path) -> Checkpoint:
    """Return the latest checkpoint that is whole.

    Raises
    ------
    CommandError
        If there is none.
    """
    found = checkpoints.newest(run_dir)
    if found is None:
        raise CommandError(
            f"{run_dir} holds no checkpoint to go on from; `streamlearn run … --out` writes them"
        )
    return found


def _with_another(
    start: Checkpoint, place: Place, rows: CsvStream | CsvTargets, given: bool
) -> Checkpoint:
    """Return the moment before the first row of another stream, or of a pipe that goes on."""
    if place.line and rows.rereadable and not given:
        raise CommandError(
            f"{rows.name} does not begin with the {place.line} lines that were learned of it. If "
            "it is a new file of that name, say so: --stream with its name learns it from its "
            "beginning"
        )
    before = start.place
    again = before.stream == place.stream and not before.line
    return replace(
        start,
        place=replace(place, line=0, crc32=0),
        earlier=start.earlier if again else (*start.earlier, before.stream),
    )


def _in_order(
    rows: CsvStream | CsvTargets, names: tuple[str, ...] | None, run_dir: Path
) -> RowBlocks:
    """Return the samples in the learner's order of columns, which go by their names."""
    if names is None or rows.feature_names == names:
        return RowBlocks(rows)
    if set(rows.feature_names) != set(names):
        missing = [name for name in names if name not in rows.feature_names]
        more = [name for name in rows.feature_names if name not in names]
        raise CommandError(
            f"{rows.name}: the learner in {run_dir} was taught with other feature columns; "
            f"missing here: {missing or 'none'}, unknown: {more or 'none'}"
        )
    return RowBlocks(rows, np.array([rows.feature_names.index(name) for name in names]))
