"""What a desk keeps of a learner's beliefs is not another learner's, nor what they were before."""

from __future__ import annotations

import numpy as np
import pytest

from quant.rule import RULES
from streamlearn import BimuClassifier
from streamlearn.engines import Backend


@pytest.mark.parametrize(
    "arithmetic", [name for name in RULES["bimu"].arithmetics if name[0] == "q"]
)
def test_learners_in_turn_are_as_learners_alone(arithmetic: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 6)).astype(np.float32)
    y = ["a" if row[0] > 0 else "b" for row in x]

    def learner(seed: int, backend: Backend) -> BimuClassifier:
        return BimuClassifier((6, 9, 2), arithmetic=arithmetic, backend=backend, seed=seed, lr=8.0)

    pairs = [(learner(seed, "c"), learner(seed, "numpy")) for seed in (1, 2)]
    for row, label in zip(x, y, strict=True):
        for desk, golden in pairs:
            desk.learn_one(row, label)
            golden.learn_one(row, label)
            assert np.array_equal(desk.predict_proba_one(row), golden.predict_proba_one(row))
    for desk, golden in pairs:
        assert desk.state.tobytes() == golden.state.tobytes()
