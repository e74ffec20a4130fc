"""Instruction counts are exact, and both implementations of the tap give the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import firmware_sim_helpers as helpers
import numpy as np
import pytest

import firmware_sim as fs
from firmware_sim import native_tap, tap
from firmware_sim.emulator import uc
from firmware_sim.errors import BuildError

X = np.ones(8, np.float32)


def build(tmp_path: Path, board: str, **defines: int) -> fs.Firmware:
    export = helpers.make_export(tmp_path / "export", defines=defines)
    return fs.build_firmware(export, fs.get_board(board), tmp_path / "out")


@pytest.mark.parametrize("defines", [{}, {"SL_TEST_STRAIGHT": 1}], ids=["plain", "straight"])
def test_counts_equal_a_hook_on_every_instruction(tmp_path: Path, defines: dict[str, int]) -> None:
    """On the M0+ there are no IT blocks, so counting one by one must give the same.

    The second case is 1000 statements in a row, longer than a translation block can be.
    """
    firmware = build(tmp_path, "stm32l072", **defines)
    device = fs.Device(firmware)
    inside = [
        (symbol.address, symbol.address + symbol.size)
        for name, symbol in firmware.symbols.items()
        if name in ("sl_learner_learn", "sl_learner_predict", "load", "best", "add", "to_q")
    ]
    seen: list[int] = []

    def every(_engine: Any, address: int, _size: int, _user: Any) -> None:
        seen.append(address)

    device._uc.hook_add(uc.UC_HOOK_CODE, every)
    device._uc.ctl_flush_tb()  # blocks that ran at boot are translated without the hook
    for label in (0, 1, 2):
        seen.clear()
        device.learn(X * (label + 1), label)
        learner = sum(any(low <= pc < high for low, high in inside) for pc in seen)
        assert device.last_call.learner == learner > (1000 if defines else 100)
        assert device.last_call.learner + device.last_call.link == len(seen)


@pytest.mark.parametrize("board", ["stm32l072", "nrf52840"])
def test_native_and_python_taps_agree(tmp_path: Path, board: str) -> None:
    firmware = build(tmp_path, board)
    xs, ys = helpers.make_stream(5)
    results = []
    for counting in ("native", "python"):
        device = fs.Device(firmware, counting=counting)  # type: ignore[arg-type]
        result = device.run_stream(xs, ys)
        device.predict(X)
        results.append(
            (
                result.predictions.tolist(),
                result.learn_instructions.tolist(),
                result.link_instructions.tolist(),
                device.last_call,
                device.boot_instructions,
                device.instructions_total,
                device.ram(),
            )
        )
        assert device._tap.unknown == 0
    assert results[0] == results[1]


def test_python_tap_faults_and_hangs_too(tmp_path: Path) -> None:
    device = fs.Device(
        build(tmp_path, "stm32l072", SL_TEST_HANG=1), counting="python", instruction_limit=20_000
    )
    with pytest.raises(fs.DeviceFault, match="hung"):
        device.learn(X, 0)


@pytest.mark.parametrize("counting", ["native", "python"])
def test_the_receive_line_is_bounded(tmp_path: Path, counting: Any) -> None:
    device = fs.Device(build(tmp_path, "nrf52840"), counting=counting)
    with pytest.raises(fs.LinkError, match="the receive line holds"):
        device.send_bytes(bytes(200_000))
    assert device.hello().n_features == 8


def test_without_a_compiler_the_device_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware = build(tmp_path, "nrf52840")

    def missing() -> None:
        raise BuildError("no compiler")

    monkeypatch.setattr(native_tap, "_library", missing)
    assert fs.Device(firmware).predict(X) in range(3)
    with pytest.raises(fs.BuildError, match="no compiler"):
        fs.Device(firmware, counting="native")


def test_thumb_lengths() -> None:
    assert tap.count_instructions(bytes.fromhex("00bf00bf")) == 2
    assert tap.count_instructions(bytes.fromhex("fff7feff00bf")) == 2  # bl, nop
    assert tap.count_instructions(bytes.fromhex("00e0")) == 1  # b, 0b11100: still 16 bits
    assert tap.count_instructions(bytes.fromhex("40e8000000bf")) == 2  # 0b11101: 32 bits
