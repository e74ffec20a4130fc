"""``streamlearn run``: learn a CSV stream, test-then-train, and keep what was learned.

Not called run.py: :func:`streamlearn.cli.run` has that name.
"""

from __future__ import annotations

import warnings
from time import monotonic, perf_counter
from typing import Any, Literal

import numpy as np
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from streamlearn.cli.blocks import BlockSize, RowBlocks, Rows
from streamlearn.cli.checkpoints import CHECKPOINT_DIR, Checkpoint, Place
from streamlearn.cli.common import (
    console,
    learner_metrics,
    levels_text,
    progress,
    skipped_metrics,
    stop_if_cut,
)
from streamlearn.cli.endings import NotWrittenError
from streamlearn.cli.figures import percent, print_figures, say_advice
from streamlearn.cli.folders import (
    METRICS_FILE,
    REPORT_FILE,
    RESULTS,
    STATE_FILE,
    claimed,
    stream_path,
    write_json,
    write_manifest,
)
from streamlearn.cli.keeper import Keeper
from streamlearn.cli.keeping import Keeping
from streamlearn.cli.observers import NOVELTY, PROBABILITIES, Block, Observers, ending
from streamlearn.cli.record import RunRecord, RunResult
from streamlearn.cli.rules import new_learner
from streamlearn.cli.run_report import run_report
from streamlearn.cli.whole_samples import WholeSamples
from streamlearn.errors import StreamlearnError, WriteError
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.report import write_report
from streamlearn.streams.csv_stream import CsvStream

#: Between two updates of the display.
_DISPLAY_S = 0.1


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
) -> None:
    """Make a learner for a stream, and learn it.

    ``settings`` are those of the rule (:func:`streamlearn.cli.rules.read_settings`).
    """
    rows = CsvStream(stream, label, classes, on_bad)
    with warnings.catch_warnings(record=True) as said:
        learner = new_learner(
            rule,
            "categorical",
            (rows.n_features, *hidden, rows.n_classes),
            settings if arithmetic is None else {**settings, "arithmetic": arithmetic},
            classes=rows.classes,
            features=rows.feature_names,
            seed=seed,
        )
    for warning in said:  # only now: a learner that cannot be made is one line, the error
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
    place = Place(stream_path(stream, keeping.out), label, on_bad)
    with claimed(keeping.out, keeping.json_file, source_of(place), force=keeping.force):
        Run(rows, RowBlocks(rows), learner, Checkpoint(0, 0, 0.0, place), keeping).learn()


def source_of(place: Place) -> dict[str, Any]:
    """Return what the manifest of a run says of its stream."""
    return {"command": "run", "stream": place.stream, "label": place.label}


class Run:
    """One sitting of a run: from where it begins to the end of its stream, or of patience.

    Parameters
    ----------
    rows
        The stream.
    blocks
        Its samples, in the learner's order of columns.
    learner
        In the state after ``start.n_samples`` samples.
    start
        What it goes on from.
    keeping
        Where results go.

    Attributes
    ----------
    observers : Observers
        Who looks on; append to it before :meth:`learn`.
    """

    def __init__(
        self,
        rows: CsvStream,
        blocks: RowBlocks,
        learner: StreamClassifier,
        start: Checkpoint,
        keeping: Keeping,
    ) -> None:
        self.rows, self.learner, self.keeping = rows, learner, keeping
        self.blocks, self.size = blocks, BlockSize()
        self.record = RunRecord(learner, rows, start)
        self.observers = Observers()

    def learn(self) -> None:
        """Learn until the stream ends; keep everything; print a table.

        Raises
        ------
        StreamCutError
            If the stream broke off or had a bad row.
        NotWrittenError, WriteError
            If something could not be kept.
        Interrupted
            If a signal ended it.
        """
        record, keeping = self.record, self.keeping
        to = console(keeping.quiet)
        warn = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
        keeper = Keeper(
            keeping.out,
            record,
            keeping.every,
            keeping.seconds,
            lambda text: warn.print(f"streamlearn: {text}"),
            self.observers,
        )
        with WholeSamples(self.learner) as whole:
            try:
                with ending(self.observers), progress(to) as display, keeper:
                    task = display.add_task(f"{self.learner.spec} {self.learner.arithmetic}")
                    interrupted = self._samples(whole, keeper, display, task)
                    whole.begin()  # from here on signals wait: what was learned is written
            except WriteError as error:  # of an observer, or of the first checkpoint
                if keeper.kept < 0:
                    raise
                kept = f"The first {keeper.kept} samples are kept in {keeping.out}"
                raise NotWrittenError(f"{error}. {kept}") from error
            bad = self.blocks.error
            if bad is not None and not record.n_samples:
                raise bad
            self._check_kept(keeper, bad)
            metrics = self._write(record.result(interrupted))
        self._say(metrics, to)
        line = record.place.line
        where = f"{self.rows.name} line {line}" if line else self.rows.name
        stop_if_cut(bad, interrupted, record.n_samples, keeping.out, whole.number, where)

    def _samples(
        self, whole: WholeSamples, keeper: Keeper, display: Progress, task: TaskID
    ) -> bool:
        """Learn one block after the other; return whether a signal ended it."""
        record, shown = self.record, 0.0
        try:
            for rows in self.blocks.blocks(lambda: keeper.room(self.size.most)):
                whole.begin()
                with record.lock:
                    block = self._learned(whole, rows)
                    record.add(block, self.blocks.position, self.blocks.skipped)
                    self.observers.see(block)
                    keeper.counted()
                self.size.learned(len(block), block.seconds)
                if monotonic() - shown > _DISPLAY_S:
                    display.update(task, completed=record.n_samples)
                    shown = monotonic()
                whole.counted()
        except KeyboardInterrupt:
            return True
        display.update(task, completed=record.n_samples, total=record.n_samples)
        return False

    def _learned(self, whole: WholeSamples, rows: Rows) -> Block:
        """Learn a block; one by one if an observer wants more than predictions of each sample."""
        first, wants, learner = self.record.n_rows, self.observers.wants, self.learner
        start = perf_counter()
        if not wants:
            predictions = whole.test_then_learn_block(rows.x, rows.y)
            return Block(first, *rows[:2], predictions, rows.lines, perf_counter() - start)
        probabilities, novelty, found = [], [], []
        for i, x in enumerate(rows.x):
            if PROBABILITIES in wants:
                probabilities.append([*learner.predict_proba_one(x).values()])
            if NOVELTY in wants:
                novelty.append(learner.novelty_one(x))
            found.append(whole.test_then_learn_block(rows.x[i : i + 1], rows.y[i : i + 1]))
        return Block(
            first,
            *rows[:2],
            np.concatenate(found),
            rows.lines,
            perf_counter() - start,
            np.array(probabilities) if probabilities else None,
            np.array(novelty) if novelty else None,
        )

    def _check_kept(self, keeper: Keeper, bad: StreamlearnError | None) -> None:
        """Raise NotWrittenError if the last checkpoint could not be written."""
        if keeper.failed is None:
            return
        lost = self.record.n_samples - keeper.kept
        before = f"{bad}. " if bad is not None else ""
        raise NotWrittenError(
            f"{before}{keeper.failed}. The first {keeper.kept} samples are kept in "
            f"{self.keeping.out}; the {lost} after them are lost"
        ) from keeper.failed

    def _write(self, result: RunResult) -> dict[str, Any]:
        """Write the run folder, its manifest last, and the other file; return the figures."""
        record, out = self.record, self.keeping.out
        metrics = learner_metrics(self.learner, result)
        metrics["skipped"] = skipped_metrics(*record.skipped())
        if out is not None:
            report = run_report(
                self.rows, self.learner, metrics, result, record.watch, record.saturations()
            )
            try:
                self.learner.save(out / STATE_FILE)
                write_json(out / METRICS_FILE, metrics)
                write_report(out / REPORT_FILE, report)
                write_manifest(out, (*RESULTS, CHECKPOINT_DIR), source_of(record.place))
            except WriteError as error:
                raise NotWrittenError(
                    f"{error}. All {result.n_samples} samples are kept in {out / CHECKPOINT_DIR}; "
                    f"streamlearn run --resume {out} writes the rest"
                ) from error
        if self.keeping.json_file is not None:
            write_json(self.keeping.json_file, metrics)
        return metrics

    def _say(self, metrics: dict[str, Any], to: Console) -> None:
        out, skipped = self.keeping.out, metrics["skipped"]
        results = console(self.keeping.quiet, results=True)
        results.print(_table(self.rows.name, metrics))
        print_figures(metrics, results)
        say_advice(metrics)
        if skipped["count"]:
            first = skipped["messages"][0]
            to.print(f"{skipped['count']} rows skipped, first: {first}", soft_wrap=True)
        if out is None:
            to.print("nothing was kept; --out DIR writes the learner, its figures and a report")
        else:
            to.print(f"run folder: {out}  (open {out / REPORT_FILE})", soft_wrap=True)


def _table(name: str, metrics: dict[str, Any]) -> Table:
    layers = "-".join(map(str, metrics["spec"]["network"]["layers"]))
    table = Table(
        title=f"{name}: {metrics['n_samples']} samples, {layers}, {metrics['arithmetic']}"
    )
    for column in ("prequential accuracy", "no change", "majority", "samples/s", "state"):
        table.add_column(column, justify="left" if column == "state" else "right", no_wrap=True)
    speed = metrics["samples_per_s"]
    table.add_row(
        percent(metrics["accuracy_prequential"]),
        percent(metrics["accuracy_no_change"]),
        percent(metrics["accuracy_majority"]),
        "–" if speed is None else f"{speed:,.0f}",
        metrics["state_sha256"][:8],
    )
    table.caption = levels_text(metrics["levels"])
    return table
