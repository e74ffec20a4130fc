"""Is one learner of numbers better: the test keeps its promise, also where neighbours resemble."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamlearn.evaluation.paired_errors import paired_errors


def resembling(rng: np.random.Generator, n: int, share: float) -> np.ndarray:
    """Differences of mean 0 of which each keeps a share of the one before."""
    noise, found = rng.normal(size=n), np.zeros(n)
    for i in range(1, n):
        found[i] = share * found[i - 1] + noise[i]
    return found


def p_of(d: np.ndarray) -> float:
    return paired_errors([(10.0, 10.0 + one) for one in d.tolist()]).p_value


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_chance_is_called_chance(share: float) -> None:
    rng = np.random.default_rng(0)
    streams = [resembling(rng, 1500, share) for _ in range(300)]
    wrong = np.mean([p_of(d) < 0.05 for d in streams])
    assert 0.02 < wrong < 0.10
    naive = [abs(d.mean()) > 1.96 * d.std() / math.sqrt(len(d)) for d in streams]
    assert share == 0 or np.mean(naive) > 0.2, "the canary: a test that takes them as independent"


def test_a_difference_is_found_with_its_sign() -> None:
    rng = np.random.default_rng(1)
    d = resembling(rng, 4000, 0.5) - 0.3
    found = paired_errors([(10.0, 10.0 + one) for one in d.tolist()])
    assert found.difference == pytest.approx(d.mean())
    assert found.low < found.difference < found.high < 0
    assert found.p_value < 0.001
    assert found.n_samples == 4000


def test_nothing_few_and_no_difference() -> None:
    assert paired_errors([]).n_samples == 0
    assert math.isnan(paired_errors([(1.0, 2.0)]).p_value)
    same = paired_errors([(1.0, 1.0)] * 50)
    assert (same.difference, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert paired_errors([(1.0, 2.0)] * 50).p_value == 0.0
    assert math.isnan(paired_errors([(1.0, math.inf)] * 50).p_value)
