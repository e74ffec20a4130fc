"""The log in flash: a stored state and every sample since give the device's state, to the bit."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import firmware_sim_helpers as helpers
import numpy as np
import pytest

import firmware_sim as fs
from firmware_sim import toolchain
from firmware_sim.power import TEARS

N_FEATURES, N_CLASSES = 8, 3


def build(folder: Path, board: str = "stm32l072", samples: int = 8, **how: Any) -> fs.Firmware:
    export = folder / "export"
    if not export.exists():
        helpers.make_export(export, N_FEATURES, N_CLASSES)
    return fs.build_firmware(
        export, fs.get_board(board), folder / f"{board}-{samples}", log_samples=samples,
        warnings_are_errors=True, **how,
    )  # fmt: skip


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> fs.Firmware:
    return build(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> fs.Firmware:
    """The same learner without a log: what a state and samples give."""
    return build(tmp_path_factory.mktemp("desk"), samples=0)


def replayed(desk: fs.Firmware, logged: fs.Logged) -> bytes:
    device = fs.Device(desk)
    if logged.state is not None:
        device.write_state(logged.state)
    if len(logged.targets):
        device.run_stream(logged.xs, logged.targets)
    return device.read_state()


def states_after(desk: fs.Firmware, xs: Any, ys: Any) -> list[bytes]:
    device = fs.Device(desk)
    found = [device.read_state()]
    for x, y in zip(xs, ys, strict=True):
        device.learn(x, int(y))
        found.append(device.read_state())
    return found


@pytest.mark.parametrize("board", ["stm32l072", "nrf52840", "rp2040", "stm32u585", "riscv-virt"])
def test_state_and_samples_give_the_state_of_now(
    board: str, tmp_path: Path, desk: fs.Firmware
) -> None:
    device = fs.Device(build(tmp_path, board))
    xs, ys = helpers.make_stream(20)
    assert fs.read_log(device)[0].sequence == 0
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        device.learn(x, int(y))
        if i == 9:
            device.commit()
    with pytest.raises(fs.RefusedError):
        device.learn(np.full(N_FEATURES, np.nan), 0)  # not learned, not logged
    (*_, now) = fs.read_log(device)
    assert len(now.targets) > 0
    assert replayed(desk, now) == device.read_state()
    # The plug is pulled: no sample is lost, though no commit was asked for.
    state = device.read_state()
    device.power_on()
    assert device.read_state() == state
    assert fs.log_info(device).lost == 0


def test_the_ring_wraps_and_begins_with_a_stored_state(tmp_path: Path, desk: fs.Firmware) -> None:
    device = fs.Device(build(tmp_path, samples=6))
    ring = device.firmware.log
    assert ring is not None
    assert ring.samples >= 12
    xs, ys = helpers.make_stream(5 * ring.samples)
    device.run_stream(xs, ys)
    assert device.stored().commits >= 3  # by itself: what is erased is not needed any more
    runs = fs.read_log(device)
    assert sum(len(one.targets) for one in runs) >= 6
    assert replayed(desk, runs[-1]) == device.read_state()
    for one, following in pairwise(runs):
        if len(one.targets):  # an older state and its samples lead to the next one
            assert replayed(desk, one) == following.state
    assert np.array_equal(runs[-1].targets, ys[len(ys) - len(runs[-1].targets) :])


def cut_everywhere(firmware: fs.Firmware, desk: fs.Firmware, every: int) -> int:
    """Cut the power at flash operations of a run, with each tear: no learned sample is lost."""
    xs, ys = helpers.make_stream(24)
    right = states_after(desk, xs, ys)
    device = fs.Device(firmware)
    before = device.flash_operations
    device.run_stream(xs, ys)
    operations = device.flash_operations - before
    for at in range(1, operations + 1, every):
        for tear in TEARS:
            device.reflash()
            device.cut_power(fs.Cut(flash_operation=at, tear=tear, seed=at))
            done, cut = 0, False
            while done < len(ys):
                try:
                    device.learn(xs[done], int(ys[done]))
                except fs.PowerLost:
                    cut = True
                    device.power_on()
                    state = device.read_state()
                    assert state in right[done : done + 2], f"{at} {tear}: a sample is lost"
                    done += right[done : done + 2].index(state)
                    assert replayed(desk, fs.read_log(device)[-1]) == state
                else:
                    done += 1
            assert cut
            assert device.read_state() == right[-1]
    return operations


def test_a_cut_at_flash_operations_loses_no_sample(
    firmware: fs.Firmware, desk: fs.Firmware
) -> None:
    assert cut_everywhere(firmware, desk, 11) > 50


@pytest.mark.slow
@pytest.mark.parametrize("board", ["nrf52840", "rp2040", "stm32f405"])
def test_a_cut_at_every_flash_operation_loses_no_sample(
    board: str, tmp_path: Path, desk: fs.Firmware
) -> None:
    cut_everywhere(build(tmp_path, board, 4), desk, 1)


def test_canary_a_head_that_is_written_first_is_seen(tmp_path: Path, desk: fs.Firmware) -> None:
    """The same firmware without the CRC of an entry, and its head first: a cut shows."""
    folder = tmp_path / "firmware"
    shutil.copytree(toolchain._FIRMWARE_DIR, folder)
    text = (folder / "log.c").read_text()
    for old, new in (
        ("head[3] != entry_crc(head, entry_at(i) + UNIT_WORDS)", "0"),
        ("&& head[3] == entry_crc(head, room)", ""),
        (
            "    head[3] = entry_crc(head, words);\n",
            "    (void)entry_crc, (void)sl_storage_program(at, head);\n",
        ),
        ("    return sl_storage_program(at, head);", "    return 0u;"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "log.c").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "_FIRMWARE_DIR", folder)
        broken = build(tmp_path)
    with pytest.raises(AssertionError):
        cut_everywhere(broken, desk, 1)


def test_an_entry_that_rots_ends_the_log_there(firmware: fs.Firmware, desk: fs.Firmware) -> None:
    device = fs.Device(firmware)
    xs, ys = helpers.make_stream(6)
    device.run_stream(xs, ys)
    right = states_after(desk, xs, ys)
    ring = firmware.log
    assert ring is not None
    at = firmware.storage.start - firmware.board.flash.origin + 3 * ring.entry_bytes + 20
    device._flash[at] ^= 1
    device.power_on()
    assert device.read_state() == right[3]  # a state that it had: no wrong sample is learned
    assert device.stored().commits == 1  # what comes next is not taken for what came after it
    device.learn(xs[0], int(ys[0]))
    state = device.read_state()
    device.power_on()
    assert device.read_state() == state
    assert replayed(desk, fs.read_log(device)[-1]) == state


def test_behind_a_key_the_log_is_too(tmp_path: Path) -> None:
    key = bytes(range(32))
    firmware = build(tmp_path, key=key)
    device = fs.Device(firmware, key=key)
    device.learn(np.ones(N_FEATURES, np.float32), 1)
    assert fs.read_log(device)[-1].sequence == 1  # the commit of the first sealed request
    with pytest.raises(fs.RefusedError, match="LOCKED"):
        fs.read_log(fs.Device(firmware))


def test_no_log_is_said(tmp_path: Path, desk: fs.Firmware) -> None:
    with pytest.raises(fs.RefusedError, match="keeps no log of events; build it with log_samples"):
        fs.read_log(fs.Device(desk))
    with pytest.raises(fs.InputError, match=r"a log of 8 samples, commit='never'"):
        build(tmp_path, commit="never")
