"""Picture 5: which classes the learner takes for which."""

from __future__ import annotations

import numpy as np

from streamlearn.report.colours import CELL, GRID, INK, ON_CELL
from streamlearn.report.data import Ints, ReportData
from streamlearn.report.engines import main_engine
from streamlearn.report.figure import Figure
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.sheet import Sheet
from streamlearn.report.text import count, percent, shortened

MAX_CLASSES = 30
MAX_NUMBERED = 12
#: From this share of its class on, a cell is dark enough for light letters.
LIGHT_LETTERS = 0.7


def confusion(predictions: Ints, labels: Ints, n_classes: int) -> Ints:
    """Return int64 ``[n_classes, n_classes]``: samples of class i (row) predicted as j."""
    pairs = labels[: len(predictions)] * n_classes + predictions
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def draw_confusion(data: ReportData) -> Picture | None:
    """Draw the confusion matrix; None without predictions or with too many classes."""
    engine = main_engine(data)
    if engine is None:
        return None
    matrix = data.confusion
    if matrix is None and engine.predictions is not None:
        predicted = engine.predictions
        labels = data.labels[: len(predicted)]
        n = max(len(data.classes), int(predicted.max()) + 1, int(labels.max()) + 1)
        matrix = confusion(predicted, labels, n) if n <= MAX_CLASSES else None
    if matrix is None or len(matrix) > MAX_CLASSES:
        return None
    n = len(matrix)
    names = [*data.classes, *(str(i) for i in range(len(data.classes), n))]
    finding = _finding(matrix, names, engine.arithmetic)
    svg = on_every_sheet(lambda sheet: _figure(matrix, names, sheet), "confusion", finding)
    reading = (
        f"Each row is a true class, each column what {engine.arithmetic} predicted; the diagonal "
        "is right. The stronger the blue, the larger the share of the true class."
    )
    if n <= MAX_NUMBERED:
        reading += " Numbers count samples."
    return Picture(finding, svg, reading)


def _figure(matrix: Ints, names: list[str], sheet: Sheet) -> Figure:
    n = len(matrix)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure = Figure(min(5.0, 1.5 + 0.34 * n), sheet)
    (ax,) = figure.panels()
    ax.x.limit(0, n)
    ax.y.limit(n, 0)
    for i, j in np.argwhere(matrix > 0).tolist():
        ax.box(j, i, 1, 1, CELL, float(share[i, j]))
    for at in range(n + 1):
        ax.line([at, at], [0, n], GRID, 0.6, order=0.5, clip=False)
        ax.line([0, n], [at, at], GRID, 0.6, order=0.5, clip=False)
    step = -(-n // MAX_NUMBERED) if sheet.n_columns == 1 else 1
    ticks = range(0, n, step)
    short = [shortened(names[i], 16) for i in ticks]
    for axis in (ax.x, ax.y):
        axis.name([i + 0.5 for i in ticks], short)
        axis.visible = False
    ax.x.tilted = True
    if n <= MAX_NUMBERED:
        size = 9 if sheet.n_columns == 2 or n <= 6 else 7.5
        for i, j in np.argwhere(matrix > 0).tolist():
            colour = ON_CELL if share[i, j] > LIGHT_LETTERS else INK
            number = count(int(matrix[i, j]))
            ax.write(number, j + 0.5, i + 0.5, colour, size, "center", -0.35 * size)
    ax.x.label, ax.y.label = "predicted class", "true class"
    return figure


def _finding(matrix: Ints, names: list[str], arithmetic: str) -> str:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return f"{arithmetic} predicted every sample right"
    i, j = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    n = int(matrix[i, j])
    return (
        f"The most frequent mistake: {names[i]} taken for {names[j]}, {count(n)} times "
        f"({percent(n / int(matrix[i].sum()))} of {names[i]})"
    )
