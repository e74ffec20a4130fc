"""Networks drawn from a seed, for tests that compare what predicts from one state."""

from __future__ import annotations

from typing import Any

import numpy as np

from quant.rule import RULES
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import learner_class, variants_of


def drawn(seed: int) -> tuple[StreamLearner, Any]:
    """A network of any rule, shape, front end and settings, with classes missing; and rows."""
    rng = np.random.default_rng(seed)
    rule = str(rng.choice(sorted(RULES)))
    variants = [{}, *variants_of(rule, "categorical").values()]
    settings = variants[int(rng.integers(len(variants)))]
    sizes = (int(rng.integers(1, 12)), 4 * int(rng.integers(1, 6)), int(rng.integers(2, 9)))
    kind: Any = learner_class(rule, "categorical")
    learner = kind(
        sizes,
        classes=range(sizes[-1]),
        front_end=str(rng.choice(["standardise", "frozen", "none"])),
        seed=seed,
        backend="numpy",
        **settings,
    )
    x = (rng.normal(0, 1, (12, sizes[0])) * 10.0 ** rng.integers(-3, 4)).astype(np.float32)
    taught = rng.permutation(sizes[-1])[: int(rng.integers(0, sizes[-1]))]
    for row in x[: 8 * (len(taught) > 0)]:
        learner.learn_one(row, int(rng.choice(taught)))
    return learner, x
