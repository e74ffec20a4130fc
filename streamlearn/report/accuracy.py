"""Picture 1: accuracy over the stream, engines and baselines."""

from __future__ import annotations

import numpy as np

from streamlearn.prequential import PrequentialResult
from streamlearn.report.data import Floats, Ints, ReportData
from streamlearn.report.names import (
    float_name,
    golden_first,
    integer_name,
    is_engine,
    is_float,
    normal,
)
from streamlearn.report.stream_axis import batch_starts, finish, mark_batches, thinned, warm_up
from streamlearn.report.svg import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Picture,
    drawing,
    inline_svg,
    new_figure,
)
from streamlearn.report.text import count, escaped, percent, shortened

WINDOW = 300

Look = tuple[str, float, object]
SOLID = "-"
FLOAT_LOOKS: list[Look] = [(SKY, 3.4, SOLID), (BLUE, 1.0, (0, (4, 2)))]
INTEGER_LOOKS: list[Look] = [
    (VERMILLION, 1.3, SOLID),
    (BLACK, 1.2, (0, (5, 2))),
    (BLUE, 1.2, (0, (1, 1))),
]
BASELINE_LOOKS: list[Look] = [
    (GREEN, 1.1, (0, (6, 1.5))),
    (PURPLE, 1.1, SOLID),
    (ORANGE, 1.1, (0, (3, 1, 1, 1))),
    (BLACK, 0.9, (0, (2, 2))),
    (BLUE, 0.9, (0, (6, 2, 1, 2))),
]
TRIVIAL_LOOKS: dict[str, Look] = {
    "no change": (GREY, 1.0, (0, (1, 1.2))),
    "majority": (GREY, 1.0, (0, (5, 1.5, 1, 1.5))),
}


def moving_accuracy(predictions: Ints, labels: Ints) -> Floats:
    """Return float64 ``[m]`` in [0, 1]: the accuracy over the latest `WINDOW` samples."""
    result = PrequentialResult(predictions, labels[: len(predictions)], float("nan"))
    return result.accuracy_over_time(WINDOW)


def draw_accuracy(data: ReportData) -> Picture | None:
    """Draw the moving accuracy of everything that predicted; None if nothing did."""
    end = data.n_done
    if not end:
        return None
    with drawing():
        figure = new_figure(4.1)
        ax = figure.add_subplot()
        handles, labels = [], []
        lines = _lines(data)
        for order, (label, predicted, (colour, width, dashes)) in enumerate(lines):
            at = thinned(len(predicted), warm_up(end))
            (line,) = ax.plot(
                at + 1,
                100 * moving_accuracy(predicted, data.labels)[at],
                color=colour,
                linewidth=width,
                linestyle=dashes,
                zorder=2 + order,
            )
            handles.append(line)
            labels.append(shortened(label, 60).lstrip("_"))
        ax.set_ylim(0, 102)
        ax.set_ylabel(f"right of the latest {WINDOW} (%)")
        ax.yaxis.grid(True, color="#EBEBEB", linewidth=0.7)
        ax.set_axisbelow(True)
        mark_batches(ax, data, end)
        finish(ax, end)
        # Drawn bottom up, so that the integer engine lies on top; read top down.
        figure.legend(
            handles[::-1],
            labels[::-1],
            loc="outside lower left",
            ncols=_columns(labels[::-1]),
            handlelength=3,
        )
        finding = _finding(data)
        svg = inline_svg(figure, "accuracy-", escaped(finding))
    reading = (
        f"Share of right predictions among the latest {WINDOW} samples, each predicted before "
        f"it was learned. The first {warm_up(end)} samples are not drawn. Engines whose "
        "predictions are all the same share one line."
    )
    if batch_starts(data.batch):
        reading += " Vertical lines: a new recording batch begins; its number stands above."
    return Picture(finding, svg, reading)


def _columns(labels: list[str]) -> int:
    """Return 2 where two columns, filled one after the other, fit the width of the page."""
    half = (len(labels) + 1) // 2
    longest = [max(map(len, part), default=0) for part in (labels[:half], labels[half:])]
    return 2 if sum(longest) <= 58 else 1


def _lines(data: ReportData) -> list[tuple[str, Ints, Look]]:
    """Return label, predictions and look, from the lowest line to the topmost."""
    baselines = [name for name in data.predictions if not is_engine(name)]
    engines = [name for name in data.predictions if is_engine(name)]
    floats = [name for name in engines if is_float(name)]
    integers = golden_first([name for name in engines if not is_float(name)])
    found = []
    spare = 0
    for name in baselines:
        look = TRIVIAL_LOOKS.get(normal(name))
        if look is None:
            look = BASELINE_LOOKS[spare % len(BASELINE_LOOKS)]
            spare += 1
        found.append((name, data.predictions[name], look))
    for names, looks in ((floats, FLOAT_LOOKS), (integers, INTEGER_LOOKS)):
        for i, group in enumerate(_equal(names, data)):
            look = looks[min(i, len(looks) - 1)]
            found.append((" = ".join(group), data.predictions[group[0]], look))
    return [line for line in found if len(line[1])]


def _equal(names: list[str], data: ReportData) -> list[list[str]]:
    groups: list[list[str]] = []
    for name in names:
        for group in groups:
            if np.array_equal(data.predictions[group[0]], data.predictions[name]):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _finding(data: ReportData) -> str:
    integer, real = integer_name(data), float_name(data)
    engines = [name for name in (integer, real) if name is not None and len(data.predictions[name])]
    baselines = [name for name in data.predictions if not is_engine(name)]
    best = max(baselines, key=data.accuracy, default=None)
    parts = [
        f"{'q16' if name == integer else name} predicted {percent(data.accuracy(name))} right"
        if i == 0
        else f"{name} {percent(data.accuracy(name))}"
        for i, name in enumerate(engines)
    ]
    if best is not None:
        parts.append(f"the best baseline, {best}, {percent(data.accuracy(best))}")
    whole = f"Of {count(data.n_done)} samples, " if parts else f"{count(data.n_done)} samples"
    return whole + ", ".join(parts)
