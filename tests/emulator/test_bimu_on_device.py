"""BiMU on emulated boards: λ in two bytes is golden, bit for bit; float32 agrees with the desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from streamlearn import BimuClassifier


def boot(
    board: str, folder: Path, optimize: str = "speed", **given: Any
) -> tuple[BimuClassifier, fs.Device]:
    """A learner on the desk, and the same on a board."""
    learner = BimuClassifier((128, 12, 6), classes=range(6), **given)
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export",
        fs.get_board(board),
        folder / "run",
        warnings_are_errors=True,
        optimize=optimize,
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


@pytest.mark.parametrize("relaxed", [0, 1])
def test_float32_on_the_cortex_m4f_agrees_with_the_desk(
    relaxed: int, tmp_path: Path, gas: Any
) -> None:
    """To rounding: a product and its sum are rounded once on the desk, twice on the chip.

    The desk keeps what weights are for the update, a chip computes it again.
    """
    learner, device = boot("nrf52840", tmp_path, arithmetic="float32", relaxed=relaxed)
    result = device.run_stream(gas.x[:100], gas.y[:100])
    expected = []
    for x, y in zip(gas.x[:100], gas.y[:100].tolist(), strict=True):
        expected.append(learner.predict_one(x))
        learner.learn_one(x, y)
    on_device = np.frombuffer(device.read_state(), learner.state.dtype)
    apart = np.abs(on_device["belief"] - learner.state["belief"])
    assert np.mean(result.predictions == expected) >= 0.97
    assert np.quantile(apart, 0.9) < 1e-3
    assert np.abs(learner.state["belief"]).max() > 0.5


def test_float32_built_for_size_has_the_bits_of_that_for_speed(tmp_path: Path, gas: Any) -> None:
    """All files are compiled as one: a name of one file must not mean another thing in the next."""
    states = []
    for optimize in ("speed", "size"):
        _, device = boot("nrf52840", tmp_path / optimize, optimize, arithmetic="float32")
        device.run_stream(gas.x[:60], gas.y[:60])
        states.append(device.read_state())
    assert states[0] == states[1]
