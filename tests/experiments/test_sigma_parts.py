"""The loop in which q16's roundings are switched on one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.mesu import sigma_parts
from experiments.mesu.sigma_loop import PARTS, learn_block
from experiments.speed.rivals import mesu_loop
from quant.tables import EXP2

SAMPLES, DRAWS, SHAPE = 12, 4, (9, 6, 3)


def learned(parts: tuple[str, ...]) -> tuple[Any, ...]:
    """What plain Python learns with some parts on, and what the loop of ``speed`` learns."""
    rng = np.random.default_rng(3)
    n_in, n_hidden, n_out = SHAPE
    mu1, mu2 = rng.normal(0, 0.3, SHAPE[:2]), rng.normal(0, 0.3, SHAPE[1:])
    sigma1, sigma2 = rng.uniform(0.05, 0.2, SHAPE[:2]), rng.uniform(0.05, 0.2, SHAPE[1:])
    mu2 = np.floor(mu2 * 2**15 + 0.5) / 2**15
    exponent = np.full(n_hidden, -2, np.int64)
    v2 = np.floor(sigma2**2 * 2.0**17 + 0.5) / 2.0**17
    x = rng.normal(size=(SAMPLES, n_in)).astype(np.float32)
    labels = rng.integers(0, n_out, SAMPLES)
    epsilon = [
        rng.standard_normal((SAMPLES, DRAWS, n)).astype(np.float32) for n in (n_hidden, n_out)
    ]
    first = [a.astype(np.float32) for a in (mu1, sigma1)]
    rates = np.array([-1 / DRAWS, -1 / DRAWS, 1e-4, 1e-4])
    on = np.array([name in parts for name in PARTS], np.int64)
    gains = np.array([1 << 14, 14 + 2] * 2, np.int64)
    ours: list[Any] = [np.array(a) for a in (*first, mu2, v2)]
    ours_learn: Any = learn_block
    ours_learn(
        on, *ours, exponent, np.array([-27, 4]), 15, rates, gains, EXP2.astype(float), 4, 0,
        x, labels, *epsilon, rng.random((SAMPLES, n_hidden, n_out, 4)),
    )  # fmt: skip
    theirs: list[Any] = [np.array(a, np.float32) for a in (*first, mu2, np.sqrt(v2))]
    short = np.array([-1 / DRAWS, -0.5 / DRAWS, -1e-4, 0.5e-4], np.float32)
    theirs_learn: Any = mesu_loop.learn_block
    theirs_learn(*theirs, short, 4, 0, x, labels, *epsilon)
    theirs[3] = theirs[3] ** 2
    return ours, theirs, exponent


def test_with_nothing_on_it_is_the_loop_of_the_speed_experiment() -> None:
    ours, theirs, _ = learned(())
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_changes_little_and_something(part: str) -> None:
    plain, _, _ = learned(())
    ours, _, _ = learned((part,))
    apart = max(float(np.abs(a - b).max()) for a, b in zip(ours, plain, strict=True))
    assert 0 < apart < 0.02


def test_with_mu_and_sigma_on_both_are_whole_lsb() -> None:
    ours, _, exponent = learned(("mu", "sigma"))
    for numbers in (ours[2] * 2**15, ours[3] / 2.0 ** (exponent[:, None] - 15)):
        np.testing.assert_array_equal(numbers, np.rint(numbers))


def test_the_table_is_beside_the_loop_with_nothing_on() -> None:
    rows = [
        {"seed": 0, "name": "none", "sigma": [0.1, 0.01]},
        {"seed": 0, "name": "mu", "sigma": [0.1, 0.009]},
    ]
    table = sigma_parts.tables({"rows": rows, "seeds": [0]})["table"]
    assert "| mu | μ in whole LSB, dithered | +0.00 | -10.00 |" in table
