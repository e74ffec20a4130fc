"""The host's kernel in blocks: the same as sample by sample, for every rule and head."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from test_kernel_files import BARE, BUILDS, EACH, first

from quant.errors import ShapeError, StreamlearnError
from quant.native import NativeKernel
from quant.state import State, init_state

N = 40


def start(name: str) -> tuple[NativeKernel, State]:
    given = BUILDS[name].given
    return NativeKernel(*given), init_state(*given, 1)


def samples(name: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    spec = BUILDS[name].spec
    rng = np.random.default_rng(3)
    x = rng.normal(size=(N, spec.n_features)).astype(np.float32)
    if spec.n_classes:
        return x, rng.integers(0, spec.n_classes, N)
    return x, rng.normal(size=N)


def words(kernel: NativeKernel, predictions: npt.NDArray[Any]) -> list[list[int]]:
    rows: list[list[int]] = predictions.reshape(N, kernel.prediction_words).tolist()
    return rows


@EACH
def test_learning_in_blocks_is_learning_one_by_one(name: str) -> None:
    (kernel, state), (single, twin) = start(name), start(name)
    x, targets = samples(name)
    predictions = kernel.learn(state, x, targets)
    expected = []
    for row, target in zip(x, targets.tolist(), strict=True):
        status = single.learn_one(twin, row, target)
        expected.append(single.prediction.tolist())
        assert status == (expected[-1][0] if single.prediction_words == 1 else 0)
    assert words(kernel, predictions) == expected
    assert state.tobytes() == twin.tobytes()
    assert kernel.saturations == single.saturations
    assert len({tuple(row) for row in expected}) > 1, "a test of one prediction only"


@EACH
def test_predicting_in_blocks_is_predicting_one_by_one(name: str) -> None:
    kernel, state = start(name)
    x, targets = samples(name)
    kernel.learn(state, x, targets)
    before = state.tobytes()
    predictions, outputs = kernel.predict_many(state, x)
    assert outputs.shape == (N, BUILDS[name].spec.n_outputs)
    expected = []
    for row, mean in zip(x, outputs, strict=True):
        status, given = kernel.predict(state, row)
        expected.append(kernel.prediction.tolist())
        assert status == (expected[-1][0] if kernel.prediction_words == 1 else 0)
        assert given.tobytes() == mean.tobytes()
        if BUILDS[name].spec.memory is None:  # else the answer is the pool's
            drawn = kernel.draws(state, row)[1].mean(axis=1)
            assert np.allclose(drawn, mean, rtol=1e-5, atol=1e-4)
    assert words(kernel, predictions) == expected
    assert state.tobytes() == before


@EACH
def test_a_block_stops_at_the_bad_sample(name: str) -> None:
    kernel, state = start(name)
    x, targets = samples(name)
    kernel.learn(state, x, targets)
    before = state.tobytes()
    x[3, 0] = np.inf
    message = r"sample 3 of 40: an input is NaN or infinite; the 3 samples before it could be"
    with pytest.raises(StreamlearnError, match=message):
        kernel.predict_many(state, x)
    assert state.tobytes() == before
    with pytest.raises(StreamlearnError, match=r"sample 3 of 40: .* have been learned"):
        kernel.learn(state, x, targets)
    assert int(state["n_samples"][0]) == N + 3


def test_a_target_that_is_not_finite_leaves_the_state() -> None:
    kernel, state = start(first("mesu", "gaussian"))
    before = state.tobytes()
    for bad in (np.nan, np.inf, -np.inf):
        assert kernel.learn_one(state, np.ones(5, np.float32), bad) == -1
        assert not kernel.prediction.any()
    assert state.tobytes() == before


def test_one_target_for_each_sample() -> None:
    kernel, state = start(BARE)
    with pytest.raises(ShapeError, match="3 targets for 4 samples: give one for each"):
        kernel.learn(state, np.zeros((4, 5), np.float32), [0, 1, 2])


def test_a_block_of_no_samples() -> None:
    kernel, state = start(BARE)
    none = np.zeros((0, 5), np.float32)
    assert kernel.learn(state, none, []).shape == (0,)
    predictions, outputs = kernel.predict_many(state, none)
    assert predictions.shape == (0,)
    assert outputs.shape == (0, 3)
