"""The figures of a regressor: as JSON, and as people read them."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.table import Table

from streamlearn.cli.figures import drifts_text, ratio
from streamlearn.evaluation import RegressionMetrics, TargetScores, regression_advice

#: The intervals that people are told of, in percent.
INTERVALS = (50, 90, 95)


def finite(value: float) -> float | None:
    """Return a JSON number; what is not defined, or beyond floats, becomes null."""
    return value if math.isfinite(value) else None


def amount(value: float | None) -> str:
    """Format an amount in the target's unit for people."""
    return "–" if value is None else f"{value:.4g}"


def target_figures_of(metrics: RegressionMetrics) -> dict[str, Any]:
    """Return the keys of ``metrics.json`` that a regressor's predictions give."""
    return {
        "mae_prequential": finite(metrics.mae),
        "rmse_prequential": finite(metrics.rmse),
        **_scores(metrics),
        "latest": {
            "n_samples": metrics.latest.n_samples,
            "mae": finite(metrics.latest.mae),
            "rmse": finite(metrics.latest.rmse),
            **_scores(metrics.latest),
        },
        "n_drifts": metrics.n_drifts,
        "drifts": [drift._asdict() for drift in metrics.drifts],
        "advice": [*regression_advice(metrics)],
    }


def _scores(scores: TargetScores) -> dict[str, Any]:
    names = (
        "r2", "bias", "mae_mean", "rmse_mean", "skill_mean", "mae_no_change", "rmse_no_change",
        "skill_no_change", "mean_sd", "log_likelihood",
    )  # fmt: skip
    coverage = {str(level): finite(scores.coverage(level / 100)) for level in INTERVALS}
    return {name: finite(getattr(scores, name)) for name in names} | {"coverage": coverage}


def target_table(title: str, metrics: dict[str, Any]) -> Table:
    """Return the table of a run's result: the error beside that of two guesses."""
    table = Table(title=title)
    for column in ("mean absolute error", "no change", "mean so far", "R²", "samples/s", "state"):
        table.add_column(column, justify="left" if column == "state" else "right", no_wrap=True)
    speed = metrics["samples_per_s"]
    table.add_row(
        *(amount(metrics[key]) for key in ("mae_prequential", "mae_no_change", "mae_mean")),
        ratio(metrics["r2"]),
        "–" if speed is None else f"{speed:,.0f}",
        metrics["state_sha256"][:8],
    )
    return table


def print_target_figures(figures: dict[str, Any], to: Console) -> None:
    """Print what :func:`target_figures_of` returned, but its advice."""
    latest = figures["latest"]
    to.print(
        f"root mean square error {amount(figures['rmse_prequential'])}, skill against no change "
        f"{ratio(figures['skill_no_change'])}, against the mean {ratio(figures['skill_mean'])}; "
        f"mean absolute error of the latest {latest['n_samples']}: {amount(latest['mae'])}",
        soft_wrap=True,
    )
    table = Table()
    for column in ("predicted interval", "holds", f"holds, latest {latest['n_samples']}"):
        table.add_column(column, justify="right")
    for level in map(str, INTERVALS):
        table.add_row(
            f"{level} %", _percent(figures["coverage"][level]), _percent(latest["coverage"][level])
        )
    table.caption = (
        f"mean σ {amount(figures['mean_sd'])}, mean log-likelihood "
        f"{ratio(figures['log_likelihood'])}"
    )
    to.print(table)
    if line := drifts_text(figures, "the error rose", lambda one, when: amount(one[f"mae_{when}"])):
        to.print(line, soft_wrap=True)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
