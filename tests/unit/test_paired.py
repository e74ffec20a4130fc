"""McNemar's test against values of the literature and of brute force."""

from __future__ import annotations

import math
from itertools import product

import pytest

from streamlearn.evaluation.paired import EXACT, paired


def pairs(both: int, first: int, second: int, none: int = 0) -> list[tuple[bool, bool]]:
    return (
        [(True, True)] * both
        + [(True, False)] * first
        + [(False, True)] * second
        + [(False, False)] * none
    )


def test_p_is_the_share_of_coins_that_split_as_unevenly() -> None:
    b, c = 2, 7
    n = b + c
    uneven = sum(abs(2 * sum(coins) - n) >= c - b for coins in product((0, 1), repeat=n))
    assert paired(pairs(5, b, c)).p_value == pytest.approx(uneven / 2**n)


def test_the_normal_takes_over_without_a_step() -> None:
    exact = paired(pairs(0, 450, EXACT - 450)).p_value
    normal = paired(pairs(0, 450, EXACT + 1 - 450)).p_value
    assert normal == pytest.approx(exact, rel=0.15)


def test_the_interval_holds_the_difference() -> None:
    found = paired(pairs(80, 5, 15))
    assert found.low < found.difference == 0.1 < found.high
    reach = 1.959964 * math.sqrt(20 - 100 / 100) / 100
    assert found.high - found.difference == pytest.approx(reach)


def test_nothing_and_no_difference() -> None:
    assert paired([]).n_samples == 0
    same = paired(pairs(10, 0, 0, 10))
    assert (same.p_value, same.difference, same.low, same.high) == (1.0, 0.0, 0.0, 0.0)
