"""What goes wrong is seen: faults, hangs, stack use, code the core cannot run."""

from __future__ import annotations

from pathlib import Path

import firmware_sim_helpers as helpers
import numpy as np
import pytest

import firmware_sim as fs
from firmware_sim import toolchain
from firmware_sim.cores import CORES, get_core
from firmware_sim.isa import check_elf, is_allowed
from firmware_sim.stack import StackUse

X = np.ones(8, np.float32)


def build(
    tmp_path: Path, board: str = "nrf52840", *, stack_bytes: int | None = None, **defines: int
) -> fs.Firmware:
    export = helpers.make_export(tmp_path / "export", defines=defines)
    return fs.build_firmware(export, fs.get_board(board), tmp_path / "out", stack_bytes=stack_bytes)


@pytest.mark.parametrize("board", ["nrf52840", "stm32l072"])
def test_an_unmapped_access_is_reported_where_it_happened(tmp_path: Path, board: str) -> None:
    device = fs.Device(build(tmp_path, board, SL_TEST_UNMAPPED=1))
    assert device.predict(X) in range(3)
    with pytest.raises(fs.DeviceFault) as caught:
        device.learn(X, 1)
    fault = caught.value
    assert fault.address == 0x60000000
    assert fault.symbol.startswith("sl_learner_learn+")
    assert "answering LEARN" in str(fault)
    assert f"{fault.pc:#010x}" in str(fault)
    with pytest.raises(fs.DeviceFault, match="power_on"):
        device.predict(X)
    device.power_on()
    assert device.predict(X) in range(3)


def test_a_stack_overflow_is_a_fault_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = StackUse({}, {}, (), 0)
    monkeypatch.setattr(toolchain, "stack_use", lambda _: nothing)  # a bound that is wrong
    device = fs.Device(build(tmp_path, stack_bytes=512, SL_TEST_EXTRA_STACK=1000))
    state = device.read_state()
    with pytest.raises(fs.DeviceFault, match="stack overflow, 512 bytes are reserved"):
        device.learn(X, 1)
    size = device.firmware.state_bytes
    start = device.firmware.address_of("sl_state") - device.firmware.board.ram.origin
    assert device.ram()[start : start + size] == state


def test_a_hang_is_a_fault(tmp_path: Path) -> None:
    device = fs.Device(build(tmp_path, SL_TEST_HANG=1), instruction_limit=100_000)
    with pytest.raises(fs.DeviceFault, match="hung: more than 100000 instructions"):
        device.learn(X, 1)


def test_the_stack_peak_moves_when_more_stack_is_used(tmp_path: Path) -> None:
    peaks = []
    for extra in (100, 700):
        device = fs.Device(build(tmp_path / str(extra), SL_TEST_EXTRA_STACK=extra))
        at_boot = device.stack_peak_bytes()
        device.learn(X, 1)
        peaks.append(device.stack_peak_bytes())
        assert 0 < at_boot < 200
        assert peaks[-1] > extra
    assert 500 <= peaks[1] - peaks[0] <= 700


def test_the_check_sees_code_for_a_larger_core(tmp_path: Path) -> None:
    firmware = build(tmp_path, "stm32f411")
    check_elf(firmware.elf_path, get_core("cortex-m4f"))
    with pytest.raises(fs.BuildError, match="built for architecture v7E-M"):
        check_elf(firmware.elf_path, get_core("cortex-m0plus"))


def test_the_check_sees_a_larger_core_behind_a_wrong_tag(tmp_path: Path) -> None:
    """The same, with the architecture tag forged: now only the instructions can tell."""
    firmware = build(tmp_path, "stm32f103")
    content = firmware.elf_path.read_bytes()
    at = content.index(b"cortex-m3\x00") + len(b"cortex-m3\x00")
    assert content[at : at + 2] == b"\x06\x0a"  # Tag_CPU_arch, v7
    forged = tmp_path / "forged.elf"
    forged.write_bytes(content[: at + 1] + b"\x0c" + content[at + 2 :])
    with pytest.raises(fs.BuildError, match="instructions that cortex-m0plus does not have"):
        check_elf(forged, get_core("cortex-m0plus"))


def test_the_check_sees_soft_float_on_a_core_with_an_fpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hard = build(tmp_path / "hard", "stm32f411", SL_TEST_FLOAT=1)
    assert hard.instructions.soft_float == ()
    assert any(name.startswith("v") for name in hard.instructions.names)
    soft = build(tmp_path / "soft", "stm32f103", SL_TEST_FLOAT=1)
    assert "__aeabi_fmul" in soft.instructions.soft_float
    # The trap itself: the hard-float target without the FPU feature.
    from firmware_sim import toolchain

    flags = ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4"]
    monkeypatch.setattr(toolchain, "core_flags", lambda _core: flags)
    with pytest.raises(fs.BuildError, match=r"has an FPU but the code calls .*__aeabi_fmul"):
        build(tmp_path / "trap", "stm32f411", SL_TEST_FLOAT=1)


@pytest.mark.parametrize(
    ("core", "name", "mnemonic", "size", "allowed"),
    [
        ("cortex-m0plus", "add", "adds", 2, True),
        ("cortex-m0plus", "mov", "movw", 4, False),
        ("cortex-m0plus", "cbz", "cbz", 2, False),
        ("cortex-m0plus", "it", "it", 2, False),
        ("cortex-m0plus", "umull", "umull", 4, False),
        ("cortex-m0plus", "bl", "bl", 4, True),
        ("cortex-m3", "umull", "umull", 4, True),
        ("cortex-m3", "smull", "smull", 4, True),
        ("cortex-m3", "smlal", "smlal", 4, True),
        ("cortex-m3", "ssat", "ssat", 4, True),
        ("cortex-m3", "sdiv", "sdiv", 4, True),
        ("cortex-m3", "sxtb", "sxtb", 2, True),
        ("cortex-m3", "smlad", "smlad", 4, False),
        ("cortex-m3", "smulwb", "smulwb", 4, False),
        ("cortex-m3", "smulbb", "smulbb", 4, False),
        ("cortex-m3", "umaal", "umaal", 4, False),
        ("cortex-m3", "qadd", "qadd", 4, False),
        ("cortex-m3", "uxtab", "uxtab", 4, False),
        ("cortex-m3", "vadd", "vadd.f32", 4, False),
        ("cortex-m4f", "smlad", "smlad", 4, True),
        ("cortex-m4f", "vadd", "vadd.f32", 4, True),
        ("cortex-m4f", "vadd", "vadd.f64", 4, False),
        ("cortex-m4f", "vmaxnm", "vmaxnm.f32", 4, False),
        ("cortex-m4f", "lda", "lda", 4, False),
        ("cortex-m7", "vmaxnm", "vmaxnm.f32", 4, True),
        ("cortex-m33", "lda", "lda", 4, True),
    ],
)
def test_what_a_core_has(core: str, name: str, mnemonic: str, size: int, allowed: bool) -> None:
    assert is_allowed(name, mnemonic, size, CORES[core]) is allowed


def test_compile_errors_are_shown(tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export")
    with (export / "c" / "sl_learner.c").open("a") as file:
        file.write("int broken(void) { return nowhere; }\n")
    helpers.write_manifest(export, 8, 3)
    with pytest.raises(fs.BuildError, match="nowhere"):
        fs.build_firmware(export, fs.get_board(), tmp_path / "out")
    with pytest.raises(fs.BuildError, match="stack_bytes is 100"):
        fs.build_firmware(
            helpers.make_export(tmp_path / "good"),
            fs.get_board(),
            tmp_path / "out",
            stack_bytes=100,
        )
    with pytest.raises(fs.BuildError, match="cannot be read as an ELF"):
        fs.load_firmware(export / "manifest.json", fs.get_board())


def test_a_file_that_is_no_firmware_is_refused(tmp_path: Path) -> None:
    firmware = build(tmp_path)
    with pytest.raises(fs.BuildError, match="no symbol 'nothing'"):
        firmware.address_of("nothing")
    with pytest.raises(fs.InputError, match="counting"):
        fs.Device(firmware, counting="guess")  # type: ignore[arg-type]
