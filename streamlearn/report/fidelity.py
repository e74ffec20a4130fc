"""Picture 2: what rounding to integers changed."""

from __future__ import annotations

import numpy as np

from streamlearn.report.data import Floats, Ints, ReportData
from streamlearn.report.names import float_name, integer_name
from streamlearn.report.stream_axis import (
    MAX_POINTS,
    batch_starts,
    finish,
    mark_batches,
    thinned,
    warm_up,
)
from streamlearn.report.svg import BLACK, GREY, VERMILLION, Picture, drawing, inline_svg, new_figure
from streamlearn.report.text import count, escaped, percent

#: The scale is chosen for what follows this sample; a mean over fewer jumps about.
SETTLED = 300


def draw_fidelity(data: ReportData) -> Picture | None:
    """Draw q16 against floating point; None unless both predicted something."""
    integer, real = integer_name(data), float_name(data)
    if integer is None or real is None:
        return None
    m = min(len(data.predictions[integer]), len(data.predictions[real]))
    if not m:
        return None
    q16, reference, labels = (
        data.predictions[integer][:m],
        data.predictions[real][:m],
        data.labels[:m],
    )
    apart = np.flatnonzero(q16 != reference)
    difference = running_difference(q16, reference, labels)
    at = thinned(m, warm_up(m))
    with drawing():
        figure = new_figure(3.4)
        top, rug = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
        top.axhline(0, color=GREY, linewidth=0.8)
        top.plot(at + 1, difference[at], color=VERMILLION, linewidth=1.4)
        settled = np.abs(difference[min(SETTLED, m // 4) :])
        reach = max(0.5, 1.2 * float(np.max(settled)))
        top.set_ylim(-reach, reach)
        top.set_ylabel(f"q16 − {real}\n(percentage points)")
        for text, y, align in (("q16 better", 0.97, "top"), (f"{real} better", 0.03, "bottom")):
            top.annotate(
                text,
                (0.995, y),
                xycoords="axes fraction",
                ha="right",
                va=align,
                color=GREY,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
        mark_batches(top, data, m)
        marks = _marks(apart, m)
        x = np.repeat(marks, 3)
        heights = np.tile([0.0, 1.0, np.nan], len(marks))
        rug.plot(x, heights, color=BLACK, linewidth=0.55, alpha=0.75)
        rug.set_ylim(0, 1)
        rug.set_yticks([])
        rug.spines["left"].set_visible(False)
        rug.set_ylabel("they\ndiffer", rotation=0, ha="right", va="center")
        mark_batches(rug, data, m, numbers=False)
        finish(rug, m)
        finding = _finding(q16, reference, float(difference[-1]), real)
        svg = inline_svg(figure, "fidelity-", escaped(finding))
    reading = (
        "Above: the accuracy since the first sample, q16 minus "
        f"{real}. Below: one mark for each of the {count(len(apart))} samples on which the two "
        "predicted different classes"
        + (", at most one mark in each 600th of the stream." if len(marks) < len(apart) else ".")
    )
    if batch_starts(data.batch):
        reading += " Vertical lines: a new recording batch begins."
    return Picture(finding, svg, reading)


def running_difference(q16: Ints, reference: Ints, labels: Ints) -> Floats:
    """Return float64 ``[m]``: running accuracy of q16 minus the reference's, percent points."""
    gained = (q16 == labels).astype(np.int64) - (reference == labels)
    return np.asarray(100 * np.cumsum(gained) / np.arange(1, len(labels) + 1), np.float64)


def _marks(apart: Ints, m: int) -> Floats:
    if m <= MAX_POINTS:
        return np.asarray(apart + 1, np.float64)
    cells = np.unique(apart * MAX_POINTS // m)
    return np.asarray((cells + 0.5) * m / MAX_POINTS, np.float64)


def _finding(q16: Ints, reference: Ints, points: float, real: str) -> str:
    same = float(np.mean(q16 == reference))
    if same == 1:
        return f"q16 and {real} predicted the same class for every one of {count(len(q16))} samples"
    if abs(points) < 0.005:
        end = "and were equally often right"
    else:
        end = f"and q16 ended {abs(points):.2f} points {'above' if points > 0 else 'below'}"
    return f"q16 and {real} predicted the same class on {percent(same)} of the samples, {end}"
