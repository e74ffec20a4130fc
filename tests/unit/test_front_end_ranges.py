"""Known ranges: the frozen front end starts with them, in every arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError
from streamlearn import MesuClassifier, MesuRegressor, MetaplasticClassifier

RANGES = ((-40.0, 85.0), (0.0, 65535.0), (300.0, 1100.0), (0.0, 1e-3))
SETTINGS: dict[str, Any] = {"front_end": "frozen", "front_end_ranges": RANGES}


def rows(n: int) -> Any:
    low, high = np.array(RANGES).T
    return (low + np.random.default_rng(0).random((n, 4)) * (high - low)).astype(np.float32)


@pytest.mark.parametrize("arithmetic", ["q16", "float32", "float64"])
def test_the_first_sample_is_scaled_by_the_range_and_nothing_moves(arithmetic: str) -> None:
    learner = MesuClassifier((4, 8, 2), arithmetic=arithmetic, **SETTINGS)
    before = {name: learner.state[name].copy() for name in ("mean", "variance", "feature_count")}
    for x, y in zip(rows(50), [0, 1] * 25, strict=True):
        learner.learn_one(x, y)
    for name, value in before.items():
        assert np.array_equal(learner.state[name], value), name


def test_inputs_are_the_position_in_the_range() -> None:
    from quant.front_end.golden import inputs

    learner = MesuClassifier((4, 8, 2), **SETTINGS)
    for share in (0.0, 0.25, 0.5, 1.0):
        x = np.array([low + share * (high - low) for low, high in RANGES])
        _, z = inputs("frozen", 300, learner.state, x, learner.saturations)
        assert np.abs(z / 16 - (share - 0.5) * np.sqrt(12)).max() <= 1 / 16


def test_golden_and_c_agree_and_an_image_keeps_the_ranges() -> None:
    c, golden = (MesuClassifier((4, 8, 2), backend=b, **SETTINGS) for b in ("c", "numpy"))
    for x, y in zip(rows(60), [0, 1] * 30, strict=True):
        c.learn_one(x, y)
        golden.learn_one(x, y)
    assert c.state_sha256 == golden.state_sha256
    again = MesuClassifier.from_bytes(c.to_bytes())
    assert again.front_end_ranges == RANGES
    assert again.state_sha256 == c.state_sha256
    assert type(c)(**c.get_params()).spec == c.spec


@pytest.mark.parametrize("kind", [MesuRegressor, MetaplasticClassifier])
def test_every_learner_takes_them(kind: Any) -> None:
    learner = kind((4, 8, 1 if kind is MesuRegressor else 2), **SETTINGS)
    for x, y in zip(rows(20), [0, 1] * 10, strict=True):
        learner.learn_one(x, y)
    assert learner.front_end_ranges == RANGES


@pytest.mark.parametrize(
    ("front_end", "ranges", "message"),
    [
        ("standardise", RANGES, 'known ranges are for "frozen"'),
        ("frozen", RANGES[:3], "3 ranges: expected 4"),
        ("frozen", [(0, 1), (2, 1), (0, 1), (0, 1)], "feature 1 has"),
        ("frozen", [(0, 1), (0, 1), (0, float("nan")), (0, 1)], "feature 2 has"),
        ("frozen", [(0, 1), (0, 1), (0, 1), (1e6, 1e6 + 1e-3)], "feature 3 has.*too narrow"),
        ("frozen", 5, "expected \\(low, high\\)"),
    ],
)
def test_what_is_no_range_is_refused(front_end: str, ranges: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MesuClassifier((4, 8, 2), front_end=front_end, front_end_ranges=ranges)
