"""Pictures of a regressor: its error over the stream, predicted against true, its intervals."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from streamlearn.evaluation import RegressionMetrics
from streamlearn.evaluation.metrics import WINDOW
from streamlearn.evaluation.target_history import Stretches
from streamlearn.report.accuracy import BASELINE_LOOKS
from streamlearn.report.colours import BLACK, BLUE, FAINT, GREY, GRID, INK, SKY, VERMILLION
from streamlearn.report.data import ReportData
from streamlearn.report.figures import MAX_DRIFTS
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import finish, warm_up
from streamlearn.report.svg import Picture, new_figure, on_every_sheet
from streamlearn.report.text import ABSENT, count, number, percent, significant

#: The levels of the coverage over the stream.
SHOWN = (0.5, 0.95)


def draw_errors(data: ReportData) -> Picture | None:
    """Draw the moving mean absolute error beside that of two guesses; None without samples."""
    found = data.targets
    if found is None or not found.n_scored:
        return None
    name = data.engines[0].name if data.engines else "learner"
    finding = (
        f"Mean absolute error {amount(found.mae)}; no change has {amount(found.mae_no_change)}, "
        f"the mean so far {amount(found.mae_mean)}"
    )
    finding += "".join(
        f", {one} {amount(curve.mae)}" for one, curve in data.errors.items() if number(curve.mae)
    )
    svg = on_every_sheet(lambda sheet: _errors(data, found, name, sheet), "errors", finding)
    reading = (
        f"Mean absolute error of about the latest {WINDOW} samples, in the target's unit, each "
        f"predicted before it was learned. The first {_first(found)} samples are not drawn."
    )
    if _drifts(found):
        reading += " Triangles: the error rose here, as ADWIN finds it."
    return Picture(finding, svg, reading)


def draw_points(data: ReportData) -> Picture | None:
    """Draw predictions against targets; None if there are none with a scale."""
    found = data.targets
    if found is None:
        return None
    points = found.history.points
    if not len(points.at):
        return None
    finding = f"Predicted against true: R² {_ratio(found.r2)}, mean error {amount(found.bias)}"
    svg = on_every_sheet(lambda sheet: _points(found, sheet), "points", finding)
    reading = (
        f"{count(len(points.at))} samples, evenly spread over the stream: light ones of its first "
        "half, dark ones of its second. On the line a prediction is right; above it is too high."
    )
    low, high = _limits(found)
    outside = ~((points.y >= low) & (points.y <= high))
    outside |= ~((points.mean >= low) & (points.mean <= high))
    if outside.any():
        reading += f" {count(int(outside.sum()))} of them lie outside the picture."
    return Picture(finding, svg, reading)


def draw_intervals(data: ReportData) -> Picture | None:
    """Draw what the predicted intervals promise and hold; None without standard deviations."""
    found = data.targets
    if found is None or not found.n_with_sd:
        return None
    finding = (
        f"The 95 % intervals held {percent(found.coverage(0.95))} of the targets, the 50 % "
        f"intervals {percent(found.coverage(0.5))}"
    )
    svg = on_every_sheet(lambda sheet: _intervals(found, sheet), "intervals", finding)
    reading = (
        "Above: what an interval promises, and the share of targets that it held. On the line σ "
        "is right; below it σ is too small, above too large. Below: what the 50 and the 95 % "
        f"intervals held among about the latest {WINDOW} samples."
    )
    return Picture(finding, svg, reading)


def amount(value: object) -> str:
    """Return an amount in the target's unit."""
    found = number(value)
    return ABSENT if found is None else significant(found)


def _ratio(value: float) -> str:
    return ABSENT if number(value) is None else f"{value:.3f}"


def _first(found: RegressionMetrics) -> int:
    return warm_up(found.n_scored)


def _over_time(found: RegressionMetrics) -> Stretches:
    """Return the figures over the latest samples, behind the first ones."""
    return found.history.over_time(WINDOW).after(_first(found))


def _errors(data: ReportData, found: RegressionMetrics, name: str, sheet: Sheet) -> Figure:
    table = _over_time(found)
    figure = new_figure(3.6, sheet)
    ax = figure.add_subplot()
    lines = (
        ("no change", table.mae_no_change, GREY, 1.0, (0, (1, 1.2))),
        ("the mean so far", table.mae_mean, GREY, 1.0, (0, (5, 1.5, 1, 1.5))),
        (name, table.mae, VERMILLION, 1.4, "-"),
    )
    handles = []
    for order, (_, values, colour, width, dashes) in enumerate(lines):
        (handle,) = ax.plot(
            table.end,
            values,
            color=colour,
            linewidth=width,
            linestyle=dashes,
            zorder=2 + 3 * order,
        )
        handles.append(handle)
    names = [label for label, *_ in lines]
    for look, (beside, curve) in zip(BASELINE_LOOKS, data.errors.items(), strict=False):
        at, errors = curve.over_time(WINDOW)
        at = at + found.n_scored - curve.n_samples  # it may have begun later
        drawn = (at > _first(found)) & np.isfinite(errors)
        (handle,) = ax.plot(
            at[drawn], errors[drawn], color=look.colour, linewidth=1.0, linestyle=look.dashes,
            zorder=4,
        )  # fmt: skip
        handles.insert(-1, handle)
        names.insert(-1, beside)
    ax.set_ylim(0, _top(table))
    ax.set_ylabel("mean absolute error")
    ax.yaxis.grid(True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    _mark_drifts(ax, found)
    finish(ax, found.n_scored, sheet)
    figure.legend(handles[::-1], names[::-1], loc="outside lower left", ncols=sheet.n_columns)
    return figure


def _top(table: Stretches) -> float:
    """Return the upper end of the axis: one wild stretch must not flatten the rest."""
    values = np.concatenate([table.mae, table.mae_mean, table.mae_no_change])
    values = values[np.isfinite(values)]
    highest = float(values.max(initial=0.0))
    usual = 4 * float(np.median(values)) if len(values) else 0.0
    return 1.05 * (min(highest, usual) if usual > 0 else highest) or 1.0


def _drifts(found: RegressionMetrics) -> list[int]:
    drifts = [drift.at for drift in found.drifts]
    return drifts if len(drifts) <= MAX_DRIFTS else []


def _mark_drifts(ax: Axes, found: RegressionMetrics) -> None:
    for at in _drifts(found):
        ax.axvline(at, color=INK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        ax.plot(
            [at], [1], transform=ax.get_xaxis_transform(), marker="v", markersize=6, color=INK,
            clip_on=False, zorder=30,
        )  # fmt: skip


def _limits(found: RegressionMetrics) -> tuple[float, float]:
    """Return the range of the middle 99 % of the targets, and a little more."""
    low, high = np.percentile(found.history.points.y, [0.5, 99.5]).tolist()
    more = 0.15 * (high - low) or abs(high) * 0.1 or 1.0
    return low - more, high + more


def _points(found: RegressionMetrics, sheet: Sheet) -> Figure:
    points = found.history.points
    low, high = _limits(found)
    figure = new_figure(sheet.width_in * 0.75, sheet)
    ax = figure.add_subplot()
    ax.plot([low, high], [low, high], color=FAINT, linewidth=1.0, zorder=1)
    late = points.at >= found.n_scored / 2
    for chosen, colour, order in ((~late, SKY, 2), (late, BLUE, 3)):
        ax.plot(
            points.y[chosen], points.mean[chosen], linestyle="none", marker="o", markersize=3,
            markeredgewidth=0, alpha=0.7, color=colour, zorder=order,
        )  # fmt: skip
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_xlabel("true")
    ax.set_ylabel("predicted")
    ax.grid(True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    return figure


def _intervals(found: RegressionMetrics, sheet: Sheet) -> Figure:
    figure = new_figure(5.4, sheet)
    above, below = figure.subplots(2, 1, height_ratios=(3, 2))
    levels = found.coverages
    above.plot([0, 1], [0, 1], color=FAINT, linewidth=1.0)
    above.plot(
        [*levels], [*levels.values()], color=VERMILLION, linewidth=1.4, marker="o", markersize=3
    )
    above.set_xlim(0, 1)
    above.set_xlabel("promised")
    above.set_ylabel("held")
    above.xaxis.set_major_formatter(PercentFormatter(1.0))
    table = _over_time(found)
    for level, values, colour in zip(
        SHOWN, (table.within_50, table.within_95), (BLUE, BLACK), strict=True
    ):
        below.axhline(level, color=FAINT, linewidth=1.0)
        below.plot(table.end, values, color=colour, linewidth=1.2, label=f"{level:.0%} interval")
    below.set_ylabel("held")
    finish(below, found.n_scored, sheet)
    for ax in (above, below):
        ax.set_ylim(0, 1.02)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
        ax.yaxis.grid(True, color=GRID, linewidth=0.7)
        ax.set_axisbelow(True)
    figure.legend(loc="outside lower left", ncols=sheet.n_columns)
    return figure
