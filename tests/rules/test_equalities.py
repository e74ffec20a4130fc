"""Golden = C = emulated device = ONNX for every rule, head and variant there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from equalities import (
    BOARDS,
    device_equals_host,
    golden_equals_c,
    integer,
    onnx_equals_golden,
    onnx_learns_as_golden,
)
from learners import Kind, kinds

from quant import noise
from quant.native import NativeKernel
from streamlearn.engines import NumpyEngine

ON_CHIP = [kind for kind in kinds() if kind.backend == "c" and integer(kind)]
GOLDEN = [kind._replace(backend="numpy") for kind in ON_CHIP]


@pytest.mark.parametrize("kind", GOLDEN, ids=str)
def test_golden_equals_c(kind: Kind) -> None:
    golden_equals_c(kind)


def on_boards() -> list[Any]:
    """Every learner on the first board; on others each rule and head, and variants in slow runs."""
    return [
        pytest.param(
            kind,
            board,
            id=f"{kind}-{board}",
            marks=pytest.mark.slow if kind.variant and board != BOARDS[0] else (),
        )
        for board in BOARDS
        for kind in ON_CHIP
    ]


@pytest.mark.parametrize(("kind", "board"), on_boards())
def test_device_equals_host(kind: Kind, board: str, tmp_path: Path) -> None:
    device_equals_host(kind, board, tmp_path)


@pytest.mark.parametrize("kind", ON_CHIP, ids=str)
def test_onnx_equals_golden(kind: Kind, tmp_path: Path) -> None:
    onnx_equals_golden(kind, tmp_path)


@pytest.mark.parametrize("kind", ON_CHIP, ids=str)
def test_the_graph_that_learns_equals_golden(kind: Kind, tmp_path: Path) -> None:
    onnx_learns_as_golden(kind, tmp_path)


def test_canary_one_other_word_of_noise_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quant.noise.STREAM_PULL_ROW", noise.STREAM_PULL_ROW + 1)
    kind = next(kind for kind in ON_CHIP if kind.rule == "mesu" and not kind.variant)
    with pytest.raises(AssertionError, match="state after 70 samples"):
        onnx_learns_as_golden(kind, tmp_path)


def test_canary_one_bit_of_the_state_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    learn = NativeKernel.learn

    def off_by_one_bit(self: Any, state: Any, x: Any, targets: Any) -> Any:
        found = learn(self, state, x, targets)
        state.view(np.uint8)[-1] ^= 1
        return found

    monkeypatch.setattr(NativeKernel, "learn", off_by_one_bit)
    with pytest.raises(AssertionError, match="state after 50 samples"):
        golden_equals_c(GOLDEN[0])


def test_canary_one_prediction_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    learn_many = NumpyEngine.learn_many

    def another(self: Any, state: Any, x: Any, targets: Any) -> Any:
        found = learn_many(self, state, x, targets)
        found[-1] += 1
        return found

    monkeypatch.setattr(NumpyEngine, "learn_many", another)
    with pytest.raises(AssertionError, match="predictions of samples 0 to 49"):
        golden_equals_c(GOLDEN[0])
