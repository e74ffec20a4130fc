"""Figures over a stream of any length, in so many bins."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streamlearn.errors import ConfigError, ShapeError
from streamlearn.evaluation.timeline import Timeline


def filled(n: int, n_bins: int = 8) -> tuple[Timeline, np.ndarray]:
    values = np.random.default_rng(0).random((n, 2))
    values[::3, 1] = np.nan
    line = Timeline(["a", "b"], n_bins)
    for at, row in enumerate(values):
        line.add(at, row)
    return line, values


@pytest.mark.parametrize("n", [1, 7, 16, 17, 500, 4096])
def test_bins_are_the_means_of_their_samples(n: int) -> None:
    line, values = filled(n)
    w = line.width
    assert len(line.ends) == -(-n // w) <= 16
    assert w == 1 or len(line.ends) > 7
    assert line.ends[-1] == n
    assert np.allclose(line.mean("a"), [values[i : i + w, 0].mean() for i in range(0, n, w)])
    total, count = line.total("b")
    assert (count, round(total, 9)) == (n - -(-n // 3), round(float(np.nansum(values[:, 1])), 9))
    smooth = line.mean("a", 3 * w)
    last = values[max(0, (len(line.ends) - 3) * w) :, 0].mean()
    assert np.isclose(smooth[-1], last)


def test_where_nobody_looked_there_is_no_mean() -> None:
    line = Timeline(["a"])
    line.add(0, [1.0])
    line.add(5, [2.0])
    assert np.isnan(line.mean("a")).tolist() == [False, True, True, True, True, False]


def test_it_goes_on_and_does_not_grow() -> None:
    line, values = filled(500)
    again = Timeline.from_dict(json.loads(json.dumps(line.to_dict())))
    for at in range(500, 2000):
        for one in (line, again):
            one.add(at, values[at % 500])
    assert line.to_dict() == again.to_dict()
    line.add(10**12, [1.0, 1.0])
    assert len(line.to_dict()["sums"]) <= 16


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ConfigError):
        Timeline([])
    with pytest.raises(ShapeError):
        Timeline(["a"]).add(0, [1.0, 2.0])
