"""Which samples deserve a label: margins, a threshold that follows a budget, the learner's verb."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from quant.asking import LIMIT, Asking, margin
from quant.errors import ConfigError
from quant.rule import RULES
from streamlearn import MetaplasticClassifier
from streamlearn.learners.loading import learner_class
from streamlearn.streams import load_gas_drift

DRAWN = [name for name, rule in RULES.items() if rule.draws]


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([[2.0, 2.0], [1.0, 0.5], [0.0, 0.0]], 1 << 16),  # the less certain draw, by 1
        ([[2.0, 0.0], [0.0, 0.5]], -(1 << 15)),  # the second draw prefers the other class
        ([[1.0, 1.0], [1.0, 1.0]], 0),
        ([[99.0], [0.0]], LIMIT),
        ([[-2.0, 0.0]], 0),  # one class is known: nothing to compare
    ],
)
def test_the_margin_is_that_of_the_least_certain_draw(
    logits: list[list[float]], expected: int
) -> None:
    assert margin(np.array(logits)) == expected


@pytest.mark.parametrize("budget", [0.02, 0.1, 0.5])
def test_a_threshold_follows_its_budget_whatever_the_margins_are(budget: float) -> None:
    rng = np.random.default_rng(1)
    asking = Asking(budget)
    for scale in (0.3, 2.0, 0.05):  # the stream changes
        margins = (rng.normal(1, 1, 6000) * scale * 65536).astype(int)
        asked = np.array([asking.asks(int(m)) for m in margins])
        assert abs(asked[1000:].mean() - budget) < 0.15 * budget
        assert margins[asked].mean() < margins[~asked].mean()  # the uncertain ones


def test_a_new_learner_asks_first_and_a_budget_of_all_asks_always() -> None:
    asking = Asking(0.05)
    assert asking.asks(LIMIT - 1)
    assert not asking.asks(LIMIT)
    assert all(Asking(1.0).asks(LIMIT) for _ in range(3))


@pytest.mark.parametrize("budget", [0.02, 0.05, 0.3])
def test_a_learner_that_is_always_sure_asks_too_within_its_budget(budget: float) -> None:
    asking = Asking(budget)
    asked = np.array([asking.asks(0 if t < 200 else LIMIT) for t in range(3000)])
    distances = np.diff(np.flatnonzero(asked))
    assert distances.max() <= 3 / budget + 1
    assert asked[200:].mean() <= budget


def test_one_class_for_long_does_not_spend_more_than_the_budget() -> None:
    learner: Any = learner_class(DRAWN[0], "categorical")((2, 8, 2), classes=range(2))
    asked = 0
    for t in range(1000):
        if learner.wants_label([t % 2, t % 3], 0.1):
            asked += 1
            learner.learn_one([t % 2, t % 3], 0)
    assert 100 < asked < 150


@pytest.mark.parametrize("budget", [0.0, -0.1, 1.5, float("nan")])
def test_a_budget_that_is_no_share_is_refused(budget: float) -> None:
    with pytest.raises(ConfigError, match=r"budget=.*: expected a share of the samples"):
        Asking(budget)


@pytest.mark.parametrize("rule", DRAWN)
def test_a_learner_asks_for_its_budget_and_stays_as_it_is(rule: str) -> None:
    stream = load_gas_drift(limit=700)
    learner: Any = learner_class(rule, "categorical")((128, 16, 6), classes=range(6))
    asked = 0
    for x, y in stream:
        before = learner.state_sha256 if asked < 3 else None
        wanted = learner.wants_label(x, 0.2)
        assert before is None or learner.state_sha256 == before
        asked += wanted
        if wanted:
            learner.learn_one(x, y)
    assert 0.2 < asked / 700 < 0.26  # all labels at the start
    assert learner.n_samples == asked


@pytest.mark.parametrize("rule", DRAWN)
def test_engines_ask_for_the_same_labels(rule: str) -> None:
    stream, found = load_gas_drift(limit=120), []
    for backend in ("c", "numpy"):
        learner: Any = learner_class(rule, "categorical")(
            (128, 8, 6), classes=range(6), backend=backend
        )
        asked = []
        for x, y in stream:
            asked.append(learner.wants_label(x, 0.3))
            if asked[-1]:
                learner.learn_one(x, y)
        found.append(asked)
    assert found[0] == found[1]
    assert 0 < sum(found[0]) < len(found[0])


def test_a_copy_finds_its_threshold_anew() -> None:
    learner: Any = learner_class(DRAWN[0], "categorical")((2, 8, 2), classes=range(2))
    for t in range(200):
        if learner.wants_label([t % 2, t % 3], 0.05):
            learner.learn_one([t % 2, t % 3], t % 2)
    assert not learner.wants_label([1, 0], 0.05)
    assert pickle.loads(pickle.dumps(learner)).wants_label([1, 0], 0.05)


def test_a_rule_that_does_not_draw_has_no_such_verb() -> None:
    assert not hasattr(MetaplasticClassifier((2, 8, 2)), "wants_label")
