"""Everything that looks on at one sitting of a run: report, predictions, log, live views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console

import streamlearn
from streamlearn.cli.checkpoints import CHECKPOINT_DIR, SUFFIX, Checkpoint
from streamlearn.cli.endings import CommandError, Interrupted
from streamlearn.cli.figures import baseline_figure, number
from streamlearn.cli.host import command_line, memory_of, some_names
from streamlearn.cli.observers import Block, Observer
from streamlearn.cli.record import RunRecord, delay_of
from streamlearn.errors import StateFormatError, StreamlearnError
from streamlearn.evaluation import RegressionMetrics
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.regressor import StreamRegressor
from streamlearn.report import ReportData
from streamlearn.serve import LivePage, LiveServer
from streamlearn.sources.base import REASONS
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets
from streamlearn.watching import Now, NumbersFile, PredictionsFile, Rate, RunLog, Watch, WatchFile
from streamlearn.watching.log import figures, machine
from streamlearn.watching.watch import LOOKS, blind_names

#: Novelty is as usual if it is what the latest so many samples gave.
USUAL = 8192


@dataclass(frozen=True)
class Looking:
    """What the owner asked for.

    Parameters
    ----------
    baselines
        Whether they run along; None: as the run had it, and at first yes.
    predictions
        File for the predictions; None: the one that the run had, and at first none.
    serve
        Port of the live page; None: no page.
    """

    baselines: bool | None = None
    predictions: Path | None = None
    serve: int | None = None


class Lookout:
    """Makes the observers of a sitting, and says how the run stands.

    Parameters
    ----------
    rows, learner, record
        Of the run.
    start
        What it goes on from.
    out
        The run folder; None: there is none.
    looking
        What the owner asked for.

    Raises
    ------
    ConfigError, StateFormatError, WriteError
        If a file cannot be gone on with, or the port is taken.
    """

    def __init__(
        self,
        rows: CsvStream | CsvTargets,
        learner: StreamLearner,
        record: RunRecord,
        start: Checkpoint,
        out: Path | None,
        looking: Looking,
    ) -> None:
        self._rows, self._learner, self._record = rows, learner, record
        self._begun, self._rate = monotonic(), Rate()
        self._rate.begin(record.n_samples)
        self._ended, self._out = "", out
        self.log = None if out is None else RunLog(out, self.now)
        names = [str(label) for label in learner.labels]
        file = None if out is None else WatchFile(out / CHECKPOINT_DIR, SUFFIX, start.n_rows)
        before, seen = self._before(file, start)
        if looking.baselines is None:
            self._baselines = bool(before.get("baselines", True))
        else:
            self._baselines = looking.baselines
        self.watch = Watch(learner, self._baselines, start.n_samples, delay_of(start))
        if seen:
            self.watch.go_on(seen)
        kind = NumbersFile if isinstance(learner, StreamRegressor) else PredictionsFile
        if out is not None and before.get("predictions"):
            before["predictions"]["path"] = str(out / before["predictions"]["path"])
        self._predictions = _predictions(kind, looking.predictions, before, names, start)
        self.server: LiveServer | None = None
        self.observers: list[Observer] = []
        if self._predictions is not None:
            self.observers.append(self._predictions)
        if file is not None:
            file.keep(self.watch, self._beside)
            self.observers.append(file)
        else:
            self.observers.append(_Unkept(self.watch))
        if self.log is not None:
            self.observers.append(self.log)
            self._say_begin(start)

    def serve(
        self, port: int | None, look: Callable[[], tuple[Now, ReportData]], to: Console
    ) -> None:
        """Begin to serve the live page, if there is a port for it, and say where.

        Raises
        ------
        ConfigError
            If the port is taken.
        """
        if port is not None:
            page = LivePage(f"streamlearn run: {Path(self._rows.name).name}", look)
            self.server = LiveServer(port, page)
            to.print(f"live: {self.server.url}", soft_wrap=True)

    def _before(self, file: WatchFile | None, start: Checkpoint) -> tuple[dict[str, Any], bytes]:
        """Return what stood beside the watch of the moment that the run goes on from."""
        if file is None or not start.n_rows:
            return {}, b""
        try:
            return file.read()
        except StateFormatError as error:
            self.warn(f"{error}: the baselines and the curves of uncertainty begin anew here")
            return {}, b""

    def _beside(self) -> dict[str, Any]:
        kept = None
        if self._predictions is not None:
            kept = {**self._predictions.to_dict(), "path": self._predictions_path()}
        return {"baselines": self._baselines, "predictions": kept}

    def _predictions_path(self) -> str | None:
        """Return where the predictions are: seen from the run folder, which may be moved."""
        if self._predictions is None:
            return None
        path = self._predictions.path.absolute()
        inside = self._out is not None and path.is_relative_to(self._out.absolute())
        return str(path.relative_to(self._out.absolute()) if inside and self._out else path)

    def warn(self, text: str) -> None:
        """Add a warning to the log."""
        if self.log is not None:
            self.log.warn(text)

    def _say_begin(self, start: Checkpoint) -> None:
        assert self.log is not None
        learner, place = self._learner, start.place
        doing = f"goes on after {start.n_samples:,} samples" if start.n_rows else "begins"
        self.log.say(
            f"the run {doing}: streamlearn {streamlearn.__version__}, {machine()}; command: "
            f"{command_line()}"
        )
        classes = ", ".join(map(str, learner.labels))
        self.log.say(
            f"stream {self._rows.name}, label {place.label!r}, "
            + (f"classes {classes}" if classes else "a regression")
            + f", features {some_names(self._rows.feature_names)}"
        )
        self.log.say(
            f"learner {learner.spec} {learner.arithmetic}, rule {learner.config.rule}, seed "
            f"{int(learner.state['seed'][0])}, state {learner.state_sha256}; {learner.config}"
        )

    def now(self) -> Now:
        """Return how the run stands; any thread may ask."""
        record, learner, watch = self._record, self._learner, self.watch
        with record.lock:
            metrics = record.metrics
            latest, numbers = metrics.latest, isinstance(metrics, RegressionMetrics)
            novelty = watch.latest[LOOKS.index("novelty")]
            usual = watch.timeline.mean("novelty", USUAL)
            return Now(
                source=self._rows.name,
                n_samples=record.n_samples,
                rate=self._rate(record.n_samples),
                accuracy=None if numbers else number(metrics.accuracy),
                accuracy_latest=None if numbers else number(latest.accuracy),
                mae=number(metrics.mae) if numbers else None,
                mae_latest=number(latest.mae) if numbers else None,
                window=latest.n_samples,
                novelty=number(novelty),
                usual_novelty=number(float(usual[-1])) if len(usual) else None,
                step=learner.levels.step,
                blind=blind_names(learner, self._rows.feature_names),
                dropped=self.dropped(),
                n_drifts=metrics.n_drifts,
                reconnects=record.source_counts().get("reconnects", 0),
                seconds=monotonic() - self._begun,
                ended=self._ended,
            )

    def dropped(self) -> dict[str, int]:
        """Return what came and was not learned, by its reason."""
        lost = self._record.source_counts()
        by_source = {text: lost[name] for name, text in REASONS.items() if lost.get(name)}
        return {"bad rows": self._record.skipped()[0], **by_source}

    def parts(self, out: Path) -> tuple[str, ...]:
        """Return the names of its files in the run folder that are results of the run."""
        kept = self._predictions
        inside = kept is not None and kept.path.absolute().parent == out.absolute()
        return (kept.path.name,) if kept is not None and inside else ()

    def metrics(self) -> dict[str, Any]:
        """Return the keys of ``metrics.json`` that looking adds."""
        watch, learner = self.watch, self._learner
        totals = {name: watch.timeline.total(name) for name in LOOKS[:3]}
        found: dict[str, Any] = {
            "baselines": None,
            "uncertainty": {name: total / n if n else None for name, (total, n) in totals.items()},
            "saturations": self._record.saturations(),
            "dropped": self.dropped(),
            "memory": memory_of(learner),
            "predictions_file": self._predictions_path(),
        }
        if watch.baselines is not None:
            found["baselines"] = {
                **{name: baseline_figure(curve) for name, curve in watch.curves.items()},
                "nearest_samples": watch.baselines.room,
                "nearest_bytes": watch.baselines.bytes_kept,
                "since": watch.since,
            }
        return found

    def __enter__(self) -> Lookout:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        """Say why the run ended, to the log and to the browser."""
        ours = isinstance(error, (StreamlearnError, Interrupted))
        why = str(error) if ours else f"{type(error).__name__} {error}"
        self._end(why if error is not None else "the stream is at its end")

    def _end(self, why: str) -> None:
        self._ended = why
        if self.log is not None:
            self.log.say(f"the run ended: {why}; {figures(self.now())}")
            self.log.end()
        if self.server is not None:
            self.server.end(why)


class _Unkept:
    """A watch whose run has no folder."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def see(self, block: Block) -> None:
        self._watch.see(block)

    def checkpoint(self) -> None:
        """There is none."""

    def end(self) -> None:
        """Nothing is open."""


def _predictions(
    kind: type[PredictionsFile],
    asked: Path | None,
    before: dict[str, Any],
    names: Sequence[str],
    start: Checkpoint,
) -> PredictionsFile | None:
    kept = before.get("predictions")
    if kept:
        return kind.again(kept, asked, names)
    if asked is None:
        return None
    if start.n_rows and asked.is_file() and asked.stat().st_size:
        raise CommandError(
            f"{asked} exists, and the run did not write it until its sample {start.n_samples}: "
            "give a new file, which begins behind that sample"
        )
    return kind(asked, names)
