"""Nine units at ten draws: once compiled wrongly in vectors of eight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamlearn import MesuClassifier, MesuFactoredClassifier


@pytest.mark.parametrize("kind", [MesuClassifier, MesuFactoredClassifier])
def test_nine_units_equal_golden(kind: Any) -> None:
    rng = np.random.default_rng(0)
    host, golden = (
        kind((20, 9, 4), classes=range(4), backend=backend) for backend in ("c", "numpy")
    )
    for label in rng.integers(0, 4, 60).tolist():
        x = rng.standard_normal(20)
        assert host.test_then_learn_one(x, label) == golden.test_then_learn_one(x, label)
    assert host.state_sha256 == golden.state_sha256
