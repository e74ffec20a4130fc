"""The baselines of a run, in C: what the plain ones predict, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest

from streamlearn.baselines import SgdMlpClassifier
from streamlearn.baselines.online import OnlineBaselines, Predicted
from streamlearn.baselines.standardizer import RunningStandardizer
from streamlearn.errors import ShapeError, StateFormatError
from streamlearn.evaluation import majority_predictions, no_change_predictions

D, K, N = 7, 4, 400


def stream(n: int = N, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, K, n)
    x = rng.normal(size=(n, D)) + 2 * np.eye(K, D)[y]
    return x.astype(np.float32), y.astype(np.int64)


def nearest(x: np.ndarray, y: np.ndarray, room: int) -> list[int]:
    """The nearest of the newest kept rows, as plainly as it can be written."""
    scale, kept, found = RunningStandardizer(D), [], []
    for row, label in zip(x.astype(np.float64), y.tolist(), strict=True):
        z = np.clip(np.rint(scale.update(row) * 16), -128, 127)
        by_place = sorted(kept, key=lambda one: one[2])
        far = [float(((other - z) ** 2).sum()) for other, _, _ in by_place]
        found.append(by_place[int(np.argmin(far))][1] if far else 0)
        kept.append((z, label, len(found) % room))
        kept = kept[-room:]
    return found


@pytest.mark.parametrize("layers", [(D, K), (D, 16, K), (D, 12, 5, K)])
def test_each_is_what_the_plain_one_predicts(layers: tuple[int, ...]) -> None:
    x, y = stream()
    found = OnlineBaselines(layers, 800, seed=3).see(x, y)
    plain, predictions = SgdMlpClassifier(layers, seed=3), []
    for row, label in zip(x, y.tolist(), strict=True):
        predictions.append(plain.predict_one(row))
        plain.learn_one(row, label)
    assert found.sgd.tolist() == predictions
    assert found.nearest.tolist() == nearest(x, y, OnlineBaselines(layers, 800).room)
    assert found.majority.tolist() == majority_predictions(y).tolist()
    assert found.no_change.tolist() == no_change_predictions(y).tolist()


def test_blocks_of_any_size_and_a_checkpoint_change_nothing() -> None:
    x, y = stream()
    whole = OnlineBaselines((D, 8, K), 800).see(x, y)
    parts, one, at = [], OnlineBaselines((D, 8, K), 800), 0
    for n in (1, 2, 50, 1, 346):
        parts.append(one.see(x[at : at + n], y[at : at + n]))
        again = OnlineBaselines((D, 8, K), 800, seed=9)
        again.go_on(one.to_bytes())
        one, at = again, at + n
    for name, together in zip(Predicted._fields, whole, strict=True):
        assert np.concatenate([getattr(p, name) for p in parts]).tolist() == together.tolist()


def test_a_row_without_a_label_teaches_nothing() -> None:
    x, y = stream(40)
    one, other = OnlineBaselines((D, 8, K), 800), OnlineBaselines((D, 8, K), 800)
    one.see(x, y)
    other.see(x, y)
    other.see(x[:5] * 100, np.full(5, -1))
    assert one.to_bytes() == other.to_bytes()


def test_they_do_not_grow_and_keep_no_more_bytes_than_the_state() -> None:
    one = OnlineBaselines((D, 8, K), 800)
    assert 800 - D < one.bytes_kept <= 800
    before = len(one.to_bytes())
    for seed in range(5):
        one.see(*stream(1000, seed))
    assert len(one.to_bytes()) == before


def test_large_values_end_in_no_error() -> None:
    x, y = stream(50)
    x[::2] = 3e38
    x[1::2] = -3e38
    found = OnlineBaselines((D, 8, K), 800).see(x, y)
    assert set(np.concatenate(found).tolist()) <= set(range(K))


def test_what_does_not_fit_is_refused() -> None:
    one = OnlineBaselines((D, 8, K), 800)
    x, y = stream(3)
    for rows, labels in ((x[:, :-1], y), (x, y[:2]), (x, np.array([0, 1, K])), (x, y - 9)):
        with pytest.raises(ShapeError):
            one.see(rows, labels)
    with pytest.raises(StateFormatError, match="another network"):
        one.go_on(OnlineBaselines((D, 9, K), 800).to_bytes())
    with pytest.raises(StateFormatError, match="damaged"):
        one.go_on(one.to_bytes()[:-40])
    with pytest.raises(ShapeError):
        OnlineBaselines((D,), 800)
