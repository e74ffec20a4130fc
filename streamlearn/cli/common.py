"""What the commands share: the consoles, the stream's end, and the learner's metrics."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from export import versions
from quant.description import to_json
from streamlearn.cli.endings import Interrupted, StreamCutError, by_signal
from streamlearn.cli.figures import figures_of, number
from streamlearn.cli.record import RunResult
from streamlearn.cli.target_figures import target_figures_of
from streamlearn.errors import StreamlearnError
from streamlearn.evaluation import PrequentialResult, RegressionMetrics
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier

Row = TypeVar("Row")


def console(quiet: bool, *, results: bool = False) -> Console:
    """Return the console for people: standard error, and standard output for results.

    Names of files and labels are printed as they are, whatever brackets they have.
    """
    return Console(stderr=not results, quiet=quiet, highlight=False, markup=False, emoji=False)


def progress(to: Console) -> Progress:
    """Return the live display; it shows nothing if the console is quiet or no terminal."""
    return Progress(
        TextColumn("{task.description:<20}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=to,
        disable=to.quiet or not to.is_terminal,
    )


class UntilBad(Generic[Row]):
    """The rows of a stream until a bad one ends it: what was learned until then is kept.

    Attributes
    ----------
    error : StreamlearnError or None
        What was wrong with the bad row.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.error: StreamlearnError | None = None

    def __iter__(self) -> Iterator[Row]:
        try:
            yield from self._rows
        except StreamlearnError as error:
            self.error = error


def learner_metrics(
    learner: StreamClassifier, result: PrequentialResult | RunResult
) -> dict[str, Any]:
    """Return the keys that every ``--json`` of a classifier has.

    Parameters
    ----------
    learner
        In the state after the last sample.
    result
        What it predicted.
    """
    names = [str(label) for label in learner.labels]
    return {
        "task": "classification",
        "n_samples": result.n_samples,
        "accuracy_prequential": number(result.accuracy),
        **figures_of(result.metrics(), names, lasting=bool(learner.spec.leaks)),
        "samples_per_s": number(result.samples_per_s),
        "predictions_sha256": result.predictions_sha256,
        **_of_any_learner(learner),
    }


def target_metrics(
    learner: StreamLearner,
    found: RegressionMetrics,
    seconds: float,
    predictions_sha256: str,
) -> dict[str, Any]:
    """Return the keys that every ``--json`` of a regressor has.

    Parameters
    ----------
    learner
        In the state after the last sample.
    found
        The figures of what it predicted.
    seconds
        Time spent inside the learner.
    predictions_sha256
        Of mean and two standard deviations of each sample, as little-endian float32.
    """
    n = found.n_samples
    return {
        "task": "regression",
        "n_samples": n,
        **target_figures_of(found),
        "samples_per_s": n / seconds if seconds > 0 else None,
        "predictions_sha256": predictions_sha256,
        **_of_any_learner(learner),
    }


def _of_any_learner(learner: StreamLearner) -> dict[str, Any]:
    return {
        "state_sha256": learner.state_sha256,
        "levels": asdict(learner.levels),
        "arithmetic": learner.arithmetic,
        "spec": to_json(learner.spec, learner.config),
        "seed": int(learner.state["seed"][0]),
        "versions": versions(),
    }


def levels_text(levels: dict[str, Any]) -> str | None:
    """Return the levels in words, or nothing if they are those of a learner at rest."""
    said = []
    if levels["blind"]:
        said.append(f"blind features at the end: {levels['blind']}")
    if levels["step"] != 1:
        said.append(f"step × {levels['step']:.2f}")
    return "; ".join(said) or None


def skipped_metrics(count: int, messages: Sequence[str]) -> dict[str, Any]:
    """Return the key ``skipped``: how many rows, and what was wrong with the first ten."""
    return {"count": count, "messages": list(messages)}


def stop_if_cut(
    bad: StreamlearnError | None,
    interrupted: bool,
    n: int,
    out: Path | None,
    number: int = signal.SIGINT,
    where: str = "",
) -> None:
    """Say that a stream ended early, after everything that was done has been kept.

    Parameters
    ----------
    bad
        What was wrong with the stream.
    interrupted, number
        Whether a signal ended it, and which.
    n
        Samples that were learned.
    out
        The run folder.
    where
        The place in the stream, such as its name and a line.

    Raises
    ------
    StreamCutError
        If a bad row ended it, or the source broke off.
    Interrupted
        If a signal did.
    """
    kept = f"; what was learned until then is in {out}" if out is not None else ""
    if bad is not None:
        raise StreamCutError(f"{bad}{kept}") from bad
    if interrupted:
        at = f" ({where})" if where else ""
        raise Interrupted(f"{by_signal(number)} after {n} samples{at}{kept}", number)
