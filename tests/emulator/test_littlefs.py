"""littlefs, a filesystem that is not ours, keeps a file on a board through the port's functions.

Its driver calls the board's own `sl_port_erase` and `sl_port_program` in the emulator. So the port
promises what a driver of flash has to promise, and not just what our two areas happen to need.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import firmware_sim_helpers as helpers
import pytest

import firmware_sim as fs
from firmware_sim.emulator import arm

littlefs = pytest.importorskip("littlefs", reason="littlefs-python is not installed")

UNIT = 16
#: A state whose areas have room for a filesystem with two copies of a part of it.
N, CLASSES, PART = 1000, 20, 10_000
REGISTERS = [
    *range(arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R12 + 1),
    arm.UC_ARM_REG_SP,
    arm.UC_ARM_REG_LR,
    arm.UC_ARM_REG_PC,
]


class PortFlash(littlefs.UserContext):  # type: ignore[misc]
    """The block device: reads in place, erases and programs by the board's port."""

    def __init__(self, device: fs.Device, block_bytes: int) -> None:
        super().__init__(block_bytes)
        self._device, self._block = device, block_bytes
        self._origin = device.firmware.storage.origin

    def _call(self, name: str, *arguments: int) -> int:
        """Run one function of the firmware; return what it returns."""
        device, engine = self._device, self._device._uc
        kept = [engine.reg_read(at) for at in REGISTERS]
        nowhere = device.firmware.address_of("Fault_Handler")  # never run, so never translated
        for number, value in enumerate(arguments):
            engine.reg_write(arm.UC_ARM_REG_R0 + number, value)
        engine.reg_write(arm.UC_ARM_REG_LR, nowhere | 1)
        engine.emu_start(device.firmware.address_of(name) | 1, nowhere)
        device._check_hardware(f"calling {name}")
        result = int(engine.reg_read(arm.UC_ARM_REG_R0))
        for at, value in zip(REGISTERS, kept, strict=True):
            engine.reg_write(at, value)
        return result

    def read(self, _config: Any, block: int, offset: int, size: int) -> bytearray:
        at = self._origin + block * self._block + offset
        return bytearray(self._device.hardware.cells.read(at, size))

    def prog(self, _config: Any, block: int, offset: int, data: bytes) -> int:
        at = self._origin + block * self._block + offset
        firmware = self._device.firmware
        buffer = firmware.address_of("sl_frame_words")
        for start in range(0, len(data), UNIT):
            self._device._uc.mem_write(buffer, bytes(data[start : start + UNIT]))
            if self._call("sl_port_program", at + start, buffer):
                return -5
        return 0

    def erase(self, _config: Any, block: int) -> int:
        return -5 if self._call("sl_port_erase", self._origin + block * self._block) else 0

    def sync(self, _config: Any) -> int:
        return 0


def mounted(device: fs.Device, mount: bool = True) -> Any:
    page = device.firmware.board.flash.page_bytes
    return littlefs.LittleFS(
        context=PortFlash(device, page),
        mount=mount,
        block_size=page,
        block_count=device.firmware.storage.bytes // page,
        read_size=UNIT,
        prog_size=UNIT,
        cache_size=UNIT,
        lookahead_size=8,
    )


#: Their ports erase pages; the RP2040's program whole pages of flash only, U5's units once.
@pytest.mark.parametrize("board", ["nrf52840", "stm32u585"])
def test_littlefs_keeps_a_state_through_the_ports_functions(board: str, tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export", n_features=N, n_classes=CLASSES)
    device = fs.Device(fs.build_firmware(export, fs.get_board(board), tmp_path / "out"))
    xs, ys = helpers.make_stream(6, N, CLASSES)
    mounted(device, mount=False).format()
    for x, y in zip(xs, ys.tolist(), strict=True):
        device.learn(x, y)
        filesystem = mounted(device)
        with filesystem.open("state.bin", "wb") as file:
            file.write(device.read_state()[:PART])
    state = device.read_state()
    device.power_on()
    assert device.read_state() != state, "the firmware itself has committed nothing"
    filesystem = mounted(device)  # it has to outlive its files
    with filesystem.open("state.bin", "rb") as file:
        assert file.read() == state[:PART]
