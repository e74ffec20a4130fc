"""The ESP32-C3: its boot ROM runs code from flash, which is a chip behind a cache.

No second emulator has this chip. What is tested is that the port does what Espressif's manual asks
for, as `firmware_sim.flash_chips` has it, and that each of these demands can fail.
"""

from __future__ import annotations

from pathlib import Path

import firmware_sim_helpers as helpers
import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from test_boards import port

import firmware_sim as fs
from firmware_sim.isa_riscv import riscv_instructions

BOARD = fs.get_board("esp32c3")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return helpers.make_export(tmp_path_factory.mktemp("esp32c3") / "export")


@pytest.fixture(scope="module")
def firmware(export: Path, tmp_path_factory: pytest.TempPathFactory) -> fs.Firmware:
    return fs.build_firmware(export, BOARD, tmp_path_factory.mktemp("built"))


def test_the_image_is_what_the_boot_rom_wants(firmware: fs.Firmware) -> None:
    image = (firmware.elf_path.parent / "firmware.bin").read_bytes()
    assert image[:8] == bytes.fromhex("1d04dbae1d04dbae")
    assert image[8:12] == (0x0F80006F).to_bytes(4, "little"), "jal x0, to the table behind 256"
    assert len(image) == 256 + firmware.flash_bytes
    for address, data in firmware.segments:
        assert image[address - BOARD.flash.origin :].startswith(data)
    # Where code is fetched the core reads whole words only: constants lie at the other address.
    with firmware.elf_path.open("rb") as stream:
        found = {part.name: int(part["sh_addr"]) for part in ELFFile(stream).iter_sections()}
    assert (found[".vectors"], found[".text"] >> 22) == (0x42000100, 0x42000000 >> 22)
    assert found[".rodata"] >> 22 == 0x3C000000 >> 22
    device = fs.Device(firmware)
    assert device.identity() == "eeffc034df7c0000"
    device._flash[4] ^= 1
    with pytest.raises(fs.BuildError, match="flash does not begin with 1d 04 db ae"):
        device.power_on()


def test_no_control_register_is_used_that_the_core_lacks(firmware: fs.Firmware) -> None:
    """The ESP32-C3 has neither mie nor mip: an access to them would be a fault."""
    with firmware.elf_path.open("rb") as stream:
        code = list(riscv_instructions(ELFFile(stream), firmware.elf_path))
    used = {insn.op_str.split(",")[0] for insn in code if insn.mnemonic in ("csrci", "csrw")}
    assert used == {"mstatus", "mtvec"}
    read = {insn.op_str.split(",")[1].strip() for insn in code if insn.mnemonic == "csrr"}
    assert read == {"mepc", "mcause", "mtval"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"EXTMEM(0x28u) = 1u;": ""}, "fault while answering COMMIT", id="the cache is kept",
        ),
        pytest.param(
            {"(bytes + CACHE_BLOCK - 1u) / CACHE_BLOCK": "bytes / CACHE_BLOCK"},
            "leaves in the cache what the flash no longer holds", id="a block too few",
        ),
        pytest.param(
            {"} while ((SPI1(0x58u) & 1u) != 0u);": "} while (0);"},
            "empties the cache while the flash chip is busy", id="it does not wait",
        ),
        pytest.param(
            {"(uint32_t)chip_linked + CODE_IN_RAM": "(uint32_t)chip_linked"},
            "Fetch from non-executable memory", id="run where only data is",
        ),
        pytest.param({"transfer(CMD_WRITE, 0u);": ""}, "without write enable", id="not enabled"),
        pytest.param(
            {'__attribute__((section(".data.in_ram"), noinline))': "__attribute__((noinline))",
             "(uint32_t)chip_linked + CODE_IN_RAM": "(uint32_t)chip_linked"},
            "fault while answering COMMIT", id="run from flash",
        ),
    ],
)  # fmt: skip
def test_what_the_flash_asks_for_is_seen_to(
    change: dict[str, str], message: str, export: Path, tmp_path: Path
) -> None:
    folder = port(tmp_path / "mine", "esp32c3", change)
    built = fs.build_firmware(export, fs.load_board(folder), tmp_path / "out")
    device = fs.Device(built, instruction_limit=3_000_000)
    with pytest.raises(fs.DeviceFault, match=message):
        device.commit()


def test_a_cut_at_every_kind_of_operation_loses_nothing(firmware: fs.Firmware) -> None:
    device = fs.Device(firmware)
    xs, ys = helpers.make_stream(6)
    device.learn(xs[0], int(ys[0]))
    device.commit()
    first = device.read_state()
    device.learn(xs[1], int(ys[1]))
    second = device.read_state()
    for operation in range(1, 60, 7):
        device.power_on()
        device.learn(xs[1], int(ys[1]))
        device.cut_power(fs.Cut(flash_operation=operation, tear="garbage"))
        try:
            device.commit()
        except fs.PowerLost:
            device.power_on()
        assert device.read_state() in (first, second)
        if device.read_state() == second:
            break
    assert np.all(device.predict(xs[2]) >= 0)
