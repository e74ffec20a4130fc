"""Targets of a regressor: what is predicted, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from quant.errors import InputValueError, ShapeError
from streamlearn.checks.registry import REGRESSOR, check
from streamlearn.checks.samples import fresh, refuses, samples, trained


@check(REGRESSOR)
def a_prediction_has_finite_deviations_after_two_samples(learner: Any) -> None:
    """Before, there is no scale, and the standard deviations are infinite."""
    made = fresh(learner)
    rows = samples(learner, 40)
    assert np.isinf(made.predict_distribution_one(rows[0][0]).sd), "a scale before any target"
    for x, y in rows:
        made.learn_one(x, y)
    found = made.predict_distribution_one(rows[0][0])
    assert found.mean == made.predict_one(rows[0][0])
    assert 0 < found.aleatoric < np.inf, "aleatoric deviation out of range"
    assert 0 <= found.epistemic < np.inf, "epistemic deviation out of range"


@check(REGRESSOR)
def targets_are_read_as_float32(learner: Any) -> None:
    """What a device gets."""
    wide, narrow = fresh(learner), fresh(learner)
    for x, y in samples(learner, 20):
        wide.learn_one(x, y)
        narrow.learn_one(x, np.float32(y))
    assert wide.state_sha256 == narrow.state_sha256, "more than float32 of a target was read"


@check(REGRESSOR)
def wrong_targets_are_refused(learner: Any) -> None:
    """Text, None, several numbers, NaN, infinity, beyond float32."""
    made = trained(learner)
    x, _ = samples(learner, 1)[0]
    for target, error in (
        ("high", InputValueError),
        (None, InputValueError),
        ([1.0, 2.0], ShapeError),
        (float("nan"), InputValueError),
        (float("inf"), InputValueError),
        (1e39, InputValueError),
    ):
        with refuses(made, error, "target"):
            made.learn_one(x, target)


@check(REGRESSOR)
def a_scale_of_the_target_changes_nothing_else(learner: Any) -> None:
    """Targets times 1024 give predictions times 1024: a power of two loses no bit."""
    one, other = fresh(learner), fresh(learner)
    for x, y in samples(learner, 40):
        one.learn_one(x, y)
        other.learn_one(x, np.float32(y) * 1024)
    x, _ = samples(learner, 1, seed=1)[0]
    expected, found = one.predict_one(x) * 1024, other.predict_one(x)
    assert abs(found - expected) <= 1e-3 * abs(expected), "the target's scale was applied"
