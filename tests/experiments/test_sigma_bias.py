"""What q16's hidden gradient loses: the cuts, one by one, and the tables."""

from __future__ import annotations

import numpy as np

from experiments.mesu import sigma_bias

LOGITS = np.array([[9 << 16, 3 << 16], [1 << 16, 2 << 16], [-(9 << 16), 1 << 16]])


def test_cuts_take_from_the_sum_and_balancing_gives_it_back() -> None:
    found = sigma_bias.deltas(LOGITS, 1)
    sums = {name: delta.sum(axis=0) for name, delta in found.items()}
    np.testing.assert_allclose(sums["table"], 0, atol=1e-15)
    assert (sums["probabilities"] < 0).all()
    assert (sums["probabilities"] > -len(LOGITS) / 65536).all()
    np.testing.assert_array_equal(sums["balanced"], 0)
    assert (np.abs(found["lanes"]) <= np.abs(found["probabilities"])).all(), "towards zero"
    assert (found["lanes"] != found["probabilities"]).any()


def test_the_tables_say_what_was_measured() -> None:
    look = {"active": 0.5, "square": 2.0, "sigma": 0.1}
    record = {
        "origin": {"command": "c"},
        "samples": 10,
        "tasks": 2,
        "probes": 3,
        "course": [{"tasks": 2, "float32": look, "q16": {**look, "sigma": 0.09}}],
        "gradient": {"q16": [-18.2, 0.5]},
        "push": {"step": [0.00335, 0.0001], "gradient": [0.00336, 0.0001]},
    }
    found = sigma_bias.tables(record)
    assert "| 2 | 50.0 | 50.0 | +0.0 | -10.0 |" in found["course"]
    assert "| -18.2 ± 0.5 |" in found["bias"]
    assert "| +3.35 ± 0.10 |" in found["push"]
