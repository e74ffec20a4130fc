"""No power cut loses a committed state: at every flash operation, at drawn instructions, twice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import firmware_sim_helpers as helpers
import pytest

import firmware_sim as fs
from firmware_sim import toolchain
from firmware_sim.power import TEARS, Cut, exhaustive, linear, random, schedule
from firmware_sim.worlds import Trial, World

BOARDS = [board.name for board in fs.list_boards()]
#: One record an area and the smallest page; several; sixteen bytes at once.
QUICK = ["stm32l072", "stm32u585"]


#: A commit after every second sample.
SAMPLES = 10


def world(board: str, folder: Path, samples: int = SAMPLES, **how: Any) -> Trial:
    export = helpers.make_export(folder / "export")
    firmware = fs.build_firmware(export, fs.get_board(board), folder / "out", **how)
    return Trial(firmware, *helpers.make_stream(samples))


@pytest.mark.parametrize("board", QUICK)
def test_a_cut_at_every_flash_operation_loses_nothing(board: str, tmp_path: Path) -> None:
    tried = world(board, tmp_path)
    for cut in linear(tried.operations):
        tried.run(World((cut,)))


@pytest.mark.slow
@pytest.mark.parametrize("board", [name for name in BOARDS if name not in QUICK])
def test_a_cut_at_every_flash_operation_loses_nothing_on_any_board(
    board: str, tmp_path: Path
) -> None:
    """Where memory stands for flash an erasure is a thousand stores: every 37th of them."""
    tried = world(board, tmp_path)
    step = 37 if tried.operations > 1000 else 1
    for cut in linear(tried.operations):
        assert cut.flash_operation is not None
        if cut.flash_operation % step == 0 or cut.flash_operation < 40:
            tried.run(World((cut,)))


@pytest.mark.parametrize("board", ["stm32f103", "nrf51822"])
def test_cuts_at_drawn_places_lose_nothing(board: str, tmp_path: Path) -> None:
    tried = world(board, tmp_path)
    for cut in random(60, tried.operations, tried.instructions, seed=1):
        tried.run(World((cut,)))


@pytest.mark.slow
@pytest.mark.parametrize("board", ["stm32l072", "rp2040"])
def test_hundreds_of_cuts_and_a_second_one_in_what_follows(board: str, tmp_path: Path) -> None:
    tried = world(board, tmp_path)
    first = random(400, tried.operations, tried.instructions, seed=2)
    second = random(400, tried.operations, tried.instructions, seed=3)
    for pair in zip(first, second, strict=True):
        tried.run(World(pair))


@pytest.mark.slow
@pytest.mark.parametrize("board", ["stm32l072", "stm32u585"])
def test_two_cuts_at_every_pair_of_flash_operations(board: str, tmp_path: Path) -> None:
    tried = world(board, tmp_path, samples=4)
    for pair in exhaustive(tried.operations):
        tried.run(World(pair))


def test_the_state_is_also_committed_by_itself(tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export")
    board = fs.get_board("nrf51822")
    xs, ys = helpers.make_stream(8)
    device = fs.Device(fs.build_firmware(export, board, tmp_path / "every", commit=3))
    device.run_stream(xs, ys)
    assert device.stored().commits == 2
    device.power_on()
    kept = device.read_state()
    device.reflash()
    device.run_stream(xs[:6], ys[:6])
    assert device.read_state() == kept
    never = fs.Device(fs.build_firmware(export, board, tmp_path / "never", commit="never"))
    with pytest.raises(fs.RefusedError, match="NOT_STORED"):
        never.commit()
    assert never.flash_operations == 0
    with pytest.raises(fs.InputError, match="commit is 0: expected"):
        fs.build_firmware(export, board, tmp_path / "wrong", commit=0)


def test_pages_wear_once_in_as_many_commits_as_an_area_holds(tmp_path: Path) -> None:
    firmware = fs.build_firmware(
        helpers.make_export(tmp_path / "export"), fs.get_board("nrf51822"), tmp_path / "out"
    )
    device, storage = fs.Device(firmware), firmware.storage
    commits = 4 * storage.records
    for _ in range(commits):
        device.commit()
    assert storage.records == 1024 // 96
    assert sorted(device.hardware.cells.erasures.values()) == [2, 2]
    assert storage.commits == 2 * 20_000 * storage.records
    device.power_on()
    assert device.stored().sequence == commits


def test_another_learners_record_is_not_taken_over(tmp_path: Path) -> None:
    """A new export starts with its own state, whatever lies in the flash."""
    board = fs.get_board("stm32l072")
    one = helpers.make_export(tmp_path / "one")
    other = helpers.make_export(tmp_path / "other", defines={"SL_TEST_EXTRA_STACK": 8})
    old, new = (
        fs.Device(fs.build_firmware(export, board, tmp_path / f"{export.name}-out"))
        for export in (one, other)
    )
    old.learn([1.0] * 8, 1)
    old.commit()
    storage = old.firmware.storage
    start = storage.origin - board.flash.origin
    new._flash[start : start + storage.bytes] = old._flash[start : start + storage.bytes]
    new.power_on()
    assert new.stored() == fs.Stored("factory", 0, 0, 0, 0)
    new.learn([1.0] * 8, 1)
    new.commit()
    new.power_on()
    assert new.stored().source == "newest"


def test_a_record_that_was_begun_is_told(tmp_path: Path) -> None:
    tried = world("stm32f405", tmp_path)
    tried.device.reflash()
    tried.device.commit()
    tried.device.cut_power(Cut(flash_operation=10, tear="nothing"))
    with pytest.raises(fs.PowerLost, match="cut while answering COMMIT"):
        tried.device.commit()
    with pytest.raises(fs.DeviceFault, match="the power was cut"):
        tried.device.hello()
    tried.device.power_on()
    assert tried.device.stored() == fs.Stored("the one before", 1, 0, 0, 1)


def test_canary_storage_that_trusts_its_head_is_seen(tmp_path: Path) -> None:
    """The same firmware without the test for the last word and the CRC: a cut shows."""
    folder = tmp_path / "firmware"
    shutil.copytree(toolchain._FIRMWARE_DIR, folder)
    storage = folder / "storage.c"
    text = storage.read_text()
    assert "return is_ours(address) && tail[3] == WHOLE" in text
    start = text.index("return is_ours(address) && tail[3] == WHOLE")
    end = text.index(";", start)
    storage.write_text(text[:start] + "return is_ours(address) && tail != head" + text[end:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "_FIRMWARE_DIR", folder)
        tried = world("stm32l072", tmp_path)

    def all_of_them() -> None:
        for cut in linear(tried.operations):
            tried.run(World((cut,)))

    with pytest.raises(AssertionError, match=r"never had|found"):
        all_of_them()


def test_a_cut_is_at_one_place() -> None:
    with pytest.raises(fs.InputError, match="expected flash_operation or instruction"):
        Cut()
    with pytest.raises(fs.InputError, match="expected flash_operation or instruction"):
        Cut(flash_operation=0)
    assert len(list(linear(4))) == 4 * len(TEARS)
    assert list(random(5, 9, 9, seed=4)) == list(random(5, 9, 9, seed=4))


def test_a_schedule_is_read_as_it_is_printed() -> None:
    drawn = list(schedule("random(6)", 9, 99, seed=4))
    assert [cut for (cut,) in drawn] == list(random(6, 9, 99, seed=4))
    for cuts in (*drawn, *exhaustive(2)):
        assert list(schedule("+".join(str(cut) for cut in cuts), 1, 1)) == [cuts]
    assert list(schedule("none(2)", 1, 1)) == [(), ()]
    for text in ("sometimes", "random(0)", "random", "operation:0:part:1", "instruction:5:bits:1"):
        with pytest.raises(fs.InputError, match=r"expected (none|flash_operation)"):
            schedule(text, 1, 1)
