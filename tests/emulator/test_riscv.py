"""RISC-V beside Arm: the same export, other instructions, the same bits."""

from __future__ import annotations

from pathlib import Path

import firmware_sim_helpers as helpers
import numpy as np
import pytest

import firmware_sim as fs
from export import write_export
from firmware_sim.isa_riscv import riscv_allows
from firmware_sim.tap import count_instructions
from streamlearn import (
    BimuClassifier,
    MesuClassifier,
    MesuFactoredClassifier,
    MetaplasticClassifier,
)
from streamlearn.learners.base import StreamLearner

LEARNERS = (MesuClassifier, MesuFactoredClassifier, MetaplasticClassifier, BimuClassifier)


@pytest.mark.parametrize("kind", LEARNERS, ids=lambda kind: kind.__name__)
def test_riscv_learns_the_bits_of_the_cortex_m0plus(
    kind: type[StreamLearner], tmp_path: Path
) -> None:
    learner = kind((12, 16, 3), classes=["a", "b", "c"])  # type: ignore[call-arg]
    write_export(learner, tmp_path / "export")
    draw = np.random.default_rng(1)
    xs, ys = draw.normal(size=(40, 12)).astype(np.float32), draw.integers(0, 3, 40)
    states = []
    for name in ("rp2040", "riscv-virt"):
        firmware = fs.build_firmware(
            tmp_path / "export", fs.get_board(name), tmp_path / name, warnings_are_errors=True
        )
        assert firmware.instructions.soft_float == ()
        device = fs.Device(firmware)
        assert device.run_stream(xs, ys).learn_instructions.min() > 1000
        states.append(device.read_state())
    assert states[0] == states[1]


def test_a_fault_on_riscv_says_where(tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export", defines={"SL_TEST_UNMAPPED": 1})
    firmware = fs.build_firmware(export, fs.get_board("riscv-virt"), tmp_path / "out")
    native, python = (fs.Device(firmware, counting=how) for how in ("native", "python"))
    for device in (native, python):
        with pytest.raises(fs.DeviceFault) as caught:
            device.learn(np.ones(8, np.float32), 1)
        assert caught.value.address == 0x60000000
        assert caught.value.symbol.startswith("sl_learner_learn+")
    assert native.instructions_total == python.instructions_total
    assert native.stack_peak_bytes() > 64


def test_every_entry_of_the_table_is_there(tmp_path: Path) -> None:
    firmware = fs.build_firmware(
        helpers.make_export(tmp_path / "export"), fs.get_board("riscv-virt"), tmp_path / "out"
    )
    ((_, image), *_) = firmware.segments
    assert firmware.sections["vectors"] == 256 + 4 * 32
    table = np.frombuffer(image[256 : 256 + 4 * 32], "<u4")
    assert set(table & 0xFFF) == {0x06F}, "32 times jal x0"
    assert len(set(table)) == 32, "each as far from the handler as it lies"


def test_instructions_are_counted_by_their_length() -> None:
    assert count_instructions(bytes.fromhex("0100730050100100"), is_riscv=True) == 3


@pytest.mark.parametrize(
    ("mnemonic", "allowed"),
    [("c.addi", True), ("mulhu", True), ("csrrw", True), ("amoadd.w", False), ("fadd.s", False),
     ("lr.w", False), ("addw", False), ("c.flw", False)],
)  # fmt: skip
def test_what_rv32imc_has(mnemonic: str, allowed: bool) -> None:
    assert riscv_allows(mnemonic) is allowed
