"""The baselines of a regression, in C: what the plain ones predict, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest

from streamlearn.baselines import SgdMlpClassifier
from streamlearn.baselines.online import OnlineBaselines
from streamlearn.baselines.online_targets import LR, TARGET_WINDOW, OnlineTargets
from streamlearn.baselines.standardizer import RunningStandardizer
from streamlearn.errors import ShapeError, StateFormatError

D, N = 5, 400


def stream(n: int = N, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, D)).astype(np.float32)
    return x, (1000 + 50 * x[:, 0] + rng.normal(size=n)).astype(np.float32)


def sgd(x: np.ndarray, y: np.ndarray, layers: tuple[int, ...]) -> list[float]:
    """A ReLU network under plain SGD on squared errors, as plainly as it can be written."""
    start = SgdMlpClassifier(layers, seed=0)
    weights, biases = start.weights, start.biases or []
    inputs, target = RunningStandardizer(D), RunningStandardizer(1, window=TARGET_WINDOW)
    found = []
    for row, value in zip(x.astype(np.float64), y.astype(np.float64), strict=True):
        steps = [inputs.update(row)]
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            a = w @ steps[-1] + b
            steps.append(a if k == len(weights) - 1 else np.maximum(a, 0))
        mean, variance = target.mean[0], target.variance[0]
        found.append(mean + np.sqrt(variance) * steps[-1][0] if target.n else np.nan)
        delta = steps[-1] - target.update(np.array([value]))
        for k in reversed(range(len(weights))):
            below = (delta @ weights[k]) * (steps[k] > 0)
            weights[k] = weights[k] - LR * np.outer(delta, steps[k])
            biases[k] = biases[k] - LR * delta
            delta = below
    return found


def nearest(x: np.ndarray, y: np.ndarray, room: int) -> list[float]:
    scale, kept, found = RunningStandardizer(D), [], []
    for row, value in zip(x.astype(np.float64), y.tolist(), strict=True):
        z = np.clip(np.rint(scale.update(row) * 16), -128, 127)
        by_place = sorted(kept, key=lambda one: one[2])
        far = [float(((other - z) ** 2).sum()) for other, _, _ in by_place]
        found.append(by_place[int(np.argmin(far))][1] if far else np.nan)
        kept.append((z, value, len(found) % room))
        kept = kept[-room:]
    return found


@pytest.mark.parametrize("layers", [(D, 1), (D, 16, 1), (D, 12, 5, 1)])
def test_each_is_what_the_plain_one_predicts(layers: tuple[int, ...]) -> None:
    x, y = stream()
    one = OnlineTargets(layers, 800)
    found = one.see(x, y)
    np.testing.assert_allclose(found.sgd, sgd(x, y, layers), rtol=1e-9)
    np.testing.assert_array_equal(found.nearest, nearest(x, y, one.room))
    if len(layers) > 2:
        late = slice(N // 2, None)
        guess = np.abs(y[late] - y.mean()).mean()
        assert np.abs(found.sgd - y)[late].mean() < guess
        assert np.abs(found.nearest - y)[late].mean() < guess


def test_blocks_of_any_size_and_a_checkpoint_change_nothing() -> None:
    x, y = stream()
    whole = OnlineTargets((D, 8, 1), 800).see(x, y)
    parts, one, at = [], OnlineTargets((D, 8, 1), 800), 0
    for n in (1, 2, 50, 1, 346):
        parts.append(one.see(x[at : at + n], y[at : at + n]))
        again = OnlineTargets((D, 8, 1), 800, seed=9)
        again.go_on(one.to_bytes())
        one, at = again, at + n
    np.testing.assert_array_equal(np.concatenate([p.sgd for p in parts]), whole.sgd)
    np.testing.assert_array_equal(np.concatenate([p.nearest for p in parts]), whole.nearest)


def test_a_row_without_a_target_teaches_nothing() -> None:
    x, y = stream(40)
    one, other = OnlineTargets((D, 8, 1), 800), OnlineTargets((D, 8, 1), 800)
    first = one.see(x, y)
    assert np.isnan([first.sgd[0], first.nearest[0]]).all(), "nothing is known yet"
    assert not np.isnan([first.sgd[1:], first.nearest[1:]]).any()
    other.see(x, y)
    other.see(x[:5] * 100, np.full(5, np.nan))
    assert one.to_bytes() == other.to_bytes()


def test_it_keeps_no_more_bytes_than_the_state() -> None:
    one = OnlineTargets((D, 8, 1), 800)
    assert 800 - D - 4 < one.bytes_kept <= 800
    before = len(one.to_bytes())
    one.see(*stream(1000, 3))
    assert len(one.to_bytes()) == before


def test_what_does_not_fit_is_refused() -> None:
    one = OnlineTargets((D, 8, 1), 800)
    x, y = stream(3)
    for rows, targets in ((x[:, :-1], y), (x, y[:2])):
        with pytest.raises(ShapeError):
            one.see(rows, targets)
    with pytest.raises(StateFormatError):
        one.go_on(OnlineBaselines((D, 8, 1), 800).to_bytes())
    with pytest.raises(ShapeError, match="one output"):
        OnlineTargets((D, 8, 2), 800)
