"""What the commands share: the console, errors in one line, JSON, and the learner's metrics."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

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
from quant.spec import to_json
from streamlearn.classifier import MesuClassifier
from streamlearn.errors import StreamlearnError
from streamlearn.prequential import PrequentialResult, majority_accuracy, no_change_accuracy

STATE_FILE = "state.sls"
METRICS_FILE = "metrics.json"
MANIFEST_FILE = "manifest.json"


class CommandError(StreamlearnError):
    """A command that cannot do what was asked, said in one line."""


class Interrupted(Exception):  # noqa: N818 - an ending, not an error
    """Ctrl-C, after everything that was done has been kept."""


def console(quiet: bool = False) -> Console:
    """Return the console for people: standard error, so that pipes stay clean."""
    return Console(stderr=True, quiet=quiet, highlight=False)


def progress(to: Console) -> Progress:
    """Return the live display; it shows nothing where the console is quiet or no terminal."""
    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=to,
        transient=not to.is_terminal,
    )


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write JSON with a newline at its end, making the folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n")


def number(value: float) -> float | None:
    """Return a JSON number; NaN (nothing was measured) becomes null."""
    return None if value != value else value


def learner_metrics(
    learner: MesuClassifier, result: PrequentialResult, seed: int
) -> dict[str, Any]:
    """Return the keys that every ``--json`` has."""
    return {
        "n_samples": result.n_samples,
        "accuracy_prequential": number(result.accuracy),
        "accuracy_no_change": number(no_change_accuracy(result.labels)),
        "accuracy_majority": number(majority_accuracy(result.labels)),
        "samples_per_s": number(result.samples_per_s),
        "state_sha256": learner.state_sha256,
        "predictions_sha256": result.predictions_sha256,
        "arithmetic": learner.arithmetic,
        "spec": to_json(learner.spec, learner.config),
        "seed": seed,
        "versions": versions(),
    }


def manifest(folder: Path) -> dict[str, Any]:
    """Return size and SHA-256 of every file below a folder, its manifest excepted."""
    files = {
        str(file.relative_to(folder).as_posix()): {
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file != folder / MANIFEST_FILE
    }
    return {
        "format": "streamlearn-run",
        "format_version": 1,
        "versions": versions(),
        "files": files,
    }


def percent(value: float | None) -> str:
    """Format a share in [0, 1] for people."""
    return "–" if value is None or value != value else f"{100 * value:.2f} %"


__all__ = [
    "MANIFEST_FILE",
    "METRICS_FILE",
    "STATE_FILE",
    "CommandError",
    "Interrupted",
    "console",
    "learner_metrics",
    "manifest",
    "number",
    "percent",
    "progress",
    "write_json",
]
