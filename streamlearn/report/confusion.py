"""Picture 5: which classes the q16 engine takes for which."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from streamlearn.report.data import Ints, ReportData
from streamlearn.report.names import integer_name
from streamlearn.report.svg import BLUE, INK, Picture, drawing, inline_svg, new_figure
from streamlearn.report.text import count, escaped, percent, shortened

MAX_CLASSES = 30
MAX_NUMBERED = 12


def confusion(predictions: Ints, labels: Ints, n_classes: int) -> Ints:
    """Return int64 ``[n_classes, n_classes]``: samples of class i (row) predicted as j."""
    pairs = labels[: len(predictions)] * n_classes + predictions
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def draw_confusion(data: ReportData) -> Picture | None:
    """Draw the confusion matrix of q16; None without predictions or with too many classes."""
    name = integer_name(data)
    if name is None or not len(data.predictions[name]):
        return None
    predicted = data.predictions[name]
    labels = data.labels[: len(predicted)]
    n = max(len(data.classes), int(predicted.max()) + 1, int(labels.max()) + 1)
    if n > MAX_CLASSES:
        return None
    names = [*data.classes, *(str(i) for i in range(len(data.classes), n))]
    matrix = confusion(predicted, labels, n)
    share = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with drawing():
        figure = new_figure(min(5.0, 1.5 + 0.34 * n))
        ax = figure.add_subplot()
        colours = LinearSegmentedColormap.from_list("white to blue", ["#FFFFFF", BLUE, "#002B45"])
        mesh = ax.pcolormesh(
            share,
            cmap=colours,
            vmin=0,
            vmax=100,
            edgecolors="white",
            linewidth=0.6,
            rasterized=False,
        )
        ax.invert_yaxis()
        ticks = np.arange(n) + 0.5
        short = [shortened(text, 16) for text in names]
        ax.set_xticks(ticks, short, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_yticks(ticks, short)
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        if n <= MAX_NUMBERED:
            for i, j in np.argwhere(matrix > 0):
                ax.text(
                    j + 0.5,
                    i + 0.5,
                    count(int(matrix[i, j])),
                    ha="center",
                    va="center",
                    fontsize=9,
                    color="white" if share[i, j] > 45 else INK,
                )
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
        if n > MAX_NUMBERED:
            figure.colorbar(mesh, ax=ax, shrink=0.8, pad=0.02, label="share of the true class (%)")
        finding = _finding(matrix, names)
        svg = inline_svg(figure, "confusion-", escaped(finding))
    reading = (
        "Each row is a true class, each column what q16 predicted; the diagonal is right. Colour: "
        "share of the true class, white 0 %, black-blue 100 %."
    )
    if n <= MAX_NUMBERED:
        reading += " Numbers count samples."
    return Picture(finding, svg, reading)


def _finding(matrix: Ints, names: list[str]) -> str:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return "q16 predicted every sample right"
    i, j = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    n = int(matrix[i, j])
    return (
        f"The most frequent mistake: {names[i]} taken for {names[j]}, {count(n)} times "
        f"({percent(n / int(matrix[i].sum()))} of {names[i]})"
    )
