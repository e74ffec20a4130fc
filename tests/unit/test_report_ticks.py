"""Where ticks stand, and that a picture of any numbers is a picture."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from streamlearn.report.colours import BLUE
from streamlearn.report.figure import Figure
from streamlearn.report.sheet import NARROW
from streamlearn.report.ticks import Axis, linear_ticks, log_ticks


@pytest.mark.parametrize(
    ("low", "high", "n", "whole", "expected"),
    [
        (0, 102, 5, False, [0, 25, 50, 75, 100]),
        (0, 1, 4, False, [0, 0.25, 0.5, 0.75, 1]),
        (0, 1, 4, True, [0, 1]),
        (0, 9, 4, True, [0, 5]),
        (-0.7, 0.7, 3, False, [-0.5, 0, 0.5]),
        (3, 3, 4, False, []),
        (-1e308, 1e308, 1, False, []),
    ],
)
def test_ticks(low: float, high: float, n: int, whole: bool, expected: list[float]) -> None:
    assert linear_ticks(low, high, n, whole) == expected


def test_logarithmic_ticks() -> None:
    assert log_ticks(0.02, 3) == pytest.approx([0.03, 0.1, 0.3, 1, 3])
    assert len(log_ticks(1e-300, 1e300)) <= 13


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((0, 10), "0 2 4 6 8 10"),
        ((0, 0.5), "0.0 0.1 0.2 0.3 0.4 0.5"),
        ((-1, 1), "−1.0 −0.5 0.0 0.5 1.0"),
    ],
)
def test_what_stands_at_them(limits: tuple[float, float], expected: str) -> None:
    axis = Axis()
    axis.limit(*limits)
    assert [text for _, text in axis.marks()] == expected.split()


@pytest.mark.parametrize(
    "values",
    [[], [math.nan], [5.0], [1e20, 1e20], [-1e308, 1e308], [0.0, 5e-324], [1, math.inf, 2]],
)
def test_any_numbers_are_a_picture(values: list[float]) -> None:
    figure = Figure(2.0, NARROW)
    (panel,) = figure.panels()
    panel.line(np.arange(len(values)), values, BLUE, label="<&>", radius=1)
    panel.band(np.arange(len(values)), values, values, BLUE, 0.5)
    figure.legend()
    with np.errstate(all="raise", under="ignore"):
        svg = figure.svg("x", "<")
    assert "&lt;&amp;&gt;" in svg
    assert not re.search(r"[\s\"MLhv](nan|inf|-inf)", svg)
