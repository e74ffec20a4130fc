"""Errors over a stream of any length, and rows whose labels come late, in bounded memory."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streamlearn.evaluation.error_curve import MAX_BINS, ErrorCurve
from streamlearn.watching.late_rows import LateRows


def test_it_is_the_mean_and_does_not_grow() -> None:
    errors = np.random.default_rng(0).normal(size=10 * MAX_BINS + 7)
    curve = ErrorCurve()
    curve.add(errors)
    assert curve.mae == pytest.approx(np.abs(errors).mean())
    assert curve.rmse == pytest.approx(np.sqrt((errors**2).mean()))
    assert len(curve.to_dict()["sums"]) <= MAX_BINS
    ends, mae = curve.over_time(300)
    assert ends[-1] == len(errors)
    wide = -(-300 // curve.width) * curve.width  # whole bins
    first = (len(errors) - 1) // curve.width * curve.width + curve.width - wide
    assert mae[-1] == pytest.approx(np.abs(errors[first:]).mean())
    assert mae[0] == pytest.approx(np.abs(errors[: curve.width]).mean())


def test_blocks_and_a_checkpoint_change_no_bit() -> None:
    errors = np.random.default_rng(1).normal(size=3 * MAX_BINS)
    whole, parts, at = ErrorCurve(), ErrorCurve(), 0
    whole.add(errors)
    for n in (1, 5, MAX_BINS + 3, 0, MAX_BINS, MAX_BINS):
        parts.add(errors[at : at + n])
        parts, at = ErrorCurve.from_dict(json.loads(json.dumps(parts.to_dict()))), at + n
    assert parts.to_dict() == whole.to_dict()


def test_what_diverges_is_said_and_kept() -> None:
    curve = ErrorCurve()
    assert np.isnan(curve.mae)
    curve.add(np.array([1.0, np.nan, 1e300]))
    assert not np.isfinite(curve.mae)
    again = ErrorCurve.from_dict(json.loads(json.dumps(curve.to_dict(), allow_nan=False)))
    assert not np.isfinite(again.mae)


@pytest.mark.parametrize("delay", [0, 1, 4, 30])
@pytest.mark.parametrize("kind", [np.int64, np.float32])
def test_late_rows_are_learned_in_their_time(delay: int, kind: type) -> None:
    rng = np.random.default_rng(delay)
    x, y = rng.normal(size=(60, 2)).astype(np.float32), rng.integers(0, 3, 60).astype(kind)
    expected: list[tuple[float, float | None]] = []
    for i in range(60):
        if not delay:
            expected.append((x[i, 0], y[i]))
            continue
        expected.append((x[i, 0], None))
        if i >= delay:
            expected.append((x[i - delay, 0], y[i - delay]))
    late, found, asked, at = LateRows(delay, 2), [], [], 0
    for n in (1, 7, 0, 20, 32):
        rows, labels, where = late.put(x[at : at + n], y[at : at + n])
        assert labels.dtype == kind
        asked += rows[where, 0].tolist()
        none = np.isnan(labels) if kind is np.float32 else labels < 0
        pairs = zip(rows[:, 0].tolist(), labels.tolist(), none.tolist(), strict=True)
        found += [(a, None if c else b) for a, b, c in pairs]
        late, at = late.again(json.loads(json.dumps(late.to_dict()))), at + n
    assert found == expected
    assert asked == x[:, 0].tolist()
