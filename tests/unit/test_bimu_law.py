"""What a weight is by its λ: moments against draws of it, and derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest

from quant.rules.bimu.law import SMALL, law_of
from quant.rules.bimu.plan import HARD, RELAXED

BELIEFS = np.array([-3.9, -1.0, -SMALL, -0.01, 0.0, 0.2, SMALL - 1e-9, SMALL + 1e-9, 2.0, 3.5])
#: Middles of as many intervals of 0 to 1.
U = (np.arange(400_000) + 0.5) / 400_000


@pytest.mark.parametrize("relaxed", [0, 1])
def test_mean_and_variance_are_those_of_the_weights_that_are_drawn(relaxed: int) -> None:
    for belief, mean, variance in zip(BELIEFS, *law_of(BELIEFS, relaxed)[:2], strict=True):
        shifted = belief + 0.5 * np.log(U / (1 - U))
        weights = np.tanh(shifted) if relaxed else np.sign(shifted)
        assert mean == pytest.approx(weights.mean(), abs=1e-5)
        assert variance == pytest.approx(weights.var(), abs=1e-5)


@pytest.mark.parametrize("relaxed", [0, 1])
def test_slope_and_lean_are_derivatives(relaxed: int) -> None:
    h = 1e-5
    less, law, more = (law_of(BELIEFS + by, relaxed) for by in (-h, 0, h))
    np.testing.assert_allclose(law.slope, (more.mean - less.mean) / (2 * h), atol=1e-7)
    bend = (more.variance - less.variance) / (2 * h)
    np.testing.assert_allclose(law.lean, -bend / (2 * law.slope), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("relaxed", "table"), [(0, HARD), (1, RELAXED)])
def test_tables_are_the_law_rounded(relaxed: int, table: object) -> None:
    law = law_of(np.arange(-127, 128) / 32, relaxed)
    for name, real in law._asdict().items():
        bits = 8 if name in ("mean", "lean") else 15
        # the variance of ±1 is that of the rounded mean
        room = 256 if name in ("variance", "slope") and not relaxed else 1
        assert np.abs(getattr(table, name)[1:] - real * 2.0**bits).max() <= room


def test_relaxed_weights_are_less_sure_and_stay_more_plastic_where_lambda_is_large() -> None:
    hard, relaxed = (law_of(np.array([2.0, 3.0, 3.9]), choice) for choice in (0, 1))
    assert (relaxed.mean < hard.mean).all()
    assert (relaxed.slope > 2 * hard.slope).all()
