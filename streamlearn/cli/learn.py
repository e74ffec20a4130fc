"""``streamlearn run``: make a learner for a stream, and learn it, test-then-train.

Not called run.py: :func:`streamlearn.cli.run` has that name.
"""

from __future__ import annotations

import warnings
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any, Literal

from streamlearn.cli.asking import check_alone
from streamlearn.cli.blocks import RowBlocks
from streamlearn.cli.checkpoints import Checkpoint, Place
from streamlearn.cli.columns import Columns
from streamlearn.cli.folders import claimed, looked_at
from streamlearn.cli.keeping import Keeping
from streamlearn.cli.recording import recording
from streamlearn.cli.rules import CLASSIFICATION, REGRESSION, TASK_HEADS, new_learner
from streamlearn.cli.sitting import Run, source_of
from streamlearn.cli.spiking import check_time
from streamlearn.cli.stream_paths import stream_path
from streamlearn.cli.target_run import TargetRun
from streamlearn.recorder.place import check_place
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets


def learn(
    stream: str,
    label: str,
    rule: str,
    hidden: tuple[int, ...],
    settings: dict[str, Any],
    arithmetic: str | None,
    seed: int,
    classes: tuple[str, ...] | None,
    on_bad: Literal["stop", "skip"],
    keeping: Keeping,
    task: str = CLASSIFICATION,
    columns: Columns | None = None,
    spikes: bool = False,
) -> None:
    """Make a learner for a stream, and learn it.

    ``settings`` are those of the rule (:func:`streamlearn.cli.rules.read_settings`); with
    ``spikes`` the network spikes, and a row is a step of time.
    """
    columns = columns or Columns()
    columns.check(stream)
    check_time(spikes, columns, keeping.record is not None)
    check_alone(keeping.label_budget, columns, keeping.record is not None, task == REGRESSION)
    keeping.check(stream, columns.labels)
    source = keeping.source(stream, fresh=True)
    place = Place(stream_path(source.stream, keeping.out), label, on_bad)
    if keeping.record is not None:
        check_place(keeping.record, keeping.force)  # before a folder is claimed, and emptied
    out, json_file, force = keeping.out, keeping.json_file, keeping.force
    with ExitStack() as stack:
        locked = stack.enter_context(looked_at(out, json_file, source_of(place), force=force))
        more: dict[str, Any] = {"seed": seed}
        if arithmetic is not None:
            more["arithmetic"] = arithmetic
        rows: CsvStream | CsvTargets
        kind: type[Run]
        if task == REGRESSION:
            rows, kind = columns.targets(source, label, on_bad), TargetRun
            n_outputs = 1
        else:
            rows, kind = columns.stream(source, label, classes, on_bad), Run
            n_outputs = rows.n_classes
            more["classes"] = rows.classes
        stack.enter_context(closing(rows))
        layers = (rows.n_features, *hidden, n_outputs)
        learner = made(
            rule, TASK_HEADS[task], layers, settings, spikes, features=rows.feature_names, **more
        )
        columns.say(rows, keeping.quiet)
        reading = columns.of(rows).seen_from(out)
        start = Checkpoint(0, 0, 0.0, replace(place, reading=reading.to_dict()))
        waiting = reading.waiting(rows, start, keeping, fresh=True)
        if waiting is not None:
            stack.callback(waiting.close)
        stack.enter_context(claimed(out, json_file, source_of(place), force=force, locked=locked))
        recorder = stack.enter_context(
            recording(keeping.record, {}, learner, label, out, force=force)
        )
        run = kind(rows, RowBlocks(rows), learner, start, keeping)
        run.keep_record(recorder)
        run.wait_for_labels(waiting)
        run.learn()


def made(
    rule: str,
    head: str,
    layers: tuple[int, ...],
    settings: dict[str, Any],
    spikes: bool = False,
    **more: Any,
) -> Any:
    """Make a learner; what it warns of is said only if it could be made, else the error alone."""
    with warnings.catch_warnings(record=True) as said:
        learner = new_learner(rule, head, layers, settings, spikes, **more)
    for warning in said:
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
    return learner
