"""A second opinion on each board: QEMU runs the same ELF, with its own model of the peripherals."""

from __future__ import annotations

from pathlib import Path

import firmware_sim_helpers as helpers
import pytest
from qemu_port import PROGRAMS, qemu

import firmware_sim as fs
from firmware_sim.link import Status

BOARDS = [board for board in fs.list_boards() if board.qemu is not None]
N = 40


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return helpers.make_export(tmp_path_factory.mktemp("qemu") / "export")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_the_same_image_learns_the_same_bits(board: fs.Board, export: Path, tmp_path: Path) -> None:
    """One ELF, two emulators: answers, state, and what a commit says where QEMU has the flash."""
    assert board.qemu is not None
    if PROGRAMS[board.core.isa] is None:
        pytest.skip(f"QEMU for {board.core.isa} is not on PATH")
    firmware = fs.build_firmware(export, board, tmp_path, warnings_are_errors=True)
    xs, ys = helpers.make_stream(N)
    ours = fs.Device(firmware)
    ours.run_stream(xs, ys)
    with qemu(board.qemu.machine, firmware.elf_path, board.core.isa) as port:
        theirs = fs.RemoteDevice(port, f"{board.name} in QEMU", timeout_s=20)
        for x, y in zip(xs, ys.tolist(), strict=True):
            theirs.learn(x, y)
        assert theirs.read_state() == ours.read_state()
        assert theirs.predict(xs[0]) == ours.predict(xs[0])
        assert theirs.stored() == ours.stored()
        assert ours.stored().source == "factory"
        if "no flash controller" in board.qemu.note:
            with pytest.raises(fs.RefusedError) as caught:
                theirs.commit()
            assert caught.value.status == Status.NOT_STORED
            assert theirs.stored().failures == 1
        else:
            ours.commit()
            theirs.commit()
            assert theirs.stored() == ours.stored()
        assert theirs.read_state() == ours.read_state()


def test_most_boards_have_a_second_opinion() -> None:
    assert {"nrf51822", "riscv-virt", "stm32f103", "stm32f405", "mps2-an386"} <= {
        board.name for board in BOARDS
    }
