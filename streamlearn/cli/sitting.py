"""One sitting of ``streamlearn run``: learn what a stream gives, and keep what was learned."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from quant.durable import write_error
from streamlearn.cli.asking import asked_figures, budget_of, say_asked, whole_samples
from streamlearn.cli.blocks import BlockSize, RowBlocks, Rows
from streamlearn.cli.checkpoints import CHECKPOINT_DIR, Checkpoint, Place
from streamlearn.cli.common import console, learner_metrics, skipped_metrics, stop_if_cut
from streamlearn.cli.endings import NotWrittenError
from streamlearn.cli.folders import (
    METRICS_FILE,
    REPORT_FILE,
    RESULTS,
    STATE_FILE,
    write_json,
    write_manifest,
)
from streamlearn.cli.keeper import Keeper
from streamlearn.cli.keeping import Keeping
from streamlearn.cli.lookout import Lookout
from streamlearn.cli.observers import PROBABILITIES, Block, Observers, ending
from streamlearn.cli.record import RunRecord
from streamlearn.cli.recording import RunRecorder
from streamlearn.cli.results import say_results
from streamlearn.cli.run_report import run_report
from streamlearn.cli.terminal import TerminalView
from streamlearn.cli.waiting import Waiting
from streamlearn.errors import StreamlearnError, WriteError
from streamlearn.report import ReportData, write_report
from streamlearn.streams.recordings import Recordings
from streamlearn.watching import Now


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
        rows: Any,
        blocks: RowBlocks,
        learner: Any,
        start: Checkpoint,
        keeping: Keeping,
    ) -> None:
        self.rows, self.learner, self.keeping = rows, learner, keeping
        self.blocks, self.size = blocks, BlockSize()
        self._every = int(start.place.reading.get("learn_every", 1))
        self.record, self._begun, self._start = self._record_from(start), start.n_rows, start
        self.lookout = Lookout(rows, learner, self.record, start, keeping.out, keeping.looking)
        self.observers = Observers(self.lookout.observers)
        self.waiting: Waiting | None = None
        self.whole: Any = None
        if learner.spec.leaks and start.place.reading.get("segment"):
            blocks.recordings = Recordings(start.columns.get("recording"))

    def wait_for_labels(self, waiting: Waiting | None) -> None:
        """Have rows wait for labels that come later, if they do; checkpoints hold who waits."""
        self.waiting = waiting
        if waiting is not None:
            self.record.waiting, self.record.labels_kept = waiting.to_dict, waiting.kept

    def keep_record(self, recorder: RunRecorder | None) -> None:
        """Write every sample to a record too; checkpoints say where it ends."""
        if recorder is not None:
            self.observers.append(recorder)
            self.record.recorded = recorder.position

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
        with self.lookout:
            self._learn()

    def _learn(self) -> None:
        record, keeping = self.record, self.keeping
        to = console(keeping.quiet)
        self.lookout.serve(keeping.looking.serve, self._live, to)
        warn = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

        def say(text: str) -> None:
            self.lookout.warn(text)
            warn.print(f"streamlearn: {text}")

        keeper = Keeper(
            keeping.out,
            record,
            keeping.every,
            keeping.seconds,
            say,
            self.observers,
        )
        whole = self.whole = self._whole()
        whole.begin()  # a signal waits until the first checkpoint is there
        with whole:
            try:
                with ending(self.observers), TerminalView(to, self.lookout.now), keeper:
                    self._keep_source()  # a checkpoint to go on from is there now
                    interrupted = self._samples(whole, keeper)
                    whole.begin()  # from here on signals wait: what was learned is written
                    self.rows.close()  # nothing more comes into the run folder
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
        say_results(self.rows.name, metrics, keeping.out, keeping.quiet)
        say_asked(to, whole)
        if record.n_rows == self._begun and bad is None and not interrupted:
            to.print(f"{self.rows.name}: no new row came; the learner is as it was", soft_wrap=True)
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

    def _live(self) -> tuple[Now, ReportData]:
        """Return how the run stands, and a copy of what a report of now is made from."""
        with self.record.lock:  # the page is drawn after it, while the run goes on
            result = self.record.result(interrupted=False)
            return self.lookout.now(), deepcopy(self._report(self._metrics(result), result))

    def _samples(self, whole: Any, keeper: Keeper) -> bool:
        """Learn one block after the other; return whether a signal ended it."""
        record = self.record
        try:
            whole.counted()
            for rows in self.blocks.blocks(lambda: keeper.room(self.size.most)):
                whole.begin()
                with record.lock:
                    seconds = self._add(self._taught(whole, rows))
                    keeper.counted()
                self.size.learned(len(rows.lines), seconds)
                whole.counted()
                if self.waiting is not None and self.waiting.error is not None:
                    self.blocks.error = self.waiting.error
                    break
            if self.waiting is not None and self.blocks.error is None:
                whole.begin()
                with record.lock:
                    self._add(self.waiting.finish(whole))
                whole.counted()
        except KeyboardInterrupt:
            return True
        return False

    def _taught(self, whole: Any, rows: Rows) -> Iterable[Block]:
        """Learn a block, or have its rows wait for their labels."""
        if self.waiting is None:
            return [self._learned(whole, rows)]
        return self.waiting.learn(whole, rows, lambda one: self._learned(whole, one))

    def _add(self, blocks: Iterable[Block]) -> float:
        """Note blocks that were learned, and show them; return the seconds that they took."""
        seconds = 0.0
        for block in blocks:
            self.record.add(block, self.blocks.position, self.blocks.skipped)
            self.record.memory = self.blocks.memory
            self.observers.see(block)
            seconds += block.seconds
        return seconds

    def _learned(self, whole: Any, rows: Rows) -> Block:
        """Learn a block, with the probabilities of each sample if an observer wants them."""
        first, start, shares = self.record.n_rows, perf_counter(), None
        taught = self._due(rows.y, rows.y >= 0, -1)
        if PROBABILITIES in self.observers.wants:
            predictions, shares = whole.test_then_learn_shares(rows.x, taught, rows.begins)
        else:
            predictions = whole.test_then_learn_block(rows.x, taught, rows.begins)
        seconds = perf_counter() - start
        return Block(
            first, rows.x, rows.y, predictions, rows.lines, seconds, shares, times=rows.times
        )

    def _due(self, y: NDArray[Any], known: NDArray[np.bool_], none: float) -> NDArray[Any]:
        """Return the labels to learn: every so many-th of all that are known."""
        if self._every == 1:
            return y
        turn = (self.record.n_samples + np.cumsum(known)) % self._every == 0
        return np.where(turn & known, y, none).astype(y.dtype)

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

    def _write(self, result: Any) -> dict[str, Any]:
        """Write the run folder, its manifest last, and the other file; return the figures."""
        record, out = self.record, self.keeping.out
        metrics = self._metrics(result)
        if out is not None:
            report = self._report(metrics, result)
            try:
                self.learner.save(out / STATE_FILE)
                write_json(out / METRICS_FILE, metrics)
                write_report(out / REPORT_FILE, report)
                parts = (*RESULTS, CHECKPOINT_DIR, *self.lookout.parts(out))
                write_manifest(out, parts, source_of(record.place))
            except WriteError as error:
                raise NotWrittenError(
                    f"{error}. All {result.n_samples} samples are kept in {out / CHECKPOINT_DIR}; "
                    f"streamlearn run --resume {out} writes the rest"
                ) from error
        if self.keeping.json_file is not None:
            write_json(self.keeping.json_file, metrics)
        return metrics

    # What is another of a regressor: streamlearn.cli.target_run.TargetRun.

    def _record_from(self, start: Checkpoint) -> RunRecord:
        return RunRecord(self.learner, self.rows, start)

    def _whole(self) -> Any:
        budget = budget_of(self.keeping.label_budget, self._start)
        return whole_samples(self.learner, budget, self._start.asking, self.record)

    def _figures(self, result: Any) -> dict[str, Any]:
        return learner_metrics(self.learner, result)

    def _report(self, metrics: dict[str, Any], result: Any) -> ReportData:
        record = self.record
        return run_report(
            self.rows, self.learner, metrics, result, record.watch, record.saturations(),
            self.lookout.watch,
        )  # fmt: skip

    def _metrics(self, result: Any) -> dict[str, Any]:
        found = self._figures(result)
        found["skipped"] = skipped_metrics(*self.record.skipped())
        found["source"] = self.record.source_counts()
        found["missing"] = dict(self.rows.missing)
        if self.waiting is not None:
            found["waiting"] = self.waiting.figures()
        return {**found, **asked_figures(self.whole), **self.lookout.metrics()}
