"""Picture 1: accuracy over the stream, engines and baselines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from streamlearn.evaluation import PrequentialResult
from streamlearn.evaluation.metrics import WINDOW
from streamlearn.report.colours import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
)
from streamlearn.report.data import Baseline, Engine, Floats, Ints, ReportData
from streamlearn.report.engines import exact_engine, float_reference, golden_first
from streamlearn.report.figure import Figure
from streamlearn.report.figures import drifts, mark_drifts
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.plot import Dashes
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import batch_starts, finish, mark_batches, thinned, warm_up
from streamlearn.report.text import count, percent, shortened


class Look(NamedTuple):
    """How a line is drawn."""

    colour: str
    width: float
    dashes: Dashes


Looks = tuple[Look, ...]
SOLID: Dashes = ()
FLOAT_LOOKS: Looks = (Look(SKY, 3.4, SOLID), Look(BLUE, 1.0, (4, 2)))
INTEGER_LOOKS: Looks = (
    Look(VERMILLION, 1.3, SOLID),
    Look(BLACK, 1.2, (5, 2)),
    Look(BLUE, 1.2, (1, 1)),
)
BASELINE_LOOKS: Looks = (
    Look(GREEN, 1.1, (6, 1.5)),
    Look(PURPLE, 1.1, SOLID),
    Look(ORANGE, 1.1, (3, 1, 1, 1)),
    Look(BLACK, 0.9, (2, 2)),
    Look(BLUE, 0.9, (6, 2, 1, 2)),
)
TRIVIAL_LOOKS: Looks = (Look(GREY, 1.0, (1, 1.2)), Look(GREY, 1.0, (5, 1.5, 1, 1.5)))


class Line(NamedTuple):
    """A line of the picture: engines with equal predictions share one."""

    label: str
    one: Engine | Baseline
    look: Look


def moving_accuracy(one: Engine | Baseline, labels: Ints) -> tuple[Ints, Floats]:
    """Return after how many samples, and the accuracy of the latest `WINDOW` samples there."""
    if one.curve is not None:
        return one.curve.over_time(WINDOW)
    predictions = _known(one)
    result = PrequentialResult(predictions, labels[: len(predictions)], float("nan"))
    return np.arange(1, len(predictions) + 1), result.accuracy_over_time(WINDOW)


def draw_accuracy(data: ReportData) -> Picture | None:
    """Draw the moving accuracy of everything that predicted; None if nothing did."""
    lines = _lines(data)
    if not lines:
        return None
    finding = _finding(data)
    svg = on_every_sheet(lambda sheet: _figure(data, lines, sheet), "accuracy", finding)
    reading = (
        f"Share of right predictions among the latest {WINDOW} samples, each predicted before "
        f"it was learned. The first {warm_up(data.n_done)} samples are not drawn."
    )
    reading = reading.replace(f"latest {WINDOW}", f"latest {count(_window(data))}")
    if any(" = " in line.label for line in lines):
        reading += " Engines whose predictions are all the same share one line."
    if batch_starts(data.batch):
        reading += " Vertical lines: a new recording batch begins; its number stands above."
    if drifts(data):
        reading += " Triangles: the accuracy fell here, as ADWIN finds it."
    return Picture(finding, svg, reading)


def _figure(data: ReportData, lines: list[Line], sheet: Sheet) -> Figure:
    end = data.n_done
    # Drawn bottom up: the integer engine lies on top. The legend is read top down.
    labels = [shortened(line.label, sheet.n_chars).lstrip("_") for line in reversed(lines)]
    n_columns = _columns(labels, sheet)
    figure = Figure(3.3 + 0.24 * -(-len(lines) // n_columns), sheet)
    (ax,) = figure.panels()
    handles = []
    for order, (_, one, look) in enumerate(lines):
        after, accuracy = moving_accuracy(one, data.labels)
        begin = int(np.searchsorted(after, warm_up(end), "right"))
        at = thinned(len(after), sheet.max_points, begin)
        handle = ax.line(after[at], 100 * accuracy[at], *look, order=2 + order)
        handles.append(handle)
    ax.y.limit(0, 102)
    ax.y.label, ax.y.grid = f"right of the latest {count(_window(data))} (%)", True
    mark_batches(ax, data, end, sheet)
    mark_drifts(ax, data)
    finish(ax, end, sheet)
    shown = zip(handles[::-1], labels, strict=True)
    figure.legend([handle._replace(label=label) for handle, label in shown], n_columns)
    return figure


def _window(data: ReportData) -> int:
    """Return over how many samples a point is a mean: a bin at least, where only bins were kept."""
    widths = [one.curve.width for one in data.everyone if one.curve is not None]
    return max(WINDOW, *widths, 0)


def _columns(labels: list[str], sheet: Sheet) -> int:
    """Return 2 if two columns, filled one after the other, fit the width of the sheet."""
    half = (len(labels) + 1) // 2
    longest = [max(map(len, part), default=0) for part in (labels[:half], labels[half:])]
    return 2 if sum(longest) <= sheet.n_chars - 2 and sheet.n_columns == 2 else 1


def _lines(data: ReportData) -> list[Line]:
    """Return the lines that have a point, from the lowest to the topmost."""
    found = []
    for trivial, looks in ((True, TRIVIAL_LOOKS), (False, BASELINE_LOOKS)):
        group = [baseline for baseline in data.baselines if baseline.trivial == trivial]
        for i, baseline in enumerate(group):
            found += _line([baseline], looks[i % len(looks)])
    floats = [engine for engine in data.engines if not engine.exact]
    exact = golden_first(engine for engine in data.engines if engine.exact)
    for engines, looks in ((floats, FLOAT_LOOKS), (exact, INTEGER_LOOKS)):
        for i, same in enumerate(_equal(engines)):
            found += _line(same, looks[min(i, len(looks) - 1)])
    return found


def _line(same: Iterable[Engine | Baseline], look: Look) -> list[Line]:
    known = [one for one in same if one.n_samples]
    label = " = ".join(one.name for one in known)
    return [Line(label, one, look) for one in known[:1]]


def _equal(engines: list[Engine]) -> list[list[Engine]]:
    """Return the engines in groups of equal predictions."""
    groups: list[list[Engine]] = []
    for engine in engines:
        for group in groups:
            if engine.curve is None and np.array_equal(_known(group[0]), _known(engine)):
                group.append(engine)
                break
        else:
            groups.append([engine])
    return groups


def _known(one: Engine | Baseline) -> Ints:
    return np.zeros(0, np.int64) if one.predictions is None else one.predictions


def _finding(data: ReportData) -> str:
    exact, reference = exact_engine(data), float_reference(data)
    parts = [
        f"{exact.arithmetic} predicted {percent(data.accuracy(exact))} right" if exact else "",
        f"{reference.name} {percent(data.accuracy(reference))}" if reference else "",
    ]
    baselines = [b for b in data.baselines if not np.isnan(data.accuracy(b))]
    best = max(baselines, key=data.accuracy, default=None)
    if best is not None:
        parts.append(f"the best baseline, {best.name}, {percent(data.accuracy(best))}")
    said = ", ".join(part for part in parts if part)
    return f"Of {count(data.n_done)} samples, {said}" if said else f"{count(data.n_done)} samples"
