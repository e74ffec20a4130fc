"""``streamlearn compare``: runs side by side, what differs in their settings, and who is better."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from quant.durable import write_durably
from streamlearn.cli import checkpoints
from streamlearn.cli.common import console
from streamlearn.cli.endings import CommandError
from streamlearn.cli.folders import MANIFEST_FILE, METRICS_FILE
from streamlearn.cli.record import LEARNER
from streamlearn.cli.rules import REGRESSION
from streamlearn.evaluation import Curve
from streamlearn.evaluation.paired import Paired, paired
from streamlearn.evaluation.paired_errors import PairedErrors, paired_errors
from streamlearn.report.compare import Comparison, Pair, compare_page
from streamlearn.report.text import flattened

#: Of a setting: where metrics.json has it.
SETTINGS = ("arithmetic", "seed", "spec", "versions")


class _OtherSamplesError(Exception):
    """Two files of predictions are not of the same samples."""


@dataclass(frozen=True)
class Found:
    """One run, as its folder tells.

    Parameters
    ----------
    name
        What tables call it.
    metrics
        Its ``metrics.json``.
    source
        What its manifest says of its stream.
    curve
        How its accuracy went, if a checkpoint has it.
    predictions
        The file that it wrote with ``--predictions``, if that is still there.
    """

    name: str
    metrics: dict[str, Any]
    source: dict[str, Any]
    curve: Curve | None
    predictions: Path | None


def compare(runs: Sequence[Path], html: Path | None, quiet: bool = False) -> None:
    """Print the runs side by side; write a page too, if asked.

    Raises
    ------
    CommandError
        If there are fewer than two runs, or one is no folder of a run that has ended.
    WriteError
        If the page cannot be written.
    """
    if len(runs) < 2:
        raise CommandError("expected two run folders or more to compare")
    found = [_read(run, name) for run, name in zip(runs, _names(runs), strict=True)]
    pairs, other = [], _why_other(found)
    for second in found[1:]:
        pair, different = _pair(found[0], second)
        if different:
            other = different
        elif pair is not None:
            pairs.append(Pair(found[0].name, second.name, pair))
    comparison = Comparison(
        [one.name for one in found],
        _figures(found),
        _settings(found),
        {} if other else {one.name: one.curve for one in found if one.curve is not None},
        [] if other else pairs,
        other,
    )
    _print(comparison, console(quiet, results=True))
    if html is not None:
        write_durably(html, compare_page(comparison))


def _names(runs: Sequence[Path]) -> list[str]:
    short = [run.resolve().name for run in runs]
    return short if len(set(short)) == len(short) else [str(run) for run in runs]


def _read(run: Path, name: str) -> Found:
    try:
        metrics = json.loads((run / METRICS_FILE).read_text("utf-8"))
        manifest = json.loads((run / MANIFEST_FILE).read_text("utf-8"))
    except FileNotFoundError as error:
        hint = "; it is at work, or was cut: `streamlearn run --resume` finishes it"
        there = checkpoints.newest(run) is not None
        raise CommandError(
            f"{run} holds no figures of a run ({error.filename}){hint if there else ''}"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CommandError(f"{run}: its figures cannot be read: {error}") from error
    if not isinstance(metrics, dict) or not isinstance(manifest, dict):
        raise CommandError(f"{run}: {METRICS_FILE} is not what a run writes")
    newest = checkpoints.newest(run)
    kept = None if newest is None else newest.curves.get(LEARNER)
    file = None if newest is None else metrics.get("predictions_file")
    path = run / file if isinstance(file, str) and (run / file).is_file() else None
    source = manifest.get("source")
    return Found(
        name,
        metrics,
        source if isinstance(source, dict) else {},
        None if kept is None else Curve.from_dict(kept),
        path,
    )


def _why_other(found: Sequence[Found]) -> str | None:
    """Return why the runs are not of the same samples, as far as their folders tell."""
    for what, values in (
        ("streams", [str(one.source.get("stream")) for one in found]),
        ("label columns", [str(one.source.get("label")) for one in found]),
        ("numbers of samples", [str(one.metrics.get("n_samples")) for one in found]),
    ):
        if len(set(values)) > 1:
            listed = "; ".join(f"{one.name}: {v}" for one, v in zip(found, values, strict=True))
            return f"different {what} ({listed})"
    return None


def _pair(first: Found, second: Found) -> tuple[Paired | PairedErrors | None, str | None]:
    """Return the test of two runs that recorded predictions, or why they cannot be compared."""
    tasks = {str(one.metrics.get("task")) for one in (first, second)}
    if len(tasks) > 1:
        return (
            None,
            f"different tasks ({first.name}: classes or a number, {second.name}: the other)",
        )
    if first.predictions is None or second.predictions is None:
        return None, None
    try:
        if REGRESSION in tasks:
            return paired_errors(_errors(first.predictions, second.predictions)), None
        return paired(_right(first.predictions, second.predictions)), None
    except _OtherSamplesError as error:
        return None, f"the predictions of {first.name} and {second.name} differ in {error}"
    except (OSError, ValueError, LookupError) as error:
        raise CommandError(f"the predictions of a run cannot be read: {error}") from error


def _right(a: Path, b: Path) -> Iterator[tuple[bool, bool]]:
    for truth, one, other in _labelled(a, b, "label"):
        yield one == truth, other == truth


def _errors(a: Path, b: Path) -> Iterator[tuple[float, float]]:
    """Yield the absolute errors of both; the first sample is not scored, as in every figure."""
    for truth, one, other in islice(_labelled(a, b, "target"), 1, None):
        y = float(truth)
        yield abs(float(one) - y), abs(float(other) - y)


def _labelled(a: Path, b: Path, truth: str) -> Iterator[tuple[str, str, str]]:
    """Yield the truth and both predictions of each sample whose truth is known."""
    for one, other in zip_longest(_rows(a, truth), _rows(b, truth)):
        if one is None or other is None:
            raise _OtherSamplesError("their number")
        if one[:3] != other[:3]:
            raise _OtherSamplesError(f"the {truth} of line {one.line}")
        if one.truth:
            yield one.truth, one.prediction, other.prediction


class _Row(NamedTuple):
    sample: str
    line: str
    truth: str
    prediction: str


def _rows(path: Path, truth: str) -> Iterator[_Row]:
    names = ("sample", "line", truth, "prediction")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file) if path.suffix.lower() == ".csv" else map(json.loads, file)
        for row in rows:
            yield _Row(*("" if row[key] is None else str(row[key]) for key in names))


def _figures(found: Sequence[Found]) -> list[tuple[str, list[Any], str]]:
    """Return names, values of each run, and how they are written, where a run has any."""
    rows: list[tuple[str, list[Any], str]] = []
    for name, keys, kind in FIGURES:
        values = [_at(one.metrics, keys) for one in found]
        if any(value is not None for value in values):
            rows.append((name, values, kind))
    return rows


FIGURES = (
    ("samples", ("n_samples",), "count"),
    ("accuracy", ("accuracy_prequential",), "percent"),
    ("accuracy of the latest", ("latest", "accuracy"), "percent"),
    ("balanced accuracy", ("balanced_accuracy",), "percent"),
    ("κ", ("kappa",), "ratio"),
    ("κ_M", ("kappa_m",), "ratio"),
    ("κ_T", ("kappa_t",), "ratio"),
    ("lowest recall", ("classes", "recall"), "percent"),
    ("RMSE", ("rmse_prequential",), "number"),
    ("MAE", ("mae_prequential",), "number"),
    ("MAE of the latest", ("latest", "mae"), "number"),
    ("R²", ("r2",), "ratio"),
    ("holds in the 90 % interval", ("coverage", "90"), "percent"),
    ("drifts", ("n_drifts",), "count"),
    ("novelty", ("uncertainty", "novelty"), "ratio"),
    ("blind features at the end", ("levels", "blind"), "count"),
    ("bad rows", ("skipped", "count"), "count"),
    ("majority", ("accuracy_majority",), "percent"),
    ("no change", ("accuracy_no_change",), "percent"),
    ("SGD", ("baselines", "SGD"), "percent"),
    ("nearest neighbour", ("baselines", "nearest neighbour"), "percent"),
    ("MAE of no change", ("mae_no_change",), "number"),
    ("MAE of the mean so far", ("mae_mean",), "number"),
    ("MAE of SGD", ("baselines", "SGD", "mae"), "number"),
    ("MAE of nearest neighbour", ("baselines", "nearest neighbour", "mae"), "number"),
    ("bytes of state", ("memory", "state_bytes"), "count"),
    ("samples/s", ("samples_per_s",), "count"),
)


def _at(metrics: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if isinstance(metrics, list):
            found: list[Any] = [one.get(key) for one in metrics if isinstance(one, Mapping)]
            return min((value for value in found if _is_number(value)), default=None)
        metrics = metrics.get(key) if isinstance(metrics, Mapping) else None
    return metrics if _is_number(metrics) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _settings(found: Sequence[Found]) -> list[tuple[str, list[str]]]:
    """Return the settings in which the runs differ."""
    each = [
        dict(flattened({key: one.metrics.get(key) for key in SETTINGS}))
        | {"stream": str(one.source.get("stream")), "label": str(one.source.get("label"))}
        for one in found
    ]
    names = dict.fromkeys(name for settings in each for name in settings)
    rows = [(name, [settings.get(name, "–") for settings in each]) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def _print(found: Comparison, to: Console) -> None:
    table = Table(title="figures")
    table.add_column("")
    for name in found.names:
        table.add_column(name, justify="right", overflow="fold")
    for row in found.figure_rows():
        table.add_row(*row)
    to.print(table)
    if found.settings:
        table = Table(title="settings that differ")
        table.add_column("")
        for name in found.names:
            table.add_column(name, overflow="fold")
        for name, values in found.settings:
            table.add_row(name, *values)
        to.print(table)
    else:
        to.print("the settings are the same")
    for line in found.sentences():
        to.print(line, soft_wrap=True)
