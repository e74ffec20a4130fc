"""predict.onnx, the engine and an emulated board say one label, also while classes have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from random_networks import drawn

import firmware_sim
from export import write_export
from streamlearn import MesuClassifier
from streamlearn.streams import load_mnist


def labels(learner: Any, x: Any, folder: Path, board: str) -> tuple[list[int], ...]:
    """What ONNX Runtime, the engine and the board predict of rows, from one export."""
    write_export(learner, folder / "export")
    session = onnxruntime.InferenceSession(
        folder / "export" / "predict.onnx", providers=["CPUExecutionProvider"]
    )
    rows = x.astype(np.float32)
    found = [session.run(["label"], {"x": part})[0] for part in np.array_split(rows, len(x) // 10)]
    firmware = firmware_sim.build_firmware(
        folder / "export", firmware_sim.get_board(board), folder / "run"
    )
    device = firmware_sim.Device(firmware)
    engine = [int(label) for label in learner.predict_many(x)]
    return np.concatenate(found).tolist(), engine, [device.predict(row) for row in rows]


def of_a_network(seed: int, folder: Path) -> None:
    learner, x = drawn(seed)
    if learner.spec.leaks:
        pytest.skip("a spiking network has no graph that only predicts")
    onnx, engine, board = labels(learner, x, folder, ("rp2040", "nrf52840")[seed % 2])
    assert onnx == engine == board


@pytest.mark.parametrize("seed", [4, 11])
def test_a_network_with_classes_missing(seed: int, tmp_path: Path) -> None:
    of_a_network(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_networks_with_classes_missing_on_boards(seed: int, tmp_path: Path) -> None:
    of_a_network(seed, tmp_path)


@pytest.mark.slow
def test_all_mnist_test_images_on_a_board(tmp_path: Path) -> None:
    train, test = load_mnist("train"), load_mnist("test")
    learner = MesuClassifier((784, 50, 10), classes=range(10), front_end="none")
    learner.learn_many(train.x[:2000], train.y[:2000])
    onnx, engine, board = labels(learner, test.x, tmp_path, "stm32f746")
    assert len(onnx) == 10_000
    assert onnx == engine == board
    assert np.mean(np.array(onnx) == test.y) > 0.8, "a network that learned nothing agrees easily"
