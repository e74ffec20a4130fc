"""Pictures of a regressor: its error over the stream, predicted against true, its intervals."""

from __future__ import annotations

import numpy as np

from streamlearn.evaluation import RegressionMetrics
from streamlearn.evaluation.metrics import WINDOW
from streamlearn.evaluation.target_history import Stretches
from streamlearn.report.accuracy import BASELINE_LOOKS
from streamlearn.report.colours import BLACK, BLUE, FAINT, GREY, INK, SKY, VERMILLION
from streamlearn.report.data import Floats, ReportData
from streamlearn.report.figure import Figure
from streamlearn.report.figures import MAX_DRIFTS
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.plot import Dashes, Panel
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import finish, warm_up
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
    figure = Figure(3.6, sheet)
    (ax,) = figure.panels()
    lines: tuple[tuple[str, Floats, str, float, Dashes], ...] = (
        ("no change", table.mae_no_change, GREY, 1.0, (1, 1.2)),
        ("the mean so far", table.mae_mean, GREY, 1.0, (5, 1.5, 1, 1.5)),
        (name, table.mae, VERMILLION, 1.4, ()),
    )
    handles = []
    for order, (_, values, colour, width, dashes) in enumerate(lines):
        handle = ax.line(table.end, values, colour, width, dashes, order=2 + 3 * order)
        handles.append(handle)
    names = [label for label, *_ in lines]
    for look, (beside, curve) in zip(BASELINE_LOOKS, data.errors.items(), strict=False):
        at, errors = curve.over_time(WINDOW)
        at = at + found.n_scored - curve.n_samples  # it may have begun later
        drawn = (at > _first(found)) & np.isfinite(errors)
        handle = ax.line(at[drawn], errors[drawn], look.colour, 1.0, look.dashes, order=4)
        handles.insert(-1, handle)
        names.insert(-1, beside)
    ax.y.limit(0, _top(table))
    ax.y.label, ax.y.grid = "mean absolute error", True
    _mark_drifts(ax, found)
    finish(ax, found.n_scored, sheet)
    shown = zip(handles[::-1], names[::-1], strict=True)
    figure.legend([handle._replace(label=label) for handle, label in shown])
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


def _mark_drifts(ax: Panel, found: RegressionMetrics) -> None:
    for at in _drifts(found):
        ax.upright(at, INK, 0.8, (1, 2))
        ax.triangle(at, INK)


def _limits(found: RegressionMetrics) -> tuple[float, float]:
    """Return the range of the middle 99 % of the targets, and a little more."""
    low, high = np.percentile(found.history.points.y, [0.5, 99.5]).tolist()
    more = 0.15 * (high - low) or abs(high) * 0.1 or 1.0
    return low - more, high + more


def _points(found: RegressionMetrics, sheet: Sheet) -> Figure:
    points = found.history.points
    low, high = _limits(found)
    figure = Figure(sheet.width_in * 0.75, sheet)
    (ax,) = figure.panels()
    ax.line([low, high], [low, high], FAINT, 1.0, order=1)
    late = points.at >= found.n_scored / 2
    for chosen, colour, order in ((~late, SKY, 2), (late, BLUE, 3)):
        ax.dots(points.y[chosen], points.mean[chosen], colour, 1.5, 0.7, order)
    for axis, label in ((ax.x, "true"), (ax.y, "predicted")):
        axis.limit(low, high)
        axis.label, axis.grid = label, True
    ax.x.ticks(sheet.n_ticks)
    return figure


def _intervals(found: RegressionMetrics, sheet: Sheet) -> Figure:
    figure = Figure(5.4, sheet)
    above, below = figure.panels(2, (3, 2))
    levels = found.coverages
    above.line([0, 1], [0, 1], FAINT, 1.0)
    above.line([*levels], [*levels.values()], VERMILLION, 1.4, radius=1.5)
    above.x.limit(0, 1)
    above.x.label, above.y.label = "promised", "held"
    above.x.ticks(text=_share)
    table = _over_time(found)
    for level, values, colour in zip(
        SHOWN, (table.within_50, table.within_95), (BLUE, BLACK), strict=True
    ):
        below.level(level, FAINT, 1.0)
        below.line(table.end, values, colour, 1.2, label=f"{level:.0%} interval")
    below.y.label = "held"
    finish(below, found.n_scored, sheet)
    for ax in (above, below):
        ax.y.limit(0, 1.02)
        ax.y.ticks(text=_share)
        ax.y.grid = True
    figure.legend()
    return figure


def _share(value: float) -> str:
    return f"{100 * value:.0f}%"
