"""``streamlearn run``: learn a CSV stream, test-then-train, and keep what was learned.

Not called run.py: :func:`streamlearn.cli.run` has that name.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, Literal

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from quant.durable import write_error
from streamlearn.cli.checkpoints import CHECKPOINT_DIR, Checkpoint, Place
from streamlearn.cli.common import (
    UntilBad,
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
    write_json,
    write_manifest,
)
from streamlearn.cli.keeper import Keeper
from streamlearn.cli.record import RunRecord
from streamlearn.cli.rules import new_learner
from streamlearn.cli.run_report import run_report
from streamlearn.cli.whole_samples import WholeSamples
from streamlearn.errors import StreamlearnError, WriteError
from streamlearn.evaluation import PrequentialResult
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.report import write_report
from streamlearn.sources import Opening, Source, counts_text, open_source
from streamlearn.streams.csv_stream import CsvStream, Row

#: Between two updates of the display.
_DISPLAY_S = 0.1


@dataclass(frozen=True)
class Keeping:
    """Where the results of a run go, and when they are kept.

    Parameters
    ----------
    out
        The run folder; None: nothing is kept.
    json_file
        Another file for the figures.
    quiet
        Print nothing but warnings and errors.
    every
        Samples between checkpoints.
    seconds
        Between checkpoints; 0: the clock does not matter.
    force
        Whether what another stream left in ``out`` may be lost.
    format, reconnect
        How the stream is opened (:class:`streamlearn.sources.Opening`).
    """

    out: Path | None = None
    json_file: Path | None = None
    quiet: bool = False
    every: int | None = None
    seconds: float = 60.0
    force: bool = False
    format: str | None = None
    reconnect: float | None = None

    def source(self, stream: str, *, fresh: bool) -> Source:
        """Return a stream's source (:func:`streamlearn.sources.open_source`)."""
        warn = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
        return open_source(
            stream,
            Opening(
                self.format,
                self.reconnect,
                self.out,
                fresh,
                lambda text: warn.print(f"streamlearn: {text}"),
            ),
        )


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
    source = keeping.source(stream, fresh=True)
    rows = CsvStream(source, label, classes, on_bad)
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
    place = Place(source.stream, label, on_bad)
    with (
        closing(rows),
        claimed(keeping.out, keeping.json_file, source_of(place), force=keeping.force),
    ):
        Run(rows, rows, learner, Checkpoint(0, 0.0, place), b"", keeping).learn()


def source_of(place: Place) -> dict[str, Any]:
    """Return what the manifest of a run says of its stream."""
    return {"command": "run", "stream": place.stream, "label": place.label}


class Run:
    """One sitting of a run: from where it begins to the end of its stream, or of patience.

    Parameters
    ----------
    rows
        The stream.
    samples
        Its samples, in the learner's order of columns.
    learner
        In the state after ``start.n_samples`` samples.
    start, pairs
        What it goes on from (:class:`streamlearn.cli.record.RunRecord`).
    keeping
        Where results go.
    """

    def __init__(
        self,
        rows: CsvStream,
        samples: Iterable[Row],
        learner: StreamClassifier,
        start: Checkpoint,
        pairs: bytes,
        keeping: Keeping,
    ) -> None:
        self.rows, self.learner, self.keeping = rows, learner, keeping
        self.samples = UntilBad(samples)
        self.record = RunRecord(learner, rows, start, pairs)

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
        )
        with WholeSamples(self.learner) as whole:
            with progress(to) as display, keeper:
                self._keep_source()  # a checkpoint to go on from is there now
                task = display.add_task(f"{self.learner.spec} {self.learner.arithmetic}")
                interrupted = self._samples(whole, keeper, display, task)
                whole.begin()  # from here on signals wait: what was learned is written
                self.rows.close()  # nothing more comes into the run folder
            bad = self.samples.error
            if bad is not None and not record.n_samples:
                raise bad
            self._check_kept(keeper, bad)
            metrics = self._write(record.result(interrupted))
        self._say(metrics, to)
        line = record.place.line
        where = f"{self.rows.name} line {line}" if line else self.rows.name
        stop_if_cut(bad, interrupted, record.n_samples, keeping.out, whole.number, where)

    def _keep_source(self) -> None:
        """Have a port or topic keep what comes; say what was guessed of the stream."""
        source, out = self.rows.source, self.keeping.out
        if out is not None and source.live:
            folder = out / CHECKPOINT_DIR
            try:
                folder.mkdir(exist_ok=True)
                source.keep_in(folder)
            except OSError as error:
                raise write_error(folder, error) from error
        if source.format == "jsonl" and self.keeping.format is None:
            console(self.keeping.quiet).print(
                f"{source.name}: JSON lines, as the first line says; --format csv reads it as CSV",
                soft_wrap=True,
            )

    def _samples(
        self, whole: WholeSamples, keeper: Keeper, display: Progress, task: TaskID
    ) -> bool:
        """Learn one sample after the other; return whether a signal ended it."""
        record, shown = self.record, 0.0
        try:
            for x, y, _ in self.samples:
                whole.begin()
                with record.lock:
                    start = perf_counter()
                    predicted = whole.test_then_learn_one(x, y)
                    record.add(predicted, y, perf_counter() - start)
                    keeper.counted()
                if monotonic() - shown > _DISPLAY_S:
                    display.update(task, completed=record.n_samples)
                    shown = monotonic()
                whole.counted()
        except KeyboardInterrupt:
            return True
        display.update(task, completed=record.n_samples, total=record.n_samples)
        return False

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

    def _write(self, result: PrequentialResult) -> dict[str, Any]:
        """Write the run folder, its manifest last, and the other file; return the figures."""
        record, out = self.record, self.keeping.out
        metrics = learner_metrics(self.learner, result, record.metrics)
        metrics["skipped"] = skipped_metrics(*record.skipped())
        metrics["source"] = record.source_counts()
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
        dropped = counts_text(metrics["source"])
        if dropped is not None:
            to.print(f"{self.rows.name}: {dropped}", soft_wrap=True)
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
