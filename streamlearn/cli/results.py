"""What a run prints when it has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from streamlearn.cli.common import console, levels_text
from streamlearn.cli.figures import percent, print_figures, say_advice
from streamlearn.cli.folders import REPORT_FILE
from streamlearn.cli.rules import REGRESSION
from streamlearn.cli.target_figures import print_target_figures, target_table
from streamlearn.sources import counts_text


def say_results(name: str, metrics: dict[str, Any], out: Path | None, quiet: bool) -> None:
    """Print figures and advice, and where they are kept.

    Parameters
    ----------
    name
        Of the stream.
    metrics
        As in ``metrics.json``.
    out
        The run folder; None: nothing was kept.
    quiet
        Print the advice only.
    """
    to, results, skipped = console(quiet), console(quiet, results=True), metrics["skipped"]
    if metrics["task"] == REGRESSION:
        results.print(target_table(_title(name, metrics), metrics))
        print_target_figures(metrics, results)
    else:
        results.print(_table(name, metrics))
        print_figures(metrics, results)
    say_advice(metrics)
    if skipped["count"]:
        first = skipped["messages"][0]
        to.print(f"{skipped['count']} rows skipped, first: {first}", soft_wrap=True)
    dropped = counts_text(metrics["source"])
    if dropped is not None:
        to.print(f"{name}: {dropped}", soft_wrap=True)
    if out is None:
        to.print("nothing was kept; --out DIR writes the learner, its figures and a report")
    else:
        to.print(f"run folder: {out}  (open {out / REPORT_FILE})", soft_wrap=True)


def _title(name: str, metrics: dict[str, Any]) -> str:
    layers = "-".join(map(str, metrics["spec"]["network"]["layers"]))
    return f"{name}: {metrics['n_samples']} samples, {layers}, {metrics['arithmetic']}"


def _table(name: str, metrics: dict[str, Any]) -> Table:
    table = Table(title=_title(name, metrics))
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
