"""BiMU on emulated boards: λ in two bytes is golden, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from streamlearn import BimuClassifier


def boot(board: str, folder: Path, **given: Any) -> tuple[BimuClassifier, fs.Device]:
    """A learner on the desk, and the same on a board."""
    learner = BimuClassifier((128, 12, 6), classes=range(6), **given)
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export", fs.get_board(board), folder / "run", warnings_are_errors=True
    )
    return learner, fs.Device(firmware)


@pytest.mark.parametrize("board", ["rp2040", "nrf52840", "riscv-virt"])
def test_two_bytes_learn_the_bits_of_the_golden_model(board: str, tmp_path: Path, gas: Any) -> None:
    learner, device = boot(board, tmp_path, arithmetic="q16", backend="numpy", memory_window=900.0)
    result = device.run_stream(gas.x[:150], gas.y[:150])
    expected = []
    for x, y in zip(gas.x[:150], gas.y[:150].tolist(), strict=True):
        expected.append(learner.predict_one(x))
        learner.learn_one(x, y)
    assert result.predictions.tolist() == expected
    assert device.read_state() == learner.state.tobytes()
    low = learner.state["belief"][0] & 255
    assert len(np.unique(low)) > 200, "the low byte is in use"
