"""The whole gas stream on every board, in each emulator that has it: one state."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rp2040js_port
from qemu_port import PROGRAMS, qemu

import firmware_sim as fs
from export import write_export
from firmware_sim.link import Request, encode_frame
from streamlearn import MesuClassifier

#: What fits the smallest board.
LAYERS = (128, 8, 6)
BOARDS = fs.list_boards()
#: QEMU's machine of the board has less than the board.
RAM_IN_QEMU = {"stm32vldiscovery": 8192}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "export"
    write_export(MesuClassifier(LAYERS, classes=range(6)), folder)
    return folder


@pytest.fixture(scope="module")
def learned(gas: Any) -> bytes:
    """The desk's state, in C."""
    learner = MesuClassifier(LAYERS, classes=range(6))
    return learner.learn_many(gas.x, gas.y.tolist()).state.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_in_unicorn(
    board: fs.Board, exported: Path, learned: bytes, gas: Any, tmp_path: Path
) -> None:
    device = fs.Device(fs.build_firmware(exported, board, tmp_path))
    for x, y in zip(gas.x, gas.y.tolist(), strict=True):
        device.learn(x, y)
    assert device.read_state() == learned


@pytest.mark.slow
@pytest.mark.parametrize(
    "board", [board for board in BOARDS if board.qemu], ids=lambda board: board.name
)
def test_in_qemu(board: fs.Board, exported: Path, learned: bytes, gas: Any, tmp_path: Path) -> None:
    assert board.qemu is not None
    if PROGRAMS[board.core.isa] is None:
        pytest.skip(f"QEMU for {board.core.isa} is not on PATH")
    firmware = fs.build_firmware(exported, board, tmp_path)
    needs, has = firmware.ram_bytes.total, RAM_IN_QEMU.get(board.qemu.machine, board.ram.bytes)
    if needs > has:
        pytest.skip(f"{board.qemu.machine} has {has} bytes of RAM, 128 features need {needs}")
    with qemu(board.qemu.machine, firmware.elf_path, board.core.isa) as port:
        device = fs.RemoteDevice(port, f"{board.name} in QEMU", timeout_s=20)
        for x, y in zip(gas.x, gas.y.tolist(), strict=True):
            device.learn(x, y)
        assert device.read_state() == learned


@pytest.mark.slow
@pytest.mark.skipif(bool(rp2040js_port.WHY_NOT), reason=rp2040js_port.WHY_NOT)
def test_in_rp2040js(exported: Path, learned: bytes, gas: Any, tmp_path: Path) -> None:
    firmware = fs.build_firmware(exported, fs.get_board("rp2040"), tmp_path)
    xs = np.asarray(gas.x, "<f4")
    requests = [
        (Request.LEARN, x.tobytes() + struct.pack("<H", y))
        for x, y in zip(xs, gas.y.tolist(), strict=True)
    ]
    requests.append((Request.READ_STATE, struct.pack("<IH", 0, firmware.state_bytes)))
    frames = [
        encode_frame(kind, 1 + at & 0xFF, payload) for at, (kind, payload) in enumerate(requests)
    ]
    assert rp2040js_port.exchange(firmware, frames, tmp_path).answers[-1][8:-4] == learned
