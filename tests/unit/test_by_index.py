"""A learner through class indices is the learner itself, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from quant.rule import RULES
from streamlearn.by_index import ByIndex
from streamlearn.errors import InputValueError, LabelError
from streamlearn.learners.loading import learner_class

LABELS = ("b", "a", "c")


@pytest.mark.parametrize(
    ("rule", "arithmetic"), [(name, a) for name, rule in RULES.items() for a in rule.arithmetics]
)
def test_indices_and_labels_learn_the_same(rule: str, arithmetic: str) -> None:
    def new():
        return learner_class(rule, "categorical")((3, 8, 3), classes=LABELS, arithmetic=arithmetic)

    rng = np.random.default_rng(0)
    by_label, by_index = new(), ByIndex(new())
    for x in rng.normal(size=(40, 3)).astype(np.float32):
        y = int(rng.integers(3))
        assert LABELS[by_index.predict_one(x)] == by_label.predict_one(x)
        assert LABELS[by_index.test_then_learn_one(x, y)] == by_label.test_then_learn_one(
            x, LABELS[y]
        )
    by_index.learn_one(x, 2)
    assert by_index.learner.state_sha256 == by_label.learn_one(x, "c").state_sha256


def test_what_is_refused_leaves_the_learner_as_it_was() -> None:
    learner = ByIndex(learner_class("mesu", "categorical")((3, 8, 3), classes=LABELS))
    before = learner.learner.state_sha256
    for y in (-1, 3, 65535):
        with pytest.raises(LabelError, match=f"class index {y}: the learner has 3 classes"):
            learner.test_then_learn_one(np.zeros(3, np.float32), y)
    with pytest.raises(InputValueError):
        learner.test_then_learn_one(np.full(3, np.nan, np.float32), 0)
    assert learner.learner.state_sha256 == before
