"""bimu-pmnist: every algorithm is in the table; a rule of the library learns and is restored."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.bimu.learners import RULE_SETTINGS, make, network_of
from experiments.bimu.report import NAMES
from experiments.bimu.runs import ALGORITHMS
from experiments.loop.runs import Setting
from quant.rule import RULES


def test_every_algorithm_has_a_name_in_the_table() -> None:
    assert set(NAMES) == set(ALGORITHMS)


def test_what_differs_between_the_arithmetics_of_bimu() -> None:
    """All have the paper's constants; a byte fades, and float32 has the paper's draws."""
    byte, two, real = (network_of(name)[1] for name in ("bimu", "bimu-q16", "bimu-float"))
    assert {name for name, value in vars(byte).items() if value != vars(two)[name]} == {"fade"}
    assert {name for name, value in vars(two).items() if value != vars(real)[name]} == {"n_draws"}
    assert (byte.fade > 0, two.fade, real.n_draws) == (True, 0, 5)


@pytest.mark.parametrize("name", RULE_SETTINGS)
def test_a_rule_learns_and_goes_on_from_what_was_kept(name: str) -> None:
    assert network_of(name)[2] in RULES[RULE_SETTINGS[name][0]].arithmetics
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 1, (30, 784)).astype(np.float32)
    labels = rng.integers(0, 10, 30)
    one, other = (make(Setting(name, (784, 100, 10)), 3) for _ in range(2))
    one.learn(images[:20], labels[:20], 0)
    other.restore(one.arrays())
    for learner in (one, other):
        learner.learn(images[20:], labels[20:], 1)
    assert np.array_equal(one.classify(images, (0,)), other.classify(images, (0,)))
    assert one.bytes() == other.bytes() > 78_400
    assert one.drawn(images[:2], (0,)).shape[1:] == (2, 10)
