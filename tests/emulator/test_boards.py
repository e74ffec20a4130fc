"""A board's folder: its figures make sense, its port touches what it declares and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import firmware_sim_helpers as helpers
import pytest

import firmware_sim as fs
from firmware_sim.port_sources import boot2_sum
from firmware_sim.uf2 import read_uf2

BOARDS = fs.list_boards()


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return helpers.make_export(tmp_path_factory.mktemp("boards") / "export")


def port(folder: Path, board: str, change: dict[str, str] | None = None, **fields: Any) -> Path:
    """Copy a board's folder; change lines of its port.c and fields of its board.json."""
    shutil.copytree(fs.get_board(board).folder, folder)
    text = (folder / "port.c").read_text()
    for old, new in (change or {}).items():
        assert old in text
        text = text.replace(old, new)
    (folder / "port.c").write_text(text)
    entry = json.loads((folder / "board.json").read_text())
    (folder / "board.json").write_text(json.dumps({**entry, "name": "mine", **fields}))
    return folder


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_figure_of_a_datasheet_has_its_page_or_says_that_nobody_looked(board: fs.Board) -> None:
    told = [board.flash.endurance_source] if board.flash.endurance else []
    if board.current is not None:
        told.append(board.current.source)
    for source in told:
        verified = re.search(r"page \d+", source) is not None
        assert verified != ("from memory" in source and "page not verified" in source), source


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_board_passes_the_checklist(board: fs.Board, export: Path, tmp_path: Path) -> None:
    """What docs/port-to-your-board.md asks of a port: clock, flash, ticks, watchdog."""
    firmware = fs.build_firmware(
        export, board, tmp_path, warnings_are_errors=True, commit=4, watchdog=True
    )
    device = fs.Device(firmware)
    xs, ys = helpers.make_stream(40)
    assert device.hardware.watchdog.started
    assert len(device.identity()) == 16
    device.run_stream(xs, ys)
    assert device.stored() == fs.Stored("factory", 10, 10, 0, 0)
    state = device.read_state()
    fed = device.hardware.watchdog.feeds
    device.pass_time(0.1)
    assert device.hardware.watchdog.feeds >= fed + 10
    device.power_on()
    assert device.stored() == fs.Stored("newest", 10, 0, 0, 0)
    assert device.read_state() == state
    assert device._tap.unknown == 0
    # A frame that is never finished times out by the port's clock.
    assert device.send_bytes(b"\xa5\x5a\x01\x02") == b""
    assert device.pass_time(0.4) == b""
    device.send_bytes(b"\0")  # still waited for: the silence begins anew
    assert device.pass_time(0.4) == b""
    assert device.pass_time(0.2) == b""
    assert device.hello().n_features == 8


@pytest.mark.parametrize(
    ("store", "address"),
    [
        pytest.param("REG32(0x40021008u) = 1u;", 0x40021008, id="a register of a declared page"),
        pytest.param("REG32(0x40004400u) = 1u;", 0x40004400, id="another peripheral"),
        pytest.param("REG32(0x4001381Cu) = 1u;", 0x4001381C, id="the serial port's page"),
        pytest.param("REG32(0x40022030u) = 1u;", 0x40022030, id="the flash controller's page"),
        pytest.param("REG32(0x40022010u) = 1u;", 0x40022010, id="flash without keys"),
        pytest.param("REG32(0x08000100u) = 1u;", 0x08000100, id="code"),
        pytest.param("unlock(1u); REG32(0x0801F800u) = 1u;", 0x0801F800, id="a word at once"),
        pytest.param("(void)sl_port_erase(0x08000000u);", 0x40022010, id="erases code"),
    ],
)
def test_a_store_to_anything_else_is_a_fault(
    store: str, address: int, export: Path, tmp_path: Path
) -> None:
    start = "void sl_port_start(void) {\n"
    declare = "static void unlock(uint32_t control);\n"
    folder = port(tmp_path / "mine", "stm32f103", {start: declare + start + f"    {store}\n"})
    firmware = fs.build_firmware(export, fs.load_board(folder), tmp_path / "out")
    for counting in ("native", "python"):
        with pytest.raises(fs.DeviceFault, match=f"address {address:#010x}") as caught:
            fs.Device(firmware, counting=counting)
        assert caught.value.address == address
        assert "while booting" in str(caught.value)


def test_flash_that_is_not_erased_is_not_programmed(export: Path, tmp_path: Path) -> None:
    change = {
        "sl_port_erase(uint32_t address) {\n": "sl_port_erase(uint32_t address) {\n return 0;"
    }
    folder = port(tmp_path / "mine", "stm32f103", change)
    device = fs.Device(fs.build_firmware(export, fs.load_board(folder), tmp_path / "out"))
    for _ in range(2 * device.firmware.storage.records):
        device.commit()
    with pytest.raises(fs.DeviceFault, match="which is not erased"):
        device.commit()


def test_code_in_flash_does_not_run_while_the_flash_is_busy(export: Path, tmp_path: Path) -> None:
    """RP2040: a function of the port that was left in flash is found."""
    change = {"IN_RAM static void command(": "__attribute__((noinline)) static void command("}
    folder = port(tmp_path / "mine", "rp2040", change)
    device = fs.Device(fs.build_firmware(export, fs.load_board(folder), tmp_path / "out"))
    with pytest.raises(fs.DeviceFault, match="in command"):
        device.commit()


def test_a_hang_with_a_watchdog_is_told(tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export", defines={"SL_TEST_HANG": 1})
    firmware = fs.build_firmware(export, fs.get_board("stm32f103"), tmp_path / "out", watchdog=True)
    device = fs.Device(firmware, instruction_limit=200_000)
    with pytest.raises(fs.DeviceFault, match=r"hung.*the watchdog resets it"):
        device.learn([1.0] * 8, 1)
    assert device.hello().n_features == 8, "it booted again"


def test_the_rp2040s_image_is_a_uf2_with_a_second_stage(export: Path, tmp_path: Path) -> None:
    firmware = fs.build_firmware(export, fs.get_board("rp2040"), tmp_path)
    blocks = read_uf2(tmp_path / "firmware.uf2")
    content = b"".join(data for _, data in blocks)
    assert blocks[0][0] == 0x10000000
    assert [address for address, _ in blocks] == [
        0x10000000 + 256 * index for index in range(len(blocks))
    ]
    for address, data in firmware.segments:
        assert content[address - 0x10000000 :].startswith(data)
    assert boot2_sum(content[:252]) == int.from_bytes(content[252:256], "little")
    assert boot2_sum(b"123456789") == 0x0376E6E7  # CRC-32/MPEG-2, as its catalogue has it
    device = fs.Device(firmware)
    assert device.identity() == device.hardware.flash.UNIQUE_ID.hex()
    device._flash[3] ^= 1
    with pytest.raises(fs.BuildError, match="second stage's CRC"):
        device.power_on()
    (tmp_path / "cut.uf2").write_bytes((tmp_path / "firmware.uf2").read_bytes()[:-1])
    with pytest.raises(ValueError, match="no UF2 block, or out of its order"):
        read_uf2(tmp_path / "cut.uf2")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"emulate": {}}, "serial"),
        ({"emulate": None}, "serial"),
        ({"core": "z80"}, "unknown core"),
        ({"interrupts": "many"}, "interrupts|invalid literal"),
    ],
)
def test_a_port_that_declares_too_little_is_refused(
    fields: dict[str, Any], message: str, export: Path, tmp_path: Path
) -> None:
    folder = port(tmp_path / "mine", "stm32f103", **fields)
    with pytest.raises(fs.BoardError, match=message):
        fs.Device(fs.build_firmware(export, fs.load_board(folder), tmp_path / "out"))


def test_a_folder_that_is_no_port_is_refused(tmp_path: Path) -> None:
    with pytest.raises(fs.BoardError, match=r"expected a folder with board.json and port.c"):
        fs.load_board(tmp_path)
    folder = port(tmp_path / "mine", "stm32f103")
    (folder / "port.c").unlink()
    with pytest.raises(fs.BoardError, match=r"no port.c"):
        fs.load_board(folder)
    (folder / "board.json").write_text("[]")
    with pytest.raises(fs.BoardError, match="expected an object"):
        fs.load_board(folder)


def test_every_entry_of_the_vector_table_is_there(export: Path, tmp_path: Path) -> None:
    for name in ("stm32f103", "mps2-an505"):
        board = fs.get_board(name)
        firmware = fs.build_firmware(export, board, tmp_path / name)
        (table,) = (
            data[: 4 * (16 + board.interrupts)]
            for address, data in firmware.segments
            if address == firmware.vector_address
        )
        entries = [int.from_bytes(table[at : at + 4], "little") for at in range(0, len(table), 4)]
        assert len(entries) == 16 + board.interrupts
        assert set(entries[2:]) == {firmware.address_of("Fault_Handler") | 1}


def test_an_image_outside_of_the_flash_is_refused(export: Path, tmp_path: Path) -> None:
    """GNU's linker makes one that begins with its headers, before the flash, if it is let."""
    firmware = fs.build_firmware(export, fs.get_board("stm32f103"), tmp_path)
    (first, data), *others = firmware.segments
    before = replace(firmware, segments=((first - 4, data), *others))
    with pytest.raises(fs.BuildError, match="0x07fffffc, outside of the flash, 131072 bytes"):
        fs.Device(before)


def test_a_port_is_small() -> None:
    for board in BOARDS:
        lines = sum(
            len(path.read_text().splitlines()) for path in board.folder.glob("*") if path.is_file()
        )
        assert lines <= 300, f"{board.name}: {lines} lines"


def test_an_int_of_16_bits_is_refused(tmp_path: Path) -> None:
    """For an AVR everything would compile, and be wrong."""
    from firmware_sim.toolchain import _FIRMWARE_DIR
    from firmware_sim.zig import run_cc

    (tmp_path / "board.h").write_text("")
    shutil.copyfile(_FIRMWARE_DIR / "port.h", tmp_path / "port.h")
    (tmp_path / "x.c").write_text('#include "port.h"\n')
    target = ["-target", "avr-freestanding-none", "-mcpu=atmega328p"]
    with pytest.raises(fs.BuildError, match="an int has 32 bits"):
        run_cc([*target, "-fsyntax-only", "-I.", "x.c"], tmp_path)
